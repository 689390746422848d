//! Who is there and what is said, as it can be seen by who only hears the group.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::time::Instant;

use groupcast::wire::{Data, Frame, Header, Hello, MAX_MAX_DATAGRAM, MIN_MAX_DATAGRAM};
use groupcast::{Channel, Class, MemberId, Name, Session};

use groupcast_std::Stranger;

use super::numbers::Numbers;
use super::series::Series;
use crate::network::framing::{Framing, Read, Seen};
use crate::output::json::called;

/// Members at most: whoever makes up more does not use up this machine's memory.
const MEMBERS: usize = 4096;

/// Units of the interval in HELLO, and what is assumed where none is stated.
const UNIT: Duration = Duration::from_millis(10);
const INTERVAL: Duration = Duration::from_secs(1);

/// How long those who are gone are still shown.
const REMEMBER: Duration = Duration::from_secs(10);

/// How a member stands.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Status {
    Present,
    /// Silent for longer than it promised.
    Suspect,
    Lost,
    Left,
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Suspect => "suspect",
            Self::Lost => "lost",
            Self::Left => "left",
        }
    }
}

/// What was heard.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) start: Instant,
    next_tick: Instant,
    pub(crate) members: BTreeMap<MemberId, Watched>,
    pub(crate) datagrams: Series,
    pub(crate) octets: Series,
    pub(crate) raw: Series,
    /// Of other groups, versions or suites.
    pub(crate) foreign: u64,
    pub(crate) damaged: u64,
    /// Who is there and cannot be read, in words.
    pub(crate) unreadable: Option<String>,
}

/// What was heard of a member.
#[derive(Debug)]
pub(crate) struct Watched {
    name: Name,
    pub(crate) session: Session,
    pub(crate) address: SocketAddr,
    heard: Instant,
    interval: Duration,
    has_left: bool,
    /// Whether it takes reliable messages, as far as it has said.
    pub(crate) takes_reliable: bool,
    /// The largest datagram and the largest message that it takes, in bytes; `None` if it has not said.
    pub(crate) takes_at_most: Option<(u16, u32)>,
    /// The round trip that it states.
    pub(crate) round_trip: Option<Duration>,
    seen: Seen,
    pub(crate) datagrams: Series,
    pub(crate) octets: Series,
    pub(crate) messages: Series,
    /// NACKs that it sent, and that were for its stream.
    pub(crate) nacks: Series,
    pub(crate) asked: Series,
    /// Fragments that it sent again because somebody asked.
    pub(crate) repairs: Series,
    pub(crate) numbers: Numbers,
    pub(crate) streams: BTreeMap<(u8, &'static str), Stream>,
}

/// What was heard of a member on a channel.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) messages: Series,
    /// Bytes of payload, each once.
    pub(crate) octets: Series,
    pub(crate) repairs: Series,
}

impl Watcher {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            start: now,
            next_tick: now + Duration::from_secs(1),
            members: BTreeMap::new(),
            datagrams: Series::default(),
            octets: Series::default(),
            raw: Series::default(),
            foreign: 0,
            damaged: 0,
            unreadable: None,
        }
    }

    /// Notes a datagram, and tells whose it is that cannot be read.
    pub(crate) fn heard(
        &mut self,
        now: Instant,
        source: SocketAddr,
        framing: &Framing,
        datagram: &mut [u8],
    ) -> Option<Stranger> {
        let octets = datagram.len() as u64;
        self.datagrams.add(1);
        self.octets.add(octets);
        match framing.read(datagram) {
            Read::Raw => self.raw.add(1),
            Read::Foreign(stranger) => {
                self.foreign += 1;
                return Some(stranger);
            }
            Read::Damaged => self.damaged += 1,
            Read::Framed(header, frames) => {
                let member = self.member(now, &header, source)?;
                member.datagrams.add(1);
                member.octets.add(octets);
                for frame in frames.map_while(Result::ok) {
                    let asked = self.members.get_mut(&header.sender);
                    let asked = asked.and_then(|member| member.frame(source, &frame));
                    if let Some(asked) = asked.and_then(|id| self.members.get_mut(&id)) {
                        asked.asked.add(1);
                    }
                }
            }
        }
        None
    }

    /// The member that sent a datagram; `None` if it is a duplicate, or if there are too many.
    fn member(
        &mut self,
        now: Instant,
        header: &Header,
        source: SocketAddr,
    ) -> Option<&mut Watched> {
        let id = header.sender;
        let known = self.members.get(&id);
        if known.is_none_or(|member| member.session != header.session) {
            if known.is_none() && self.members.len() >= MEMBERS {
                return None;
            }
            let member = Watched::new(now, header.session, source);
            self.members.insert(id, member);
        }
        let member = self.members.get_mut(&id)?;
        if !member.seen.is_new(header.counter) {
            return None;
        }
        member.heard = now;
        Some(member)
    }

    /// Counts the seconds that are over, and forgets who has been gone for long. Whether there was one.
    pub(crate) fn tick(&mut self, now: Instant) -> bool {
        let mut is_over = false;
        while self.next_tick <= now {
            is_over = true;
            self.next_tick += Duration::from_secs(1);
            for series in [&mut self.datagrams, &mut self.octets, &mut self.raw] {
                series.tick();
            }
            for member in self.members.values_mut() {
                member.tick();
            }
        }
        self.members.retain(|_, member| {
            let is_gone = matches!(member.status(now), Status::Left | Status::Lost);
            !is_gone || member.silent(now) < member.interval * 4 + REMEMBER
        });
        is_over
    }

    /// Those who are there, by name and id.
    pub(crate) fn sorted(&self) -> Vec<(MemberId, &Watched)> {
        let mut members: Vec<_> = self
            .members
            .iter()
            .map(|(id, member)| (*id, member))
            .collect();
        members.sort_by_key(|(id, member)| (member.name.as_str(), *id));
        members
    }
}

