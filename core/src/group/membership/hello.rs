//! HELLO, BYE and TIME: what they mean, and this member's own (PROTOCOL §3.1, §3.4, §3.5).

use super::{ECHOES, Limits, Membership, Presence, Roster, Source};
use crate::group::backoff;
use crate::group::random::Random;
use crate::time::Tick;
use crate::wire::{BufferTooSmall, Echo, Frame, Hello, Time, Writer};

/// A HELLO interval is stated in these, in microseconds.
const TEN_MILLIS: u32 = 10_000;

/// No round trip is longer, in microseconds: a stamp of another life, say.
const LONGEST_TRIP: u32 = 10_000_000;

impl Membership {
    /// A HELLO came in. So far this member's own stream was sent by now, if somebody may rely on it.
    pub(crate) fn on_hello(
        &mut self,
        now: Tick,
        roster: &mut Roster,
        random: &mut Random,
        source: &Source,
        hello: &Hello<'_>,
        sent: Option<u32>,
    ) {
        if hello.join {
            self.presence.answer(now, roster.group_size(), random);
        }
        if let Some(index) = source.index {
            let before = roster.members();
            roster.hello(now, index, source.address, hello);
            if let Some(sent) = sent
                && roster.members() > before
            {
                roster.count_in(index, sent);
            }
        }
    }

    /// A BYE came in. Whoever leaves tells the group.
    pub(crate) fn on_bye(now: Tick, roster: &mut Roster, source: &Source) {
        if let Some(index) = source.index.filter(|_| !source.to_one) {
            roster.bye(now, index);
        }
    }

    /// Clocks came in, while this member's shows `stamp`. A round trip is measured if it `may`: whether it was.
    pub(crate) fn on_time(
        &mut self,
        now: Tick,
        stamp: u32,
        roster: &mut Roster,
        source: &Source,
        time: &Time<'_>,
        may: bool,
    ) -> bool {
        let own = self.id.get();
        let mut trips = time
            .iter_echoes()
            .filter(|echo| echo.member == own)
            .map(|echo| stamp.wrapping_sub(echo.stamp).wrapping_sub(echo.held))
            .filter(|trip| *trip < LONGEST_TRIP);
        let trip = trips.next().filter(|_| may);
        if let Some(index) = source.index {
            roster.change(index, |peer| {
                peer.set_stamp(now, time.stamp);
                trip.iter().for_each(|trip| peer.way.sample(*trip));
            });
        }
        if let Some(trip) = trip {
            self.trip.sample(trip, roster.near());
        }
        trip.is_some()
    }

    /// This member's HELLO: it can receive so much, and has these capabilities.
    pub(crate) fn hello(
        &self,
        limits: Limits,
        capabilities: u16,
        group_size: usize,
    ) -> Hello<'static> {
        let interval = Presence::interval(group_size).as_micros() / TEN_MILLIS;
        Hello {
            join: self.presence.is_joining(),
            capabilities,
            max_datagram: limits.datagram,
            max_message: limits.message,
            interval: u16::try_from(interval).unwrap_or(u16::MAX),
            receive_burst: limits.burst,
            round_trip: backoff::encode_round_trip(self.trip.estimate()),
            group_size: backoff::encode_group_size(group_size),
            ..Hello::new(self.name)
        }
    }

    /// This member's clock, which shows `stamp`, and some of the others'.
    pub(crate) fn write_time(
        now: Tick,
        stamp: u32,
        roster: &mut Roster,
        random: &mut Random,
        w: &mut Writer<'_>,
    ) -> Result<(), BufferTooSmall> {
        let mut echoes = [0; ECHOES * Echo::LEN];
        let len = roster.take_echoes(now, random, &mut echoes);
        let echoes = echoes.get(..len).unwrap_or_default();
        Frame::Time(Time { stamp, echoes }).emit(w)
    }
}
