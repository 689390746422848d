//! What was heard, as lines for people and for programs.

use core::net::SocketAddr;
use core::time::Duration;
use std::time::Instant;

use serde::Serialize;

use super::order::{Entry, Key, Order};
use super::series::SECONDS;
use super::watcher::{Status, Watched, Watcher};
use crate::output::json::to_line;
use crate::text::columns::{self, Column, Fitted, Kind};
use crate::text::escape::escaped;
use crate::text::takes::takes;

/// Seconds in a sparkline where there is room for any.
const SPARKLINE: usize = 20;

/// The columns of members: for each by what the rows are sorted if by it, and what it shows.
pub(crate) const MEMBERS: [(Column, Option<Key>, &str); 13] = [
    column(
        "MEMBER",
        Kind::Text(16),
        0,
        Some(Key::Name),
        "its name, or its id",
    ),
    column("ID", Kind::Text(8), 11, Some(Key::Id), "its id"),
    column(
        "STATUS",
        Kind::Text(8),
        1,
        Some(Key::Status),
        "present, suspect, lost or left",
    ),
    column(
        "TAKES",
        Kind::Text(6),
        12,
        None,
        "all, or only values; of what size",
    ),
    column(
        "TRIP ms",
        Kind::Number(7),
        6,
        Some(Key::Trip),
        "the round trip that it states",
    ),
    column(
        "DGRAM/s",
        Kind::Number(7),
        10,
        Some(Key::Datagrams),
        "datagrams that it sends",
    ),
    column(
        "kB/s",
        Kind::Number(6),
        5,
        Some(Key::Bytes),
        "what those take",
    ),
    column(
        "MSG/s",
        Kind::Number(6),
        2,
        Some(Key::Messages),
        "messages that it sends",
    ),
    column(
        "NACKS",
        Kind::Number(5),
        8,
        Some(Key::Nacks),
        "how often it asked for repair",
    ),
    column(
        "REPAIRS",
        Kind::Number(7),
        7,
        Some(Key::Repairs),
        "fragments that it sent again",
    ),
    column(
        "MISSING",
        Kind::Number(7),
        3,
        Some(Key::Missing),
        "lost here, and may be repaired",
    ),
    column(
        "GAPS",
        Kind::Number(4),
        4,
        Some(Key::Gaps),
        "lost here for good",
    ),
    column(
        "DATAGRAMS",
        Kind::History,
        9,
        None,
        "those of the last seconds",
    ),
];

/// Those of streams.
const STREAMS: [(Column, Option<Key>, &str); 7] = [
    column("STREAM", Kind::Text(16), 0, None, ""),
    column("CHANNEL", Kind::Number(7), 1, None, ""),
    column("CLASS", Kind::Text(18), 4, None, ""),
    column("MSG/s", Kind::Number(6), 2, Some(Key::Messages), ""),
    column("kB/s", Kind::Number(6), 3, Some(Key::Bytes), ""),
    column("REPAIRS", Kind::Number(7), 5, Some(Key::Repairs), ""),
    column("MESSAGES", Kind::History, 6, None, ""),
];

const fn column(
    heading: &'static str,
    kind: Kind,
    rank: u8,
    key: Option<Key>,
    what: &'static str,
) -> (Column, Option<Key>, &'static str) {
    let column = Column {
        heading,
        kind,
        rank,
    };
    (column, key, what)
}

/// A table, and in which of its columns the rows are sorted.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) table: Fitted,
    pub(crate) sorted: Option<usize>,
}

impl Shown {
    fn new<const COLUMNS: usize>(
        columns: [(Column, Option<Key>, &str); COLUMNS],
        rows: &[[String; COLUMNS]],
        order: Order,
        room: Option<usize>,
    ) -> Self {
        let by = columns.map(|(_, key, _)| key == Some(order.key));
        let table = columns::fitted(columns.map(|(column, ..)| column), rows, room);
        let sorted = table.columns.iter().position(|at| by[*at]);
        Self { table, sorted }
    }
}

