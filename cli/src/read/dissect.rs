//! A datagram in its parts: names and fields are those of the dissector for Wireshark.

use core::net::SocketAddr;

use groupcast::Class;
use groupcast::seal::{Portable, TAG_LEN};
use groupcast::wire::{self, Data, Frame, Frames, Header, Hello, Nack, ParseError, Suite, Time};
use serde::Serialize;

use super::keys::Keys;
use crate::text::cells::fit;
use crate::text::escape::{escaped, hex};

/// Bytes of a signature, at the end of a signed message.
const SIGNATURE: usize = 64;

/// Columns of a text that are shown to people.
const LONGEST: usize = 400;

/// What a datagram is.
#[derive(Debug)]
pub(super) enum Parts<'a> {
    /// Of a program that does not speak the protocol.
    Raw(&'a [u8]),
    /// Of a group.
    Framed { header: Header, inside: Inside<'a> },
    /// Of nobody knows whom, and why.
    Flawed(&'static str, ParseError),
}

/// What stands between header and trailer.
#[derive(Debug)]
pub(super) enum Inside<'a> {
    Open(Frames<'a>),
    /// So many bytes that no key is here for.
    Sealed(usize),
    /// Somebody changed it, or had another key.
    Forged,
}

/// Takes a datagram apart. One that is sealed is opened in place, if there is the key.
pub(super) fn parts<'a>(datagram: &'a mut [u8], to: SocketAddr, keys: &mut Keys) -> Parts<'a> {
    if !wire::is_framed(datagram) {
        return Parts::Raw(datagram);
    }
    let header = match wire::parse_header(datagram) {
        Ok(header) => header,
        Err(error) => return Parts::Flawed(flaw(&error), error),
    };
    let inside = match header.suite {
        Suite::Open => match wire::parse(datagram) {
            Ok((_, frames)) => Inside::Open(frames),
            Err(error) => return Parts::Flawed(flaw(&error), error),
        },
        _ => {
            let (is_known, is_opened) = keys.open(to, &header, |key| {
                let key = key.subkey(header.sender, header.session);
                key.open(&Portable, datagram).is_ok()
            });
            // `parse_header` has seen that there is room for both.
            let end = datagram.len().saturating_sub(TAG_LEN);
            let octets = datagram.get(Header::LEN..end).unwrap_or_default();
            match (is_known, is_opened) {
                (_, true) => Inside::Open(Frames::new(octets)),
                (true, false) => Inside::Forged,
                (false, false) => Inside::Sealed(octets.len()),
            }
        }
    };
    Parts::Framed { header, inside }
}

/// The dissector's word for what is wrong with a datagram.
const fn flaw(error: &ParseError) -> &'static str {
    match error {
        ParseError::Truncated { .. } => "truncated",
        ParseError::UnknownVersion(_) => "version",
        ParseError::UnknownSuite(_) => "suite",
        ParseError::SenderZero => "sender_zero",
        ParseError::NumberZero => "number_zero",
        ParseError::Checksum { .. } => "corrupt",
        _ => "malformed",
    }
}

/// A payload or a signature: as text if it is some, else in hexadecimal.
#[derive(Debug, Serialize)]
pub(super) struct Payload {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    bytes: usize,
}

impl Payload {
    pub(super) fn new(octets: &[u8]) -> Self {
        let text = core::str::from_utf8(octets).ok().map(str::to_owned);
        Self {
            hex: text.is_none().then(|| hex(octets)),
            text,
            bytes: octets.len(),
        }
    }

    /// For people: text that fits on a line, or how much it is.
    pub(super) fn words(&self) -> String {
        match &self.text {
            Some(text) if !text.is_empty() => {
                let text = escaped(text).to_string();
                format!(": \"{}\"", fit(&text, LONGEST))
            }
            _ => format!(", {} bytes", self.bytes),
        }
    }
}

