//! What a sender does and says of its own stream: numbers, horizon, repairs, pace, heartbeats.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use groupcast::wire::{Data, Frame, Header};
use groupcast::{Instant, Pace};

use super::wire_math::{is_before, round_trip};

/// A rule, and how it was broken.
pub(super) type Broken = (&'static str, String);

/// A sender that sends no more tells of its last message for at least so long. Its heartbeats go on until
/// two seconds lie between them.
const LAST_HEARTBEAT: Duration = Duration::from_millis(700);

/// While messages come more often than this, a heartbeat waits for the next one.
const STEADY: Duration = Duration::from_micros(62_500);

/// Of its heartbeats so many carry the last message at least, if it is short and the round trip is too.
const COPIES: u32 = 3;
const SHORT_TRIP: Duration = Duration::from_millis(150);
const SHORT_MESSAGE: usize = 256;

/// The code of the class State in a frame.
pub(super) const STATE: u8 = 3;

/// The octet for the round trip that is assumed before one was measured, 10 ms.
const GUESSED_TRIP: u8 = 106;

/// Octets of repairs of a sender without a pace at most, over this time: as much as the fastest pace, and what a
/// small desktop program keeps, and one datagram more, with which the budget goes below 0.
const REPAIRS: usize = 250_000 + 65_536 + 1_472;
const REPAIRS_OVER: Duration = Duration::from_millis(100);

/// What counts for a datagram beside its octets.
const PER_DATAGRAM: usize = 46;

/// What may be sent how fast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) pace: Pace,
    pub(super) datagram: usize,
    /// Whether what is sent leaves at once: the stack refuses nothing.
    pub(super) is_prompt: bool,
}

/// Of so many round trips it is known until when they were stated.
const TRIPS: usize = 64;

/// What a sender has claimed so far, in one life.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    /// The number after the last one that was sent for the first time.
    next: Option<u32>,
    /// Below this it cannot repair.
    low: Option<u32>,
    /// The round trip it states.
    trip: Duration,
    /// What it stated of late, and until when.
    trips: VecDeque<(Instant, Duration)>,
    repaired: BTreeMap<u32, Instant>,
    /// Repairs of late, where there is no pace, and their octets.
    repairs: VecDeque<(Instant, usize)>,
    repairs_sum: usize,
    /// Octets that its pace allows now, and since when.
    level: Option<(f64, Instant)>,
    last: Option<Last>,
}

/// The last message, and what was said of it since.
#[derive(Clone, Copy, Debug)]
struct Last {
    at: Instant,
    /// The greatest round trip that was stated around it.
    trip: Duration,
    /// Its frame is whole and short, so that heartbeats carry it.
    is_short: bool,
    first_beat: Option<Instant>,
    last_beat: Option<Instant>,
    copies: u32,
}

impl Last {
    /// Whether a HELLO that is sent now has taken a heartbeat with it: each comes when three times as much
    /// time has passed since the message as at the one before.
    fn is_beat(&self, at: Instant) -> bool {
        let due = self.last_beat.map(|beat| beat.since(self.at) * 3);
        due.is_some_and(|due| at.since(self.at).abs_diff(due) <= Duration::from_millis(1))
    }
}

/// The lowest number that a frame says can be repaired. `None`: it does not say.
pub(super) fn low_of(data: &Data<'_>) -> Option<u32> {
    let in_stream = is_in_stream(data) && !is_value(data);
    (in_stream && data.horizon < u8::MAX)
        .then(|| data.sequence.wrapping_sub(u32::from(data.horizon)))
}

pub(super) const fn is_in_stream(data: &Data<'_>) -> bool {
    data.class != 0
}

/// A value that was asked for comes outside of the stream.
pub(super) fn is_value(data: &Data<'_>) -> bool {
    data.repair && data.class == STATE && data.horizon == u8::MAX
}

impl Claims {
    /// The number after the last one that was sent for the first time.
    pub(super) fn next(&self) -> u32 {
        self.next.unwrap_or_default()
    }

