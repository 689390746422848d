//! The gateway's topics. `<root>` is `<prefix>/<label>/<site>`, such as `gc/239-1-2-3-12345/plant`.
//!
//! | topic | what | QoS, retained |
//! |---|---|---|
//! | `<root>/bridge` | `online`, or `offline` as the Will | 1, yes |
//! | `<root>/<sender>/info` | who a member is, and whether it is there | 1, yes |
//! | `<root>/<sender>/<class>/<channel>` | a message; best effort and Latest with QoS 0, State retained | 0 or 1 |
//! | `<root>/<sender>/gap` | a gap record | 1, no |
//! | `<root>/set/<class>/<channel>` | subscribed: what is to be said in the group | 1 |
//!
//! `<sender>` is a member's id in eight hexadecimal digits, `<class>` one of `best-effort`, `latest`, `state`,
//! `reliable-unordered` and `reliable-ordered`, `<channel>` a number from 0 to 255. `set` is no member's id.

use groupcast::{Channel, MemberId};

use super::record::CLASSES;

/// The gateway's topics.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    root: String,
}

/// What a topic of a backend's says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Read {
    /// To be said on this channel.
    Set(Channel),
    /// A member's `info`.
    Info(MemberId),
    /// It is below `set`, and names no channel.
    Bad,
    /// None of these.
    Other,
}

impl Topics {
    pub(super) fn new(prefix: &str, label: &str, site: &str) -> Self {
        Self {
            root: format!("{prefix}/{label}/{site}"),
        }
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    pub(super) fn bridge(&self) -> String {
        format!("{}/bridge", self.root)
    }

    pub(super) fn info(&self, sender: MemberId) -> String {
        format!("{}/{sender}/info", self.root)
    }

    pub(super) fn gap(&self, sender: MemberId) -> String {
        format!("{}/{sender}/gap", self.root)
    }

    pub(super) fn message(&self, sender: MemberId, channel: Channel) -> String {
        let (class, number) = (channel.class(), channel.number());
        format!("{}/{sender}/{class}/{number}", self.root)
    }

    pub(super) fn set_filter(&self) -> String {
        format!("{}/set/+/+", self.root)
    }

    pub(super) fn info_filter(&self) -> String {
        format!("{}/+/info", self.root)
    }

    pub(super) fn read(&self, topic: &str) -> Read {
        let rest = topic.strip_prefix(&self.root);
        let Some(rest) = rest.and_then(|rest| rest.strip_prefix('/')) else {
            return Read::Other;
        };
        if let Some(rest) = rest.strip_prefix("set/") {
            return channel(rest).map_or(Read::Bad, Read::Set);
        }
        let sender = rest.strip_suffix("/info").filter(|id| id.len() == 8);
        let sender = sender.and_then(|id| id.parse().ok());
        sender.map_or(Read::Other, Read::Info)
    }
}

/// The channel that `<class>/<channel>` names.
fn channel(text: &str) -> Option<Channel> {
    let (class, number) = text.split_once('/')?;
    let class = CLASSES.into_iter().find(|c| c.name() == class)?;
    let parsed: u8 = number.parse().ok()?;
    // There is one way to write it.
    (parsed.to_string() == number).then(|| Channel::new(parsed, class))
}

/// Text without what a broker disconnects for: control characters, and code points that are no characters.
pub(super) fn clean(text: &str) -> String {
    let is_bad = |c: char| c.is_control() || matches!(c as u32 & 0xffff, 0xfffe | 0xffff);
    let is_bad = |c: char| is_bad(c) || ('\u{fdd0}'..='\u{fdef}').contains(&c);
    let cleaned = text.chars();
    cleaned
        .map(|c| {
            if is_bad(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_names_one_channel_in_one_way() {
        let topics = Topics::new("gc", "g", "a");
        let ordered = Channel::reliable_ordered(7);
        assert_eq!(
            topics.read("gc/g/a/set/reliable-ordered/7"),
            Read::Set(ordered)
        );
        assert_eq!(
            topics.read("gc/g/a/set/state/255"),
            Read::Set(Channel::state(255))
        );
        for bad in [
            "state/256",
            "state/07",
            "state/+7",
            "State/7",
            "state",
            "state/7/1",
            "",
        ] {
            assert_eq!(
                topics.read(&format!("gc/g/a/set/{bad}")),
                Read::Bad,
                "{bad}"
            );
        }
        let ana = MemberId::new(0xa1).unwrap();
        assert_eq!(topics.read(&topics.info(ana)), Read::Info(ana));
        for other in [
            "gc/g/a/a1/info",
            "gc/g/a/00000000/info",
            "gc/g/b/set/state/1",
            "gc/g/a",
            "",
        ] {
            assert_eq!(topics.read(other), Read::Other, "{other}");
        }
        let longest = Topics::new("a/b/c", "g", "s").message(ana, ordered);
        assert!(longest.matches('/').count() <= 7);
    }

    #[test]
    fn text_is_what_brokers_take() {
        assert_eq!(clean("a+#/ é\0\u{1b}\u{9b}\u{ffff}\u{fdd0}"), "a+#/ é�����");
    }
}
