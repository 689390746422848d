//! What a gateway is told.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use groupcast::{Channel, Class, MemberId};

use super::map::Map;
use crate::tunnel::Site;

/// What a gateway is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The site that it is in: a part of its topics.
    pub site: Site,
    /// The group's part of the topics, as [`label`] makes it: 1 to 64 letters of ASCII, digits, `-`, `_` and `.`, and not
    /// `t`, which is the tunnel's.
    pub label: String,
    /// What topics begin with: 1 to 3 levels, each of 1 to 64 letters of ASCII, digits, `-`, `_` and `.`. Default: `gc`.
    pub prefix: String,
    /// The gateway's own member.
    pub own: MemberId,
    /// What is published for a message. Default: [`Body::Raw`].
    pub body: Body,
    /// For how long the broker keeps a reliable message for those who are away. Default: as long as it likes.
    pub expiry: Option<Duration>,
    /// For how long the broker keeps a State value. Default: for ever.
    pub state_expiry: Option<Duration>,
    /// What may be said in the group from the broker, beside what the map names. Default: [`Down::None`].
    pub down: Down,
    /// Topics of other names, as `map.toml` has them. Default: none.
    pub map: Map,
    /// Bytes of reliable messages in memory that are not acknowledged yet. What is beyond goes to the store, and without
    /// one the oldest become a gap record. A quarter more is used while the store is read. Default: 16 MiB; at least 64 KiB.
    pub queue_bytes: usize,
    /// Of how many members to remember who they are and what is published of them. Default: 1024.
    pub senders: usize,
    /// How many values of State and Latest to remember, each of one sender and channel, with up to 1.5 KB. Default: 4096.
    pub values: usize,
    /// After which time a member that is away is forgotten, and its `info` deleted at the broker. Default: 24 hours.
    pub forget: Duration,
}

impl Settings {
    /// The defaults, for this site, group and member.
    #[must_use]
    pub fn new(site: Site, label: String, own: MemberId) -> Self {
        Self {
            site,
            label,
            prefix: "gc".to_owned(),
            own,
            body: Body::Raw,
            expiry: None,
            state_expiry: None,
            down: Down::None,
            map: Map::default(),
            queue_bytes: 16 << 20,
            senders: 1024,
            values: 4096,
            forget: Duration::from_secs(24 * 3600),
        }
    }

    /// Whether topics can be made of them.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let mut levels = self.prefix.split('/');
        if self.prefix.matches('/').count() > 2 || !levels.all(is_level) {
            return Err(SettingsError::Prefix);
        }
        if !is_level(&self.label) || self.label == "t" {
            return Err(SettingsError::Label);
        }
        if self.queue_bytes < LEAST_QUEUE {
            return Err(SettingsError::Queue);
        }
        Ok(())
    }
}

/// Room for one large message at least.
const LEAST_QUEUE: usize = 64 << 10;

fn is_level(text: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// The group's part of the topics: its name with a hyphen for what cannot be part of a topic, or without a name its
/// address and port, such as `239-1-2-3-12345`.
#[must_use]
pub fn label(name: &str, group: SocketAddr) -> String {
    let address = || format!("{}-{}", group.ip(), group.port());
    let text = if name.is_empty() {
        address()
    } else {
        name.to_owned()
    };
    let part = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' if !(name.is_empty() && c == '.') => c,
        _ => '-',
    };
    let label: String = text.chars().take(64).map(part).collect();
    if label == "t" { "t-".to_owned() } else { label }
}

/// What is published for a message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Body {
    /// The payload as it is. What else is to be known of it is in user properties.
    #[default]
    Raw,
    /// An object of JSON, for programs that do not see user properties.
    Json,
}

/// What may be said in the group from the broker, beside what the map names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Down {
    /// Nothing.
    #[default]
    None,
    /// On these channels.
    Only(BTreeSet<(Class, u8)>),
    /// On all channels.
    All,
}

impl Down {
    /// Whether something may be said on this channel.
    #[must_use]
    pub fn allows(&self, channel: Channel) -> bool {
        match self {
            Self::None => false,
            Self::Only(channels) => channels.contains(&(channel.class(), channel.number())),
            Self::All => true,
        }
    }
}

/// Settings that cannot work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SettingsError {
    /// The prefix cannot begin a topic.
    Prefix,
    /// The label cannot be part of a topic.
    Label,
    /// The queue is too small.
    Queue,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => {
                "a prefix is 1 to 3 levels of 1 to 64 letters from a to z, digits, hyphens, dots and underscores, with a \
                 slash between them"
            }
            Self::Label => {
                "a group's label is 1 to 64 letters from a to z, digits, hyphens, dots and underscores, and not t alone"
            }
            Self::Queue => "a queue in memory has at least 64 KiB",
        })
    }
}

impl core::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_part_of_a_topic() {
        let group = "239.1.2.3:12345".parse().unwrap();
        assert_eq!(label("", group), "239-1-2-3-12345");
        assert_eq!(label("plant 2/a+b#é", group), "plant-2-a-b--");
        assert_eq!(label("v1.2", group), "v1.2");
        assert_eq!(label("t", group), "t-");
        assert_eq!(label("", "[ff02::1]:5".parse().unwrap()), "ff02--1-5");
        let own = MemberId::new(1).unwrap();
        let mut settings = Settings::new("a".parse().unwrap(), label("", group), own);
        assert_eq!(settings.check(), Ok(()));
        for prefix in ["", "/gc", "gc/", "a/b/c/d", "a+", "$SYS", "a//b"] {
            settings.prefix = prefix.to_owned();
            assert_eq!(settings.check(), Err(SettingsError::Prefix), "{prefix}");
        }
        settings.prefix = "plant/gc".to_owned();
        assert_eq!(settings.check(), Ok(()));
        for label in ["", "a/b", "t"] {
            settings.label = label.to_owned();
            assert_eq!(settings.check(), Err(SettingsError::Label));
        }
    }
}
