//! What becomes of one datagram on one link, and the little that a link remembers.

use core::net::IpAddr;
use core::time::Duration;
use std::borrow::Cow;
use std::rc::Rc;

use groupcast::Instant;

use crate::host::HostId;
use crate::link::{Link, Rate};
use crate::random::Random;
use crate::trace::{Datagram, TraceEvent};

/// The directed link between two hosts: its setting, if it has one of its own, and its memory.
#[derive(Clone, Default)]
pub(crate) struct Path {
    /// Apart from the network's default.
    pub(crate) link: Option<Box<Link>>,
    /// Nothing passes.
    pub(crate) blocked: bool,
    /// The burst channel is in its bad state.
    bad: bool,
    /// Datagrams that tried to pass so far.
    tried: u64,
    /// When the latest copy arrives; for links that keep the order.
    latest: Instant,
    /// When the bottleneck is free again, in nanoseconds of virtual time.
    busy_until: u64,
}

/// A copy that arrives.
pub(crate) struct Passage {
    pub(crate) at: Instant,
    /// What the damage made of it, if it was damaged.
    pub(crate) damaged: Option<Rc<Datagram>>,
    pub(crate) corrupted: bool,
    pub(crate) truncated: bool,
}

/// Where a datagram comes from and goes to, and when.
pub(crate) struct Trip {
    pub(crate) seed: u64,
    pub(crate) now: Instant,
    pub(crate) from: HostId,
    pub(crate) to: HostId,
    /// The draw for shared loss, the same for all receivers.
    pub(crate) shared: f64,
}

impl Path {
    /// Decides the fate of a datagram: how it ends here, or how one or two copies arrive.
    pub(crate) fn carry(
        &mut self,
        link: &Link,
        trip: &Trip,
        datagram: &Rc<Datagram>,
    ) -> Result<(Passage, Option<Passage>), TraceEvent> {
        if self.blocked {
            return Err(TraceEvent::Partitioned);
        }
        if datagram.payload.len() > largest_payload(link.mtu, datagram.destination.ip()) {
            return Err(TraceEvent::Oversized);
        }
        let keys = [
            u64::from(trip.from.number()),
            u64::from(trip.to.number()),
            self.tried,
        ];
        let mut random = Random::new(trip.seed, keys);
        self.tried += 1;
        let leaves = match &link.rate {
            Some(rate) => self
                .queue(rate, trip.now, datagram)
                .ok_or(TraceEvent::Congested)?,
            None => trip.now,
        };
        let in_burst = self.step_burst(link, &mut random);
        // Drawn in any case, so that a burst does not change what is drawn next.
        let unlucky = random.chance(link.loss);
        let to_group = datagram.destination.ip().is_multicast();
        // Where it is 0 nothing is drawn: seeds mean what they meant before there was this loss.
        let only_one = to_group && link.multicast_loss > 0.0 && random.chance(link.multicast_loss);
        if in_burst || unlucky || only_one || trip.shared < link.shared_loss {
            return Err(TraceEvent::Lost);
        }
        let duplicate = random.chance(link.duplicate);
        let first = self.pass(link, leaves, datagram, &mut random);
        let second = duplicate.then(|| self.pass(link, leaves, datagram, &mut random));
        Ok((first, second))
    }

    /// When the datagram has passed the bottleneck, or nothing if its queue is full.
    fn queue(&mut self, rate: &Rate, now: Instant, datagram: &Datagram) -> Option<Instant> {
        let now = now.as_micros().saturating_mul(1000);
        let wait = Duration::from_nanos(self.busy_until.saturating_sub(now));
        if wait > rate.longest_wait {
            return None;
        }
        let bytes = datagram.payload.len() + header(datagram.destination.ip());
        let passing = (bytes as f64 * rate.nanos_per_byte) as u64;
        self.busy_until = self.busy_until.max(now).saturating_add(passing);
        Some(Instant::from_micros(self.busy_until.div_ceil(1000)))
    }

    /// Takes a step of the burst channel and says whether it is now bad.
    fn step_burst(&mut self, link: &Link, random: &mut Random) -> bool {
        let draw = random.fraction();
        self.bad = link.burst.as_ref().is_some_and(|burst| {
            if self.tried == 1 {
                draw < burst.fraction
            } else if self.bad {
                draw >= burst.leave
            } else {
                draw < burst.enter
            }
        });
        self.bad
    }

    /// Lets one copy arrive, perhaps damaged.
    fn pass(
        &mut self,
        link: &Link,
        leaves: Instant,
        datagram: &Rc<Datagram>,
        random: &mut Random,
    ) -> Passage {
        let mut payload = Cow::Borrowed(&datagram.payload[..]);
        let truncated = random.chance(link.truncate) && !payload.is_empty();
        if truncated {
            let length = random.below(payload.len() as u64) as usize;
            payload.to_mut().truncate(length);
        }
        let corrupted = random.chance(link.corrupt) && !payload.is_empty();
        if corrupted {
            flip_bits(payload.to_mut(), random);
        }
        let damaged = (truncated || corrupted).then(|| {
            Rc::new(Datagram::new(
                datagram.source,
                datagram.destination,
                &payload,
            ))
        });
        let mut at = leaves + link.delay;
        if datagram.destination.ip().is_multicast() {
            at += link.multicast_delay;
        }
        if !link.jitter.is_zero() {
            at += random.exponential(link.jitter);
        }
        if link.in_order {
            at = at.max(self.latest);
            self.latest = at;
        }
        if random.chance(link.reorder) {
            let extra = random.below(link.reorder_by.as_micros() as u64) + 1;
            at += Duration::from_micros(extra);
        }
        Passage {
            at,
            damaged,
            corrupted,
            truncated,
        }
    }
}

/// Flips 1 to 8 different bits, or all there are if that is less.
fn flip_bits(payload: &mut [u8], random: &mut Random) {
    let bits = payload.len() * 8;
    let mut left = (random.below(8) as usize + 1).min(bits);
    let mut flipped = Vec::with_capacity(left);
    while left > 0 {
        let bit = random.below(bits as u64) as usize;
        if !flipped.contains(&bit) {
            payload[bit / 8] ^= 1 << (bit % 8);
            flipped.push(bit);
            left -= 1;
        }
    }
}

/// Bytes of the IP and UDP headers.
const fn header(destination: IpAddr) -> usize {
    if destination.is_ipv4() { 28 } else { 48 }
}

/// The longest UDP payload that fits an IP packet of `mtu` bytes.
pub(crate) fn largest_payload(mtu: usize, destination: IpAddr) -> usize {
    /// What IPv4 can carry; the same limit is kept for IPv6.
    const LARGEST: usize = 65_507;
    mtu.saturating_sub(header(destination)).min(LARGEST)
}
