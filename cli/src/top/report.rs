//! What was heard, as lines for people and for programs.

use core::net::SocketAddr;
use core::time::Duration;
use std::time::Instant;

use serde::Serialize;

use super::watcher::{Standing, Watched, Watcher};
use crate::columns;
use crate::escape::escaped;
use crate::json::to_line;

/// Seconds in a sparkline.
pub(crate) const SPARKLINE: usize = 20;

pub(crate) const MEMBER_HEADINGS: [&str; 12] = [
    "MEMBER",
    "ID",
    "STANDING",
    "TRIP ms",
    "DGRAM/s",
    "kB/s",
    "MSG/s",
    "NACKS",
    "REPAIRS",
    "MISSING",
    "GAPS",
    "DATAGRAMS",
];

pub(crate) const STREAM_HEADINGS: [&str; 7] = [
    "STREAM", "CHANNEL", "CLASS", "MSG/s", "kB/s", "REPAIRS", "MESSAGES",
];

/// A row for each member.
pub(crate) fn member_rows(watcher: &Watcher, now: Instant) -> Vec<[String; MEMBER_HEADINGS.len()]> {
    let rows = watcher.sorted().into_iter().map(|(id, member)| {
        [
            escaped(&member.called(id)).to_string(),
            id.to_string(),
            member.standing(now).name().to_owned(),
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
            member.datagrams.sparkline(SPARKLINE),
        ]
    });
    rows.collect()
}

/// A row for each channel of each member.
pub(crate) fn stream_rows(watcher: &Watcher) -> Vec<[String; STREAM_HEADINGS.len()]> {
    let mut rows = Vec::new();
    for (id, member) in watcher.sorted() {
        for ((channel, class), stream) in &member.streams {
            rows.push([
                escaped(&member.called(id)).to_string(),
                channel.to_string(),
                (*class).to_owned(),
                format!("{:.1}", stream.messages.rate()),
                kilobytes(stream.octets.rate()),
                stream.repairs.total().to_string(),
                stream.messages.sparkline(SPARKLINE),
            ]);
        }
    }
    rows
}

/// What is not of one member.
pub(crate) fn summary(watcher: &Watcher, now: Instant) -> String {
    format!(
        "{} members, {:.1} datagrams/s, {} kB/s; bare {}, foreign {}, damaged {}",
        present(watcher, now),
        watcher.datagrams.rate(),
        kilobytes(watcher.octets.rate()),
        watcher.bare.total(),
        watcher.foreign,
        watcher.damaged,
    )
}

/// The tables, as lines.
pub(crate) fn lines(watcher: &Watcher, now: Instant) -> Vec<String> {
    let mut members = vec![MEMBER_HEADINGS.map(str::to_owned)];
    members.extend(member_rows(watcher, now));
    let mut streams = vec![STREAM_HEADINGS.map(str::to_owned)];
    streams.extend(stream_rows(watcher));
    let mut lines = vec![summary(watcher, now)];
    for table in [columns::lines(&members), columns::lines(&streams)] {
        if table.len() > 1 {
            lines.push(String::new());
            lines.extend(table);
        }
    }
    lines
}

/// The lines of `--json`: one for each member, and one for the group.
pub(crate) fn json(watcher: &Watcher, group: SocketAddr, now: Instant) -> Vec<String> {
    let seconds = now.saturating_duration_since(watcher.start).as_secs_f64();
    let per_second = |total: u64| to_three_places(total as f64 / seconds.max(0.001));
    let mut lines: Vec<_> = watcher
        .sorted()
        .into_iter()
        .map(|(id, member)| {
            to_line(&MemberLine {
                event: "member",
                from: member.called(id),
                sender: id.to_string(),
                session: member.session.to_string(),
                address: member.address,
                standing: member.standing(now).name(),
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
                streams: streams(member, per_second),
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
        bare: watcher.bare.total(),
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
    standing: &'static str,
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
    bare: u64,
    foreign: u64,
    damaged: u64,
}

fn streams(member: &Watched, per_second: impl Fn(u64) -> f64) -> Vec<StreamLine> {
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
    let standings = watcher.members.values().map(|member| member.standing(now));
    standings
        .filter(|standing| matches!(standing, Standing::Present | Standing::Suspect))
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