    /// Its numbers begin anew; its pace does not.
    pub(super) fn begins_anew(&mut self) {
        *self = Self {
            level: self.level,
            ..Self::default()
        };
    }

    /// It sent this datagram of `len` octets.
    pub(super) fn sent(
        &mut self,
        at: Instant,
        header: &Header,
        len: usize,
        frames: &[Frame<'_>],
        limits: Limits,
    ) -> Result<(), Broken> {
        let has_hello = frames.iter().any(|frame| matches!(frame, Frame::Hello(_)));
        let mut is_charged = false;
        let is_repair = |frame: &Frame<'_>| matches!(frame, Frame::Data(data) if data.repair);
        if frames.iter().any(is_repair) && numbers(limits.pace).is_none() {
            self.repairs_cost(at, len)?;
        }
        for frame in frames {
            match frame {
                Frame::Data(data) => {
                    is_charged |= !data.copy;
                    self.data(at, data, limits)?;
                }
                Frame::Sync(sync) => {
                    if self.trips.len() == TRIPS {
                        self.trips.pop_front();
                    }
                    self.trips.push_back((at, self.trip));
                    self.trip = round_trip(sync.round_trip);
                    if let Some(next) = self.next.filter(|next| sync.next != *next) {
                        let what = format!("SYNC says {}, sent was up to {next}", sync.next);
                        return Err(("stream", what));
                    }
                    if is_before(sync.next, sync.low) {
                        return Err(("horizon", format!("SYNC of {}..{}", sync.low, sync.next)));
                    }
                    self.says_low(sync.low)?;
                    if let Some(last) = &mut self.last {
                        if last.first_beat.is_none() {
                            last.first_beat = Some(at);
                            last.trip = last.trip.max(self.trip);
                        }
                        if !has_hello || last.is_beat(at) {
                            last.last_beat = Some(at);
                        }
                    }
                }
                _ => {}
            }
        }
        if is_charged && limits.is_prompt {
            self.pay(at, len, limits).map_err(|(rule, what)| {
                (rule, format!("{what} with datagram {}", header.counter))
            })?;
        }
        Ok(())
    }

    fn data(&mut self, at: Instant, data: &Data<'_>, limits: Limits) -> Result<(), Broken> {
        if !is_in_stream(data) || is_value(data) {
            return Ok(());
        }
        let sequence = data.sequence;
        match low_of(data) {
            // It is here; that it cannot be repaired, who hears nothing says only in SYNC.
            Some(low) if data.copy && Some(low.wrapping_add(1)) == self.low => {}
            Some(low) => self.says_low(low)?,
            None => {
                let low = self.low.unwrap_or(sequence);
                let kept = sequence.wrapping_sub(low);
                if self.low.is_some() && !is_before(sequence, low) && kept < u32::from(u8::MAX) {
                    let what = format!("{sequence} says 255 or more, but {low} was the lowest");
                    return Err(("horizon", what));
                }
            }
        }
        let next = *self.next.get_or_insert(sequence);
        if data.repair || data.copy {
            if !is_before(sequence, next) {
                return Err(("stream", format!("{sequence} again, but it is new")));
            }
            if data.repair {
                self.repair(at, sequence, limits)?;
            } else if let Some(last) = &mut self.last {
                last.copies += 1;
            }
            return Ok(());
        }
        if sequence != next {
            let what = format!("{sequence} for the first time, but {next} comes next");
            return Err(("stream", what));
        }
        self.next = Some(sequence.wrapping_add(1));
        self.last = Some(Last {
            at,
            trip: self.trip,
            is_short: data.last == 0 && data.payload.len() <= SHORT_MESSAGE,
            first_beat: None,
            last_beat: None,
            copies: 0,
        });
        Ok(())
    }

    /// What is evicted does not come back.
    fn says_low(&mut self, low: u32) -> Result<(), Broken> {
        let before = self.low.replace(low).unwrap_or(low);
        if is_before(low, before) {
            let what = format!("{low} can be repaired, but {before} was the lowest");
            return Err(("horizon", what));
        }
        Ok(())
    }

    /// A repair serves all who asked, so it is sent once per round trip.
    fn repair(&mut self, at: Instant, sequence: u32, limits: Limits) -> Result<(), Broken> {
        let Some(before) = self.repaired.insert(sequence, at) else {
            return Ok(());
        };
        // With the round trip of the moment when it was asked for, and in milliseconds, so that one may be missing.
        let since = self.trips.iter().filter(|(until, _)| *until >= before);
        let stated = since.fold(self.trip, |least, (_, trip)| least.min(*trip));
        let trip = if stated == round_trip(GUESSED_TRIP) {
            Duration::ZERO
        } else {
            stated.mul_f64(0.4)
        };
        let least = trip.max(Duration::from_millis(2)) - Duration::from_millis(1);
        let since = at.since(before);
        if limits.is_prompt && since < least {
            let what = format!("{sequence} again after {since:?}, at least {least:?} is to pass");
            return Err(("repairs", what));
        }
        Ok(())
    }

    /// Whatever is asked for, repairs of a sender without a pace are bounded, too.
    fn repairs_cost(&mut self, at: Instant, len: usize) -> Result<(), Broken> {
        while let Some((first, octets)) = self.repairs.front()
            && at.since(*first) >= REPAIRS_OVER
        {
            self.repairs_sum -= octets;
            self.repairs.pop_front();
        }
        self.repairs.push_back((at, len));
        self.repairs_sum += len;
        if self.repairs_sum > REPAIRS {
            let what = format!("{} octets in {REPAIRS_OVER:?}", self.repairs_sum);
            return Err(("repairs", what));
        }
        Ok(())
    }

    /// Octets go through a token bucket.
    fn pay(&mut self, at: Instant, len: usize, limits: Limits) -> Result<(), Broken> {
        let Some((rate, burst)) = numbers(limits.pace) else {
            return Ok(());
        };
        let most = burst * (limits.datagram + PER_DATAGRAM) as f64;
        let (level, before) = self.level.unwrap_or((most, at));
        let level = most.min(level + at.since(before).as_secs_f64() * rate);
        // A datagram leaves as long as anything is there; the engine counts whole octets.
        if level < -1.0 {
            return Err(("pace", format!("{} octets too many", -level)));
        }
        self.level = Some((level - (len + PER_DATAGRAM) as f64, at));
        Ok(())
    }

    /// It has been at rest until now, in calm. `copies`: its heartbeats carry the last message.
    pub(super) fn rested(&self, calm: Instant, now: Instant, copies: bool) -> Result<(), Broken> {
        let Some(last) = self.last.filter(|last| last.at >= calm) else {
            return Ok(());
        };
        if now.since(last.at) < Duration::from_secs(4) {
            return Ok(());
        }
        let within = STEADY.max(last.trip.mul_f64(2.5)) + Duration::from_millis(10);
        let first = last.first_beat.map(|beat| beat.since(last.at));
        if first.is_none_or(|first| first > within) {
            let what = format!("the first after {first:?}, not within {within:?}");
            return Err(("heartbeat", what));
        }
        let until = last.last_beat.map(|beat| beat.since(last.at));
        if until.is_none_or(|until| until < LAST_HEARTBEAT) {
            return Err(("heartbeat", format!("the last one after {until:?}")));
        }
        // Later messages of other classes may have taken its place in the history.
        let is_kept = copies && self.low != self.next;
        if is_kept && last.is_short && last.trip < SHORT_TRIP && last.copies < COPIES {
            let what = format!("{} copies of the last message", last.copies);
            return Err(("heartbeat", what));
        }
        Ok(())
    }
}

/// A pace's octets per second, and how many datagrams at once.
fn numbers(pace: Pace) -> Option<(f64, f64)> {
    [
        (Pace::BOARD, (62_500.0, 2.0)),
        (Pace::WIFI, (250_000.0, 4.0)),
        (Pace::WIRED, (2_500_000.0, 16.0)),
    ]
    .into_iter()
    .find_map(|(known, numbers)| (known == pace).then_some(numbers))
}