/// A row for each member.
pub(crate) fn members(watcher: &Watcher, order: Order, room: Option<usize>, now: Instant) -> Shown {
    let history = room.map_or(SPARKLINE, |_| SECONDS);
    let mut members = watcher.sorted();
    let mut names: Vec<_> = members
        .iter()
        .map(|(id, member)| member.called(*id))
        .collect();
    names.dedup();
    let mut columns = MEMBERS;
    // Names that are there twice say less than ids.
    if names.len() < members.len() {
        columns[1].0.rank = 1;
    }
    order.members(&mut members, now);
    let rows = members.into_iter().map(|(id, member)| {
        [
            escaped(&member.called(id)).to_string(),
            id.to_string(),
            member.status(now).name().to_owned(),
            member.takes_at_most.map_or_else(
                || "-".to_owned(),
                |(datagram, _)| takes(member.takes_reliable, datagram),
            ),
            member
                .round_trip
                .map_or_else(|| "-".to_owned(), |trip| format!("{:.1}", millis(trip))),
            format!("{:.1}", member.datagrams.rate()),
            kilobytes(member.octets.rate()),
            format!("{:.1}", member.messages.rate()),
            member.nacks.total().to_string(),
            member.repairs.total().to_string(),
            member.numbers.missing().to_string(),
            member.numbers.gaps().to_string(),
            member.datagrams.sparkline(history),
        ]
    });
    Shown::new(columns, &rows.collect::<Vec<_>>(), order, room)
}

/// A row for each channel of each member.
pub(crate) fn streams(watcher: &Watcher, order: Order, room: Option<usize>, now: Instant) -> Shown {
    let history = room.map_or(SPARKLINE, |_| SECONDS);
    let mut members = watcher.sorted();
    order.members(&mut members, now);
    let mut streams: Vec<_> = members
        .into_iter()
        .flat_map(|(id, member)| {
            let streams = member.streams.iter();
            streams.map(move |((channel, class), stream)| Entry {
                from: escaped(&member.called(id)).to_string(),
                channel: *channel,
                class,
                stream,
            })
        })
        .collect();
    order.streams(&mut streams);
    let rows = streams.into_iter().map(|entry| {
        [
            entry.from,
            entry.channel.to_string(),
            entry.class.to_owned(),
            format!("{:.1}", entry.stream.messages.rate()),
            kilobytes(entry.stream.octets.rate()),
            entry.stream.repairs.total().to_string(),
            entry.stream.messages.sparkline(history),
        ]
    });
    Shown::new(STREAMS, &rows.collect::<Vec<_>>(), order, room)
}

/// What is not of one member.
pub(crate) fn summary(watcher: &Watcher, now: Instant) -> String {
    let mut text = format!(
        "{} members, {:.1} datagrams/s, {} kB/s; raw {}, foreign {}, damaged {}",
        present(watcher, now),
        watcher.datagrams.rate(),
        kilobytes(watcher.octets.rate()),
        watcher.raw.total(),
        watcher.foreign,
        watcher.damaged,
    );
    if let Some(unreadable) = &watcher.unreadable {
        text += &format!("; {unreadable}");
    }
    text
}

/// The tables, as lines for so many columns of a terminal. `None`: for a file or a program.
pub(crate) fn lines(
    watcher: &Watcher,
    order: Order,
    room: Option<usize>,
    now: Instant,
) -> Vec<String> {
    let mut lines = vec![summary(watcher, now)];
    let (members, streams) = (
        members(watcher, order, room, now),
        streams(watcher, order, room, now),
    );
    for shown in [members, streams] {
        if shown.table.rows.len() > 1 {
            lines.push(String::new());
            lines.extend(shown.table.lines());
        }
    }
    lines
}

