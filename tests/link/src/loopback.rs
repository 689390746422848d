//! A network stack that hears only itself.

use core::hint::black_box;
use core::net::{IpAddr, SocketAddr};

use groupcast::embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpError, UdpErrorKind, UdpMulticast};

const LARGEST: usize = 1472;
const WAITING: usize = 2;

/// The stack: a few datagrams on their way from it to itself.
pub(crate) struct Loopback {
    queue: [Option<Datagram>; WAITING],
}

struct Datagram {
    octets: [u8; LARGEST],
    len: usize,
    address: SocketAddr,
}

pub(crate) struct Socket {
    joined: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure(UdpErrorKind);

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the loopback stack")
    }
}

impl core::error::Error for Failure {}

impl UdpError for Failure {
    fn kind(&self) -> UdpErrorKind {
        self.0
    }
}

/// Fails if the compiler thinks it might.
fn perhaps(kind: UdpErrorKind) -> Result<(), Failure> {
    if black_box(false) {
        return Err(Failure(black_box(kind)));
    }
    Ok(())
}

impl Loopback {
    pub(crate) const fn new() -> Self {
        Self {
            queue: [const { None }; WAITING],
        }
    }
}

impl UdpClientStack for Loopback {
    type UdpSocket = Socket;
    type Error = Failure;

    fn socket(&mut self) -> Result<Socket, Failure> {
        perhaps(UdpErrorKind::Other)?;
        Ok(Socket { joined: false })
    }

    fn connect(&mut self, _: &mut Socket, _: SocketAddr) -> Result<(), Failure> {
        Err(Failure(UdpErrorKind::Unsupported))
    }

    fn send(&mut self, _: &mut Socket, _: &[u8]) -> nb::Result<(), Failure> {
        Err(nb::Error::Other(Failure(UdpErrorKind::Unsupported)))
    }

    fn receive(
        &mut self,
        socket: &mut Socket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Failure> {
        perhaps(UdpErrorKind::Transient)?;
        let waiting = self.queue.iter_mut().find(|datagram| datagram.is_some());
        let Some(datagram) = waiting.filter(|_| socket.joined).and_then(Option::take) else {
            return Err(nb::Error::WouldBlock);
        };
        let datagram = black_box(datagram);
        let (Some(to), Some(octets)) = (
            buffer.get_mut(..datagram.len),
            datagram.octets.get(..datagram.len),
        ) else {
            return Err(nb::Error::Other(Failure(UdpErrorKind::Truncated)));
        };
        to.copy_from_slice(octets);
        Ok((datagram.len, datagram.address))
    }

    fn close(&mut self, _: Socket) -> Result<(), Failure> {
        perhaps(UdpErrorKind::Closed)
    }
}

impl UdpFullStack for Loopback {
    fn bind(&mut self, _: &mut Socket, _: u16) -> Result<(), Failure> {
        perhaps(UdpErrorKind::AddressInUse)
    }

    fn send_to(
        &mut self,
        _: &mut Socket,
        address: SocketAddr,
        buffer: &[u8],
    ) -> nb::Result<(), Failure> {
        perhaps(UdpErrorKind::NoRoute)?;
        let Some(free) = self.queue.iter_mut().find(|datagram| datagram.is_none()) else {
            return Err(nb::Error::WouldBlock);
        };
        let mut octets = [0; LARGEST];
        let Some(to) = octets.get_mut(..buffer.len()) else {
            return Err(nb::Error::Other(Failure(UdpErrorKind::MessageTooLong)));
        };
        to.copy_from_slice(buffer);
        *free = Some(Datagram {
            octets,
            len: buffer.len(),
            address,
        });
        Ok(())
    }
}

impl UdpMulticast for Loopback {
    fn join_multicast(
        &mut self,
        socket: &mut Socket,
        _: IpAddr,
        _: Interface,
    ) -> Result<(), Failure> {
        perhaps(UdpErrorKind::TooManyGroups)?;
        socket.joined = true;
        Ok(())
    }

    fn leave_multicast(
        &mut self,
        socket: &mut Socket,
        _: IpAddr,
        _: Interface,
    ) -> Result<(), Failure> {
        socket.joined = false;
        perhaps(UdpErrorKind::NotPermitted)
    }
}
