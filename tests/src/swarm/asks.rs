//! When receivers ask for what they miss, and for what: the politeness of NACKs.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use groupcast::Instant;
use groupcast::wire::{Frame, Nack};

use super::claims::{Broken, STATE, is_in_stream, is_value, low_of};
use super::wire_math::{is_before, round_trip};

/// A member reads what has arrived before it asks, at this time later at the latest.
const READ: Duration = Duration::from_millis(1);

/// What a datagram says to those who hear it.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// The round trip, and the lowest number that can be repaired.
    pub(super) trip: Option<Duration>,
    pub(super) low: Option<u32>,
    pub(super) nacks: Vec<Nack>,
    /// The last number of the stream that it tells of.
    pub(super) tells: Option<u32>,
    /// Whether a receiver that has just begun may follow the stream from here on: not from the middle of a message, nor
    /// from what was sent before.
    pub(super) begins: bool,
    /// It is the sender's last word.
    leaves: bool,
}

impl Said {
    pub(super) fn of(frames: &[Frame<'_>]) -> Self {
        let mut said = Self::default();
        for frame in frames {
            let mut lowest = |low: u32| {
                let before = said.low.unwrap_or(low);
                said.low = Some(if is_before(before, low) { low } else { before });
            };
            match frame {
                Frame::Sync(sync) => {
                    lowest(sync.low);
                    said.trip = Some(round_trip(sync.round_trip)).filter(|trip| !trip.is_zero());
                }
                // If this completes its message, that may need the place of all that follows.
                Frame::Data(data) if data.class == 0 && data.last > 0 => break,
                // A value that was asked for says nothing of the stream.
                Frame::Data(data) if data.class == STATE && data.repair => {}
                Frame::Data(data) => low_of(data).into_iter().for_each(&mut lowest),
                Frame::Nack(nack) => said.nacks.push(*nack),
                _ => {}
            }
        }
        said.leaves = frames.iter().any(|frame| matches!(frame, Frame::Bye(_)));
        said.tells = frames.iter().filter_map(told_by).reduce(later);
        said.begins = frames.iter().any(|frame| match frame {
            Frame::Sync(_) => true,
            Frame::Data(data) => {
                is_in_stream(data) && !data.repair && !data.copy && data.fragment == 0
            }
            _ => false,
        });
        said
    }
}

/// The last number of the stream that a frame tells of: of a message in fragments, that of its last one.
fn told_by(frame: &Frame<'_>) -> Option<u32> {
    match frame {
        Frame::Sync(sync) => Some(sync.next.wrapping_sub(1)),
        Frame::Data(data) if is_in_stream(data) && !is_value(data) => {
            let rest = data.last.saturating_sub(data.fragment);
            Some(data.sequence.wrapping_add(u32::from(rest)))
        }
        _ => None,
    }
}

const fn later(a: u32, b: u32) -> u32 {
    if is_before(a, b) { b } else { a }
}

/// What one receiver, in one life of it, heard and asked of one life of a sender.
#[derive(Clone, Debug, Default)]
pub(super) struct Asks {
    trip: Option<Duration>,
    /// What was stated before that: datagrams overtake one another.
    trip_before: Option<Duration>,
    /// The lowest number that can be repaired, as far as was heard, and since when.
    low: Option<(u32, Instant)>,
    follows: bool,
    asked: BTreeMap<u32, Asked>,
    /// The counters of what it heard.
    heard: BTreeSet<u64>,
    has_left: bool,
}

/// When a number was asked for last, by the receiver or one that it heard, and the round trip then.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Instant,
    trip: Option<Duration>,
    own: bool,
}

impl Asks {
    /// A datagram arrived. Whether for the first time, and before the sender's last word: what comes after that is late,
    /// and dropped even where nobody was told that the sender joined, and so nobody is told that it left.
    pub(super) fn hears(&mut self, counter: u64, said: &Said) -> bool {
        let is_late = self.has_left;
        self.has_left |= said.leaves;
        self.heard.insert(counter) && !is_late
    }

    /// What the sender says of its stream arrived, and may or may not be noted.
    pub(super) fn glimpses(&mut self, said: &Said) {
        self.trip_before = said.trip.or(self.trip_before);
    }

    /// What the sender says of its stream arrived.
    pub(super) fn learns(&mut self, at: Instant, said: &Said) {
        // Before it asked, it may not have followed the stream, and have no place to note that.
        if !self.follows {
            self.glimpses(said);
            return;
        }
        if said.trip.is_some() {
            self.trip_before = self.trip.or(self.trip_before);
            self.trip = said.trip;
        }
        if let Some(low) = said.low
            && self.low.is_none_or(|(before, _)| is_before(before, low))
        {
            self.low = Some((low, at));
        }
    }

    /// Somebody else's NACK arrived.
    pub(super) fn overhears(&mut self, at: Instant, nack: &Nack) {
        let trip = self.trip;
        for sequence in nack.iter() {
            // Only what it has asked for is surely missing there.
            if let Some(asked) = self.asked.get_mut(&sequence) {
                *asked = Asked {
                    at,
                    trip,
                    own: false,
                };
            }
        }
    }

    /// The receiver asks.
    pub(super) fn asks(&mut self, at: Instant, nack: &Nack) -> Result<(), Broken> {
        self.follows = true;
        let now = self.trip.unwrap_or_default();
        for sequence in nack.iter() {
            if let Some((low, since)) = self.low
                && is_before(sequence, low)
                && at.since(since) > READ
            {
                let what = format!("{sequence} is asked for, {low} is the lowest since {since:?}");
                return Err(("horizon", what));
            }
            let asked = Asked {
                at,
                trip: self.trip,
                own: true,
            };
            let Some(before) = self.asked.insert(sequence, asked) else {
                continue;
            };
            let Some(trip) = before.trip else { continue };
            // A round trip is waited for; what is due a quarter later is asked for with the rest.
            let trip = trip.min(now).min(self.trip_before.unwrap_or(now));
            let least = trip.mul_f64(0.9).saturating_sub(now.mul_f64(0.3));
            let since = at.since(before.at);
            if since < least && (before.own || since > READ) {
                let what = format!("{sequence} again after {since:?}, the round trip is {trip:?}");
                return Err(("nacks", what));
            }
        }
        Ok(())
    }
}
