//! What happened: counters, a hash over every event, and on request the events themselves.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use groupcast::{Instant, wire};

use crate::host::HostId;

/// A datagram on its way, shared by all who receive it.
pub(crate) struct Datagram {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) payload: Rc<[u8]>,
    /// A hash of all of the above.
    digest: u64,
}

impl Datagram {
    pub(crate) fn new(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Self {
        let mut hash = Hash::default();
        hash.address(source);
        hash.address(destination);
        hash.bytes(payload);
        Self {
            source,
            destination,
            payload: payload.into(),
            digest: hash.0,
        }
    }
}

/// What can happen to a datagram, or to the copy of it that is for one host.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum TraceEvent {
    /// A socket sent it.
    Sent,
    /// The stack could not take it just now: `WouldBlock` by chance.
    Refused,
    /// The link made a second copy.
    Duplicated,
    /// Bits of the copy were flipped.
    Corrupted,
    /// The copy lost a part of its end.
    Truncated,
    /// The link lost it.
    Lost,
    /// The link's queue was full.
    Congested,
    /// It was too large for the link.
    Oversized,
    /// The link is blocked, or the receiving host is down.
    Partitioned,
    /// It arrived, and no socket was there for it.
    Unclaimed,
    /// It was put into a socket's queue.
    Delivered,
    /// A socket's queue had no room for it.
    Overflowed,
    /// It was sent under a made-up source address.
    Forged,
}

/// What happened in a network so far.
///
/// A *copy* is a datagram on its way to one host: a datagram to a group of which five hosts have
/// members makes five copies. Every copy, and every further socket that one is for, ends in one way:
///
/// ```text
/// copies + duplicated + fanned_out
///     = delivered + overflowed + unclaimed
///     + lost + congested + oversized + partitioned + in_flight
/// ```
///
/// [`is_balanced`](Self::is_balanced) checks this equation. It always holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct NetworkCounters {
    /// Datagrams that sockets sent, to whomever.
    pub sent: u64,
    /// Bytes of payload in them.
    pub sent_bytes: u64,
    /// Attempts to send that the stack refused by chance; they are not in `sent`.
    pub refused: u64,
    /// One for each datagram and each host that it was for.
    pub copies: u64,
    /// Further copies that links made.
    pub duplicated: u64,
    /// Deliveries beyond the first, where one copy is for several sockets of its host.
    pub fanned_out: u64,
    /// Copies put into a socket's queue; once per socket.
    pub delivered: u64,
    /// Copies that found a socket's queue full; once per socket.
    pub overflowed: u64,
    /// Copies that arrived where no socket was there for them: not, not yet, or no longer.
    pub unclaimed: u64,
    /// Copies that links lost, by whatever kind of loss.
    pub lost: u64,
    /// Copies dropped because the queue of a link with a rate was full.
    pub congested: u64,
    /// Copies larger than the link they took.
    pub oversized: u64,
    /// Copies dropped because the link was blocked or the receiving host down.
    pub partitioned: u64,
    /// Copies still on their way.
    pub in_flight: u64,
    /// Copies whose bits were flipped; they travel on.
    pub corrupted: u64,
    /// Copies that were cut short; they travel on.
    pub truncated: u64,
    /// Datagrams sent under a made-up source address; they are not in `sent`.
    pub forged: u64,
}

impl NetworkCounters {
    /// Whether every copy is accounted for.
    #[must_use]
    pub const fn is_balanced(&self) -> bool {
        let begun = self.copies + self.duplicated + self.fanned_out;
        let arrived = self.delivered + self.overflowed + self.unclaimed;
        let dropped = self.lost + self.congested + self.oversized + self.partitioned;
        begun == arrived + dropped + self.in_flight
    }
}

/// One event of a recorded trace. It displays as one line, with the names of the frames if the group is open.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TraceEntry {
    /// When it happened, in virtual time.
    pub time: Instant,
    /// What happened.
    pub event: TraceEvent,
    /// The address that the datagram was sent from.
    pub source: SocketAddr,
    /// The address that the datagram was sent to.
    pub destination: SocketAddr,
    /// The host whose copy this concerns; none where the event concerns all copies.
    pub receiver: Option<HostId>,
    /// The payload, as it was at this event.
    pub payload: Rc<[u8]>,
}

