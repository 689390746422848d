//! Plain sockets: a datagram a message, a system call a datagram. What everything else is compared with.

use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use core::time::Duration;
use std::collections::HashSet;
use std::io;
use std::net::UdpSocket;
use std::time::Instant;

use groupcast_std::StdStack;
use socket2::{Domain, Protocol, Socket, Type};

use super::account::{Account, Received, per_message, per_second};
use super::cpu::CpuTime;
use super::meeting;
use super::options::Load;
use super::payload;
use super::rate::Rate;
use super::sender::{Sent, interrupted};
use crate::network::place;
use crate::options::Common;
use crate::process::failure::Failure;
use crate::process::signal;
use groupcast_std::RECEIVE_BUFFER;

/// How long the other end may take to be there, and to be silent.
const MEET: Duration = Duration::from_secs(60);
const SILENCE: Duration = Duration::from_secs(5);

/// How long the sender asks at the end whether all have heard it.
const PARTING: Duration = Duration::from_secs(2);

/// How long to wait for a datagram at once.
const PAUSE: Duration = Duration::from_millis(20);

/// Datagrams between two looks at the clock.
const STRIDE: u32 = 64;

/// The longest datagram of IPv4.
pub(super) const LONGEST: usize = 65_507;

/// What the ends tell each other begins with this, which no message does.
const WHO: [u8; 8] = *b"who is\xff\xff";
const END: [u8; 8] = *b"the end\xff";

/// The plain sockets of one end.
pub(super) struct Plain {
    group: SocketAddrV4,
    address: Ipv4Addr,
    hop_limit: u32,
}

impl Plain {
    /// On the interface of the group, and on a port near it that members do not hear: the `nth`, from 1.
    pub(super) fn new(common: &Common, nth: u16) -> Result<Self, Failure> {
        let group = place::group_on(common, &meeting::interface(common))?;
        let SocketAddr::V4(group) = group else {
            return Err(Failure::Settings(
                "plain sockets are measured with IPv4; name an IPv4 group".to_owned(),
            ));
        };
        let stack = StdStack::builder()
            .group(SocketAddr::V4(group))
            .interface(meeting::interface(common))
            .build()?;
        let core::net::IpAddr::V4(address) = stack.choice().address else {
            return Err(Failure::Settings(
                "the interface has no IPv4 address".to_owned(),
            ));
        };
        let port = group.port();
        let port = port.checked_add(nth).unwrap_or_else(|| port - nth);
        Ok(Self {
            group: SocketAddrV4::new(*group.ip(), port),
            address,
            hop_limit: u32::from(common.hop_limit),
        })
    }

    /// A socket that sends to the group, and hears what is sent to it alone.
    pub(super) fn mouth(&self) -> Result<UdpSocket, Failure> {
        self.open_mouth().map_err(trouble)
    }

    fn open_mouth(&self) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_multicast_if_v4(&self.address)?;
        socket.set_multicast_ttl_v4(self.hop_limit)?;
        socket.set_multicast_loop_v4(true)?;
        socket.bind(&SocketAddrV4::new(self.address, 0).into())?;
        let socket = UdpSocket::from(socket);
        socket.set_read_timeout(Some(PAUSE))?;
        Ok(socket)
    }

    /// Sends a datagram to the group.
    pub(super) fn send(&self, mouth: &UdpSocket, datagram: &[u8]) -> Result<(), Failure> {
        mouth
            .send_to(datagram, self.group)
            .map(|_| ())
            .map_err(trouble)
    }

    /// A socket that hears the group.
    pub(super) fn ear(&self) -> Result<UdpSocket, Failure> {
        self.open_ear().map_err(trouble)
    }

    fn open_ear(&self) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, self.group.port()).into())?;
        socket.join_multicast_v4(self.group.ip(), &self.address)?;
        let socket = UdpSocket::from(socket);
        socket.set_read_timeout(Some(PAUSE))?;
        Ok(socket)
    }
}

