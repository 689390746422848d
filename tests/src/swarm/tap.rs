//! What goes over the wire: limits of rate and size, and counters that are never used twice.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

use groupcast::wire::{self, Frame, Nack};
use groupcast::{Instant, MemberId, Session};
use groupcast_sim::{HostId, TraceEntry, TraceEvent};

use super::asks::{Asks, Said};
use super::claims::{Broken, Claims, Limits};
use super::memory::RECEIVE;
use super::oracle::{Arrival, Oracle};
use super::world::Life;

/// NACKs of one receiver for one sender in any second at most: a hundred, and eight at once.
const NACKS: usize = 108;

/// Datagrams to strangers in any second at most: twenty, and as many at once.
const ANSWERS: usize = 41;

/// Moments without any event, one right after the other, that are too many.
const SPINNING: u32 = 64;

/// For so long at most a datagram is on its way.
const LONGEST_WAY: Duration = Duration::from_secs(2);

/// A tap on the network.
#[derive(Debug, Default)]
pub struct Tap {
    /// Which member is on which host.
    pub hosts: BTreeMap<HostId, usize>,
    /// The last datagram counter of each id and session.
    counters: BTreeMap<(MemberId, Session), u64>,
    nacks: BTreeMap<(usize, u32, u32), VecDeque<Instant>>,
    /// What each life claims of its stream.
    claims: BTreeMap<usize, Claims>,
    /// What each life heard of each other one, and asked it for.
    asks: BTreeMap<(usize, usize), Asks>,
    on_the_way: OnTheWay,
    /// Where strangers are, and when each member sent something there.
    pub strangers: Option<IpAddr>,
    answers: BTreeMap<usize, VecDeque<Instant>>,
    /// What was asked of the puppet.
    pub asked_of_puppet: Vec<u32>,
    last: Option<Instant>,
    idle: u32,
}

/// What a member's datagram says.
#[derive(Debug)]
struct Spoken {
    /// Its life.
    there: usize,
    name: (MemberId, Session),
    counter: u64,
    said: Said,
}

/// What the datagrams say that were sent just now.
#[derive(Debug, Default)]
struct OnTheWay {
    /// `None`: a stranger made it up.
    said: HashMap<*const u8, Option<Spoken>>,
    /// In order of time; holding them keeps their addresses their own.
    sent: VecDeque<(Instant, Rc<[u8]>)>,
}

impl OnTheWay {
    fn note(&mut self, entry: &TraceEntry, spoken: Option<Spoken>) {
        let address = entry.payload.as_ptr();
        self.said.insert(address, spoken);
        self.sent.push_back((entry.time, Rc::clone(&entry.payload)));
        while let Some((at, old)) = self.sent.front()
            && entry.time.since(*at) > LONGEST_WAY
        {
            self.said.remove(&old.as_ptr());
            self.sent.pop_front();
        }
    }
}

/// The result of a look at a datagram.
type Verdict = Result<(), Broken>;

impl Tap {
    /// A moment has passed, in which this happened.
    pub fn moment(&mut self, now: Instant, trace: &[TraceEntry], oracle: &mut Oracle<'_>) {
        let at_once = self
            .last
            .is_some_and(|last| now.since(last) <= Duration::from_micros(2));
        self.idle = if trace.is_empty() && at_once {
            self.idle + 1
        } else {
            0
        };
        self.last = Some(now);
        if self.idle > SPINNING {
            oracle.accuse(now, "spinning", "polled again and again for nothing".into());
        }
        for entry in trace {
            let verdict = match entry.event {
                TraceEvent::Sent => {
                    oracle.totals.datagrams += 1;
                    self.sent(entry, oracle)
                }
                TraceEvent::Delivered => {
                    self.arrived(entry, oracle);
                    Ok(())
                }
                TraceEvent::Forged => {
                    let spoken = puppet(entry, oracle);
                    self.on_the_way.note(entry, spoken);
                    Ok(())
                }
                _ => Ok(()),
            };
            if let Err((rule, what)) = verdict {
                oracle.accuse(now, rule, what);
            }
        }
    }

    /// All is over, after some time at rest.
    pub fn settle(&self, now: Instant, oracle: &mut Oracle<'_>) {
        for (life, claims) in &self.claims {
            let member = oracle.lives[*life].member;
            // Of values, who has a history repeats those of a stream, and a leaf the last one.
            let copies = oracle.sends_reliably(member) || oracle.is_leaf(*life);
            if oracle.is_alive(*life)
                && let Err((rule, what)) = claims.rested(oracle.calm_since(), now, copies)
            {
                oracle.accuse(now, rule, format!("member {member}: {what}"));
            }
        }
    }

