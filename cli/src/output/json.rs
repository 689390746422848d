//! The lines of `--json`.

pub(crate) mod results;

use core::fmt::Write;
use core::net::{IpAddr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use groupcast::sign::NotTrusted;
use groupcast::{DuplicateId, DuplicateIdOutcome, Event, MemberId, Message, Peer, PeerStatus};
use groupcast_std::interfaces::Verdict;
use serde::Serialize;

use super::show::Show;
use crate::text::envelope;
use crate::text::escape::{hex, is_unsafe};

/// Bytes of a message shown on a terminal at most. The same where it is kept in a file.
pub(crate) const SHOWN: usize = 4096;

/// Something that happened, and when it was told.
#[derive(Debug, Serialize)]
struct Timed<T> {
    #[serde(flatten)]
    line: T,
    /// Seconds since 1970, by the clock of this machine.
    time: f64,
}

/// The line about something that happens now.
pub(crate) fn now(line: &impl Serialize) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // Microseconds: what is behind them is not exact in an f64 of today, and long.
    let micros = since.unwrap_or_default().as_micros();
    to_line(&Timed {
        line,
        time: micros as f64 / 1e6,
    })
}

/// One line about something that happened.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Message {
        channel: u8,
        class: &'static str,
        from: String,
        sender: String,
        /// Not known if the roster has no room for the sender.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        address: SocketAddr,
        sequence: u32,
        /// Without `--trust`, of a message that is signed: "unverified".
        #[serde(skip_serializing_if = "Option::is_none")]
        signed: Option<&'static str>,
        /// With `--trust`: by whom.
        #[serde(skip_serializing_if = "Option::is_none")]
        signed_by: Option<&'a str>,
        /// Of a line of a chat: when its sender says that it was said.
        #[serde(skip_serializing_if = "Option::is_none")]
        said: Option<f64>,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    /// A message that is not shown, because no trusted publisher signed it.
    Untrusted {
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        sender: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        address: SocketAddr,
    },
    Gap {
        from: String,
        sender: String,
        session: String,
        first: u32,
        last: u32,
    },
    Raw {
        address: SocketAddr,
        #[serde(flatten)]
        payload: Payload<'a>,
    },
    Joined(Who),
    Left(Who),
    Lost(Who),
    Restarted(Who),
    DuplicateId {
        sender: String,
        address: SocketAddr,
        outcome: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        new_id: Option<String>,
    },
    RosterFull {
        refused: u32,
    },
    /// Of those on the roster, when it is printed once.
    Member {
        #[serde(flatten)]
        who: Who,
        status: &'static str,
        takes_reliable: bool,
        max_datagram: u16,
        max_message: u32,
    },
    RotateKey {
        place: usize,
    },
}

/// A payload: as text if it is UTF-8, else in hexadecimal.
#[derive(Debug, Serialize)]
struct Payload<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    bytes: usize,
    /// Where it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
}

impl<'a> Payload<'a> {
    /// `is_short`: one that is long is not here.
    fn new(octets: &'a [u8], is_short: bool, file: Option<&'a str>) -> Self {
        let is_here = !is_short || octets.len() <= SHOWN;
        let text = core::str::from_utf8(octets).ok();
        Self {
            text: text.filter(|_| is_here),
            hex: (text.is_none() && is_here).then(|| hex(octets)),
            bytes: octets.len(),
            file,
        }
    }
}

/// A member.
#[derive(Debug, Serialize)]
struct Who {
    from: String,
    sender: String,
    session: String,
    address: SocketAddr,
}

impl Who {
    fn new(member: &Peer) -> Self {
        Self {
            from: called(member.name(), member.id()),
            sender: member.id().to_string(),
            session: member.session().to_string(),
            address: member.address(),
        }
    }
}

/// What to call a member: its name, or its id if it has none.
pub(crate) fn called(name: &str, id: MemberId) -> String {
    if name.is_empty() {
        id.to_string()
    } else {
        name.to_owned()
    }
}

/// How a member stands, in tables, too.
pub(crate) fn status(member: &Peer) -> &'static str {
    if member.status() == PeerStatus::Suspect {
        "suspect"
    } else {
        "present"
    }
}

