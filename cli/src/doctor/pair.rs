//! Two machines or more that test each other: all of them run `groupcast doctor --peer`.
//!
//! Each calls five times a second, to the group and, as soon as it knows where, to each other doctor
//! alone. Every call says what its sender has heard of the others, so each learns both directions.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use groupcast::embedded_nal::{UdpClientStack, nb};
use groupcast_std::{Error, Socket, wait};
use socket2::SockRef;

use super::case::Case;
use super::heard::Elsewhere;
use super::options::Doctor;
use super::probe::{Call, Heard, Path, Speaks, read};
use super::strange::{Speech, Strange};
use super::trial::{AT_ONCE, BUFFER, Trial};
use crate::process::failure::Failure;
use crate::process::signal;

/// How many calls count, and how often they are made.
pub(crate) const CALLS: u16 = 25;
const INTERVAL: Duration = Duration::from_millis(200);
/// How often in the long test.
const LONG_INTERVAL: Duration = Duration::from_secs(1);

/// After every so many calls comes a large datagram.
const LARGE_EVERY: u16 = 5;

/// Silence of another doctor after which it is not waited for.
const SILENCE: Duration = Duration::from_secs(3);
/// Time for the last reports to arrive.
const LINGER: Duration = Duration::from_millis(1500);
/// How much longer than planned it may take.
const SLACK: Duration = Duration::from_secs(15);

/// Another doctor.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) multicast: BTreeSet<u16>,
    pub(crate) unicast: BTreeSet<u16>,
    /// Calls that came more than once.
    pub(crate) repeated: u32,
    /// The interface that it was heard on by multicast, if not the chosen one.
    pub(crate) elsewhere: Option<String>,
    /// How many calls of it counted so far, by its own word.
    pub(crate) reached: u16,
    /// What it has heard of us.
    pub(crate) report: Option<Heard>,
    /// What members there speak.
    pub(crate) speaks: Option<Speaks>,
    pub(crate) multicast_trips: Vec<Duration>,
    pub(crate) unicast_trips: Vec<Duration>,
    /// When it was last heard, since the first contact with anybody.
    pub(crate) last_multicast: Option<Instant>,
    pub(crate) last_unicast: Option<Instant>,
    largest: u16,
    last_call: Option<(u32, Path, Instant)>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) peers: BTreeMap<u32, Peer>,
    pub(crate) contact: Option<Instant>,
    /// Members that were heard meanwhile.
    pub(crate) strange: Strange,
    pub(crate) has_understood: bool,
    /// The largest datagram that was sent, in bytes.
    pub(crate) largest: usize,
    /// The first thing that went wrong when sending to the group, and to one alone.
    pub(crate) multicast_error: Option<Error>,
    pub(crate) unicast_error: Option<Error>,
}

struct Test<'a> {
    case: &'a Case,
    address: Option<IpAddr>,
    long: Option<Duration>,
    start: Instant,
    sent: u16,
    buffer: Vec<u8>,
    outcome: Outcome,
}

/// Calls and listens until all is known, until nobody came, or until a signal.
pub(crate) fn run(
    case: &Case,
    options: &Doctor,
    trial: &mut Trial,
    others: &mut [Elsewhere],
) -> Result<Outcome, Failure> {
    stay_on_link(&trial.mouth);
    let mut test = Test {
        case,
        address: options.peer.flatten(),
        long: options.long,
        start: Instant::now(),
        sent: 0,
        buffer: vec![0; BUFFER],
        outcome: Outcome::default(),
    };
    let mut next_call = Instant::now();
    let mut complete: Option<Instant> = None;
    while !signal::end_requested() {
        let now = Instant::now();
        if now >= next_call {
            test.call(trial);
            let slow = test.sent >= CALLS && test.long.is_some();
            next_call = now + if slow { LONG_INTERVAL } else { INTERVAL };
        }
        test.receive(trial, others);
        let now = Instant::now();
        if test.is_complete(now) {
            let since = *complete.get_or_insert(now);
            if now.duration_since(since) >= LINGER {
                break;
            }
        }
        if test.is_late(now, options.timeout) {
            break;
        }
        let ears: Vec<&Socket> = [&trial.ear, &trial.mouth]
            .into_iter()
            .chain(others.iter().map(|other| &other.trial.ear))
            .collect();
        let left = next_call.saturating_duration_since(now);
        wait(&ears, left.min(signal::LOOK))?;
    }
    Ok(test.outcome)
}

