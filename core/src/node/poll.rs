//! A turn of the loop: what arrived is read, and what is due is sent.

use core::ops::Range;

use embedded_nal::nb;

use super::Node;
use crate::event::Event;
use crate::group::Destination;
use crate::multicast::{UdpError, UdpErrorKind, UdpMulticast};
use crate::storage::Memory;
use crate::time::Instant;

/// Datagrams without an event that one call of [`Node::poll`] takes before it lets the caller go.
const DATAGRAMS_PER_POLL: u32 = 64;

/// So many datagrams are read at most before the group looks at the clock: more than wait in a socket after a
/// pause.
const MOST_UNREAD: u32 = 1 << 14;

/// So many datagrams of one socket are taken before the other is asked first. To ask an empty one for each
/// datagram is a system call each time.
const IN_A_ROW: u8 = 16;

/// Datagrams to one destination, one behind the other in the storage's buffer: as long as the first, but
/// for the last, which may be shorter.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) to: Destination,
    /// Where those stand that are not sent yet.
    pub(super) octets: Range<usize>,
    /// The length of the first.
    pub(super) segment: usize,
}

impl<S: UdpMulticast, M: Memory> Node<S, M> {
    /// Sends what is due, receives what has arrived, and returns the next event.
    ///
    /// Call it until it returns `None`, then wait until [`next_deadline`](Self::next_deadline) or
    /// until the stack has something to receive. It never waits itself.
    ///
    /// # Errors
    ///
    /// What the stack reports. The node goes on: the next call works as if nothing had happened. A
    /// datagram that could not be sent is lost, as if the network had lost it, and counted.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn poll(&mut self, now: Instant) -> Result<Option<Event<'_>>, S::Error> {
        self.attend(now)?;
        Ok(self.take_event())
    }

    /// As [`poll`](Self::poll), but leaves the event to the next call of it, or to
    /// [`take_event`](Self::take_event). While one waits, nothing is received: this is for waiting until there is room
    /// to send, not for doing without events.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub fn attend(&mut self, now: Instant) -> Result<(), S::Error> {
        self.now = self.now.max(now);
        let mut budget = DATAGRAMS_PER_POLL;
        while !self.find_or_flush(now)? {
            self.unfinished = budget == 0;
            if self.unfinished {
                break;
            }
            budget = budget.saturating_sub(1);
            let received = self.receive(now);
            // After a pause, first what arrived, and then who is silent. Who is sent more than it can read
            // looks at the clock all the same.
            self.unread = self.unread.saturating_add(1);
            if matches!(received, Ok(true)) && self.unread < MOST_UNREAD {
                continue;
            }
            self.unread = 0;
            self.group.handle_timeout(now);
            if !received? {
                self.find_or_flush(now)?;
                break;
            }
        }
        Ok(())
    }

    /// Finds the next event, or sends what is due if there is none. Whether there is one.
    pub(super) fn find_or_flush(&mut self, now: Instant) -> Result<bool, S::Error> {
        if self.find() {
            return Ok(true);
        }
        self.flush(now);
        self.failure.take().map_or(Ok(false), Err)
    }

    /// Finds the next event in what has been received. Whether there is one.
    pub(crate) fn find(&mut self) -> bool {
        self.found = self.found.take().or_else(|| self.group.find_event());
        self.found.is_some()
    }

    /// Whether an event waits that [`attend`](Self::attend) found.
    #[must_use]
    pub const fn has_event(&self) -> bool {
        self.found.is_some()
    }

    /// Takes the event that [`attend`](Self::attend) found, if there is one.
    pub fn take_event(&mut self) -> Option<Event<'_>> {
        let found = self.found.take()?;
        self.group.show_event(found)
    }

    /// Receives one datagram; `false` if there is none. The sockets take turns to be asked first: until
    /// one has nothing, or has had its share.
    fn receive(&mut self, now: Instant) -> Result<bool, S::Error> {
        let Self {
            stack,
            group,
            group_socket,
            own_socket,
            own_first,
            in_a_row,
            ..
        } = self;
        let mut sockets = [group_socket, own_socket];
        if *own_first {
            sockets.reverse();
        }
        for socket in sockets {
            let received = group.receive_with(now, |buffer| match stack.receive(socket, buffer) {
                Ok(received) => Ok(Some(received)),
                Err(nb::Error::WouldBlock) => Ok(None),
                Err(nb::Error::Other(error)) => Err(error),
            });
            *in_a_row = in_a_row.saturating_add(1);
            if *in_a_row >= IN_A_ROW || !matches!(received, Ok(true)) {
                *own_first = !*own_first;
                *in_a_row = 0;
            }
            match received {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => match error.kind() {
                    UdpErrorKind::Truncated => {
                        group.count_oversized();
                        return Ok(true);
                    }
                    UdpErrorKind::Transient => return Ok(true),
                    _ => return Err(error),
                },
            }
        }
        Ok(false)
    }

    /// Sends what is due now, without receiving. `false` if the stack had no room for all of it.
    ///
    /// [`poll`](Self::poll) does this too, and returns what the stack reported.
    pub fn flush(&mut self, now: Instant) -> bool {
        loop {
            let batch = self.unsent.take().or_else(|| self.gather(now));
            let Some(mut batch) = batch else {
                return true;
            };
            let to = match batch.to {
                Destination::Group => self.group.config().group,
                Destination::Peer(address) => address,
            };
            let octets = self.group.built(batch.octets.clone());
            let (stack, socket) = (&mut self.stack, &mut self.own_socket);
            let result = if S::MOST_SEGMENTS > 1 {
                stack.send_segments(socket, to, octets, batch.segment)
            } else {
                stack.send_to(socket, to, octets).map(|()| batch.segment)
            };
            // With an error the first datagram is lost, and no other.
            let mut sent = batch.segment;
            match result {
                Ok(octets) => sent = sent.max(octets),
                Err(nb::Error::WouldBlock) => {
                    self.unsent = Some(batch);
                    return false;
                }
                Err(nb::Error::Other(error)) => {
                    self.group.count_send_failure();
                    if error.kind() != UdpErrorKind::Transient {
                        self.failure = Some(error);
                    }
                }
            }
            if S::MOST_SEGMENTS > 1 {
                batch.octets.start = batch.octets.start.saturating_add(sent);
                self.unsent = Some(batch).filter(|batch| !batch.octets.is_empty());
            }
        }
    }

    /// Builds what is due to one destination: as many datagrams as the stack sends in one go.
    fn gather(&mut self, now: Instant) -> Option<Batch> {
        let odd = if S::MOST_SEGMENTS > 1 {
            self.odd.take()
        } else {
            None
        };
        let first = match odd {
            Some((at, odd)) => {
                self.group.move_built(at..at.saturating_add(odd.len));
                odd
            }
            None => self.group.build_transmit(now, 0)?,
        };
        let (to, segment) = (first.to, first.len);
        let mut end = segment;
        for _ in 1..S::MOST_SEGMENTS {
            let Some(next) = self.group.build_transmit(now, end) else {
                break;
            };
            if next.to != to || next.len > segment {
                self.odd = Some((end, next));
                break;
            }
            end = end.saturating_add(next.len);
            if next.len < segment {
                break;
            }
        }
        let octets = 0..end;
        Some(Batch {
            to,
            octets,
            segment,
        })
    }
}