/// The line about what is to be shown of an event; `None` if there is none. `is_short`: without a payload that is long.
pub(crate) fn event(
    event: &Event<'_>,
    show: Show<'_>,
    is_short: bool,
    file: Option<&str>,
) -> Option<String> {
    let signed_by = match show {
        Show::No => return None,
        Show::Yes => None,
        Show::SignedBy(publisher) => Some(publisher),
        Show::Untrusted(why) => return untrusted(event, why).as_ref().map(now),
    };
    let line = match event {
        Event::Message(message) => Line::Message {
            channel: message.channel().number(),
            class: message.channel().class().name(),
            from: called(message.name(), message.sender()),
            sender: message.sender().to_string(),
            session: session_of(message),
            address: message.address(),
            sequence: message.sequence().get(),
            signed: (message.is_signed() && signed_by.is_none()).then_some("unverified"),
            signed_by,
            said: envelope::open_payload(message.payload())
                .1
                .map(|millis| millis as f64 / 1e3),
            payload: Payload::new(envelope::open_payload(message.payload()).0, is_short, file),
        },
        Event::Gap(gap) => Line::Gap {
            from: called(gap.peer().name(), gap.peer().id()),
            sender: gap.peer().id().to_string(),
            session: gap.peer().session().to_string(),
            first: gap.lost().first().get(),
            last: gap.lost().last().get(),
        },
        Event::Raw(raw) => Line::Raw {
            address: raw.address(),
            payload: Payload::new(raw.payload(), is_short, file),
        },
        Event::Joined(member) => Line::Joined(Who::new(member)),
        Event::Left(member) => Line::Left(Who::new(member)),
        Event::Lost(member) => Line::Lost(Who::new(member)),
        Event::Restarted(member) => Line::Restarted(Who::new(member)),
        Event::DuplicateId(duplicate) => duplicate_id(duplicate),
        Event::RosterFull { refused } => Line::RosterFull { refused: *refused },
        Event::RotateKey { place } => Line::RotateKey { place: *place },
        _ => return None,
    };
    Some(now(&line))
}

fn session_of(message: &Message<'_>) -> Option<String> {
    let member = message.peer()?;
    Some(member.session().to_string())
}

fn untrusted(event: &Event<'_>, why: NotTrusted) -> Option<Line<'static>> {
    let reason = match why {
        NotTrusted::NotSigned => "not-signed",
        NotTrusted::NoSession => "no-session",
        NotTrusted::Malformed => "malformed",
        NotTrusted::NobodyTrusted => "nobody-trusted",
        NotTrusted::Replayed => "replayed",
        NotTrusted::TooOld => "too-old",
        _ => "other",
    };
    let (sender, session, address) = match event {
        Event::Message(message) => (
            Some(message.sender().to_string()),
            session_of(message),
            message.address(),
        ),
        Event::Raw(raw) => (None, None, raw.address()),
        _ => return None,
    };
    Some(Line::Untrusted {
        reason,
        sender,
        session,
        address,
    })
}

fn duplicate_id(duplicate: &DuplicateId) -> Line<'static> {
    let (outcome, new_id) = match duplicate.outcome() {
        DuplicateIdOutcome::Kept => ("kept", None),
        DuplicateIdOutcome::Redrawn(id) => ("redrawn", Some(id.to_string())),
        DuplicateIdOutcome::Silenced => ("silenced", None),
        DuplicateIdOutcome::Cloned => ("cloned", None),
        _ => ("others", None),
    };
    Line::DuplicateId {
        sender: duplicate.id().to_string(),
        address: duplicate.address(),
        outcome,
        new_id,
    }
}

/// The line about a member on the roster.
pub(crate) fn member(member: &Peer) -> String {
    now(&Line::Member {
        who: Who::new(member),
        status: status(member),
        takes_reliable: member.takes_reliable(),
        max_datagram: member.max_datagram(),
        max_message: member.max_message(),
    })
}

/// A key, and the name of its group.
pub(crate) fn key(group: &str, key: &str) -> String {
    #[derive(Serialize)]
    struct Key<'a> {
        group: &'a str,
        key: &'a str,
    }
    to_line(&Key { group, key })
}

