//! HELLO and BYE of this member, and what goes with them (PROTOCOL §3.1, §3.4).

use super::engine::Engine;
use super::membership::{Limits, Membership};
use super::sending::Sending;
use super::{Destination, Transmit};
use crate::rooms::Rooms;
use crate::storage::Views;
use crate::time::Tick;
use crate::wire::{BufferTooSmall, Bye, Frame, Hello, Sync, Writer};

impl Engine {
    /// The last word of a member whose id is another's: so the other one hears of it.
    pub(super) fn give_way(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        buffer: &mut [u8],
    ) -> Result<Option<Transmit>, BufferTooSmall> {
        if !core::mem::take(&mut self.membership.gives_way) {
            return Ok(None);
        }
        let len = self.emit(buffer, false, |engine, w| {
            if engine.guard.is_sealed() {
                // It is believed only with the other one's challenge.
                engine.write_hello_frame(rooms, views, w)?;
            }
            Frame::Bye(Bye::GIVE_WAY).emit(w)
        })?;
        Ok(len.map(|len| Transmit {
            to: Destination::Group,
            len,
        }))
    }

    /// BYE, and with it where the stream ends: afterwards nobody can ask.
    pub(super) fn write_bye(
        &mut self,
        rooms: Rooms,
        views: &Views<'_>,
        now: Tick,
        has_data: bool,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        let all_sent = views.history.is_sent();
        let room = w.room() >= Sync::FRAME_LEN.saturating_add(Bye::FRAME_LEN);
        if all_sent && room && self.membership.presence.bye_due(now) {
            self.write_sync(views, now, w)?;
            self.write_starts(rooms, views, false, w)?;
            if !has_data {
                Sending::write_copy(rooms, views.history, w);
            }
            Frame::Bye(Bye::LEFT).emit(w)?;
            self.membership.presence.bye_sent(now);
            self.sending.end();
        }
        Ok(())
    }

    /// HELLO, and with it the clock and where the stream stands.
    pub(super) fn write_hello(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        now: Tick,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        self.write_hello_frame(rooms, views, w)?;
        let stamp = self.clock.stamp(now);
        Membership::write_time(now, stamp, views.roster, &mut self.tools.random, w)?;
        self.write_sync(views, now, w)?;
        self.write_starts(rooms, views, true, w)?;
        let group_size = views.roster.group_size();
        self.membership
            .presence
            .hello_sent(now, group_size, &mut self.tools.random);
        Ok(())
    }

    pub(super) fn write_hello_frame(
        &mut self,
        rooms: Rooms,
        views: &mut Views<'_>,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        #[cfg(feature = "seal")]
        {
            let mut options = [0; super::sealed::OPTIONS_LEN];
            let now = self.clock.now().unwrap_or(Tick::LONG_AGO);
            let mut contact = views.contact(&mut self.membership, &mut self.tools);
            let len = self
                .guard
                .write_options(&mut contact, now, w.room(), &mut options);
            Frame::Hello(Hello {
                options: options.get(..len).unwrap_or_default(),
                ..self.hello(rooms, views)
            })
            .emit(w)
        }
        #[cfg(not(feature = "seal"))]
        Frame::Hello(self.hello(rooms, views)).emit(w)
    }

    /// This member's HELLO.
    pub(super) fn hello(&self, rooms: Rooms, views: &Views<'_>) -> Hello<'static> {
        let limits = Limits {
            datagram: u16::try_from(views.inbox.octets.len()).unwrap_or(u16::MAX),
            message: self.own.receivable,
            burst: self.tools.config.receive_burst,
        };
        let group_size = views.roster.group_size();
        let capabilities = self.tools.config.capabilities(rooms.receive_streams());
        self.membership.hello(limits, capabilities, group_size)
    }
}
