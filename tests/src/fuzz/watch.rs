//! Looks at what a member does, whatever is done to it.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use groupcast::wire::{self, Frame};
use groupcast::{Class, Event, Instant, Peer};

use super::Reached;
use crate::insider::Insider;
use crate::swarm::wire_math::is_before;

/// Datagrams in any second at most, however much comes in. A member that paces itself as
/// [`Pace::BOARD`](groupcast::Pace::BOARD) sends at most 744 of its smallest messages in a second; the
/// rest is for what it is asked.
const SENT_PER_SECOND: usize = 1_000;

/// What came of one session of another member.
#[derive(Debug, Default)]
struct Track {
    session: u64,
    done: BTreeSet<u32>,
    lost: Vec<(u32, u32)>,
    ordered: Option<u32>,
    /// The session before it, which may turn out to be the one that goes on.
    before: Option<Box<Self>>,
}

/// What one member told and sent so far.
#[derive(Debug, Default)]
pub(super) struct Watch {
    tracks: BTreeMap<u32, Track>,
    counters: BTreeMap<u64, u64>,
    sent: VecDeque<Instant>,
    pub(super) raw_sent: BTreeSet<Vec<u8>>,
    /// Fragments of messages that overlap came in: what is promised of messages means nothing then.
    pub(super) overlaps: bool,
    pub(super) reached: Reached,
}

impl Watch {
    /// The member told something.
    pub(super) fn told(&mut self, event: &Event<'_>) {
        let name = match event {
            Event::Message(message) => self.message(message),
            Event::Raw(raw) => {
                assert_ne!(raw.payload().first(), Some(&wire::MAGIC));
                assert!(!raw.payload().is_empty());
                "raw"
            }
            Event::Gap(gap) => {
                let track = self.tracks.get_mut(&gap.peer().id().get());
                if let Some(track) = track.filter(|_| !self.overlaps) {
                    track.gap(gap.lost().first().get(), gap.lost().last().get());
                }
                "gap"
            }
            Event::Confirmed(_) => "confirmed",
            Event::Joined(member) => {
                let track = Track::of(member.session().get());
                self.tracks.insert(member.id().get(), track);
                "joined"
            }
            Event::Restarted(member) => self.restarted(member),
            Event::Left(member) => {
                self.tracks.remove(&member.id().get());
                "left"
            }
            Event::Lost(member) => {
                self.tracks.remove(&member.id().get());
                "lost"
            }
            Event::Suspect(_) => "suspect",
            Event::Recovered(_) => "recovered",
            Event::RosterFull { .. } => "roster-full",
            Event::DuplicateId(duplicate) => {
                self.tracks.remove(&duplicate.id().get());
                "duplicate-id"
            }
            _ => "another-event",
        };
        self.reached.insert(name);
    }

    fn message(&mut self, message: &groupcast::Message<'_>) -> &'static str {
        let class = message.channel().class();
        let track = self.tracks.get_mut(&message.sender().get());
        let Some(track) = track.filter(|_| !self.overlaps) else {
            return "unjudged";
        };
        let sequence = message.sequence().get();
        match class {
            Class::BestEffort => "best-effort",
            Class::Latest => "latest",
            Class::State => "state",
            Class::ReliableUnordered => {
                track.deliver(sequence);
                "unordered"
            }
            _ => {
                track.deliver(sequence);
                let before = track.ordered.replace(sequence);
                let rises = before.is_none_or(|before| is_before(before, sequence));
                assert!(rises, "ordered message {sequence} after {before:?}");
                "ordered"
            }
        }
    }

    fn restarted(&mut self, member: &Peer) -> &'static str {
        let (id, session) = (member.id().get(), member.session().get());
        let Some(mut old) = self.tracks.remove(&id) else {
            self.tracks.insert(id, Track::of(session));
            return "restarted";
        };
        let before = old.before.take();
        let (mut new, name) = match before {
            Some(before) if before.session == session => (*before, "restarted-back"),
            _ => (Track::of(session), "restarted"),
        };
        new.before = Some(Box::new(old));
        self.tracks.insert(id, new);
        name
    }

