//! A way out: a UDP socket of embassy-net that only sends.
//!
//! There are two, because embassy-net keeps a datagram whose host does not answer, and all behind it in its socket,
//! for ever: what is for groups, which no host has to answer, goes past it. A socket that receives nothing can be
//! closed to throw away what waits in it, and the two have hop limits of their own.

use core::net::SocketAddr;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embassy_net::udp::{SendError, UdpSocket};
use embassy_time::{Duration, Instant};
use embedded_nal::nb;

use crate::error::Error;
use crate::family;

/// From which port a datagram goes, and how far, at least 1 hop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Way {
    pub(crate) port: u16,
    pub(crate) hop_limit: u8,
}

pub(crate) struct Mouth<'d> {
    socket: UdpSocket<'d>,
    /// How it is bound.
    way: Option<Way>,
    /// Datagrams put into it since it was last seen empty, and when the first of them was.
    waiting: u32,
    since: Instant,
}

impl<'d> Mouth<'d> {
    pub(crate) const fn new(socket: UdpSocket<'d>) -> Self {
        Self {
            socket,
            way: None,
            waiting: 0,
            since: Instant::MIN,
        }
    }

    /// Is ready when all has gone to the device.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let gone = pin!(self.socket.flush()).poll(cx);
        if gone.is_ready() {
            self.waiting = 0;
        }
        gone
    }

    /// Whether all has gone. Whoever waits for that has to ask [`poll_gone`](Self::poll_gone) afterwards.
    fn has_gone(&mut self) -> bool {
        self.waiting == 0
            || self
                .poll_gone(&mut Context::from_waker(Waker::noop()))
                .is_ready()
    }

    /// Whether something waits, as far as is known.
    pub(crate) const fn waits(&self) -> bool {
        self.waiting > 0
    }

    /// How long something has been waiting in it at most.
    pub(crate) fn waited(&self) -> Duration {
        if self.waiting == 0 {
            return Duration::MIN;
        }
        self.since.elapsed()
    }

    /// Hands over a datagram, for which embassy-net's task is woken.
    pub(crate) fn put(
        &mut self,
        way: Way,
        to: SocketAddr,
        payload: &[u8],
    ) -> nb::Result<(), Error> {
        let remote = family::endpoint(to)?;
        let empty = self.has_gone();
        if self.way != Some(way) {
            if !empty {
                return Err(nb::Error::WouldBlock);
            }
            self.socket.close();
            self.socket.set_hop_limit(Some(way.hop_limit));
            let bound = self.socket.bind(way.port);
            self.way = bound.is_ok().then_some(way);
        }
        // Nobody waits for room here: see `poll_gone`.
        let mut nobody = Context::from_waker(Waker::noop());
        match self.socket.poll_send_to(payload, remote, &mut nobody) {
            Poll::Pending => Err(nb::Error::WouldBlock),
            Poll::Ready(Err(SendError::PacketTooLarge)) => {
                Err(nb::Error::Other(self.too_long(payload)))
            }
            Poll::Ready(Err(_)) => Err(nb::Error::Other(Error::NoRoute(to))),
            Poll::Ready(Ok(())) => {
                if empty {
                    self.since = Instant::now();
                }
                self.waiting = self.waiting.saturating_add(1);
                Ok(())
            }
        }
    }

    fn too_long(&self, payload: &[u8]) -> Error {
        Error::MessageTooLong {
            length: payload.len(),
            limit: self.capacity(),
        }
    }

    /// Bytes that there is memory for.
    pub(crate) fn capacity(&self) -> usize {
        self.socket.payload_send_capacity()
    }

    /// Throws away what waits. How many datagrams that is at most.
    pub(crate) fn give_up(&mut self) -> u32 {
        self.socket.close();
        self.way = None;
        core::mem::take(&mut self.waiting)
    }

    /// Wakes embassy-net's task, which has to send what the interface has to say.
    pub(crate) fn poke(&mut self) {
        // As any call does that may change a socket.
        let limit = self.way.map(|way| way.hop_limit);
        self.socket.set_hop_limit(limit);
    }
}