/// A publisher's name, and its keys.
pub(crate) fn signing_key(name: &str, signing_key: &str, public_key: &str) -> String {
    #[derive(Serialize)]
    struct Key<'a> {
        name: &'a str,
        signing_key: &'a str,
        public_key: &'a str,
    }
    to_line(&Key {
        name,
        signing_key,
        public_key,
    })
}

/// Where a key is.
pub(crate) fn file(file: &str) -> String {
    #[derive(Serialize)]
    struct Written<'a> {
        file: &'a str,
    }
    to_line(&Written { file })
}

/// A publisher's name, and its public key.
pub(crate) fn public_key(name: &str, public_key: &str) -> String {
    #[derive(Serialize)]
    struct Key<'a> {
        name: &'a str,
        public_key: &'a str,
    }
    to_line(&Key { name, public_key })
}

/// The line about an interface. `chosen` says whether the group would use it, and why.
pub(crate) fn interface(verdict: &Verdict, chosen: Option<&str>) -> String {
    #[derive(Serialize)]
    struct Entry<'a> {
        name: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        description: &'a str,
        index: u32,
        addresses: &'a [IpAddr],
        mtu: Option<u32>,
        up: bool,
        running: bool,
        multicast: bool,
        loopback: bool,
        point_to_point: bool,
        usable: bool,
        score: Option<u32>,
        chosen: bool,
        reason: &'a str,
    }
    let interface = &verdict.interface;
    to_line(&Entry {
        name: &interface.name,
        description: &interface.description,
        index: interface.index.get(),
        addresses: &interface.addresses,
        mtu: interface.mtu,
        up: interface.up,
        running: interface.running,
        multicast: interface.multicast,
        loopback: interface.loopback,
        point_to_point: interface.point_to_point,
        usable: verdict.score.is_some(),
        score: verdict.score,
        chosen: chosen.is_some(),
        reason: chosen.unwrap_or(&verdict.reason),
    })
}

