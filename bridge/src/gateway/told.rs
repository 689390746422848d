//! A message as the broker gets it.

use core::fmt::Write;

use groupcast::{Channel, MemberId, Session};
use serde_json::{Map, Value};

use super::record::Message;

/// A message, as it is published.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    pub(super) sender: MemberId,
    pub(super) session: Session,
    pub(super) sequence: u32,
    pub(super) channel: Channel,
    /// Unix time, in milliseconds.
    pub(super) time: u64,
    pub(super) is_signed: bool,
    pub(super) name: &'a str,
    pub(super) payload: &'a [u8],
}

impl<'a> From<&'a Message> for Told<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            sender: message.sender,
            session: message.session,
            sequence: message.sequence,
            channel: message.channel,
            time: message.time,
            is_signed: message.is_signed,
            name: &message.name,
            payload: &message.payload,
        }
    }
}

impl Told<'_> {
    /// Sender, session, which of its two streams of numbers, and number: no two messages have the same.
    pub(super) fn mid(&self) -> String {
        let stream = if self.channel.class().is_reliable() {
            'r'
        } else {
            'b'
        };
        format!(
            "{}-{}-{stream}-{}",
            self.sender, self.session, self.sequence
        )
    }

    pub(super) fn json(&self) -> Vec<u8> {
        let mut object = Map::new();
        let mut set = |key: &str, value: Value| object.insert(key.to_owned(), value);
        set("mid", self.mid().into());
        set("sender", self.sender.to_string().into());
        set("name", self.name.into());
        set("session", self.session.to_string().into());
        set("class", self.channel.class().name().into());
        set("channel", self.channel.number().into());
        set("sequence", self.sequence.into());
        set("time", self.time.into());
        if self.is_signed {
            set("signed", "unverified".into());
        }
        match core::str::from_utf8(self.payload) {
            Ok(text) => set("text", text.into()),
            Err(_) => set("hex", hex(self.payload).into()),
        };
        Value::Object(object).to_string().into_bytes()
    }
}

fn hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        // Writing to a string does not fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}
