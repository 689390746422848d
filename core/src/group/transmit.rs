//! A datagram's way out: HELLO, messages and BYE, packed together.

use core::time::Duration;

use super::engine::Engine;
use super::outbox::Record;
use super::peer::Owed;
use super::presence::Presence;
use super::{Destination, Transmit};
use crate::counters::count;
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::{BufferTooSmall, Bye, Frame, Header, Hello, Writer, emit_with};

impl Engine {
    /// Writes the next datagram to send, if there is one.
    pub(crate) fn transmit(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        let now = self.tick(views, now);
        let transmit = if self.silenced {
            views.outbox.clear();
            self.give_way(buffer)?
        } else {
            match self.transmit_to_member(views, buffer)? {
                Some(transmit) => Some(transmit),
                None => self.transmit_to_group(views, now, buffer)?,
            }
        };
        if let Some(Transmit { len, .. }) = transmit {
            count(&mut self.counters.datagrams_sent);
            // A datagram's length fits 64 bits.
            self.counters.octets_sent = self.counters.octets_sent.wrapping_add(len as u64);
        }
        Ok(transmit)
    }

    /// The last word of a member whose id is another's: so the other one hears of it.
    fn give_way(&mut self, buffer: &mut [u8]) -> Result<Option<Transmit>, BufferTooSmall> {
        if !core::mem::take(&mut self.gives_way) {
            return Ok(None);
        }
        let len = self.emit(buffer, |w| Frame::Bye(Bye::GIVE_WAY).emit(w))?;
        Ok(Some(Transmit {
            to: Destination::Group,
            len,
        }))
    }

    /// A HELLO owed to one member.
    fn transmit_to_member(
        &mut self,
        views: &mut Views<'_>,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        while let Some((address, owed)) = views.roster.take_owed() {
            if !self.presence.announces() || self.presence.is_leaving() {
                continue;
            }
            let hello = Hello {
                probe: owed == Owed::Probe,
                join: false,
                ..self.hello(views)
            };
            let len = self.emit(buffer, |w| Frame::Hello(hello).emit(w))?;
            return Ok(Some(Transmit {
                to: Destination::Member(address),
                len,
            }));
        }
        Ok(None)
    }

    /// What is due to the group: a HELLO, then as many messages as fit, or a bare datagram, or a
    /// BYE.
    fn transmit_to_group(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        let hello_due = self.presence.hello_due(now, !views.outbox.is_empty());
        let limit = self.max_datagram(views.roster).min(buffer.len());
        let to = Destination::Group;
        let len = match views.outbox.front() {
            Some(Record::Bare(datagram)) if !hello_due => {
                let len = datagram.len();
                buffer
                    .get_mut(..len)
                    .ok_or(BufferTooSmall)?
                    .copy_from_slice(datagram);
                views.outbox.pop();
                len
            }
            None if !hello_due => {
                if !self.presence.bye_due(now) {
                    return Ok(None);
                }
                let len = self.emit(buffer, |w| Frame::Bye(Bye::LEFT).emit(w))?;
                self.presence.bye_sent(now);
                len
            }
            front => {
                // A message that was queued before the limit sank still goes out, alone.
                let alone = match front {
                    Some(Record::Frame(frame)) => self.datagram_len(frame.len()),
                    _ => 0,
                };
                let limit = if hello_due { limit } else { limit.max(alone) };
                let hello = hello_due.then(|| self.hello(views));
                let outbox = &mut *views.outbox;
                let len = self.emit(
                    buffer.get_mut(..limit).ok_or(BufferTooSmall)?,
                    |w: &mut Writer<'_>| {
                        if let Some(hello) = hello {
                            Frame::Hello(hello).emit(w)?;
                        }
                        while let Some(Record::Frame(frame)) = outbox.front() {
                            if frame.len() > w.room() {
                                break;
                            }
                            w.octets(frame)?;
                            outbox.pop();
                        }
                        Ok(())
                    },
                )?;
                if hello_due {
                    let group_size = self.group_size(views.roster);
                    self.presence.hello_sent(now, group_size, &mut self.random);
                }
                len
            }
        };
        Ok(Some(Transmit { to, len }))
    }

    /// How long a datagram with `frames` octets of frames is.
    fn datagram_len(&self, frames: usize) -> usize {
        frames
            .saturating_add(Header::LEN)
            .saturating_add(self.suite.trailer_len())
    }

    /// Writes a datagram with the next datagram counter.
    fn emit(
        &mut self,
        buffer: &mut [u8],
        frames: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferTooSmall>,
    ) -> Result<usize, BufferTooSmall> {
        if self.counter >= Header::MAX_COUNTER {
            self.begin_session(self.now.unwrap_or_default());
        }
        self.counter = self.counter.saturating_add(1);
        let header = Header {
            suite: self.suite,
            tag: self.tag,
            sender: self.id,
            session: self.session,
            counter: self.counter,
        };
        emit_with(&header, buffer, frames)
    }

    /// This member's HELLO.
    fn hello(&self, views: &Views<'_>) -> Hello<'static> {
        let interval = Presence::interval(self.group_size(views.roster));
        let ten_millis = Duration::from_millis(10).as_micros();
        let units = interval
            .as_micros()
            .checked_div(ten_millis)
            .unwrap_or_default();
        Hello {
            join: self.presence.is_joining(),
            max_datagram: u16::try_from(self.receive_limit).unwrap_or(u16::MAX),
            interval: u16::try_from(units).unwrap_or(u16::MAX),
            ..Hello::new(self.name)
        }
    }
}
