//! `groupcast read`: what a capture says, as lines.

mod dissect;
mod keys;
pub(crate) mod options;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use groupcast::wire::{self, Frame, Header, Suite};
use groupcast::{MemberId, Name};
use serde::Serialize;

use crate::network::recording::{Datagram, Packet, Packets, Recording};
use crate::options::Common;
use crate::output::Output;
use crate::output::json::{called, to_line};
use crate::process::failure::Failure;
use crate::process::signal;
use dissect::{Inside, Parts, Payload, Shown, parts};
use keys::Keys;
use options::Read;

/// Names that are remembered at most.
const NAMES: usize = 4096;

pub(crate) fn run(common: &Common, options: &Read) -> Result<(), Failure> {
    let mut reader = Reader::load(common)?;
    let recording = signal::ends_at_once(|| Recording::open(&options.file))?;
    let mut output = Output::new(common.json);
    let mut packets = Packets::of(recording);
    let mut tally = Tally::default();
    let mut failed = None;
    while let Some(packet) = packets.next() {
        let line = match packet {
            Ok(Packet::Datagram(mut datagram)) => reader.line(&mut datagram, &mut tally),
            Ok(Packet::Cut(_)) => {
                tally.cut += 1;
                None
            }
            Ok(Packet::Other) => {
                tally.others += 1;
                None
            }
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        };
        if let Some(line) = line {
            output.line(&reader.written(&line, common.json))?;
        }
    }
    aside!("{}", tally.line());
    let file = options.file.display();
    if tally.cut > 0 {
        aside!(
            "groupcast: of {} packets the capture has only the beginning; record them whole, with \
             `groupcast record`, or with `tcpdump -s 0`",
            tally.cut
        );
    }
    if tally.sealed > 0 {
        aside!(
            "groupcast: {} datagrams are sealed and no key that is here fits; --key-file takes the group's",
            tally.sealed
        );
    }
    match failed {
        Some(failure) => Err(failure),
        None if tally.read == 0 && !signal::end_requested() => Err(Failure::Settings(format!(
            "{file} has no datagram of a group"
        ))),
        None => Ok(()),
    }
}

/// What was in the capture.
#[derive(Debug, Default)]
struct Tally {
    read: u64,
    raw: u64,
    sealed: u64,
    flawed: u64,
    cut: u64,
    others: u64,
}

impl Tally {
    fn line(&self) -> String {
        format!(
            "read={} raw={} sealed={} flawed={} cut={} others={}",
            self.read, self.raw, self.sealed, self.flawed, self.cut, self.others
        )
    }
}

/// Reads datagrams one after the other.
pub(crate) struct Reader {
    keys: Keys,
    /// What members called themselves last.
    names: BTreeMap<MemberId, Name>,
    first: Option<Duration>,
}

/// A datagram.
#[derive(Debug, Serialize)]
struct Line {
    event: &'static str,
    /// Seconds since 1970.
    time: f64,
    source: SocketAddr,
    destination: SocketAddr,
    /// Bytes of it all.
    length: usize,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum What {
    Raw(Payload),
    Framed {
        suite: &'static str,
        tag: String,
        from: String,
        sender: String,
        session: String,
        to_one: bool,
        counter: u64,
        /// Missing where it cannot be opened.
        #[serde(skip_serializing_if = "Option::is_none")]
        frames: Option<Vec<Shown>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        sealed_bytes: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        flaw: Option<&'static str>,
    },
    Flawed {
        flaw: &'static str,
        error: String,
    },
}

impl Reader {
    pub(crate) fn load(common: &Common) -> Result<Self, Failure> {
        Ok(Self {
            keys: Keys::load(common)?,
            names: BTreeMap::new(),
            first: None,
        })
    }

    /// A line about a datagram: JSON, or for people.
    pub(crate) fn shown(&mut self, datagram: &mut Datagram, json: bool) -> Option<String> {
        let line = self.line(datagram, &mut Tally::default())?;
        Some(self.written(&line, json))
    }

    fn written(&self, line: &Line, json: bool) -> String {
        match json {
            true => to_line(line),
            false => self.words(line),
        }
    }