    /// The member sends a datagram.
    pub(super) fn sent(&mut self, now: Instant, id: u32, limit: usize, datagram: &[u8]) {
        self.sent_octets(now, limit, datagram);
        if datagram.first() != Some(&wire::MAGIC) {
            assert!(self.raw_sent.contains(datagram), "nobody sent {datagram:?}");
            return;
        }
        let (header, frames) = wire::parse(datagram).expect("what is sent is sound");
        self.sent_frames(id, &header, frames);
    }

    /// The member of a sealed group sends a datagram.
    pub(super) fn sent_sealed(
        &mut self,
        now: Instant,
        id: u32,
        limit: usize,
        datagram: &[u8],
        insider: &Insider,
    ) {
        self.sent_octets(now, limit, datagram);
        let header = wire::parse_header(datagram).expect("what is sent is sound");
        let body = insider.open(datagram).expect("what is sent is sealed");
        self.sent_frames(id, &header, wire::Frames::new(&body));
    }

    fn sent_octets(&mut self, now: Instant, limit: usize, datagram: &[u8]) {
        while let Some(first) = self.sent.front()
            && now.since(*first) >= Duration::from_secs(1)
        {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        let count = self.sent.len();
        assert!(count <= SENT_PER_SECOND, "{count} datagrams in a second");
        assert!(datagram.len() <= limit, "a datagram above {limit} octets");
    }

    fn sent_frames(&mut self, id: u32, header: &wire::Header, frames: wire::Frames<'_>) {
        assert_eq!(header.sender.get(), id);
        let last = self.counters.insert(header.session.get(), header.number());
        assert!(
            header.number() > last.unwrap_or_default(),
            "{header:?} again"
        );
        for frame in frames {
            let name = match frame.expect("what is sent is well-formed") {
                Frame::Data(data) if data.repair => "sends-repair",
                Frame::Data(data) if data.copy => "sends-copy",
                Frame::Data(data) if data.last > 0 => "sends-fragment",
                Frame::Data(_) => "sends-data",
                Frame::Nack(_) => "sends-nack",
                Frame::Skip(_) => "sends-skip",
                Frame::AckRequest(_) => "sends-ackreq",
                Frame::Ack(_) => "sends-ack",
                Frame::Ask(_) => "sends-ask",
                Frame::Start(_) => "sends-start",
                Frame::Busy(_) => "sends-busy",
                Frame::Bye(_) => "sends-bye",
                Frame::Hello(hello) if hello.probe => "sends-probe",
                _ => continue,
            };
            self.reached.insert(name);
        }
    }
}

impl Track {
    fn of(session: u64) -> Self {
        Self {
            session,
            ..Self::default()
        }
    }

    fn deliver(&mut self, sequence: u32) {
        assert!(self.done.insert(sequence), "message {sequence} again");
        let within =
            |(first, last): &(u32, u32)| sequence.wrapping_sub(*first) <= last.wrapping_sub(*first);
        let gap = self.lost.iter().find(|gap| within(gap));
        assert!(gap.is_none(), "message {sequence} of gap {gap:?}");
    }

    fn gap(&mut self, first: u32, last: u32) {
        let len = last.wrapping_sub(first);
        assert!(len < 1 << 31, "gap {first}..={last}");
        if len > 1 << 24 {
            // The numbers begin to come round.
            *self = Self::of(self.session);
            return;
        }
        let covers = |sequence: &u32| sequence.wrapping_sub(first) <= len;
        let done = self.done.iter().find(|sequence| covers(sequence));
        assert!(
            done.is_none(),
            "gap {first}..={last} covers message {done:?}"
        );
        let overlaps = |(from, to): &(u32, u32)| {
            from.wrapping_sub(first) <= len || first.wrapping_sub(*from) <= to.wrapping_sub(*from)
        };
        let other = self.lost.iter().find(|gap| overlaps(gap));
        assert!(other.is_none(), "gap {first}..={last} overlaps {other:?}");
        self.lost.push((first, last));
    }
}
