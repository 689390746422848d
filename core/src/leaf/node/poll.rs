//! A turn of the loop: what arrived is read, and what is due is sent.

use core::time::Duration;

use embedded_nal::nb;

use super::super::outgoing::Buffer;
use super::LeafNode;
use crate::counters::count;
use crate::event::Event;
use crate::group::Destination;
use crate::multicast::{UdpError, UdpErrorKind, UdpMulticast};
use crate::time::Instant;

/// How long to try to send what the stack had no room for.
const TRY_FOR: Duration = Duration::from_millis(100);

/// The beginning of what there is, as far as there is room.
fn copy(from: &[u8], to: &mut [u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// Datagrams without an event that one call of [`LeafNode::poll`] takes before it lets the caller go.
const DATAGRAMS_PER_POLL: u32 = 64;

impl<S: UdpMulticast, const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize>
    LeafNode<S, DATAGRAM, SENDERS, ROOM>
{
    /// Sends what is due, receives what has arrived, and returns the next event.
    ///
    /// Call it until it returns `None`, then wait until [`next_deadline`](Self::next_deadline) or
    /// until the stack has something to receive. It never waits itself.
    ///
    /// # Errors
    ///
    /// What the stack reports. The node goes on: the next call works as if nothing had happened.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn poll(&mut self, now: Instant) -> Result<Option<Event<'_>>, S::Error> {
        self.attend(now)?;
        Ok(self.take_event())
    }

    /// As [`poll`](Self::poll), but leaves the event to the next call of it, or to
    /// [`take_event`](Self::take_event). While one waits, nothing is received, and nothing is sent.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub fn attend(&mut self, now: Instant) -> Result<(), S::Error> {
        self.unfinished = false;
        for _ in 0..DATAGRAMS_PER_POLL {
            if self.find() {
                return Ok(());
            }
            let has_room = self.flush(now);
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if !has_room || !self.receive(now)? {
                return Ok(());
            }
        }
        self.unfinished = true;
        Ok(())
    }

    /// Finds the next event in what has been received. Whether there is one.
    pub(crate) fn find(&mut self) -> bool {
        self.found = self.found.take().or_else(|| self.leaf.find());
        self.found.is_some()
    }

    /// Whether an event waits that [`attend`](Self::attend) found.
    #[must_use]
    pub const fn has_event(&self) -> bool {
        self.found.is_some()
    }

    /// Takes the event that [`attend`](Self::attend) found, if there is one.
    pub fn take_event(&mut self) -> Option<Event<'_>> {
        match self.found.take() {
            Some(found) if SENDERS > 0 => self.leaf.show(found),
            _ => None,
        }
    }

    /// Receives one datagram; `false` if there is none. The sockets take turns to be asked first.
    fn receive(&mut self, now: Instant) -> Result<bool, S::Error> {
        if SENDERS == 0 {
            return Ok(false);
        }
        let Self {
            stack,
            leaf,
            group_socket: Some(group_socket),
            own_socket,
            own_first,
            ..
        } = self
        else {
            return Ok(false);
        };
        let mut sockets = [group_socket, own_socket];
        if *own_first {
            sockets.reverse();
        }
        *own_first = !*own_first;
        for socket in sockets {
            match stack.receive(socket, &mut leaf.inbox.octets) {
                Ok((len, from)) => {
                    leaf.take(now, from, len.min(DATAGRAM));
                    return Ok(true);
                }
                Err(nb::Error::WouldBlock) => {}
                Err(nb::Error::Other(error)) => match error.kind() {
                    UdpErrorKind::Truncated => {
                        leaf.count_oversized();
                        return Ok(true);
                    }
                    UdpErrorKind::Transient => return Ok(true),
                    _ => return Err(error),
                },
            }
        }
        Ok(false)
    }

    /// Sends what is due now, without receiving, unless an event waits to be polled. `false` if the stack had no room
    /// for all of it.
    ///
    /// [`poll`](Self::poll) does this too, and returns what the stack reported.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn flush(&mut self, now: Instant) -> bool {
        self.now = self.now.max(now);
        let mut buffer: Buffer = [0; size_of::<Buffer>()];
        loop {
            if self.unsent > 0 {
                copy(&self.leaf.inbox.octets, &mut buffer);
            } else if self.found.is_some() || self.leaf.has_events() {
                return true;
            } else if let Some(transmit) = self.leaf.transmit(now, &mut buffer) {
                self.to = match transmit.to {
                    Destination::Group => self.leaf.config().group(),
                    Destination::Peer(address) => address,
                };
                (self.unsent, self.since) = (transmit.len, now);
            } else {
                return true;
            }
            let octets = buffer.get(..self.unsent).unwrap_or_default();
            let sent = self.stack.send_to(&mut self.own_socket, self.to, octets);
            if let Err(error) = sent {
                match error {
                    nb::Error::WouldBlock if now < self.since + TRY_FOR => {
                        copy(&buffer, &mut self.leaf.inbox.octets);
                        return false;
                    }
                    nb::Error::Other(error) if error.kind() != UdpErrorKind::Transient => {
                        self.failure = Some(error);
                    }
                    _ => {}
                }
                count(&mut self.leaf.tools.counters.send_failures);
            }
            self.unsent = 0;
        }
    }
}