/// A frame, with the fields that the dissector shows.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "UPPERCASE")]
pub(super) enum Shown {
    Hello {
        join: bool,
        probe: bool,
        capabilities: u16,
        max_datagram: u16,
        max_message: u16,
        interval: u16,
        burst: u8,
        round_trip_us: Option<f64>,
        group_size_members: Option<f64>,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        challenge: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        challenge_for: Option<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        echoed: Vec<String>,
    },
    Bye {
        reason: u8,
    },
    Busy {
        wait: u16,
    },
    Time {
        stamp: u32,
        echoes: Vec<EchoLine>,
    },
    Data {
        class: &'static str,
        repair: bool,
        copy: bool,
        latest: bool,
        signed: bool,
        channel: u8,
        horizon: u8,
        fragment: u8,
        last: u8,
        sequence: u32,
        #[serde(flatten)]
        payload: Payload,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    Start {
        target: String,
        target_session: String,
        next: u32,
    },
    Sync {
        next: u32,
        low: u32,
        round_trip_us: Option<f64>,
        group_size_members: Option<f64>,
        states: u8,
    },
    Nack {
        target: String,
        target_session: String,
        base: u32,
        attempt: u8,
        words: u8,
        missing: Vec<u32>,
    },
    Skip {
        first: u32,
        count: u16,
    },
    AckReq {
        sequence: u32,
        spread: u16,
    },
    Ack {
        target: String,
        target_session: String,
        since: u32,
        next: u32,
    },
    Ask {
        target: String,
        target_session: String,
    },
    /// Of a type that this program does not know, and may skip.
    Skipped {
        kind: u8,
    },
    /// What cannot be read, and all behind it.
    Flawed {
        error: String,
    },
}

/// When another member's TIME came.
#[derive(Debug, Serialize)]
pub(super) struct EchoLine {
    member: String,
    stamp: u32,
    delay: u32,
}

impl Shown {
    pub(super) fn all(frames: Frames<'_>) -> Vec<Self> {
        let shown = frames.map(|frame| match frame {
            Ok(frame) => Self::new(&frame),
            Err(error) => Self::Flawed {
                error: error.to_string(),
            },
        });
        shown.collect()
    }

    fn new(frame: &Frame<'_>) -> Self {
        match frame {
            Frame::Hello(hello) => Self::hello(hello),
            Frame::Bye(bye) => Self::Bye { reason: bye.reason },
            Frame::Busy(busy) => Self::Busy { wait: busy.wait },
            Frame::Time(time) => Self::time(time),
            Frame::Data(data) => Self::data(data),
            Frame::Start(start) => Self::Start {
                target: id(start.target),
                target_session: id(start.session),
                next: start.next,
            },
            Frame::Sync(sync) => Self::Sync {
                next: sync.next,
                low: sync.low,
                round_trip_us: estimate(sync.round_trip, 8.0),
                group_size_members: estimate(sync.group_size, 4.0),
                states: sync.states,
            },
            Frame::Nack(nack) => Self::nack(nack),
            Frame::Skip(skip) => Self::Skip {
                first: skip.first,
                count: skip.count,
            },
            Frame::AckRequest(request) => Self::AckReq {
                sequence: request.sequence,
                spread: request.spread,
            },
            Frame::Ack(ack) => Self::Ack {
                target: id(ack.target),
                target_session: id(ack.session),
                since: ack.since,
                next: ack.next,
            },
            Frame::Ask(ask) => Self::Ask {
                target: id(ask.target),
                target_session: id(ask.session),
            },
            Frame::Unknown { kind } => Self::Skipped { kind: *kind },
            other => Self::Flawed {
                error: format!("a frame that this program does not show: {other:?}"),
            },
        }
    }

    fn hello(hello: &Hello<'_>) -> Self {
        let challenge = hello.challenge();
        let echoed = hello
            .iter_options()
            .filter(|(kind, _)| *kind == Hello::ECHOES)
            .flat_map(|(_, value)| value.as_chunks().0)
            .map(|echo| format!("{:016x}", u64::from_be_bytes(*echo)));
        Self::Hello {
            join: hello.join,
            probe: hello.probe,
            capabilities: hello.capabilities,
            max_datagram: hello.max_datagram,
            max_message: hello.max_message,
            interval: hello.interval,
            burst: hello.receive_burst,
            round_trip_us: estimate(hello.round_trip, 8.0),
            group_size_members: estimate(hello.group_size, 4.0),
            name: hello.name.as_str().to_owned(),
            challenge: challenge.map(|challenge| format!("{:016x}", challenge.number)),
            challenge_for: challenge
                .and_then(|challenge| challenge.target)
                .map(|target| target.to_string()),
            echoed: echoed.collect(),
        }
    }

