//! The socket of a member of another site, from which it speaks in this one.
//!
//! A socket of `groupcast_std` has a megabyte for what arrives at once. There is one of these for each member, and little
//! arrives: what is sent to one member alone.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};

use groupcast_std::Choice;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// What the system may hold of what is sent to it, in bytes.
const ANSWERS: usize = 256 * 1024;

/// A socket that sends to the group by one interface, and hears what is sent to it alone.
#[derive(Debug)]
pub(crate) struct Voice {
    io: UdpSocket,
}

impl Voice {
    pub(crate) fn new(choice: &Choice, hop_limit: u8) -> io::Result<Self> {
        let (domain, any) = match choice.address {
            IpAddr::V4(_) => (Domain::IPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            IpAddr::V6(_) => (Domain::IPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // Less is no reason to have none.
        let _ = socket.set_recv_buffer_size(ANSWERS);
        match choice.address {
            IpAddr::V4(_) => {
                #[cfg(target_os = "linux")]
                socket.set_multicast_all_v4(false)?;
                socket.set_multicast_ttl_v4(hop_limit.into())?;
            }
            IpAddr::V6(_) => {
                socket.set_only_v6(true)?;
                #[cfg(target_os = "linux")]
                socket.set_multicast_all_v6(false)?;
                socket.set_multicast_hops_v6(hop_limit.into())?;
            }
        }
        // Any address, so that it outlives a change of the interface's.
        socket.bind(&SocketAddr::new(any, 0).into())?;
        let voice = Self { io: socket.into() };
        voice.follow(choice)?;
        Ok(voice)
    }

    /// Sends by this interface from now on.
    pub(crate) fn follow(&self, choice: &Choice) -> io::Result<()> {
        let socket = SockRef::from(&self.io);
        match choice.address {
            IpAddr::V4(address) => socket.set_multicast_if_v4(&address),
            IpAddr::V6(_) => socket.set_multicast_if_v6(choice.index.get()),
        }
    }

    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.io.local_addr()?.port())
    }

    /// Whether the system took it.
    pub(crate) fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<bool> {
        match self.io.send_to(datagram, to) {
            Ok(_) => Ok(true),
            Err(error) if is_passing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The next datagram that was sent to it.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
        match self.io.recv_from(buffer) {
            Ok(arrived) => Ok(Some(arrived)),
            Err(error) if is_passing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

/// The system has no room, or nothing; or it tells of a datagram of before that nobody took.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock
            | ErrorKind::Interrupted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use groupcast_std::{InterfaceSelector, StdStack};

    use super::*;

    fn choice(group: &str, address: &str) -> Choice {
        let address = InterfaceSelector::Address(address.parse().unwrap());
        let stack = StdStack::builder()
            .group(group.parse().unwrap())
            .interface(address);
        stack.build().unwrap().choice().clone()
    }

    #[test]
    fn it_hears_what_is_sent_to_it_and_sends_from_where_it_hears() {
        let choice = choice("239.77.22.3:17725", "127.0.0.1");
        let [one, other] = [(); 2].map(|()| Voice::new(&choice, 1).unwrap());
        let at = |voice: &Voice| SocketAddr::new(choice.address, voice.port().unwrap());
        let mut buffer = [0; 16];
        assert!(one.receive(&mut buffer).unwrap().is_none());
        assert!(other.send(at(&one), b"hi").unwrap());
        let arrived = (0..3_000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(2));
            one.receive(&mut buffer).unwrap()
        });
        assert_eq!(arrived, Some((2, at(&other))));
        assert!(one.follow(&choice).is_ok());
    }

    #[test]
    fn it_has_no_memory_of_its_own() {
        assert_eq!(size_of::<Voice>(), size_of::<UdpSocket>());
    }
}
