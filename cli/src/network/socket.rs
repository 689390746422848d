//! Sockets of those who are no members: one that only hears the group, one that only speaks to it.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpMulticast};
use groupcast_std::{Choice, Socket, StdStack, wait};

use super::place::{self, changed};
use crate::options::Common;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::text::escape::escaped;

/// How long to wait for a socket that has no room.
const NO_ROOM: Duration = Duration::from_millis(1);

/// Bytes of the largest datagram there is.
const LARGEST: usize = 65_535;

/// Hears everything that is said to the group, and says nothing.
#[derive(Debug)]
pub(crate) struct Ear {
    stack: StdStack,
    socket: Socket,
    buffer: Vec<u8>,
    /// The changes of the interface that were told.
    told: u64,
}

impl Ear {
    pub(crate) fn open(common: &Common) -> Result<Self, Failure> {
        Self::join(common, place::group(common)?)
    }

    /// As [`open`](Self::open), for this group.
    pub(crate) fn join(common: &Common, group: SocketAddr) -> Result<Self, Failure> {
        let mut stack = stack(common, group)?;
        let group = stack.group();
        let mut socket = stack.socket()?;
        stack.bind(&mut socket, group.port())?;
        stack.join_multicast(&mut socket, group.ip(), Interface::Default)?;
        Ok(Self {
            stack,
            socket,
            buffer: vec![0; LARGEST],
            told: 0,
        })
    }

    pub(crate) const fn group(&self) -> SocketAddr {
        self.stack.group()
    }

    pub(crate) const fn choice(&self) -> &Choice {
        self.stack.choice()
    }

    /// The next datagram that has come, and from where. It is the caller's to change.
    pub(crate) fn hear(&mut self) -> Result<Option<(&mut [u8], SocketAddr)>, Failure> {
        hear(&mut self.stack, &mut self.socket, &mut self.buffer)
    }

    /// Says so when the interface has changed.
    pub(crate) fn tell_of_changes(&mut self) {
        if self.told != self.stack.changes() {
            self.told = self.stack.changes();
            aside!("groupcast: {}", escaped(&changed(self.choice())));
        }
    }

    /// Waits until there is something to hear, for `limit` at most.
    pub(crate) fn wait(&self, limit: Duration) -> Result<(), Failure> {
        Ok(wait(&[&self.socket], limit).map(|_| ())?)
    }
}

/// Says datagrams as they are, from a port of its own, and hears what comes back to it. A program that holds
/// the group's port for itself is no obstacle.
#[derive(Debug)]
pub(crate) struct Mouth {
    stack: StdStack,
    socket: Socket,
    buffer: Vec<u8>,
}

impl Mouth {
    pub(crate) fn open(common: &Common) -> Result<Self, Failure> {
        let mut stack = stack(common, place::group(common)?)?;
        let mut socket = stack.socket()?;
        stack.bind(&mut socket, 0)?;
        Ok(Self {
            stack,
            socket,
            buffer: vec![0; LARGEST],
        })
    }

    pub(crate) const fn group(&self) -> SocketAddr {
        self.stack.group()
    }

    pub(crate) const fn choice(&self) -> &Choice {
        self.stack.choice()
    }

    /// Sends a datagram to the group. Waits for room; `false`: a signal came before there was.
    pub(crate) fn say(&mut self, datagram: &[u8]) -> Result<bool, Failure> {
        while !signal::end_requested() {
            if self.try_say(self.group(), datagram)? {
                return Ok(true);
            }
            std::thread::sleep(NO_ROOM);
        }
        Ok(false)
    }

    /// Sends a datagram to the group, also after a signal; not if there is no room.
    pub(crate) fn say_at_once(&mut self, datagram: &[u8]) -> Result<(), Failure> {
        self.try_say(self.group(), datagram).map(|_| ())
    }

    /// Sends a datagram to one address; not if there is no room.
    pub(crate) fn say_to(&mut self, address: SocketAddr, datagram: &[u8]) -> Result<(), Failure> {
        self.try_say(address, datagram).map(|_| ())
    }

    fn try_say(&mut self, to: SocketAddr, datagram: &[u8]) -> Result<bool, Failure> {
        match self.stack.send_to(&mut self.socket, to, datagram) {
            Ok(()) => Ok(true),
            Err(nb::Error::WouldBlock) => Ok(false),
            Err(nb::Error::Other(error)) => Err(error.into()),
        }
    }

    /// The next datagram that has come to this one's port, and from where.
    pub(crate) fn hear(&mut self) -> Result<Option<(&mut [u8], SocketAddr)>, Failure> {
        hear(&mut self.stack, &mut self.socket, &mut self.buffer)
    }
}

/// Waits until there is something to hear at either, for `limit` at most.
pub(crate) fn wait_for_both(ear: &Ear, mouth: &Mouth, limit: Duration) -> Result<(), Failure> {
    Ok(wait(&[&ear.socket, &mouth.socket], limit).map(|_| ())?)
}

fn hear<'b>(
    stack: &mut StdStack,
    socket: &mut Socket,
    buffer: &'b mut [u8],
) -> Result<Option<(&'b mut [u8], SocketAddr)>, Failure> {
    match stack.receive(socket, buffer) {
        Ok((length, source)) => Ok(Some((&mut buffer[..length], source))),
        Err(nb::Error::WouldBlock) => Ok(None),
        Err(nb::Error::Other(error)) => Err(error.into()),
    }
}

fn stack(common: &Common, group: SocketAddr) -> Result<StdStack, Failure> {
    let mut builder = StdStack::builder().group(group).hop_limit(common.hop_limit);
    if let Some(selector) = &common.interface {
        builder = builder.interface(selector.clone());
    }
    builder.build().map_err(|error| common.failure(&error))
}
