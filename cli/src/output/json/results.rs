//! The lines about what a command did: one at its end, and one for each line of input that it refused.

use groupcast::{Channel, MemberId, SequenceRange, Session};
use serde::Serialize;

use super::{called, now};
use crate::output::receipt::Receipt;

/// What became of messages.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "sent")]
pub(crate) struct Sent {
    messages: u64,
    /// Raw datagrams have no more to tell.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    member: Option<Member>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    numbers: Option<Numbers>,
    /// Of the classes that are confirmed.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    receivers: Option<Receivers>,
}

/// The one that sent them.
#[derive(Debug, Serialize)]
struct Member {
    channel: u8,
    class: &'static str,
    sender: String,
    session: String,
}

#[derive(Debug, Serialize)]
struct Numbers {
    first: u32,
    last: u32,
}

#[derive(Debug, Serialize)]
struct Receivers {
    confirmed: Vec<Who>,
    lacking: Vec<Who>,
    silent: Vec<Who>,
    takes_none: Vec<Who>,
}

#[derive(Debug, Serialize)]
struct Who {
    from: String,
    sender: String,
}

impl Who {
    fn all(members: &[(MemberId, String)]) -> Vec<Self> {
        let who = |(id, name): &(MemberId, String)| Self {
            from: called(name, *id),
            sender: id.to_string(),
        };
        members.iter().map(who).collect()
    }
}

impl Sent {
    /// So many raw datagrams.
    pub(crate) const fn raw(messages: u64) -> Self {
        Self {
            messages,
            member: None,
            numbers: None,
            receivers: None,
        }
    }

    /// So many messages of a member; `numbers`: of the first and the last.
    pub(crate) fn by(
        (sender, session): (MemberId, Session),
        channel: Channel,
        messages: u64,
        numbers: Option<SequenceRange>,
        receipt: Option<&Receipt>,
    ) -> Self {
        Self {
            messages,
            member: Some(Member {
                channel: channel.number(),
                class: channel.class().name(),
                sender: sender.to_string(),
                session: session.to_string(),
            }),
            numbers: numbers.map(|range| Numbers {
                first: range.first().get(),
                last: range.last().get(),
            }),
            receivers: receipt.map(|receipt| Receivers {
                confirmed: Who::all(&receipt.has),
                lacking: Who::all(&receipt.lacks),
                silent: Who::all(&receipt.open),
                takes_none: Who::all(&receipt.takes_none),
            }),
        }
    }

    /// How many were sent.
    pub(crate) const fn messages(&self) -> u64 {
        self.messages
    }

    /// So many of them were given up.
    pub(crate) fn without(self, unsent: usize) -> Self {
        let messages = self.messages.saturating_sub(unsent as u64);
        Self { messages, ..self }
    }

    pub(crate) fn line(&self) -> String {
        now(self)
    }
}

/// A line of input that is not sent.
pub(crate) fn refused(line: u64, error: &str) -> String {
    #[derive(Serialize)]
    #[serde(tag = "event", rename = "error")]
    struct Refused<'a> {
        line: u64,
        error: &'a str,
    }
    now(&Refused { line, error })
}

/// A group in which somebody was heard.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "group")]
pub(crate) struct Group<'a> {
    pub(crate) group: String,
    /// Missing where a capture told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interface: Option<&'a str>,
    pub(crate) protection: &'a str,
    /// Whether the open group has a name, and what it is if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_named: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group_name: Option<&'a str>,
    pub(crate) members: usize,
    pub(crate) names: Vec<&'a str>,
    /// Of raw datagrams.
    pub(crate) senders: Vec<String>,
    pub(crate) profiles: &'a [&'a str],
}

pub(crate) fn group(group: &Group<'_>) -> String {
    now(group)
}

/// What was recorded.
pub(crate) fn recorded(file: &str, files: u64, datagrams: u64, bytes: u64) -> String {
    #[derive(Serialize)]
    #[serde(tag = "event", rename = "recorded")]
    struct Recorded<'a> {
        file: &'a str,
        files: u64,
        datagrams: u64,
        bytes: u64,
    }
    now(&Recorded {
        file,
        files,
        datagrams,
        bytes,
    })
}

/// What was said again.
pub(crate) fn replayed(file: &str, sent: u64, skipped: u64) -> String {
    #[derive(Serialize)]
    #[serde(tag = "event", rename = "replayed")]
    struct Replayed<'a> {
        file: &'a str,
        sent: u64,
        skipped: u64,
    }
    now(&Replayed {
        file,
        sent,
        skipped,
    })
}