impl fmt::Display for TraceEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.time.as_micros();
        write!(
            f,
            "{}.{:06} {:?}",
            micros / 1_000_000,
            micros % 1_000_000,
            self.event
        )?;
        write!(
            f,
            " {} > {} {} bytes",
            self.source,
            self.destination,
            self.payload.len()
        )?;
        if let Some(host) = self.receiver {
            write!(f, " at {host}")?;
        }
        match wire::parse(&self.payload) {
            Ok((_, frames)) => frames
                .flatten()
                .try_for_each(|frame| write!(f, " {}", frame.name())),
            // Sealed, raw or damaged.
            Err(_) => Ok(()),
        }
    }
}

/// The network's memory of what happened. Counters and trace are written by one hand.
#[derive(Default)]
pub(crate) struct Trace {
    pub(crate) counters: NetworkCounters,
    pub(crate) recorded: Option<Vec<TraceEntry>>,
    hash: Hash,
}

impl Trace {
    /// The hash over all events so far.
    pub(crate) const fn hash(&self) -> u64 {
        self.hash.0
    }

    /// Notes an event.
    pub(crate) fn note(
        &mut self,
        time: Instant,
        event: TraceEvent,
        datagram: &Datagram,
        receiver: Option<HostId>,
    ) {
        *self.counter(event) += 1;
        if event == TraceEvent::Sent {
            self.counters.sent_bytes += datagram.payload.len() as u64;
        }
        self.hash.word(time.as_micros());
        let receiver_number = u64::from(receiver.map_or(0, HostId::number));
        self.hash.word((event as u64) << 32 | receiver_number);
        self.hash.word(datagram.digest);
        if let Some(recorded) = &mut self.recorded {
            recorded.push(TraceEntry {
                time,
                event,
                source: datagram.source,
                destination: datagram.destination,
                receiver,
                payload: Rc::clone(&datagram.payload),
            });
        }
    }

    const fn counter(&mut self, event: TraceEvent) -> &mut u64 {
        let counters = &mut self.counters;
        match event {
            TraceEvent::Sent => &mut counters.sent,
            TraceEvent::Refused => &mut counters.refused,
            TraceEvent::Duplicated => &mut counters.duplicated,
            TraceEvent::Corrupted => &mut counters.corrupted,
            TraceEvent::Truncated => &mut counters.truncated,
            TraceEvent::Lost => &mut counters.lost,
            TraceEvent::Congested => &mut counters.congested,
            TraceEvent::Oversized => &mut counters.oversized,
            TraceEvent::Partitioned => &mut counters.partitioned,
            TraceEvent::Unclaimed => &mut counters.unclaimed,
            TraceEvent::Delivered => &mut counters.delivered,
            TraceEvent::Overflowed => &mut counters.overflowed,
            TraceEvent::Forged => &mut counters.forged,
        }
    }
}

/// FNV-1a over words of 64 bits, with a shift so that high bits reach low ones.
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    const fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        self.0 ^= self.0 >> 29;
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.word(u64::from(*byte));
        }
    }

    fn address(&mut self, address: SocketAddr) {
        match address.ip() {
            IpAddr::V4(ip) => self.word(u64::from(ip.to_bits())),
            IpAddr::V6(ip) => {
                self.word((ip.to_bits() >> 64) as u64);
                self.word(ip.to_bits() as u64);
            }
        }
        self.word(u64::from(address.port()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(payload: &[u8]) -> u64 {
        let address = "10.0.0.1:1".parse().unwrap();
        Datagram::new(address, address, payload).digest
    }

    #[test]
    fn every_bit_of_the_payload_changes_the_digest() {
        let payload = [0x55; 21];
        let mut seen = vec![digest(&payload), digest(&payload[..20]), digest(&[])];
        for bit in 0..payload.len() * 8 {
            let mut changed = payload;
            changed[bit / 8] ^= 1 << (bit % 8);
            seen.push(digest(&changed));
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn an_entry_displays_as_one_line() {
        let entry = TraceEntry {
            time: Instant::from_micros(1_000_200),
            event: TraceEvent::Delivered,
            source: "10.0.0.1:5000".parse().unwrap(),
            destination: "239.1.2.3:12345".parse().unwrap(),
            receiver: Some(HostId::from_index(1)),
            payload: (*b"Hello").into(),
        };
        let line = "1.000200 Delivered 10.0.0.1:5000 > 239.1.2.3:12345 5 bytes at host 2";
        assert_eq!(entry.to_string(), line);
    }
}
