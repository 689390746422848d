//! `groupcast replay`: what was recorded of the group, said again.

mod mark;
pub(crate) mod options;
mod pace;

use core::net::SocketAddr;
use std::collections::BTreeMap;

use groupcast::wire::is_framed;

use crate::network::place::{self, say_where};
use crate::network::recording::{Packet, Packets, Recording};
use crate::network::socket::Mouth;
use crate::options::Common;
use crate::output::Output;
use crate::output::json;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::read::Reader;
use mark::Marked;
use options::Replay;
use pace::Pace;

pub(crate) fn run(common: &Common, options: &Replay) -> Result<(), Failure> {
    let recording = signal::ends_at_once(|| Recording::open(&options.file))?;
    let mut to = if options.dry_run {
        To::Output(place::group(common)?, Box::new(Reader::load(common)?))
    } else {
        let mouth = Mouth::open(common)?;
        let who = "id none (replaying)";
        say_where(common, mouth.group(), mouth.choice(), who);
        To::Group(Box::new(mouth))
    };
    let mut output = Output::new(common.json);

    let group = plain(to.group());
    let (mut marks, mut raw): (u64, u64) = (0, 0);
    let mut pace = Pace::new(options.speed);
    let mut sent: u64 = 0;
    let mut others = BTreeMap::<SocketAddr, u64>::new();
    let (mut cut, mut unread): (u64, u64) = (0, 0);
    let mut packets = Packets::of(recording);
    while let Some(packet) = packets.next() {
        let mut datagram = match packet? {
            Packet::Datagram(datagram) if datagram.destination == group => datagram,
            Packet::Datagram(datagram) => {
                *others.entry(datagram.destination).or_default() += 1;
                continue;
            }
            Packet::Cut(destination) if destination.is_none_or(|to| to == group) => {
                cut += 1;
                continue;
            }
            Packet::Cut(_) | Packet::Other => {
                unread += 1;
                continue;
            }
        };
        if !options.exact {
            match mark::marked(&datagram.payload) {
                Marked::Yes(marked) => {
                    datagram.payload = marked;
                    marks += 1;
                }
                Marked::Nameless => {}
                Marked::Never => raw += u64::from(!is_framed(&datagram.payload)),
            }
        }
        match &mut to {
            To::Output(_, reader) => {
                if let Some(line) = reader.shown(&mut datagram, common.json) {
                    output.line(&line)?;
                }
            }
            To::Group(mouth) => {
                pace.wait_for(datagram.time);
                if !mouth.say(&datagram.payload)? {
                    break;
                }
            }
        }
        sent += 1;
    }
    let skipped = others.values().sum::<u64>() + cut + unread;
    if marks > 0 {
        aside!(
            "groupcast: names say that it is a replay, as in `ana (replay)`; --exact leaves them as they were"
        );
    }
    if raw > 0 {
        aside!(
            "groupcast: raw datagrams ({raw} of them) have no name, and nothing says that they are a replay"
        );
    }
    let done = if options.dry_run {
        "would_send"
    } else {
        "sent"
    };
    aside!("{done}={sent} skipped={skipped}");
    if common.json && !options.dry_run {
        let file = options.file.display().to_string();
        output.line(&json::results::replayed(&file, sent, skipped))?;
    }
    if cut > 0 {
        aside!(
            "groupcast: of {cut} datagrams the capture has only the beginning, so they were not sent; \
             record them whole, with `groupcast record`, or with `tcpdump -s 0`"
        );
    }
    if !packets.are_over {
        return Err(Failure::Unmet(format!(
            "ended before all was sent again: {sent} datagrams were"
        )));
    }
    if sent == 0 && cut > 0 {
        let file = options.file.display();
        let text = format!("{file} has no whole datagram that was sent to {group}");
        return Err(Failure::Settings(text));
    }
    if sent == 0 {
        return Err(Failure::Settings(nothing(options, group, others)));
    }
    Ok(())
}

/// Where it is said again.
enum To {
    Group(Box<Mouth>),
    /// Nowhere: it is only shown. The group that it would go to.
    Output(SocketAddr, Box<Reader>),
}

impl To {
    const fn group(&self) -> SocketAddr {
        match self {
            Self::Group(mouth) => mouth.group(),
            Self::Output(group, _) => *group,
        }
    }
}

/// Why nothing was sent.
fn nothing(options: &Replay, group: SocketAddr, others: BTreeMap<SocketAddr, u64>) -> String {
    let mut others: Vec<_> = others.into_iter().collect();
    others.sort_by_key(|(_, count)| core::cmp::Reverse(*count));
    let file = options.file.display();
    let found = match others.first() {
        Some((other, count)) => format!("most of it ({count}) is to {other}: try --group {other}"),
        None => "there is no UDP datagram in it".to_owned(),
    };
    format!("{file} has nothing that was sent to {group}; {found}")
}

/// Without the scope, which captures do not have.
const fn plain(group: SocketAddr) -> SocketAddr {
    SocketAddr::new(group.ip(), group.port())
}
