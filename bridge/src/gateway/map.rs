//! `map.toml`: topics of other names.
//!
//! ```toml
//! # What this member says on this channel is published here, instead of under gc/…
//! [[topic]]
//! topic = "home/boiler/temperature"
//! from = "boiler"                # its name, or its id in eight hexadecimal digits
//! class = "state"                # best-effort, latest, state, reliable-unordered or reliable-ordered
//! channel = 1                    # 0 to 255
//!
//! # Home Assistant finds it by itself. Only for class "state".
//! [topic.home_assistant]
//! component = "sensor"           # or "binary_sensor", …
//! name = "Temperature"
//! unit = "°C"                    # may be left out, as device_class
//! device_class = "temperature"
//!
//! # What is published here is said in the group on this channel.
//! [[set]]
//! topic = "home/boiler/target"
//! class = "state"
//! channel = 2
//! retained = true                # also what was there before the gateway came; default: false
//! ```

use core::fmt;
use core::ops::Range;
use std::collections::BTreeSet;

use groupcast::{Channel, MemberId};
use serde::Deserialize;
use toml::Spanned;

use super::record::CLASSES;

/// Entries at most.
const MOST: usize = 4096;

/// Topics of other names, as `map.toml` has them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Map {
    pub(super) topics: Vec<TopicEntry>,
    pub(super) sets: Vec<SetEntry>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct TopicEntry {
    pub(super) topic: String,
    pub(super) from: From,
    pub(super) channel: Channel,
    pub(super) home_assistant: Option<HomeAssistant>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum From {
    Id(MemberId),
    Name(String),
}

impl From {
    pub(super) fn is(&self, id: MemberId, name: &str) -> bool {
        match self {
            Self::Id(own) => *own == id,
            Self::Name(own) => own == name,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct HomeAssistant {
    pub(super) component: String,
    pub(super) name: String,
    pub(super) unit: Option<String>,
    pub(super) device_class: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SetEntry {
    pub(super) topic: String,
    pub(super) channel: Channel,
    pub(super) retained: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    topic: Vec<RawTopic>,
    #[serde(default)]
    set: Vec<RawSet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTopic {
    topic: Spanned<String>,
    from: Spanned<String>,
    class: Spanned<String>,
    channel: Spanned<i64>,
    home_assistant: Option<Spanned<HomeAssistant>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSet {
    topic: Spanned<String>,
    class: Spanned<String>,
    channel: Spanned<i64>,
    #[serde(default)]
    retained: bool,
}

/// What is wrong with a `map.toml`, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MapError {
    /// In which line, from 1 on.
    pub line: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl core::error::Error for MapError {}

impl Map {
    /// Reads the text of a `map.toml`. `prefix` is that of the settings: what is under it needs no map.
    ///
    /// # Errors
    ///
    /// The first mistake, with its line.
    pub fn parse(text: &str, prefix: &str) -> Result<Self, MapError> {
        let line = |at: usize| {
            let before = text.as_bytes().iter().take(at);
            before.filter(|c| **c == b'\n').count() + 1
        };
        let error = |span: Range<usize>, what: String| MapError {
            line: line(span.start),
            what,
        };
        let file: File = toml::from_str(text).map_err(|wrong| {
            let what = wrong.message().replace('\n', " ");
            error(wrong.span().unwrap_or_default(), what)
        })?;
        if file.topic.len() + file.set.len() > MOST {
            return Err(error(0..0, format!("a map has at most {MOST} entries")));
        }
        let check = |topic: &Spanned<String>| {
            let checked = check_topic(topic.get_ref(), prefix);
            checked.map_err(|what| error(topic.span(), what))
        };
        let channel = |class: &Spanned<String>, number: &Spanned<i64>| {
            let named = CLASSES.into_iter().find(|c| c.name() == class.get_ref());
            let named = named.ok_or_else(|| {
                let names = CLASSES.map(|class| class.name()).join(", ");
                error(class.span(), format!("a class is one of {names}"))
            })?;
            let number = u8::try_from(*number.get_ref()).map_err(|_| {
                error(
                    number.span(),
                    "a channel is a number from 0 to 255".to_owned(),
                )
            })?;
            Ok(Channel::new(number, named))
        };
        let mut used = BTreeSet::new();
        let mut once = |topic: &Spanned<String>| {
            if used.insert(topic.get_ref().clone()) {
                return Ok(());
            }
            let what =
                "the topic is in the map already; each is published by one entry or set by one";
            Err(error(topic.span(), what.to_owned()))
        };
        let mut map = Self::default();
        let mut sources = BTreeSet::new();
        for raw in file.topic {
            check(&raw.topic)?;
            once(&raw.topic)?;
            let channel = channel(&raw.class, &raw.channel)?;
            let key = (
                raw.from.get_ref().clone(),
                channel.class(),
                channel.number(),
            );
            if !sources.insert(key) {
                let what = "this member's channel has a topic already; subscribe to that one";
                return Err(error(raw.from.span(), what.to_owned()));
            }
            if let Some(wrong) = raw
                .home_assistant
                .as_ref()
                .and_then(|ha| ha_error(ha.get_ref(), channel))
            {
                let span = raw.home_assistant.as_ref().map_or(0..0, Spanned::span);
                return Err(error(span, wrong.to_owned()));
            }
            map.topics.push(TopicEntry {
                from: from(raw.from.get_ref()).map_err(|what| error(raw.from.span(), what))?,
                topic: raw.topic.into_inner(),
                channel,
                home_assistant: raw.home_assistant.map(Spanned::into_inner),
            });
        }
        for raw in file.set {
            check(&raw.topic)?;
            once(&raw.topic)?;
            map.sets.push(SetEntry {
                channel: channel(&raw.class, &raw.channel)?,
                topic: raw.topic.into_inner(),
                retained: raw.retained,
            });
        }
        Ok(map)
    }

    /// The topic on which to publish this instead of the usual one.
    pub(super) fn topic(&self, id: MemberId, name: &str, channel: Channel) -> Option<&TopicEntry> {
        let mut topics = self.topics.iter();
        topics.find(|entry| entry.channel == channel && entry.from.is(id, name))
    }

    /// What to say for what is published on this topic.
    pub(super) fn set(&self, topic: &str) -> Option<&SetEntry> {
        self.sets.iter().find(|entry| entry.topic == topic)
    }
}

fn from(text: &str) -> Result<From, String> {
    if text.is_empty() || text.len() > 32 {
        return Err(
            "a member has a name of 1 to 32 bytes, or an id of eight hexadecimal digits".to_owned(),
        );
    }
    let id = (text.len() == 8).then(|| text.parse().ok()).flatten();
    Ok(id.map_or_else(|| From::Name(text.to_owned()), From::Id))
}

fn check_topic(topic: &str, prefix: &str) -> Result<(), String> {
    let is_own = topic
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let wrong = if topic.is_empty() || topic.len() > 1024 {
        "a topic has 1 to 1024 bytes"
    } else if topic.contains(['+', '#']) {
        "a topic of the map has no wildcards; name each one"
    } else if topic.starts_with('$') {
        "topics that begin with $ are the broker's own; take another"
    } else if topic.starts_with('/') || topic.ends_with('/') {
        "a topic neither begins nor ends with a slash"
    } else if super::topics::clean(topic) != topic {
        "a topic has no control characters"
    } else if is_own {
        return Err(format!(
            "topics under {prefix}/ are the gateway's own and need no map; take another"
        ));
    } else {
        return Ok(());
    };
    Err(wrong.to_owned())
}

fn ha_error(ha: &HomeAssistant, channel: Channel) -> Option<&'static str> {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    if ha.component.is_empty() || !ha.component.bytes().all(is_plain) {
        return Some("a component is a word such as sensor");
    }
    if channel.class() != groupcast::Class::State {
        return Some("Home Assistant is told of channels of the class state alone");
    }
    None
}

#[cfg(test)]
mod tests {
    use groupcast::Class;
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r#"
[[topic]]
topic = "home/boiler/temperature"
from = "boiler"
class = "state"
channel = 1
[topic.home_assistant]
component = "sensor"
name = "Boiler"
unit = "°C"

[[topic]]
topic = "home/x"
from = "0000002a"
class = "reliable-ordered"
channel = 255

[[set]]
topic = "home/boiler/target"
class = "state"
channel = 2
retained = true
"#;

    #[test]
    fn a_map_names_topics_of_members_and_of_channels() {
        let map = Map::parse(GOOD, "gc").unwrap();
        let id = MemberId::new(42).unwrap();
        let state = Channel::state(1);
        let found = map.topic(id, "boiler", state).unwrap();
        assert_eq!(found.topic, "home/boiler/temperature");
        assert_eq!(
            found.home_assistant.as_ref().unwrap().unit.as_deref(),
            Some("°C")
        );
        assert!(map.topic(id, "boiler", Channel::state(2)).is_none());
        assert!(map.topic(id, "panel", state).is_none());
        let other = map.topic(id, "", Channel::reliable_ordered(255)).unwrap();
        assert_eq!(other.topic, "home/x");
        let set = map.set("home/boiler/target").unwrap();
        assert!(set.retained && set.channel == Channel::new(2, Class::State));
        assert_eq!(Map::parse("", "gc"), Ok(Map::default()));
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let cases = [
            ("home/boiler/temperature", "home/+/t", 3, "wildcards"),
            ("home/boiler/temperature", "$SYS/x", 3, "broker's own"),
            ("home/boiler/temperature", "gc/x", 3, "gateway's own"),
            ("home/boiler/temperature", "/home", 3, "slash"),
            ("home/boiler/temperature", "", 3, "1 to 1024"),
            ("home/boiler/target", "home/x", 19, "already"),
            ("\"state\"", "\"stat\"", 5, "one of best-effort"),
            ("255", "256", 16, "0 to 255"),
            ("component = \"sensor\"", "component = \"a/b\"", 7, "word"),
            ("unit", "units", 10, "units"),
            ("[[set]]", "[[sett]]", 18, "sett"),
            ("channel = 255", "", 12, "channel"),
        ];
        for (old, new, line, words) in cases {
            let text = GOOD.replacen(old, new, 1);
            let error = Map::parse(&text, "gc").unwrap_err();
            assert!(error.what.contains(words), "{new}: {error}");
            assert_eq!(error.line, line, "{new}: {error}");
        }
    }

    #[test]
    fn the_example_of_the_documentation_is_a_map() {
        let text = include_str!("../../BRIDGE.md");
        let (_, rest) = text.split_once("```toml\n# map.toml").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let map = Map::parse(example, "gc").unwrap();
        assert_eq!((map.topics.len(), map.sets.len()), (1, 1));
        assert!(map.topics[0].home_assistant.is_some() && map.sets[0].retained);
    }

    proptest! {
        #[test]
        fn any_text_is_a_map_or_a_mistake_in_one_of_its_lines(
            at in 0..GOOD.len(), len in 0usize..9, new in ".{0,9}"
        ) {
            let mut octets = GOOD.as_bytes().to_vec();
            octets.splice(at..(at + len).min(GOOD.len()), new.bytes());
            let text = String::from_utf8_lossy(&octets);
            if let Err(error) = Map::parse(&text, "gc") {
                prop_assert!(error.line <= text.lines().count() + 1, "{error}");
            }
        }
    }
}
