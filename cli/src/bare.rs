//! Bare datagrams, for programs that do not speak the protocol.
//!
//! A sender of these is no member: it has one socket, on a port of its own, and nothing is sent but
//! what it is given. So a program that holds the group's port for itself is no obstacle.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::SendError;
use groupcast::embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::wire::{MAX_MAX_DATAGRAM, is_framed};
use groupcast_std::{Socket, StdStack, resolve_group};

use crate::failure::Failure;
use crate::options::Common;
use crate::session::say_start;
use crate::signal;

/// How long to wait for a socket that has no room.
const NO_ROOM: Duration = Duration::from_millis(1);

/// A sender of bare datagrams.
#[derive(Debug)]
pub(crate) struct Bare {
    stack: StdStack,
    socket: Socket,
    group: SocketAddr,
}

impl Bare {
    /// The most octets of a bare datagram: more would be split by IP, and more often lost.
    pub(crate) const LIMIT: usize = MAX_MAX_DATAGRAM as usize;

    pub(crate) fn open(common: &Common) -> Result<Self, Failure> {
        let group = resolve_group(&common.group)?;
        let mut builder = StdStack::builder().group(group).hops(common.hops);
        if let Some(selector) = &common.interface {
            builder = builder.interface(selector.clone());
        }
        let mut stack = builder.build()?;
        let mut socket = stack.socket()?;
        stack.bind(&mut socket, 0)?;
        say_start(common, group, stack.choice(), None);
        Ok(Self {
            stack,
            socket,
            group,
        })
    }

    /// Sends a datagram. Waits for room.
    pub(crate) fn send(&mut self, datagram: &[u8]) -> Result<(), Failure> {
        if datagram.is_empty() {
            return Err(SendError::Empty.into());
        }
        if is_framed(datagram) {
            return Err(SendError::LooksFramed.into());
        }
        let (len, limit) = (datagram.len(), Self::LIMIT);
        if len > limit {
            return Err(SendError::TooLong { len, limit }.into());
        }
        while !signal::end_requested() {
            match self.stack.send_to(&mut self.socket, self.group, datagram) {
                Ok(()) => return Ok(()),
                Err(nb::Error::WouldBlock) => std::thread::sleep(NO_ROOM),
                Err(nb::Error::Other(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