/// Writes `value` on one line that a terminal cannot misunderstand.
///
/// JSON leaves some characters as they are that a terminal obeys. They occur within strings only,
/// where they can be escaped.
pub(crate) fn to_line(value: &impl Serialize) -> String {
    // These values have no maps with keys other than strings, the only thing that could fail.
    let line = serde_json::to_string(value).unwrap_or_default();
    if !line.contains(is_unsafe) {
        return line;
    }
    line.chars().fold(String::new(), |mut safe, c| {
        if is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use groupcast::{Channel, Config, Group, Instant, Storage};
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    type Memory = Box<Storage<4, 1, 16, 20, 1600, 1473>>;

    fn member_called(name: &str, seed: u8) -> Group<Memory> {
        let config = Config::new("239.1.2.3:12345".parse().unwrap())
            .with_name(name)
            .with_id(MemberId::new(0x7f3a).unwrap());
        Group::new(Box::new(Storage::new()), config, [seed; 32]).unwrap()
    }

    /// The lines of somebody who hears `datagrams`, and of `payload` sent by a member named `name`.
    fn lines(name: &str, payload: &[u8], raw: &[&[u8]]) -> Vec<Value> {
        let now = Instant::from_millis(5);
        let from = "10.0.0.1:40000".parse().unwrap();
        let mut sender = member_called(name, 1);
        let config = Config::new("239.1.2.3:12345".parse().unwrap());
        let mut hearer = Group::new(
            Box::<Storage<4, 1, 16, 20, 1600, 1473>>::default(),
            config,
            [2; 32],
        );
        let hearer = hearer.as_mut().unwrap();
        sender.queue(now, Channel::best_effort(3), payload).unwrap();
        let mut buffer = [0; 1472];
        let transmit = sender.poll_transmit(now, &mut buffer).unwrap().unwrap();
        let mut found = Vec::new();
        for datagram in core::iter::once(&buffer[..transmit.len]).chain(raw.iter().copied()) {
            hearer.handle(now, from, datagram).unwrap();
            while let Some(happened) = hearer.poll_event() {
                let line = event(&happened, Show::Yes, false, None).unwrap();
                assert!(!line.contains(is_unsafe), "{line}");
                let mut line: Value = serde_json::from_str(&line).unwrap();
                let time = line.as_object_mut().unwrap().remove("time").unwrap();
                assert!(time.as_f64().unwrap() > 1.7e9, "{time}");
                found.push(line);
            }
        }
        found
    }

    #[test]
    fn every_line_has_its_documented_fields() {
        let lines = lines("ana", b"Hello, multicast!", &[b"raw", &[0xff, 0]]);
        let session = lines[0]["session"].as_str().unwrap();
        assert_eq!(session.len(), 16);
        let sequence = lines[1]["sequence"].as_u64().unwrap();
        assert_eq!(
            lines,
            [
                json!({"event": "joined", "from": "ana", "sender": "00007f3a",
                       "session": session, "address": "10.0.0.1:40000"}),
                json!({"event": "message", "channel": 3, "class": "best-effort", "from": "ana",
                       "sender": "00007f3a", "session": session, "address": "10.0.0.1:40000", "sequence": sequence,
                       "text": "Hello, multicast!", "bytes": 17}),
                json!({"event": "raw", "address": "10.0.0.1:40000", "text": "raw", "bytes": 3}),
                json!({"event": "raw", "address": "10.0.0.1:40000", "hex": "ff00", "bytes": 2}),
            ]
        );
    }

    /// The lines that JSON.md shows.
    fn documented() -> Vec<Value> {
        let page = include_str!("../../JSON.md");
        let lines = page.lines().filter(|line| line.starts_with('{'));
        lines.map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    fn fields(line: &Value) -> BTreeSet<String> {
        line.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn the_page_shows_every_line_with_its_fields() {
        let member = || Who {
            from: String::new(),
            sender: String::new(),
            session: String::new(),
            address: "10.0.0.1:40000".parse().unwrap(),
        };
        let address = member().address;
        let text = |signed, signed_by, said, octets| Line::Message {
            channel: 0,
            class: "",
            from: String::new(),
            sender: String::new(),
            session: Some(String::new()),
            address,
            sequence: 0,
            signed,
            signed_by,
            said,
            payload: Payload::new(octets, false, (octets == b"22.5").then_some("")),
        };
        let lines = [
            text(None, None, None, b"22.5"),
            text(Some("unverified"), None, None, &[0xff, 0]),
            text(None, Some("boss"), None, b"off"),
            text(None, None, Some(0.0), b"hello"),
            Line::Untrusted {
                reason: "",
                sender: Some(String::new()),
                session: Some(String::new()),
                address,
            },
            Line::Gap {
                from: String::new(),
                sender: String::new(),
                session: String::new(),
                first: 0,
                last: 0,
            },
            Line::Raw {
                address,
                payload: Payload::new(b"raw", false, None),
            },
            Line::Joined(member()),
            Line::Left(member()),
            Line::Lost(member()),
            Line::Restarted(member()),
            Line::DuplicateId {
                sender: String::new(),
                address,
                outcome: "",
                new_id: Some(String::new()),
            },
            Line::RosterFull { refused: 0 },
            Line::Member {
                who: member(),
                status: "",
                takes_reliable: true,
                max_datagram: 0,
                max_message: 0,
            },
            Line::RotateKey { place: 0 },
        ];
        let documented = documented();
        for (index, line) in lines.iter().enumerate() {
            let line: Value = serde_json::from_str(&now(line)).unwrap();
            let shown = &documented[index];
            assert_eq!(line["event"], shown["event"]);
            assert_eq!(fields(&line), fields(shown), "{line}");
        }
        let known = documented.iter().flat_map(fields);
        for field in known.filter(|f| f != "event" && f != "time" && f != "channel") {
            let page = include_str!("../../JSON.md");
            let mut rows = page.lines().filter(|line| line.starts_with("| `"));
            assert!(
                rows.any(|row| row.contains(&format!("`{field}`"))),
                "{field}"
            );
        }
    }

    #[test]
    fn a_member_without_a_name_is_called_by_its_id() {
        assert_eq!(lines("", b"", &[])[1]["from"], "00007f3a");
    }

    #[test]
    fn nothing_a_terminal_obeys_is_left_and_nothing_is_lost() {
        let text = "\u{1b}[2J\u{9b}2J\u{202e}\u{e0041}\"\\\n";
        let lines = lines("\u{9b}31m", text.as_bytes(), &[]);
        assert_eq!(lines[1]["text"], text);
        assert_eq!(lines[1]["from"], "\u{9b}31m");
    }
}