    fn time(time: &Time<'_>) -> Self {
        let echoes = time.iter_echoes().map(|echo| EchoLine {
            member: id(echo.member),
            stamp: echo.stamp,
            delay: echo.held,
        });
        Self::Time {
            stamp: time.stamp,
            echoes: echoes.collect(),
        }
    }

    fn data(data: &Data<'_>) -> Self {
        let class = match (data.class, data.latest) {
            (0, true) => Class::Latest,
            (0, false) => Class::BestEffort,
            (1, _) => Class::ReliableUnordered,
            (2, _) => Class::ReliableOrdered,
            _ => Class::State,
        };
        let is_signed = data.signed && data.fragment == data.last;
        let at = match is_signed {
            true => data.payload.len().saturating_sub(SIGNATURE),
            false => data.payload.len(),
        };
        let (payload, signature) = data.payload.split_at(at);
        Self::Data {
            class: class.name(),
            repair: data.repair,
            copy: data.copy,
            latest: data.latest,
            signed: data.signed,
            channel: data.channel,
            horizon: data.horizon,
            fragment: data.fragment,
            last: data.last,
            sequence: data.sequence,
            payload: Payload::new(payload),
            signature: is_signed.then(|| hex(signature)),
        }
    }

    fn nack(nack: &Nack) -> Self {
        Self::Nack {
            target: id(nack.target),
            target_session: id(nack.session),
            base: nack.base,
            attempt: nack.attempt,
            words: nack.words,
            missing: nack.iter().collect(),
        }
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Hello {
                join, probe, name, ..
            } => {
                let mut words = "HELLO".to_owned();
                for (is_set, word) in [(*join, " JOIN"), (*probe, " PROBE")] {
                    words += if is_set { word } else { "" };
                }
                match name.as_str() {
                    "" => words,
                    name => format!("{words} \"{}\"", escaped(name)),
                }
            }
            Self::Bye { reason: 0 } => "BYE the application left".to_owned(),
            Self::Bye { reason: 1 } => "BYE the id is another member's".to_owned(),
            Self::Bye { reason } => format!("BYE {reason}"),
            Self::Busy { wait } => format!("BUSY {wait} ms"),
            Self::Time { echoes, .. } if echoes.is_empty() => "TIME".to_owned(),
            Self::Time { echoes, .. } => format!("TIME, echoes: {}", echoes.len()),
            Self::Data {
                class,
                repair,
                copy,
                signed,
                channel,
                fragment,
                last,
                sequence,
                payload,
                ..
            } => {
                let mut words = format!("DATA {class}, channel {channel}, #{sequence}");
                if *last > 0 {
                    let (number, of) = (u16::from(*fragment) + 1, u16::from(*last) + 1);
                    words += &format!(", fragment {number} of {of}");
                }
                for (is_set, word) in [(repair, ", repair"), (copy, ", copy"), (signed, ", signed")]
                {
                    words += if *is_set { word } else { "" };
                }
                match last {
                    0 => words + &payload.words(),
                    _ => format!("{words}, {} bytes", payload.bytes),
                }
            }
            Self::Start { target, next, .. } => format!("START for {target}, from #{next}"),
            Self::Sync { next, low, .. } => format!("SYNC next {next}, low {low}"),
            Self::Nack {
                target,
                base,
                missing,
                ..
            } => format!("NACK of {target}, {} missing from #{base}", missing.len()),
            Self::Skip { first, count } => format!("SKIP {count} from #{first}"),
            Self::AckReq { sequence, .. } => format!("ACKREQ #{sequence}"),
            Self::Ack {
                target,
                since,
                next,
                ..
            } => format!("ACK of {target}, #{since} to before #{next}"),
            Self::Ask { target, .. } => format!("ASK for the values of {target}"),
            Self::Skipped { kind } => format!("type {kind:02x} (skipped)"),
            Self::Flawed { error } => format!("[{error}]"),
        }
    }
}

fn id(number: u32) -> String {
    format!("{number:08x}")
}

/// A number on a scale of logarithms: 0 is none.
fn estimate(octet: u8, steps: f64) -> Option<f64> {
    let number = (f64::from(octet) / steps).exp2();
    (octet > 0).then(|| (number * 10.0).round() / 10.0)
}
