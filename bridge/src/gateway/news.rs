//! What whoever runs a gateway should know.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use groupcast::Instant;

/// The same is told once in this time.
const AGAIN: Duration = Duration::from_secs(60);

/// What whoever runs a gateway should know. The same is told once a minute at most.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum News {
    /// So many reliable messages were in the store: they are published now.
    Recovered {
        /// How many.
        messages: u64,
    },
    /// The end of the store was torn, as when a machine loses power.
    StoreTorn {
        /// Bytes that were cut off.
        bytes: u64,
    },
    /// Part of the store cannot be read.
    StoreDamaged {
        /// Bytes that cannot.
        bytes: u64,
    },
    /// The store lacks what was to be published.
    StoreLacks {
        /// How many records.
        records: u64,
    },
    /// The store cannot be written.
    StoreFailed {
        /// What the system says.
        error: String,
    },
    /// The store can be written again.
    StoreBack,
    /// Messages were in the store alone, and cannot be read any more.
    StoreLost {
        /// How many in all, since the start.
        messages: u64,
    },
    /// There was no room for reliable messages.
    Overflow {
        /// How many in all.
        messages: u64,
    },
    /// The broker refuses messages.
    Refused {
        /// The topic of the first.
        topic: String,
        /// Why.
        reason: u8,
    },
    /// Gap records were dropped.
    GapsDropped {
        /// How many in all.
        gaps: u64,
    },
    /// There are more senders than the gateway was told to remember.
    TooManySenders {
        /// How many it remembers.
        senders: usize,
    },
    /// There are more values than the gateway was told to remember.
    TooManyValues {
        /// How many it remembers.
        values: usize,
    },
    /// A command was not said in the group.
    Command {
        /// Its topic.
        topic: String,
        /// Why not.
        why: &'static str,
    },
    /// Reliable commands were acknowledged though not all members had them.
    Unconfirmed {
        /// How many in all.
        commands: u64,
    },
}

impl News {
    /// What is told once in a while: what kind it is, and why.
    fn kind(&self) -> Kind<'_> {
        match self {
            Self::Recovered { .. } => (0, 0, ""),
            Self::StoreTorn { .. } => (1, 0, ""),
            Self::StoreDamaged { .. } => (2, 0, ""),
            Self::StoreFailed { error } => (3, 0, error),
            Self::StoreBack => (4, 0, ""),
            Self::Overflow { .. } => (5, 0, ""),
            Self::Refused { reason, .. } => (6, *reason, ""),
            Self::GapsDropped { .. } => (7, 0, ""),
            Self::TooManySenders { .. } => (8, 0, ""),
            Self::TooManyValues { .. } => (9, 0, ""),
            Self::Command { why, .. } => (10, 0, why),
            Self::Unconfirmed { .. } => (11, 0, ""),
            Self::StoreLost { .. } => (12, 0, ""),
            Self::StoreLacks { .. } => (13, 0, ""),
        }
    }
}

type Kind<'a> = (u8, u8, &'a str);

/// When what was told last.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<(u8, u8, String), Instant>);

impl Told {
    /// Whether it is time to tell this.
    pub(super) fn may_tell(&mut self, now: Instant, news: &News) -> bool {
        let (kind, reason, text) = news.kind();
        let key = (kind, reason, text.to_owned());
        let last = self.0.get(&key);
        let may = last.is_none_or(|last| now.since(*last) >= AGAIN);
        if may {
            self.0.insert(key, now);
        }
        may
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recovered { messages } => {
                write!(
                    f,
                    "{messages} messages were not acknowledged before the start: they are published now"
                )
            }
            Self::StoreTorn { bytes } => write!(
                f,
                "the last {bytes} bytes of the store are torn and were cut off: this machine lost power, or its disk was full"
            ),
            Self::StoreDamaged { bytes } => write!(
                f,
                "{bytes} bytes of the store are damaged and were passed over: look after the disk"
            ),
            Self::StoreLacks { records } => write!(
                f,
                "{records} records that are needed cannot be found in the store: the messages in them are lost, and in gap \
                 records as far as it is known which they are"
            ),
            Self::StoreFailed { error } => write!(
                f,
                "the store cannot be written ({error}): messages are kept in memory alone until it can"
            ),
            Self::StoreBack => f.write_str("the store can be written again"),
            Self::StoreLost { messages } => write!(
                f,
                "{messages} messages until now were in the store alone and are lost: it was removed while it was in use, or the \
                 disk is damaged"
            ),
            Self::Overflow { messages } => write!(
                f,
                "{messages} reliable messages found no room until now and are in gap records: give the queue more memory, \
                 or the store more bytes"
            ),
            Self::Refused { topic, reason } => write!(
                f,
                "the broker refuses messages with reason {reason:#04x} ({}), first on {topic}",
                reason_text(*reason)
            ),
            Self::GapsDropped { gaps } => {
                write!(
                    f,
                    "{gaps} gap records found no room until now: nobody is told of what is lost there"
                )
            }
            Self::TooManySenders { senders } => write!(
                f,
                "there are more than {senders} members: those beyond have no info at the broker. Raise the number of senders"
            ),
            Self::TooManyValues { values } => write!(
                f,
                "there are more than {values} values of State and Latest: those beyond are not published. Raise the number \
                 of values"
            ),
            Self::Command { topic, why } => {
                write!(
                    f,
                    "a message on {} was not said in the group: {why}",
                    topic.escape_default()
                )
            }
            Self::Unconfirmed { commands } => write!(
                f,
                "{commands} commands until now were acknowledged to the broker though not all members had them within 5 s"
            ),
        }
    }
}

/// What a reason code of MQTT 5 means.
const fn reason_text(reason: u8) -> &'static str {
    match reason {
        0x80 => "for no reason that it tells",
        0x83 => "for a reason of its own",
        0x87 => "not authorised: look at its access rules",
        0x90 => "it does not like the topic",
        0x95 => "the message is too large for it",
        0x97 => "quota exceeded",
        0x99 => "it does not like the payload's format",
        _ => "see MQTT 5, section 2.4",
    }
}