    fn sent(&mut self, entry: &TraceEntry, oracle: &mut Oracle<'_>) -> Verdict {
        let datagram = &entry.payload[..];
        if datagram.first() != Some(&wire::MAGIC) {
            return Ok(());
        }
        let (header, frames) = match wire::parse(datagram) {
            Ok(parsed) => parsed,
            Err(error) => return Err(("wire", format!("a datagram that {error}"))),
        };
        let (id, session) = (header.sender, header.session);
        let Some(here) = self.speaker(entry, (id, session), oracle) else {
            return Err(("wire", format!("a datagram of {id}, which never lived")));
        };
        let before = self.counters.insert((id, session), header.number());
        // Clones use the same ones until they know of each other.
        let is_alone = !oracle.has_clones();
        if is_alone && before.is_some_and(|before| header.number() <= before) {
            return Err(("counter", format!("{} of {id} twice", header.number())));
        }
        let member = oracle.lives[here].member;
        let limit = oracle.limit(member);
        if datagram.len() > limit {
            let len = datagram.len();
            return Err(("size", format!("{len} octets of {id}, limit {limit}")));
        }
        if self.strangers == Some(entry.destination.ip()) {
            self.answered(entry.time, member)?;
        }
        let frames: Result<Vec<_>, _> = frames.collect();
        let frames = frames.map_err(|error| ("wire", format!("a frame of {id}: {error:?}")))?;
        let of_member = |(rule, what)| (rule, format!("member {member}: {what}"));
        let limits = Limits {
            pace: oracle.pace(member),
            datagram: limit,
            is_prompt: oracle.is_prompt(entry.time),
        };
        let claims = self.claims.entry(here).or_default();
        claims
            .sent(entry.time, &header, datagram.len(), &frames, limits)
            .map_err(of_member)?;
        Self::streamless(here, entry, &frames, oracle).map_err(of_member)?;
        for frame in &frames {
            if let Frame::Nack(nack) = frame {
                oracle.totals.nacks += 1;
                if oracle.is_puppet(nack.target) {
                    self.asked_of_puppet.extend(nack.iter());
                }
                self.asked(entry.time, here, nack, oracle)
                    .map_err(of_member)?;
            }
        }
        let mut said = Said::of(&frames);
        if header.is_to_one() {
            // It may overtake what was sent to the group, so it says nothing of what can be repaired.
            said.low = None;
        }
        let said = Spoken {
            there: here,
            name: (id, session),
            counter: header.number(),
            said,
        };
        self.on_the_way.note(entry, Some(said));
        Ok(())
    }