    /// What is to be said of a datagram; nothing if it is of other programs.
    fn line(&mut self, datagram: &mut Datagram, tally: &mut Tally) -> Option<Line> {
        let to = datagram.destination;
        if !to.ip().is_multicast() && !is_ours(&datagram.payload) {
            tally.others += 1;
            return None;
        }
        tally.read += 1;
        self.first.get_or_insert(datagram.time);
        let length = datagram.payload.len();
        let what = match parts(&mut datagram.payload, to, &mut self.keys) {
            Parts::Raw(octets) => {
                tally.raw += 1;
                What::Raw(Payload::new(octets))
            }
            Parts::Flawed(flaw, error) => {
                tally.flawed += 1;
                What::Flawed {
                    flaw,
                    error: error.to_string(),
                }
            }
            Parts::Framed { header, inside } => {
                match inside {
                    Inside::Sealed(_) => tally.sealed += 1,
                    Inside::Forged => tally.flawed += 1,
                    Inside::Open(_) => {}
                }
                self.framed(&header, inside)
            }
        };
        // Microseconds: what is behind them is not exact in an f64 of today.
        let micros = u64::try_from(datagram.time.as_micros()).unwrap_or(u64::MAX);
        Some(Line {
            event: match what {
                What::Raw(_) => "raw",
                _ => "datagram",
            },
            time: micros as f64 / 1e6,
            source: datagram.source,
            destination: to,
            length,
            what,
        })
    }

    fn framed(&mut self, header: &Header, inside: Inside<'_>) -> What {
        let id = header.sender;
        if let Inside::Open(frames) = &inside {
            for frame in frames.clone().map_while(Result::ok) {
                let has_room = self.names.len() < NAMES || self.names.contains_key(&id);
                if let Frame::Hello(hello) = frame
                    && has_room
                {
                    self.names.insert(id, hello.name);
                }
            }
        }
        let name = self.names.get(&id).copied().unwrap_or(Name::EMPTY);
        let (sealed_bytes, flaw) = match inside {
            Inside::Sealed(octets) => (Some(octets), None),
            Inside::Forged => (None, Some("forged")),
            Inside::Open(_) => (None, None),
        };
        What::Framed {
            suite: match header.suite {
                Suite::Open => "open",
                _ => "sealed",
            },
            tag: format!("{:04x}", header.tag.get()),
            from: called(name.as_str(), id),
            sender: id.to_string(),
            session: header.session.to_string(),
            to_one: header.counter & Header::TO_ONE != 0,
            counter: header.counter & Header::MAX_COUNTER,
            frames: match inside {
                Inside::Open(frames) => Some(Shown::all(frames)),
                _ => None,
            },
            sealed_bytes,
            flaw,
        }
    }

    /// A datagram for people.
    fn words(&self, line: &Line) -> String {
        let first = self.first.unwrap_or_default().as_micros() as f64 / 1e6;
        let what = match &line.what {
            What::Raw(payload) => format!("raw{}", payload.words()),
            What::Flawed { error, .. } => format!("[{error}]"),
            What::Framed {
                from,
                sender,
                frames,
                sealed_bytes,
                ..
            } => {
                let who = match from == sender {
                    true => sender.clone(),
                    false => format!("{} {sender}", crate::text::escape::escaped(from)),
                };
                let frames = match (frames, sealed_bytes) {
                    (Some(frames), _) if frames.is_empty() => "no frame".to_owned(),
                    (Some(frames), _) => {
                        let words = frames.iter().map(Shown::words);
                        words.collect::<Vec<_>>().join(", ")
                    }
                    (None, Some(octets)) => format!("sealed, {octets} bytes"),
                    (None, None) => {
                        "[sealed with a key that is here, and changed since]".to_owned()
                    }
                };
                format!("{who}  {frames}")
            }
        };
        format!(
            "{:12.6}  {} > {}  {what}",
            line.time - first,
            line.source,
            line.destination
        )
    }
}

/// Whether a datagram to one address is of ours: those of other programs begin with this byte, too.
fn is_ours(datagram: &[u8]) -> bool {
    wire::parse_header(datagram).is_ok()
}

#[cfg(test)]
mod tests;
