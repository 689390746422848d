//! Datagrams that the system handed over together, until they are asked for.
//!
//! One system call fills several buffers, and each buffer may hold several datagrams of one sender that
//! the system kept together (GRO). Every buffer has room for all that the system can put into one, since
//! what does not fit is lost without an error.

use core::net::{IpAddr, SocketAddr};
use std::io::{self, IoSliceMut};
use std::net::UdpSocket;

use quinn_udp::{RecvMeta, UdpSocketState};

use crate::cause::Cause;
use crate::sys;

/// What one buffer can be filled with at most: the bytes of an IP packet.
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
    /// Whether the system refuses to hand over several.
    one_by_one: bool,
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
            one_by_one: false,
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
    ///
    /// Sandboxes, emulators and old systems refuse the call that hands over several, and take that for one.
    pub(crate) fn fill(&mut self, socket: &UdpSocket, state: &UdpSocketState) -> io::Result<()> {
        self.fill_by(
            |buffers, filled| state.recv(socket.into(), buffers, filled),
            |buffer| socket.recv_from(buffer),
            || sys::keep_apart(socket),
        )
    }

    fn fill_by(
        &mut self,
        mut several: impl FnMut(&mut [IoSliceMut<'_>], &mut [RecvMeta]) -> io::Result<usize>,
        one: impl FnOnce(&mut [u8]) -> io::Result<(usize, SocketAddr)>,
        keep_apart: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let is_refused = |error: &io::Error| Cause::of(error).is_some_and(Cause::may_be_sandbox);
        self.count = 0;
        self.next = 0;
        self.taken = 0;
        if !self.one_by_one {
            let mut rest = self.octets.chunks_exact_mut(BUFFER);
            let mut buffers: [_; BUFFERS] =
                core::array::from_fn(|_| IoSliceMut::new(rest.next().unwrap_or_default()));
            let mut came = several(&mut buffers, &mut self.filled);
            // ICMP's answer to an earlier datagram can look like this, once.
            if came.as_ref().is_err_and(is_refused) {
                came = several(&mut buffers, &mut self.filled);
            }
            match came {
                Ok(count) => {
                    self.count = count;
                    return Ok(());
                }
                Err(error) if !is_refused(&error) => return Err(error),
                // Whether that is refused, too, shows now.
                Err(_) => {}
            }
        }
        let buffer = self.octets.get_mut(..BUFFER).unwrap_or_default();
        let came = one(buffer);
        if !self.one_by_one && !came.as_ref().is_err_and(is_refused) {
            self.one_by_one = true;
            keep_apart()?;
        }
        let (length, source) = came?;
        if let Some(filled) = self.filled.first_mut() {
            *filled = RecvMeta::default();
            filled.addr = source;
            filled.len = length;
            filled.stride = length;
            self.count = 1;
        }
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

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    const SOURCE: &str = "192.0.2.1:5";

    /// What a receive call says that a sandbox refuses, or that has nothing.
    fn no<T>(errno: Errno) -> io::Result<T> {
        Err(errno.into())
    }

    fn hello(buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        buffer[..5].copy_from_slice(b"Hello");
        Ok((5, SOURCE.parse().unwrap()))
    }

    #[test]
    fn where_several_are_refused_one_is_asked_for_from_then_on() {
        for errno in [Errno::NOSYS, Errno::PERM, Errno::ACCESS] {
            let mut arrivals = Arrivals::new();
            let mut buffer = [0; 100];
            let (mut asked, mut kept_apart) = (0, 0);
            for _ in 0..3 {
                let several = |_: &mut [IoSliceMut<'_>], _: &mut [RecvMeta]| {
                    asked += 1;
                    no(errno)
                };
                let keep_apart = || {
                    kept_apart += 1;
                    Ok(())
                };
                arrivals.fill_by(several, hello, keep_apart).unwrap();
                let arrival = arrivals.take(&mut buffer).unwrap();
                assert_eq!(arrival.length, Some(5), "{errno}");
                assert_eq!(arrival.source, SOURCE.parse().unwrap(), "{errno}");
                assert_eq!(&buffer[..5], b"Hello", "{errno}");
                assert!(arrivals.take(&mut buffer).is_none(), "{errno}");
            }
            assert_eq!((asked, kept_apart), (2, 1), "{errno}");
        }
    }

    #[test]
    fn where_both_are_refused_that_is_said_each_time() {
        let mut arrivals = Arrivals::new();
        for _ in 0..3 {
            let filled = arrivals.fill_by(
                |_, _| no(Errno::PERM),
                |_| no(Errno::PERM),
                || panic!("one by one is no way either"),
            );
            assert_eq!(
                filled.unwrap_err().raw_os_error(),
                Some(Errno::PERM.raw_os_error())
            );
        }
    }

    #[test]
    fn an_answer_of_icmp_is_no_refusal() {
        let mut arrivals = Arrivals::new();
        let mut answers = [Errno::ACCESS, Errno::AGAIN].into_iter();
        let filled = arrivals.fill_by(
            |_, _| no(answers.next().unwrap()),
            |_| panic!("several can be had"),
            || Ok(()),
        );
        assert_eq!(filled.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
