//! Trying it out: the port, the group, and own datagrams there and back.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io;
use std::time::Instant;

use groupcast::embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpError, UdpErrorKind, UdpMulticast};
use groupcast_std::{Choice, Error, InterfaceSelector, Operation, Socket, StdStack, wait};

use super::case::Case;
use super::chart::Chart;
use super::finding::{ENDED, Remedy};
use super::probe::{Call, Voice, read};
use super::remedy;
use crate::process::failure::Failure;
use crate::process::signal;

/// How often an own datagram is sent, and how long each is waited for.
const ATTEMPTS: u32 = 3;
const PATIENCE: Duration = Duration::from_millis(500);

/// Between attempts at what the system refuses.
const PAUSE: Duration = Duration::from_millis(1);

/// How many datagrams are taken before something else is looked at: more than a flood of others can add meanwhile.
pub(crate) const AT_ONCE: usize = 1000;

/// Larger than any datagram.
pub(crate) const BUFFER: usize = 65_536;

/// A stack with its sockets: one on the group's port, one on a port of its own.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) stack: StdStack,
    pub(crate) ear: Socket,
    pub(crate) mouth: Socket,
    pub(crate) voice: Voice,
}

/// What came of an own datagram.
#[derive(Debug)]
pub(crate) enum Return {
    After(Duration),
    Never,
    /// The system refused to send it, or to receive anything.
    Refused(Error),
    /// A signal came first.
    Ended,
}

impl Trial {
    /// Opens the sockets. `Err`: the group's port cannot be had.
    pub(crate) fn open(mut stack: StdStack, voice: Voice) -> Result<Self, Error> {
        let mut ear = stack.socket()?;
        let port = stack.group().port();
        stack.bind(&mut ear, port)?;
        let mut mouth = stack.socket()?;
        stack.bind(&mut mouth, 0)?;
        Ok(Self {
            stack,
            ear,
            mouth,
            voice,
        })
    }

    pub(crate) fn join(&mut self) -> Result<(), Error> {
        let group = self.stack.group().ip();
        self.stack
            .join_multicast(&mut self.ear, group, Interface::Default)
    }

    /// Another socket on the group's port, in `group`.
    fn other_ear(&mut self, group: IpAddr) -> Result<Socket, Error> {
        let mut ear = self.stack.socket()?;
        let port = self.stack.group().port();
        self.stack.bind(&mut ear, port)?;
        self.stack
            .join_multicast(&mut ear, group, Interface::Default)?;
        Ok(ear)
    }