/// Probes go no further than groups do: not beyond the first router.
fn stay_on_link(mouth: &Socket) {
    #[cfg(unix)]
    let socket = mouth.as_fd();
    #[cfg(windows)]
    let socket = mouth.as_socket();
    if let Some(socket) = &socket {
        let socket = SockRef::from(socket);
        // One of them is of another family than the socket, which says so.
        let _ = socket.set_ttl_v4(1);
        let _ = socket.set_unicast_hops_v6(1);
    }
}

impl Test<'_> {
    /// Calls everybody, by multicast and alone.
    fn call(&mut self, trial: &mut Trial) {
        let number = if self.outcome.contact.is_some() && self.sent < CALLS {
            self.sent += 1;
            self.sent
        } else {
            0
        };
        let mut call = Call {
            path: Path::Multicast,
            number,
            reached: self.sent,
            clock: micros(self.start.elapsed()),
            heard: self.heard(),
            speaks: Some(Speaks {
                is_sealed: self.case.framing.is_sealed(),
                tag: self.case.framing.tag().get(),
            }),
        };
        let group = self.case.group;
        let first = self.send(trial, group, &call, 0);
        if let Some(error) = first {
            self.outcome.multicast_error.get_or_insert(error);
        }
        if number > 0 && number % LARGE_EVERY == 0 {
            let around = if group.is_ipv4() { 28 } else { 48 };
            let mtu = trial.stack.choice().mtu.unwrap_or(1500).min(1500) as usize;
            let most = mtu.saturating_sub(around);
            let size = if number % (2 * LARGE_EVERY) == 0 {
                most.min(1200)
            } else {
                most
            };
            self.outcome.largest = self.outcome.largest.max(size);
            let uncounted = Call {
                number: 0,
                ..call.clone()
            };
            let _ = self.send(trial, group, &uncounted, size);
        }
        call.path = Path::Unicast;
        let mut targets: Vec<_> = self
            .outcome
            .peers
            .values()
            .map(|peer| peer.address)
            .collect();
        // Until it is heard, its port for answers is not known; it listens on the group's, too.
        if let Some(address) = self.address
            && !targets.iter().any(|target| target.ip() == address)
        {
            targets.push(SocketAddr::new(address, group.port()));
        }
        for target in targets {
            if let Some(error) = self.send(trial, target, &call, 0) {
                self.outcome.unicast_error.get_or_insert(error);
            }
        }
    }

    fn send(&self, trial: &mut Trial, to: SocketAddr, call: &Call, size: usize) -> Option<Error> {
        let datagram = trial.voice.datagram(call, size);
        trial.send(to, &datagram).err()
    }

    /// What we have heard of each.
    fn heard(&self) -> Vec<Heard> {
        let one = |(who, peer): (&u32, &Peer)| {
            let (clock, path, at) = peer.last_call?;
            Some(Heard {
                who: *who,
                multicast: peer.multicast.len() as u16,
                unicast: peer.unicast.len() as u16,
                largest: peer.largest,
                clock,
                path,
                age: micros(at.elapsed()),
            })
        };
        self.outcome.peers.iter().filter_map(one).collect()
    }

    fn receive(&mut self, trial: &mut Trial, others: &mut [Elsewhere]) {
        let own = trial.voice.id;
        for alone in [false, true] {
            for _ in 0..AT_ONCE {
                let socket = if alone {
                    &mut trial.mouth
                } else {
                    &mut trial.ear
                };
                match trial.stack.receive(socket, &mut self.buffer) {
                    Ok((length, source)) => self.take(own, length, source, None),
                    Err(nb::Error::Other(_)) => {}
                    Err(nb::Error::WouldBlock) => break,
                }
            }
        }
        for Elsewhere { name, trial } in others {
            for _ in 0..AT_ONCE {
                match trial.stack.receive(&mut trial.ear, &mut self.buffer) {
                    Ok((length, source)) => self.take(own, length, source, Some(name)),
                    Err(nb::Error::Other(_)) => {}
                    Err(nb::Error::WouldBlock) => break,
                }
            }
        }
    }

    fn take(&mut self, own: u32, length: usize, source: SocketAddr, elsewhere: Option<&str>) {
        let now = Instant::now();
        let Some((who, call)) = read(self.case.group, &self.buffer[..length]) else {
            if elsewhere.is_none() {
                let speech = self
                    .outcome
                    .strange
                    .hear(self.case, &mut self.buffer[..length]);
                self.outcome.has_understood |= speech == Speech::Ours;
            }
            return;
        };
        if who == own {
            return;
        }
        let clock_now = micros(self.start.elapsed());
        let peer = self
            .outcome
            .peers
            .entry(who)
            .or_insert_with(|| Peer::new(source));
        if let Some(name) = elsewhere {
            if call.path == Path::Multicast {
                peer.elsewhere = Some(name.to_owned());
            }
            return;
        }
        if self.outcome.contact.is_none() {
            let time = INTERVAL * u32::from(CALLS) + self.long.unwrap_or_default();
            aside!("met {}; testing for {} s", source.ip(), time.as_secs());
            self.outcome.contact = Some(now);
        }
        peer.address = source;
        peer.speaks = call.speaks;
        peer.reached = peer.reached.max(call.reached);
        peer.last_call = Some((call.clock, call.path, now));
        let (numbers, last) = match call.path {
            Path::Multicast => {
                peer.largest = peer.largest.max(u16::try_from(length).unwrap_or(u16::MAX));
                (&mut peer.multicast, &mut peer.last_multicast)
            }
            Path::Unicast => (&mut peer.unicast, &mut peer.last_unicast),
        };
        *last = Some(now);
        if call.number > 0 && !numbers.insert(call.number) {
            peer.repeated += 1;
        }
        let Some(report) = call.heard.iter().find(|heard| heard.who == own) else {
            return;
        };
        // There and back the same way, less the time the answer waited.
        if report.path == call.path {
            let trip = clock_now
                .wrapping_sub(report.clock)
                .wrapping_sub(report.age);
            let trips = match call.path {
                Path::Multicast => &mut peer.multicast_trips,
                Path::Unicast => &mut peer.unicast_trips,
            };
            trips.push(Duration::from_micros(trip.into()));
        }
        peer.report = Some(*report);
    }

    /// Whether all calls were made, and those of the others came or will not come.
    fn is_complete(&self, now: Instant) -> bool {
        let Some(contact) = self.outcome.contact else {
            return false;
        };
        let long = self.long.unwrap_or_default();
        let done = |peer: &Peer| {
            let last = peer.last_call.map(|(.., at)| at);
            peer.reached >= CALLS || last.is_none_or(|last| now.duration_since(last) >= SILENCE)
        };
        self.sent >= CALLS
            && now.duration_since(contact) >= long
            && self.outcome.peers.values().all(done)
    }

    fn is_late(&self, now: Instant, timeout: Duration) -> bool {
        match self.outcome.contact {
            None => now.duration_since(self.start) >= timeout,
            Some(contact) => {
                let planned = INTERVAL * u32::from(CALLS) + self.long.unwrap_or_default();
                now.duration_since(contact) >= planned + SLACK
            }
        }
    }
}

impl Peer {
    const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            multicast: BTreeSet::new(),
            unicast: BTreeSet::new(),
            repeated: 0,
            elsewhere: None,
            reached: 0,
            report: None,
            speaks: None,
            multicast_trips: Vec::new(),
            unicast_trips: Vec::new(),
            last_multicast: None,
            last_unicast: None,
            largest: 0,
            last_call: None,
        }
    }
}

/// A time in microseconds; it wraps after an hour.
fn micros(time: Duration) -> u32 {
    time.as_micros() as u32
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Another doctor of which nothing was heard yet.
    pub(crate) fn met(address: &str) -> Peer {
        Peer::new(address.parse().unwrap())
    }

    /// Its word on how much of ours it heard.
    pub(crate) fn report(multicast: u16, unicast: u16) -> Heard {
        Heard {
            who: 1,
            multicast,
            unicast,
            largest: 1472,
            clock: 0,
            path: Path::Multicast,
            age: 0,
        }
    }
}