/// The lines of `--json`: one for each member, and one for the group.
pub(crate) fn json(
    watcher: &Watcher,
    group: SocketAddr,
    order: Order,
    now: Instant,
) -> Vec<String> {
    let seconds = now.saturating_duration_since(watcher.start).as_secs_f64();
    let per_second = |total: u64| to_three_places(total as f64 / seconds.max(0.001));
    let mut members = watcher.sorted();
    order.members(&mut members, now);
    let mut lines: Vec<_> = members
        .into_iter()
        .map(|(id, member)| {
            to_line(&MemberLine {
                event: "member",
                from: member.called(id),
                sender: id.to_string(),
                session: member.session.to_string(),
                address: member.address,
                status: member.status(now).name(),
                takes_reliable: member.takes_reliable,
                max_datagram: member.takes_at_most.map(|(datagram, _)| datagram),
                max_message: member.takes_at_most.map(|(_, message)| message),
                round_trip_ms: member.round_trip.map(|trip| to_three_places(millis(trip))),
                datagrams: member.datagrams.total(),
                datagrams_per_s: per_second(member.datagrams.total()),
                bytes_per_s: per_second(member.octets.total()),
                messages: member.messages.total(),
                messages_per_s: per_second(member.messages.total()),
                nacks: member.nacks.total(),
                nacks_for_it: member.asked.total(),
                repairs: member.repairs.total(),
                missing: member.numbers.missing(),
                gaps: member.numbers.gaps(),
                streams: stream_lines(member, per_second),
            })
        })
        .collect();
    lines.push(to_line(&GroupLine {
        event: "group",
        group,
        seconds: to_three_places(seconds),
        members: present(watcher, now),
        datagrams: watcher.datagrams.total(),
        datagrams_per_s: per_second(watcher.datagrams.total()),
        bytes_per_s: per_second(watcher.octets.total()),
        raw: watcher.raw.total(),
        foreign: watcher.foreign,
        damaged: watcher.damaged,
    }));
    lines
}

#[derive(Serialize)]
struct MemberLine {
    event: &'static str,
    from: String,
    sender: String,
    session: String,
    address: SocketAddr,
    status: &'static str,
    takes_reliable: bool,
    max_datagram: Option<u16>,
    max_message: Option<u32>,
    round_trip_ms: Option<f64>,
    datagrams: u64,
    datagrams_per_s: f64,
    bytes_per_s: f64,
    messages: u64,
    messages_per_s: f64,
    nacks: u64,
    nacks_for_it: u64,
    repairs: u64,
    missing: usize,
    gaps: u64,
    streams: Vec<StreamLine>,
}

#[derive(Serialize)]
struct StreamLine {
    channel: u8,
    class: &'static str,
    messages: u64,
    messages_per_s: f64,
    bytes_per_s: f64,
    repairs: u64,
}

#[derive(Serialize)]
struct GroupLine {
    event: &'static str,
    group: SocketAddr,
    seconds: f64,
    members: usize,
    datagrams: u64,
    datagrams_per_s: f64,
    bytes_per_s: f64,
    raw: u64,
    foreign: u64,
    damaged: u64,
}

fn stream_lines(member: &Watched, per_second: impl Fn(u64) -> f64) -> Vec<StreamLine> {
    let streams = member.streams.iter();
    streams
        .map(|((channel, class), stream)| StreamLine {
            channel: *channel,
            class,
            messages: stream.messages.total(),
            messages_per_s: per_second(stream.messages.total()),
            bytes_per_s: per_second(stream.octets.total()),
            repairs: stream.repairs.total(),
        })
        .collect()
}

/// How many are there.
fn present(watcher: &Watcher, now: Instant) -> usize {
    let statuses = watcher.members.values().map(|member| member.status(now));
    statuses
        .filter(|status| matches!(status, Status::Present | Status::Suspect))
        .count()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn kilobytes(octets: f64) -> String {
    format!("{:.1}", octets / 1000.0)
}

fn to_three_places(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
