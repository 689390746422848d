//! What goes over the wire: limits of rate and size, and counters that are never used twice.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use groupcast::Instant;
use groupcast::wire::{self, Frame};
use groupcast_sim::{TraceEntry, TraceEvent};

use super::oracle::Oracle;

/// NACKs of one receiver for one sender in any second at most: a hundred, and eight at once.
const NACKS: usize = 108;

/// Moments without any event, one right after the other, that are too many.
const SPINNING: u32 = 64;

/// A tap on the network.
#[derive(Debug, Default)]
pub struct Tap {
    /// The last datagram counter of each life.
    counters: BTreeMap<(u32, u64), u64>,
    nacks: BTreeMap<(u32, u64, u32, u32), VecDeque<Instant>>,
    last: Option<Instant>,
    idle: u32,
}

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
        for entry in trace.iter().filter(|entry| entry.event == TraceEvent::Sent) {
            oracle.totals.datagrams += 1;
            if let Err((rule, what)) = self.sent(entry, oracle) {
                oracle.accuse(now, rule, what);
            }
        }
    }

    fn sent(
        &mut self,
        entry: &TraceEntry,
        oracle: &mut Oracle<'_>,
    ) -> Result<(), (&'static str, String)> {
        let datagram = &entry.payload[..];
        if datagram.first() != Some(&wire::MAGIC) {
            return Ok(());
        }
        let (header, frames) = match wire::parse(datagram) {
            Ok(parsed) => parsed,
            Err(error) => return Err(("wire", format!("a datagram that {error}"))),
        };
        let (id, session) = (header.sender, header.session);
        let key = (id.get(), session.get());
        let lives = oracle.lives.iter();
        let life = lives
            .rev()
            .find(|life| (life.id, life.session) == (id, session));
        let Some(life) = life else {
            return Err(("wire", format!("a datagram of {id}, which never lived")));
        };
        if header.counter <= self.counters.get(&key).copied().unwrap_or_default() {
            return Err(("counter", format!("{} of {id} twice", header.counter)));
        }
        self.counters.insert(key, header.counter);
        let limit = oracle.limit(life.member);
        if datagram.len() > limit {
            let len = datagram.len();
            return Err(("size", format!("{len} octets of {id}, limit {limit}")));
        }
        for frame in frames {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => return Err(("wire", format!("a frame of {id}: {error:?}"))),
            };
            if let Frame::Nack(nack) = frame {
                oracle.totals.nacks += 1;
                let times = self
                    .nacks
                    .entry((key.0, key.1, nack.target, nack.session))
                    .or_default();
                times.push_back(entry.time);
                while times
                    .front()
                    .is_some_and(|at| entry.time.since(*at) >= Duration::from_secs(1))
                {
                    times.pop_front();
                }
                // A stream that had to give way forgets what it asked for.
                if times.len() > NACKS && oracle.streams_fit() {
                    let count = times.len();
                    return Err(("nacks", format!("{count} NACKs of {id} in a second")));
                }
            }
        }
        Ok(())
    }
}