/// The sending end.
pub(super) fn send(common: &Common, load: &Load, size: u32) -> Result<Sent, Failure> {
    let plain = Plain::new(common, 1)?;
    let mouth = plain.mouth()?;
    let wanted = usize::from(load.receivers);
    let there = ask(&plain, &mouth, &WHO, wanted, MEET)?;
    if there < wanted {
        return Err(Failure::Unmet(format!(
            "{there} of {wanted} receivers were there in time"
        )));
    }

    let mut message = vec![0; usize::try_from(size).unwrap_or(LONGEST).min(LONGEST)];
    let before = (Instant::now(), CpuTime::now());
    let end = before.0 + load.seconds;
    let rate = Rate::new(load.rate);
    let mut sent = 0;
    while Instant::now() < end && !signal::end_requested() {
        let batch = rate.room(sent).min(STRIDE);
        for _ in 0..batch {
            payload::fill(&mut message, sent);
            match mouth.send_to(&message, plain.group) {
                Ok(_) => sent += 1,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(trouble(error)),
            }
        }
        if batch < STRIDE {
            std::thread::sleep(rate.pause());
        }
    }
    let seconds = before.0.elapsed().as_secs_f64();
    let cpu = CpuTime::now().since(before.1);

    let mut farewell = END.to_vec();
    farewell.extend(sent.to_le_bytes());
    ask(&plain, &mouth, &farewell, wanted, PARTING)?;
    Ok(Sent {
        sent,
        sent_per_second: per_second(sent, seconds),
        seconds,
        cpu_us_per_message: per_message(cpu, sent),
        datagrams: sent,
        repairs: 0,
    })
}

/// Asks the group until so many have answered. Returns how many have.
fn ask(
    plain: &Plain,
    mouth: &UdpSocket,
    question: &[u8],
    wanted: usize,
    patience: Duration,
) -> Result<usize, Failure> {
    let mut answered = HashSet::new();
    let end = Instant::now() + patience;
    let mut ask_at = Instant::now();
    let mut buffer = [0; 64];
    while answered.len() < wanted && Instant::now() < end {
        if signal::end_requested() {
            return Err(interrupted());
        }
        if Instant::now() >= ask_at {
            plain.send(mouth, question)?;
            ask_at = Instant::now() + PAUSE;
        }
        if let Some((len, from)) = receive(mouth, &mut buffer)?
            && question.starts_with(&buffer[..len])
        {
            answered.insert(from);
        }
    }
    Ok(answered.len())
}

/// The receiving end.
pub(super) fn receive_all(common: &Common, size: u32) -> Result<Received, Failure> {
    let plain = Plain::new(common, 1)?;
    let ear = plain.ear()?;
    let mouth = plain.mouth()?;
    let mut account = Account::new(usize::try_from(size).unwrap_or(usize::MAX));
    let mut buffer = vec![0; LONGEST];
    let mut sender = None;
    let mut heard = Instant::now();
    loop {
        if signal::end_requested() {
            return Err(interrupted());
        }
        let Some((len, from)) = receive(&ear, &mut buffer)? else {
            account.pause();
            let patience = if sender.is_some() { SILENCE } else { MEET };
            if account.last().map_or(heard, |at| at.max(heard)).elapsed() > patience {
                return Err(Failure::Unmet("the sender fell silent".to_owned()));
            }
            continue;
        };
        let datagram = &buffer[..len];
        if datagram == WHO {
            mouth.send_to(&WHO, from).map_err(trouble)?;
            sender = Some(from);
            heard = Instant::now();
        } else if sender != Some(from) {
            continue;
        } else if let Some((&END, total)) = datagram.split_first_chunk()
            && let Ok(total) = total.try_into()
        {
            mouth.send_to(&END, from).map_err(trouble)?;
            return Ok(account.close(u64::from_le_bytes(total), None));
        } else {
            account.message(datagram);
        }
    }
}

/// The next datagram; `None` if none came for a while.
pub(super) fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
) -> Result<Option<(usize, SocketAddr)>, Failure> {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    match socket.recv_from(buffer) {
        Ok(received) => Ok(Some(received)),
        Err(error) if matches!(error.kind(), Interrupted | TimedOut | WouldBlock) => Ok(None),
        Err(error) => Err(trouble(error)),
    }
}

fn trouble(error: io::Error) -> Failure {
    Failure::Trouble(format!("plain sockets: {error}"))
}
