//! Datagrams that the system handed over together, until they are asked for.
//!
//! One system call fills several buffers, and each buffer may hold several datagrams of one sender that
//! the system kept together (GRO). Every buffer has room for all that the system can put into one, since
//! what does not fit is lost without an error.

use core::net::{IpAddr, SocketAddr};
use std::io::{self, IoSliceMut};
use std::net::UdpSocket;

use quinn_udp::{RecvMeta, UdpSocketState};

/// What one buffer can be filled with at most: the octets of an IP packet.
const BUFFER: usize = 65_536;

/// How many buffers one system call may fill. Memory is used only for what is filled.
const BUFFERS: usize = 16;

/// A datagram that arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// How long it is; `None` says that it did not fit and is gone.
    pub(crate) length: Option<usize>,
    pub(crate) source: SocketAddr,
    /// The address it was sent to, where the system says so.
    pub(crate) local: Option<IpAddr>,
}

/// The datagrams of one system call.
pub(crate) struct Arrivals {
    octets: Vec<u8>,
    filled: [RecvMeta; BUFFERS],
    /// How many buffers are filled, which comes next, and how much of it is taken.
    count: usize,
    next: usize,
    taken: usize,
}

impl core::fmt::Debug for Arrivals {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Arrivals")
            .field("count", &self.count)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl Arrivals {
    pub(crate) fn new() -> Self {
        Self {
            octets: vec![0; BUFFERS * BUFFER],
            filled: [RecvMeta::default(); BUFFERS],
            count: 0,
            next: 0,
            taken: 0,
        }
    }

    /// Whether there is a datagram to take.
    pub(crate) const fn is_empty(&self) -> bool {
        self.next >= self.count
    }

    /// Takes the next datagram, into `buffer`.
    pub(crate) fn take(&mut self, buffer: &mut [u8]) -> Option<Arrival> {
        if self.is_empty() {
            return None;
        }
        let filled = self.filled.get(self.next)?;
        let octets = self.octets.chunks_exact(BUFFER).nth(self.next)?;
        let end = self
            .taken
            .saturating_add(filled.stride.max(1))
            .min(filled.len);
        let datagram = octets.get(self.taken..end)?;
        if end == filled.len {
            self.next += 1;
            self.taken = 0;
        } else {
            self.taken = end;
        }
        let length = buffer.get_mut(..datagram.len()).map(|buffer| {
            buffer.copy_from_slice(datagram);
            datagram.len()
        });
        Some(Arrival {
            length,
            source: canonical(filled.addr),
            local: filled.dst_ip.map(|ip| ip.to_canonical()),
        })
    }

    /// Asks the system for more, when all is taken.
    pub(crate) fn fill(&mut self, socket: &UdpSocket, state: &UdpSocketState) -> io::Result<()> {
        let mut rest = self.octets.chunks_exact_mut(BUFFER);
        let mut buffers: [_; BUFFERS] =
            core::array::from_fn(|_| IoSliceMut::new(rest.next().unwrap_or_default()));
        self.count = 0;
        self.count = state.recv(socket.into(), &mut buffers, &mut self.filled)?;
        self.next = 0;
        self.taken = 0;
        Ok(())
    }
}

/// An address as an IP address, never an IPv4-mapped one.
fn canonical(source: SocketAddr) -> SocketAddr {
    match source.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, source.port()),
        IpAddr::V6(_) => source,
    }
}
