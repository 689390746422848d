//! When to say that one is there, and when that one leaves (PROTOCOL §3.1, §3.4).

use crate::group::random::Random;
use crate::time::{Ageing, Span, Tick};

/// HELLOs of the whole group in a second, at most: a member's interval grows with the group.
const HELLOS_PER_SECOND: u32 = 20;

/// The shortest and the longest HELLO interval.
const MIN_INTERVAL: Span = Span::from_secs(1);
const MAX_INTERVAL: Span = Span::from_secs(60);

/// The first HELLO comes within this time, so that boards with one power switch do not collide.
const FIRST_WITHIN: Span = Span::from_millis(100);

/// A newcomer is answered within this time, longer in large groups.
const ANSWER_WITHIN: Span = Span::from_millis(500);

/// No HELLO sooner than this after another.
const MIN_GAP: Span = Span::from_millis(100);

/// How many HELLOs ask the others for theirs.
const JOINS: u8 = 2;

/// Milliseconds between the BYEs. They say where the stream ends, and there is nobody to ask afterwards:
/// so many that of a thousand receivers that lose a third, hardly one hears none.
const BYES: [u8; 6] = [10, 20, 30, 40, 50, 50];

/// When this member's own HELLO and BYE are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presence {
    announce: bool,
    /// When the next HELLO or BYE is due; `None` before the start and after the last BYE.
    next: Option<Tick>,
    last_hello: Option<Tick>,
    hellos: u8,
    byes: u8,
    leaving: bool,
}

impl Presence {
    pub(crate) const fn new(announce: bool) -> Self {
        Self {
            announce,
            next: None,
            last_hello: None,
            hellos: 0,
            byes: 0,
            leaving: false,
        }
    }

    /// Begins anew: after the start, or with another id.
    pub(crate) fn start(&mut self, now: Tick, random: &mut Random) {
        self.hellos = 0;
        if self.announce && !self.leaving {
            self.next = Some(now + random.up_to(FIRST_WITHIN));
        }
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        let Self {
            announce: _,
            next,
            last_hello,
            hellos: _,
            byes: _,
            leaving: _,
        } = self;
        ageing.maybe(next);
        ageing.maybe(last_hello);
    }

    /// When there is something to send.
    pub(crate) const fn next(&self) -> Option<Tick> {
        self.next
    }

    pub(crate) const fn announces(&self) -> bool {
        self.announce
    }

    /// Whether a HELLO is due now. `early`: something else is about to be sent, and the first
    /// datagram of a session begins with a HELLO (PROTOCOL M1).
    pub(crate) fn hello_due(&self, now: Tick, early: bool) -> bool {
        let due = !self.leaving && self.next.is_some_and(|next| next <= now);
        // Who leaves and will say BYE says HELLO before it, too.
        let first = early && self.hellos == 0 && (!self.leaving || self.next.is_some());
        self.announce && (due || first)
    }

    /// Whether the first thing to say now is HELLO.
    pub(crate) fn introduces(&self, now: Tick) -> bool {
        self.hellos == 0 && self.hello_due(now, true)
    }

    /// Whether this session has said HELLO.
    pub(crate) const fn has_said_hello(&self) -> bool {
        self.hellos > 0
    }

    /// Whether the next HELLO asks the others for theirs.
    pub(crate) const fn is_joining(&self) -> bool {
        self.hellos < JOINS
    }

