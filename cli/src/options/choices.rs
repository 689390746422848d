//! Options that pick one of several: classes, paces, memory, where to join.

use core::fmt;

use clap::ValueEnum;
use groupcast::{Class, Join, Pace};
use groupcast_std::Profile;

/// A delivery class.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ClassChoice {
    /// At most once, in any order.
    BestEffort,
    /// As best effort, but never older than what came before.
    Latest,
    /// As latest, and the newest always arrives.
    State,
    /// Exactly once, or reported as a gap.
    ReliableUnordered,
    /// Exactly once and in order, or reported as a gap.
    #[value(alias = "reliable")]
    ReliableOrdered,
}

impl ClassChoice {
    pub(crate) const fn class(self) -> Class {
        match self {
            Self::BestEffort => Class::BestEffort,
            Self::Latest => Class::Latest,
            Self::State => Class::State,
            Self::ReliableUnordered => Class::ReliableUnordered,
            Self::ReliableOrdered => Class::ReliableOrdered,
        }
    }
}

impl fmt::Display for ClassChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        value_name(self, f)
    }
}

/// The name of a choice as it is written on the command line.
pub(crate) fn value_name(choice: &impl ValueEnum, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let value = choice.to_possible_value();
    f.write_str(value.as_ref().map_or("", |value| value.get_name()))
}

/// How fast to send.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum PaceChoice {
    /// 20 Mbit/s.
    Wired,
    /// 2 Mbit/s.
    Wifi,
    /// 500 kbit/s.
    Board,
    /// As fast as the system takes it.
    Unlimited,
}

impl PaceChoice {
    pub(crate) const fn pace(self) -> Pace {
        match self {
            Self::Wired => Pace::WIRED,
            Self::Wifi => Pace::WIFI,
            Self::Board => Pace::BOARD,
            Self::Unlimited => Pace::UNLIMITED,
        }
    }
}

impl fmt::Display for PaceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        value_name(self, f)
    }
}

/// How much memory the member has.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum StorageChoice {
    /// 5 KB, as on the smallest boards, without reliable messages: it neither takes nor sends them.
    TinyPeer,
    /// 8 KB, as on the smallest boards.
    Tiny,
    /// 24 KB, as on boards.
    Board,
    /// 2 MB.
    Desktop,
}

impl StorageChoice {
    pub(crate) const fn profile(self) -> Profile {
        match self {
            Self::TinyPeer => Profile::TinyPeer,
            Self::Tiny => Profile::Tiny,
            Self::Board => Profile::Board,
            Self::Desktop => Profile::Desktop,
        }
    }
}

impl fmt::Display for StorageChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        value_name(self, f)
    }
}

/// Reads `current` or `recent:N`.
pub(crate) fn parse_join(text: &str) -> Result<Join, &'static str> {
    const ADVICE: &str = "where to join is `current`, or `recent:N` with N from 1 to 255";
    match text.split_once(':') {
        None if text == "current" => Ok(Join::Current),
        Some(("recent", count)) => match count.parse() {
            Ok(0) | Err(_) => Err(ADVICE),
            Ok(count) => Ok(Join::Recent(count)),
        },
        _ => Err(ADVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_called_the_same_on_the_way_in_and_out() {
        for choice in ClassChoice::value_variants() {
            let value = choice.to_possible_value().unwrap();
            assert_eq!(value.get_name(), choice.class().name());
            assert_eq!(value.get_name(), choice.class().to_string());
        }
    }

    #[test]
    fn where_to_join_is_read_with_care() {
        assert_eq!(parse_join("current"), Ok(Join::Current));
        assert_eq!(parse_join("recent:16"), Ok(Join::Recent(16)));
        for bad in [
            "",
            "recent",
            "recent:",
            "recent:0",
            "recent:256",
            "current:1",
        ] {
            assert!(parse_join(bad).is_err(), "{bad}");
        }
    }
}