    /// Sends to `to`. Waits a moment for room.
    pub(crate) fn send(&mut self, to: SocketAddr, datagram: &[u8]) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            match self.stack.send_to(&mut self.mouth, to, datagram) {
                Ok(()) => return Ok(()),
                Err(nb::Error::Other(error)) => return Err(error),
                Err(nb::Error::WouldBlock) => {}
            }
            if begun.elapsed() >= PATIENCE || signal::end_requested() {
                let operation = Operation::Send(Some(to));
                let error = io::ErrorKind::WouldBlock.into();
                return Err(Error::Os { operation, error });
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Sends to `to`, and waits until the ear, or `ear`, has it.
    fn there_and_back(
        &mut self,
        to: SocketAddr,
        mut ear: Option<&mut Socket>,
    ) -> Result<Return, Failure> {
        let mut buffer = vec![0; BUFFER];
        let mut came = Return::Never;
        for _ in 0..ATTEMPTS {
            let datagram = self.voice.datagram(&Call::test(), 0);
            let sent = Instant::now();
            if let Err(error) = self.send(to, &datagram) {
                came = Return::Refused(error);
                break;
            }
            while sent.elapsed() < PATIENCE && !signal::end_requested() {
                let ear = ear.as_deref_mut().unwrap_or(&mut self.ear);
                match self.stack.receive(ear, &mut buffer) {
                    Ok((length, _)) => {
                        let call = read(self.stack.group(), &buffer[..length]);
                        if call.is_some_and(|(who, _)| who == self.voice.id) {
                            return Ok(Return::After(sent.elapsed()));
                        }
                    }
                    Err(nb::Error::WouldBlock) => {
                        let left = PATIENCE.saturating_sub(sent.elapsed());
                        wait(&[ear], left.min(signal::LOOK))?;
                    }
                    // Something else was too long.
                    Err(nb::Error::Other(Error::Truncated { .. })) => {}
                    // The system complains about an earlier datagram, or about this call each time.
                    Err(nb::Error::Other(error)) => {
                        came = Return::Refused(error);
                        std::thread::sleep(PAUSE);
                    }
                }
            }
        }
        if signal::end_requested() {
            return Ok(Return::Ended);
        }
        Ok(came)
    }

    /// Whether the ear has an own datagram. Takes what there is.
    fn has_heard_itself(&mut self) -> bool {
        let mut buffer = vec![0; BUFFER];
        let mut heard = false;
        for _ in 0..AT_ONCE {
            match self.stack.receive(&mut self.ear, &mut buffer) {
                Ok((length, _)) => {
                    let call = read(self.stack.group(), &buffer[..length]);
                    heard |= call.is_some_and(|(who, _)| who == self.voice.id);
                }
                Err(nb::Error::Other(_)) => {}
                Err(nb::Error::WouldBlock) => break,
            }
        }
        heard
    }
}

/// The group's port: free, shared, or taken.
pub(crate) fn port(
    chart: &mut Chart,
    case: &Case,
    stack: StdStack,
) -> Result<Option<Trial>, Failure> {
    const CHECK: &str = "port";
    let port = case.group.port();
    let opened = Trial::open(stack, Voice::new(case.group)?);
    let holders = case.system.holders(port);
    match opened {
        Ok(trial) => {
            let mut sharing = String::new();
            for holder in &holders {
                sharing += if sharing.is_empty() {
                    ", shared with "
                } else {
                    ", "
                };
                sharing += &match &holder.process {
                    Some((pid, name)) => format!("{name} (process {pid})"),
                    None => format!("a process of user {}", holder.user),
                };
            }
            chart.ok(CHECK, format!("UDP {port} can be had{sharing}"))?;
            Ok(Some(trial))
        }
        Err(error) => {
            let remedy = if matches!(
                &error,
                Error::Os {
                    operation: Operation::Bind(_),
                    ..
                }
            ) {
                {
                    // Where nobody tells who holds a port, the next one is tried.
                    let is_free = |port: &u16| case.system.holders(*port).is_empty();
                    let free = (port..u16::MAX).map(|port| port + 1).chain(1024..port);
                    let free = free.take(1000).find(is_free).unwrap_or(port);
                    remedy::port_taken(&error, case, &holders, free)
                }
            } else {
                remedy::for_error(&error, case)
            };
            chart.fail(CHECK, remedy::brief(&error), Some(remedy))?;
            Ok(None)
        }
    }
}

/// Joins, again, leaves, and joins for good.
pub(crate) fn join(chart: &mut Chart, case: &Case, trial: &mut Trial) -> Result<bool, Failure> {
    const CHECK: &str = "join";
    let group = case.group.ip();
    let mut done = trial.join().and_then(|()| trial.join());
    if done.is_ok() {
        done = trial
            .stack
            .leave_multicast(&mut trial.ear, group, Interface::Default)
            .and_then(|()| trial.join());
    }
    if let Err(error) = done {
        let remedy = remedy::for_error(&error, case);
        chart.fail(CHECK, remedy::brief(&error), Some(remedy))?;
        return Ok(false);
    }
    let choice = trial.stack.choice();
    let name = choice.label();
    match case.system.is_member(choice.index.get(), group) {
        Some(false) => {
            let detail =
                format!("the system says it joined {group} on {name}, and does not list it");
            chart.fail(CHECK, detail, None)?;
        }
        listed => {
            let listed = if listed.is_some() {
                ", as the system's list says"
            } else {
                ""
            };
            let detail = format!(
                "joined {group} on {name}{listed}; twice does no harm; left and joined again"
            );
            chart.ok(CHECK, detail)?;
        }
    }
    Ok(true)
}

/// What the self-tests found.
#[derive(Debug)]
pub(crate) struct Loops {
    pub(crate) passed: bool,
    rejected: bool,
    /// Whether packets left by the interface meanwhile, if the system tells.
    left: Option<bool>,
}

/// Own datagrams by the chosen interface, and by loopback: if only the second way works, the trouble is
/// outside of the program.
pub(crate) fn loops(chart: &mut Chart, case: &Case, trial: &mut Trial) -> Result<Loops, Failure> {
    const CHECK: &str = "loop";
    let choice = trial.stack.choice().clone();
    let name = choice.label();
    let before = case.system.sent_packets(name);
    let came = trial.there_and_back(case.group, None)?;
    let after = case.system.sent_packets(name);
    let mut loops = Loops {
        passed: false,
        rejected: false,
        left: before.zip(after).map(|(before, after)| after > before),
    };
    match &came {
        Return::After(time) => {
            loops.passed = true;
            let detail = format!("an own datagram came back by {name} after {}", shown(*time));
            chart.ok(CHECK, detail)?;
        }
        Return::Never => {
            let detail = format!("{ATTEMPTS} datagrams were sent by {name}, and none came back");
            chart.fail(CHECK, detail, None)?;
        }
        Return::Ended => chart.skip(CHECK, ENDED)?,
        Return::Refused(error) => {
            let receiving =
                matches!(error, Error::Os { operation, .. } if *operation == Operation::Receive);
            loops.rejected = receiving || error.kind() == UdpErrorKind::NotPermitted;
            let remedy = remedy::for_error(error, case);
            chart.fail(CHECK, remedy::brief(error), Some(remedy))?;
        }
    }
    local(chart, case, &choice, loops.passed)?;
    Ok(loops)
}

fn local(chart: &mut Chart, case: &Case, choice: &Choice, passed: bool) -> Result<(), Failure> {
    const CHECK: &str = "local";
    if choice.loopback {
        return chart.skip(CHECK, "the chosen interface is loopback itself");
    }
    if case.group.is_ipv6() {
        return chart.skip(CHECK, "loopback does not do IPv6 multicast");
    }
    let selector = InterfaceSelector::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let opened = match case.builder_on(selector).build() {
        Ok(stack) => Trial::open(stack, Voice::new(case.group)?),
        Err(error) => Err(error),
    };
    let joined = opened.and_then(|mut trial| trial.join().map(|()| trial));
    let came = match joined {
        Ok(mut trial) => trial.there_and_back(case.group, None)?,
        Err(error) => Return::Refused(error),
    };
    match came {
        Return::After(time) if passed => chart.ok(
            CHECK,
            format!("the same by 127.0.0.1 after {}", shown(time)),
        ),
        Return::After(_) => chart.ok(
            CHECK,
            format!(
                "by 127.0.0.1 it works: the trouble is outside of this program, on {}",
                choice.label()
            ),
        ),
        Return::Never => {
            let cause = "datagrams are dropped even on loopback, which a firewall does";
            let remedy = remedy::let_in(case, cause);
            let detail = "by 127.0.0.1 nothing comes back";
            if passed {
                chart.warn(CHECK, detail, remedy)
            } else {
                chart.fail(CHECK, detail, None)
            }
        }
        Return::Ended => chart.skip(CHECK, ENDED),
        Return::Refused(error) => {
            let remedy = remedy::for_error(&error, case);
            chart.warn(CHECK, remedy::brief(&error), remedy)
        }
    }
}

/// Whether groups that others joined are heard, too.
pub(crate) fn cross_talk(chart: &mut Chart, case: &Case, trial: &mut Trial) -> Result<(), Failure> {
    const CHECK: &str = "cross-talk";
    let foreign = neighbour(case.group.ip());
    let mut other = match trial.other_ear(foreign) {
        Ok(ear) => ear,
        Err(error) => {
            return chart.skip(
                CHECK,
                format!("a second group cannot be joined: {}", remedy::brief(&error)),
            );
        }
    };
    trial.has_heard_itself();
    let to = SocketAddr::new(foreign, case.group.port());
    // Who joined it hears it; then whoever else hears it has it, too.
    match trial.there_and_back(to, Some(&mut other))? {
        Return::After(_) => {}
        Return::Ended => return chart.skip(CHECK, ENDED),
        _ => return chart.skip(CHECK, format!("{foreign} is not heard even by its members")),
    }
    if trial.has_heard_itself() {
        let cause = "the system delivers groups that other programs joined on the same port; members drop what \
                     is not theirs, raw datagrams are taken";
        let detail = format!("{foreign} is heard by members of {}, too", case.group.ip());
        return chart.warn(CHECK, detail, Remedy::without_command(cause));
    }
    chart.ok(CHECK, "other groups on the same port are not heard")
}

/// The group next door.
fn neighbour(group: IpAddr) -> IpAddr {
    match group {
        IpAddr::V4(group) => IpAddr::V4(Ipv4Addr::from_bits(group.to_bits() ^ 1)),
        IpAddr::V6(group) => IpAddr::V6(Ipv6Addr::from_bits(group.to_bits() ^ 1)),
    }
}

/// A firewall, as far as one can tell who is no administrator: from what does not come back.
pub(crate) fn firewall(
    chart: &mut Chart,
    case: &Case,
    choice: &Choice,
    loops: &Loops,
) -> Result<(), Failure> {
    const CHECK: &str = "firewall";
    let (port, name) = (case.group.port(), choice.label());
    if loops.passed {
        return chart.ok(
            CHECK,
            "own datagrams pass; whether those of others do, only others can show",
        );
    }
    if loops.rejected {
        return chart.skip(CHECK, "the system refuses it, as said above");
    }
    if loops.left == Some(false) {
        let detail = format!("nothing left by {name} either");
        let cause = format!(
            "what is sent by {name} is dropped before it leaves: by a firewall or by traffic control"
        );
        return chart.fail(CHECK, detail, Some(remedy::let_out(case, cause)));
    }
    let detail = format!("datagrams leave by {name}, and do not come in");
    let cause = format!("a firewall on this machine drops UDP to port {port}");
    chart.fail(CHECK, detail, Some(remedy::let_in(case, cause)))
}

/// A time for people.
pub(crate) fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_next_door_is_a_group() {
        for (group, next) in [
            ("239.1.2.3", "239.1.2.2"),
            ("224.0.0.0", "224.0.0.1"),
            ("ff02::1", "ff02::"),
        ] {
            let next_door = neighbour(group.parse().unwrap());
            assert_eq!(next_door, next.parse::<IpAddr>().unwrap());
            assert!(next_door.is_multicast());
        }
    }

    #[test]
    fn where_the_system_refuses_each_call_an_attempt_ends() {
        let group = "239.77.21.9:17729".parse().unwrap();
        let builder = StdStack::builder().group(group);
        let selector = InterfaceSelector::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let stack = builder.interface(selector).build().unwrap();
        let mut trial = Trial::open(stack, Voice::new(group).unwrap()).unwrap();
        // Nothing can be received from what is not open, however often one asks.
        trial.ear = Socket::default();
        let came = trial.there_and_back(group, None).unwrap();
        assert!(matches!(came, Return::Refused(Error::NotOpen)), "{came:?}");
        assert!(!trial.has_heard_itself());
    }
}