impl Watched {
    fn new(now: Instant, session: Session, address: SocketAddr) -> Self {
        Self {
            name: Name::EMPTY,
            session,
            address,
            heard: now,
            interval: INTERVAL,
            has_left: false,
            takes_reliable: true,
            takes_at_most: None,
            round_trip: None,
            seen: Seen::default(),
            datagrams: Series::default(),
            octets: Series::default(),
            messages: Series::default(),
            nacks: Series::default(),
            asked: Series::default(),
            repairs: Series::default(),
            numbers: Numbers::default(),
            streams: BTreeMap::new(),
        }
    }

    pub(crate) fn called(&self, id: MemberId) -> String {
        called(self.name.as_str(), id)
    }

    fn silent(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }

    /// How it stands (PROTOCOL M8).
    pub(crate) fn status(&self, now: Instant) -> Status {
        let halves = self.silent(now).as_secs_f64() / self.interval.as_secs_f64() * 2.0;
        match halves {
            _ if self.has_left => Status::Left,
            ..5.0 => Status::Present,
            ..7.0 => Status::Suspect,
            _ => Status::Lost,
        }
    }

    /// Notes a frame. If it asks for repairs, of whom.
    fn frame(&mut self, source: SocketAddr, frame: &Frame<'_>) -> Option<MemberId> {
        match frame {
            Frame::Hello(hello) => self.hello(source, hello),
            Frame::Bye(_) => self.has_left = true,
            Frame::Data(data) => self.data(data),
            Frame::Sync(sync) => {
                self.numbers.sent_up_to(sync.next);
                self.numbers.kept_from(sync.low);
            }
            Frame::Skip(skip) => self.numbers.skipped(skip.first, skip.count),
            Frame::Nack(nack) => {
                self.nacks.add(1);
                return MemberId::new(nack.target);
            }
            _ => {}
        }
        None
    }

    fn hello(&mut self, source: SocketAddr, hello: &Hello<'_>) {
        self.name = hello.name;
        self.takes_reliable = hello.takes_streams();
        let datagram = hello.max_datagram.clamp(MIN_MAX_DATAGRAM, MAX_MAX_DATAGRAM);
        self.takes_at_most = Some((datagram, u32::from(hello.max_message) * 64));
        self.address = source;
        if hello.interval > 0 {
            self.interval = UNIT * u32::from(hello.interval);
        }
        if hello.round_trip > 0 {
            // 8·log2(µs).
            let micros = (f64::from(hello.round_trip) / 8.0).exp2();
            self.round_trip = Some(Duration::from_secs_f64(micros / 1e6));
        }
    }

    fn data(&mut self, data: &Data<'_>) {
        let class = match (data.class, data.latest) {
            (0, true) => Class::Latest,
            (0, false) => Class::BestEffort,
            (1, _) => Class::ReliableUnordered,
            (2, _) => Class::ReliableOrdered,
            _ => Class::State,
        };
        let channel = Channel::new(data.channel, class);
        // The first two have numbers of their own, and nothing of them is sent twice.
        let is_new = matches!(class, Class::BestEffort | Class::Latest) || {
            let kept = data.sequence.wrapping_sub(u32::from(data.horizon));
            let is_new = self.numbers.came(data.sequence);
            // A repaired value of State says nothing of the stream, nor does a horizon that is not told whole.
            if data.horizon < u8::MAX && !data.repair {
                self.numbers.kept_from(kept);
            }
            is_new
        };
        let stream = self
            .streams
            .entry((data.channel, channel.class().name()))
            .or_default();
        if data.repair {
            self.repairs.add(1);
            stream.repairs.add(1);
        }
        if is_new {
            stream.octets.add(data.payload.len() as u64);
            if data.fragment == data.last {
                stream.messages.add(1);
                self.messages.add(1);
            }
        }
    }

    fn tick(&mut self) {
        let all = [
            &mut self.datagrams,
            &mut self.octets,
            &mut self.messages,
            &mut self.nacks,
            &mut self.asked,
            &mut self.repairs,
        ];
        for series in all {
            series.tick();
        }
        for stream in self.streams.values_mut() {
            for series in [
                &mut stream.messages,
                &mut stream.octets,
                &mut stream.repairs,
            ] {
                series.tick();
            }
        }
    }
}