    /// The interval of HELLOs in a group of this size.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn interval(group_size: usize) -> Span {
        let members = u32::try_from(group_size).unwrap_or(u32::MAX);
        let second = Span::from_secs(1)
            .checked_div(HELLOS_PER_SECOND)
            .unwrap_or_default();
        second
            .saturating_mul(members)
            .clamp(MIN_INTERVAL, MAX_INTERVAL)
    }

    /// A HELLO was sent.
    pub(crate) fn hello_sent(&mut self, now: Tick, group_size: usize, random: &mut Random) {
        self.hellos = self.hellos.saturating_add(1);
        self.last_hello = Some(now);
        if self.leaving {
            return;
        }
        let interval = Self::interval(group_size);
        let interval = if self.hellos < JOINS {
            MIN_INTERVAL.min(interval)
        } else {
            interval
        };
        // 0.75 to 1.25 of it.
        let three_quarters = interval.saturating_sub(interval.checked_div(4).unwrap_or_default());
        let half = interval.checked_div(2).unwrap_or_default();
        self.next = Some(now + three_quarters + random.up_to(half));
    }

    /// A newcomer asks for a HELLO.
    pub(crate) fn answer(&mut self, now: Tick, group_size: usize, random: &mut Random) {
        let within = ANSWER_WITHIN.max(
            Span::from_secs(1)
                .checked_div(HELLOS_PER_SECOND)
                .unwrap_or_default()
                .saturating_mul(u32::try_from(group_size).unwrap_or(u32::MAX)),
        );
        // Drawing anew for each who asks would mean the earliest of many.
        if self.next.is_some_and(|next| next > now + within) {
            self.hasten(now, now + random.up_to(within));
        }
    }

    /// Sends the next HELLO as soon as the rate allows.
    pub(crate) fn assert(&mut self, now: Tick) {
        self.hasten(now, now);
    }

    /// At first contact in a sealed group: sends the next HELLO at the time `wanted`, or as soon as the
    /// rate allows, which is lower in a group whose members say HELLO at a longer `interval`.
    #[cfg(feature = "seal")]
    pub(crate) fn contact(&mut self, wanted: Tick, interval: Span) {
        let gap = MIN_GAP.max(interval.checked_div(10).unwrap_or_default());
        self.hasten_after(gap, wanted);
    }

    fn hasten(&mut self, now: Tick, wanted: Tick) {
        self.hasten_after(MIN_GAP, wanted.max(now));
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn hasten_after(&mut self, gap: Span, wanted: Tick) {
        if self.leaving || !self.announce {
            return;
        }
        let wanted = self
            .last_hello
            .map_or(wanted, |last| wanted.max(last + gap));
        if self.next.is_some_and(|next| wanted < next) {
            self.next = Some(wanted);
        }
    }

    /// Falls silent for good.
    pub(crate) fn silence(&mut self) {
        self.announce = false;
        self.next = None;
    }

    /// Begins to leave. `unsent`: something of the reliable stream is still to be sent.
    pub(crate) fn leave(&mut self, now: Tick, unsent: bool) {
        if self.leaving {
            return;
        }
        self.leaving = true;
        // Whoever has said nothing needs no BYE.
        self.next = (self.announce && (self.hellos > 0 || unsent)).then_some(now);
    }

    /// Whether a BYE is due now.
    pub(crate) fn bye_due(&self, now: Tick) -> bool {
        self.leaving && self.next.is_some_and(|next| next <= now)
    }

    /// A BYE was sent.
    pub(crate) fn bye_sent(&mut self, now: Tick) {
        let pause = BYES.get(usize::from(self.byes));
        self.next = pause.map(|pause| now + Span::from_millis(u32::from(*pause)));
        self.byes = self.byes.saturating_add(1);
    }

    pub(crate) const fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Whether the last BYE has been sent.
    pub(crate) const fn has_left(&self) -> bool {
        self.leaving && self.next.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Tick = Tick::from_millis(1000);

    fn random() -> Random {
        Random::new(&[7; 32].into())
    }

    /// PROTOCOL M3.
    #[test]
    fn the_interval_keeps_the_traffic_of_the_group_constant() {
        assert_eq!(Presence::interval(1), Span::from_secs(1));
        assert_eq!(Presence::interval(20), Span::from_secs(1));
        assert_eq!(Presence::interval(100), Span::from_secs(5));
        assert_eq!(Presence::interval(1000), Span::from_secs(50));
        assert_eq!(Presence::interval(100_000), Span::from_secs(60));
    }

    /// PROTOCOL M1, M3, M4.
    #[test]
    fn hellos_are_spread_around_the_interval() {
        let (mut presence, mut random) = (Presence::new(true), random());
        presence.start(NOW, &mut random);
        assert!(presence.next().unwrap() <= NOW + FIRST_WITHIN);
        for _ in 0..1000 {
            presence.hello_sent(NOW, 100, &mut random);
            let wait = NOW.span_until(presence.next().unwrap());
            let range = if presence.is_joining() {
                750..=1250
            } else {
                3750..=6250
            };
            assert!(range.contains(&wait.as_millis()), "{wait:?}");
        }
    }

    /// PROTOCOL M3, M5.
    #[test]
    fn an_answer_never_delays_and_never_floods() {
        let (mut presence, mut random) = (Presence::new(true), random());
        presence.start(NOW, &mut random);
        presence.hello_sent(NOW, 2, &mut random);
        for _ in 0..1000 {
            let before = presence.next().unwrap();
            presence.answer(NOW, 2, &mut random);
            assert!(presence.next().unwrap() <= before);
        }
        assert!(presence.next().unwrap() >= NOW + MIN_GAP);
    }

    /// PROTOCOL M14.
    #[test]
    fn seven_byes_within_a_fifth_of_a_second() {
        let (mut presence, mut random) = (Presence::new(true), random());
        presence.start(NOW, &mut random);
        presence.hello_sent(NOW, 2, &mut random);
        presence.leave(NOW, false);
        let mut times = std::vec::Vec::new();
        while let Some(next) = presence.next() {
            assert!(presence.bye_due(next));
            presence.bye_sent(next);
            times.push(next.span_since(NOW).as_millis());
        }
        assert_eq!(times, [0, 10, 30, 60, 100, 150, 200]);
        assert!(presence.has_left());
    }

    /// PROTOCOL M7, M16.
    #[test]
    fn who_never_said_hello_says_no_bye() {
        let mut hidden = Presence::new(false);
        hidden.start(NOW, &mut random());
        assert!(!hidden.hello_due(NOW + MAX_INTERVAL, true));
        hidden.leave(NOW, true);
        assert!(hidden.has_left());

        let mut mute = Presence::new(true);
        mute.start(NOW, &mut random());
        mute.leave(NOW, false);
        assert!(mute.has_left());
        assert!(!mute.hello_due(NOW, true));
    }

    /// PROTOCOL M16.
    #[test]
    fn who_leaves_with_something_to_say_says_hello_before_it_and_bye_after_it() {
        let mut brief = Presence::new(true);
        brief.start(NOW, &mut random());
        brief.leave(NOW, true);
        assert!(brief.hello_due(NOW, true));
        brief.hello_sent(NOW, 2, &mut random());
        assert!(!brief.hello_due(NOW, true) && brief.bye_due(NOW));
    }

    /// PROTOCOL K11.
    #[cfg(feature = "seal")]
    #[test]
    fn first_contact_comes_soon_but_a_tenth_of_the_interval_after_the_last_hello() {
        for (interval, gap) in [(1, 100), (5, 500), (60, 6_000)] {
            let mut presence = Presence::new(true);
            presence.start(NOW, &mut random());
            presence.hello_sent(NOW, 100, &mut random());
            presence.hello_sent(NOW, 10_000, &mut random());
            presence.contact(NOW, Span::from_secs(interval));
            assert_eq!(presence.next(), Some(NOW + Span::from_millis(gap)));
        }
    }
}