    /// What those who take no reliable streams say, and what is said to them.
    fn streamless(
        here: usize,
        entry: &TraceEntry,
        frames: &[Frame<'_>],
        oracle: &Oracle<'_>,
    ) -> Verdict {
        let is_streamless = oracle.is_streamless(here);
        let mut is_for_all = false;
        for frame in frames {
            let is_wrong = match frame {
                Frame::Nack(_) | Frame::Ack(_) => is_streamless,
                Frame::Hello(hello) => hello.takes_streams() == is_streamless,
                Frame::Start(start) => {
                    let meant = |life: &Life| life.is_target(start.target, start.session);
                    let there = oracle.lives.iter().rposition(meant);
                    // Who keeps no roster knows nobody who asks, and says the same to all.
                    there.is_some_and(|there| oracle.is_streamless(there) && !oracle.is_leaf(here))
                }
                _ => false,
            };
            if is_wrong {
                return Err(("streamless", format!("{frame:?}")));
            }
            is_for_all |= match frame {
                Frame::Data(data) => !matches!(data.class, 1 | 2),
                Frame::AckRequest(_) | Frame::Skip(_) => false,
                _ => true,
            };
        }
        let len = entry.payload.len();
        let is_calm = entry.time >= oracle.calm_since();
        // What was accepted before it was known goes out alone.
        let is_alone = matches!(frames, [Frame::Data(_)]);
        let is_late = is_calm && !is_alone;
        if is_for_all && is_late && len > RECEIVE && oracle.knows_streamless(here) {
            return Err(("size", format!("{len} octets for everybody")));
        }
        Ok(())
    }

    /// The life that a datagram is of: that of the host it comes from, since clones have one name.
    fn speaker(
        &self,
        entry: &TraceEntry,
        (id, session): (MemberId, Session),
        oracle: &Oracle<'_>,
    ) -> Option<usize> {
        let from = HostId::at(entry.source.ip()).and_then(|host| self.hosts.get(&host));
        let current = from.and_then(|member| oracle.current[*member]);
        current
            .filter(|life| oracle.lives[*life].is(id, session))
            .or_else(|| oracle.life_named(id, session))
    }

    /// A member answers a stranger: all of them share what may be answered.
    fn answered(&mut self, at: Instant, member: usize) -> Verdict {
        let times = self.answers.entry(member).or_default();
        times.push_back(at);
        while let Some(first) = times.front()
            && at.since(*first) >= Duration::from_secs(1)
        {
            times.pop_front();
        }
        if times.len() > ANSWERS {
            let what = format!("member {member}: {} to strangers in a second", times.len());
            return Err(("answers", what));
        }
        Ok(())
    }

    /// Whether a member sent something just now.
    pub(super) fn has_sent(&self, member: usize, trace: &[TraceEntry]) -> bool {
        trace.iter().any(|entry| {
            let from = HostId::at(entry.source.ip());
            entry.event == TraceEvent::Sent
                && from.and_then(|from| self.hosts.get(&from)) == Some(&member)
        })
    }

    /// The number after the last that a life has sent.
    pub(super) fn next_of(&self, life: usize) -> u32 {
        self.claims.get(&life).map_or(0, Claims::next)
    }

    /// The last counter that was used under a name.
    pub(super) fn counter_of(&self, name: (MemberId, Session)) -> u64 {
        self.counters.get(&name).copied().unwrap_or_default()
    }

    /// A member's clock leapt forward: for it, more time has passed, in which it may have asked.
    pub(super) fn leapt(&mut self, member: usize, oracle: &Oracle<'_>) {
        let lives = &oracle.lives;
        self.nacks
            .retain(|(here, ..), _| lives[*here].member != member);
    }

    /// A life's numbers begin anew.
    pub(super) fn begins_anew(&mut self, life: usize) {
        self.claims.entry(life).or_default().begins_anew();
    }

    /// A member asks.
    fn asked(&mut self, at: Instant, here: usize, nack: &Nack, oracle: &Oracle<'_>) -> Verdict {
        // A stream that had to give way forgets what it asked for.
        if !oracle.streams_fit() {
            return Ok(());
        }
        let times = self.nacks.entry((here, nack.target, nack.session));
        let times = times.or_default();
        times.push_back(at);
        while let Some(first) = times.front()
            && at.since(*first) >= Duration::from_secs(1)
        {
            times.pop_front();
        }
        if times.len() > NACKS {
            return Err(("nacks", format!("{} in a second", times.len())));
        }
        // Who was given up and came back is followed anew, as if nothing had been heard of it.
        let is_known = |there: &usize| oracle.is_prompt(at) && oracle.knows(here, *there);
        // A clone that has another id now tells of its stream under that: under the former one it ends unheard.
        let is_current = |there: &usize| {
            let life = &oracle.lives[*there];
            life.name().0.get() == nack.target && !life.began_anew()
        };
        match target(nack, oracle).filter(is_known).filter(is_current) {
            Some(there) => self.asks.entry((here, there)).or_default().asks(at, nack),
            None => Ok(()),
        }
    }

    /// A datagram arrived, unharmed or not.
    fn arrived(&mut self, entry: &TraceEntry, oracle: &mut Oracle<'_>) {
        let Some(member) = entry.receiver.and_then(|host| self.hosts.get(&host)) else {
            return;
        };
        let known = self.on_the_way.said.get(&entry.payload.as_ptr());
        let here = oracle.current[*member];
        // What does not fit its buffer is not heard.
        let fits = |here| entry.payload.len() <= oracle.receives(here);
        let is_lost = !here.is_none_or(fits);
        let spoken = known.and_then(Option::as_ref).filter(|_| !is_lost);
        let arrival = Arrival {
            there: spoken.map(|spoken| spoken.there),
            name: spoken.map(|spoken| spoken.name),
            counter: spoken.map_or(0, |spoken| spoken.counter),
            tells: spoken.and_then(|spoken| spoken.said.tells),
            begins: spoken.is_some_and(|spoken| spoken.said.begins),
            to_group: entry.destination.ip().is_multicast(),
            is_made_up: matches!(known, Some(None)),
        };
        oracle.arrived(entry.time, *member, arrival);
        let (Some(spoken), Some(here)) = (spoken, oracle.current[*member]) else {
            return;
        };
        let (there, counter, said) = (&spoken.there, &spoken.counter, &spoken.said);
        // A copy that comes later is dropped, even if what came first was of nobody known.
        let asks = self.asks.entry((here, *there)).or_default();
        if here == *there || !asks.hears(*counter, said) {
            return;
        }
        // What is heard of those it does not know, or of a life that is over, may be dropped.
        let counts = oracle.is_alive(here) && oracle.is_alive(*there);
        if !counts || !oracle.streams_fit() || !oracle.knows(here, *there) {
            asks.glimpses(said);
            return;
        }
        asks.learns(entry.time, said);
        for nack in &said.nacks {
            if let Some(asks) = target(nack, oracle).and_then(|of| self.asks.get_mut(&(here, of))) {
                asks.overhears(entry.time, nack);
            }
        }
    }
}

/// What the puppet says, if it said this: it is a member like any other.
fn puppet(entry: &TraceEntry, oracle: &Oracle<'_>) -> Option<Spoken> {
    let (header, frames) = wire::parse(&entry.payload).ok()?;
    if !oracle.is_puppet(header.sender.get()) {
        return None;
    }
    let frames: Vec<_> = frames.flatten().collect();
    Some(Spoken {
        there: oracle.life_named(header.sender, header.session)?,
        name: (header.sender, header.session),
        counter: header.number(),
        said: Said::of(&frames),
    })
}

/// The life that a NACK means.
fn target(nack: &Nack, oracle: &Oracle<'_>) -> Option<usize> {
    let (id, low) = (nack.target, nack.session);
    let was = || {
        oracle
            .lives
            .iter()
            .rposition(|life| life.was_target(id, low))
    };
    let is = |life: &Life| life.is_target(id, low);
    oracle.lives.iter().rposition(is).or_else(was)
}
