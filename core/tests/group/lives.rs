//! Sessions of one life: the numbers of the reliable stream go on from one to the next.

use groupcast::wire::{Data, Frame};
use groupcast::{Group, Instant};

use crate::hub::{Puppet, Room, config, data, hear, member, ms, sync};

/// The next session of the same life.
const NEXT: u64 = 1 << 32;

const NOTHING: [&str; 0] = [];

fn ordered(sequence: u32, text: &str) -> Frame<'_> {
    Frame::Data(Data {
        class: 2,
        horizon: u8::try_from(sequence).unwrap(),
        sequence,
        ..data(text)
    })
}

/// A member that has been there for long, and a sender of which it has had message 0 and not message 1.
fn with_a_loss() -> (Group<Room>, Puppet, Instant) {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    let mut ben = Puppet::new(7, 5);
    hear(&mut ana, ms(2_000), &ben.hello("ben"));
    let told = hear(&mut ana, ms(2_001), &ben.say(&[ordered(0, "zero")]));
    assert_eq!(told, ["ben: zero"]);
    let told = hear(&mut ana, ms(2_002), &ben.say(&[ordered(2, "two")]));
    assert_eq!(told, NOTHING);
    (ana, ben, ms(2_003))
}

/// PROTOCOL R9, M22, M24.
#[test]
fn what_was_lost_in_one_session_is_repaired_in_the_next_one_of_the_life() {
    for sessions in [1, 2, 3, 1 << 20] {
        let (mut ana, mut ben, now) = with_a_loss();
        let late = ben.say(&[ordered(4, "late")]);
        ben.session += sessions * NEXT;
        ben.counter = 0;
        // Number 3 was lost, too, and nobody told of it in the session before.
        assert_eq!(hear(&mut ana, now, &ben.say(&[sync(4, 0)])), NOTHING);
        assert_eq!(hear(&mut ana, now, &late), NOTHING, "its session is over");
        assert_eq!(ana.counters().stale, 1);
        let told = hear(&mut ana, now, &ben.say(&[ordered(1, "one")]));
        assert_eq!(told, ["ben: one", "ben: two"]);
        let told = hear(&mut ana, now, &ben.say(&[ordered(3, "three")]));
        assert_eq!(told, ["ben: three"]);
        assert_eq!((ana.counters().gaps, ana.peers().count()), (0, 1));
    }
}

/// PROTOCOL R7, R9.
#[test]
fn what_cannot_be_repaired_in_the_next_session_is_a_gap() {
    let (mut ana, mut ben, now) = with_a_loss();
    ben.session += NEXT;
    ben.counter = 0;
    let told = hear(&mut ana, now, &ben.say(&[sync(9, 9)]));
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].contains("Gap") && told[2].contains("Gap"),
        "{told:?}"
    );
    assert_eq!(told[1], "ben: two");
    assert_eq!(ana.counters().gap_fragments, 7);
}

/// PROTOCOL M23, W18.
#[test]
fn another_life_begins_anew_whatever_its_numbers_are() {
    let (mut ana, mut ben, now) = with_a_loss();
    ben.session += 1;
    ben.counter = 0;
    // First what is left of the life before is told; the sender repeats itself.
    let hello = ben.hello("ben");
    let told = hear(&mut ana, now, &hello);
    assert!(told[0].contains("Gap"), "{told:?}");
    assert!(told.contains(&"ben: two".to_owned()), "{told:?}");
    assert!(hear(&mut ana, now, &hello).contains(&"ben restarted".to_owned()));
    let told = hear(&mut ana, now, &ben.say(&[ordered(0, "new zero")]));
    assert_eq!(told, ["ben: new zero"]);
}

/// PROTOCOL M24.
#[test]
fn a_session_before_the_present_one_of_the_life_says_nothing() {
    let (mut ana, ben, now) = with_a_loss();
    let mut old = Puppet::new(7, ben.session.wrapping_sub(2 * NEXT));
    assert_eq!(hear(&mut ana, now, &old.say(&[ordered(1, "old")])), NOTHING);
    assert_eq!(ana.counters().stale, 1);
    // The high half goes round: half of it is the past.
    old.session = old.session.wrapping_sub(1 << 62);
    assert_eq!(hear(&mut ana, now, &old.say(&[ordered(1, "old")])), NOTHING);
    assert_eq!(ana.counters().stale, 2);
}

/// PROTOCOL M25.
#[test]
fn forged_later_sessions_do_not_silence_a_member_for_its_life() {
    for forged in [&[5][..], &[5, 6], &[5, 6, 9, 10], &[1 << 30, (1 << 31) - 1]] {
        let (mut ana, mut ben, now) = with_a_loss();
        let goes_on = |session: u64| Puppet::new(7, ben.session + session * NEXT);
        for thief in &mut forged.iter().map(|n| goes_on(*n)).collect::<Vec<_>>() {
            hear(&mut ana, now, &thief.hello("ben"));
            let bye = Frame::Bye(groupcast::wire::Bye::LEFT);
            hear(&mut ana, now, &thief.say(&[bye]));
        }
        let mut told = Vec::new();
        // An interval is a second, and 2.5 of them are silence.
        for second in 3..=7 {
            ana.handle_timeout(ms(second * 1_000));
            crate::hub::drain(&mut ana, &mut told);
            hear(&mut ana, ms(second * 1_000), &ben.hello("ben"));
            // What was missed meanwhile cannot be repaired any more.
            let more = Frame::Data(Data {
                class: 2,
                sequence: second as u32,
                ..data("more")
            });
            let more = ben.say(&[more]);
            told.extend(hear(&mut ana, ms(second * 1_000 + 1), &more));
        }
        let more = told.iter().filter(|told| *told == "ben: more").count();
        assert!(more >= 2, "{forged:?}: {told:?}");
    }
}

/// PROTOCOL M8.
#[test]
fn who_left_and_speaks_in_the_next_session_goes_on() {
    let (mut ana, mut ben, now) = with_a_loss();
    let bye = Frame::Bye(groupcast::wire::Bye::LEFT);
    let told = hear(&mut ana, now, &ben.say(&[bye]));
    assert_eq!(told.last().unwrap(), "ben left");
    ben.session += NEXT;
    ben.counter = 0;
    let told = hear(&mut ana, now, &ben.hello("ben"));
    assert_eq!(told, ["ben joined"]);
    let told = hear(&mut ana, now, &ben.say(&[ordered(0, "zero")]));
    assert_eq!(told, NOTHING, "it was delivered before");
    let told = hear(&mut ana, now, &ben.say(&[ordered(3, "three")]));
    assert_eq!(told, ["ben: three"]);
}

#[cfg(feature = "seal")]
pub(crate) mod keys {
    use super::*;
    use crate::hub::{address, drain, group_address};
    use core::time::Duration;
    use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
    use groupcast::{Channel, Config, Event};

    const CHANNEL: Channel = Channel::reliable_ordered(1);

    fn keys(first: u8, second: u8) -> KeySet {
        let mut keys = KeySet::new(GroupKey::new([first; 32]));
        keys.accept(GroupKey::new([second; 32])).unwrap();
        keys
    }

    pub(crate) fn sealed(name: &'static str, random: &[u8]) -> Group<Room> {
        let config = Config::new(group_address()).with_name(name);
        let entropy = Entropy::new().with_random(random);
        Group::sealed(Room::new(), config, Seal::new(&keys(1, 2), entropy)).unwrap()
    }

    /// Two members of a sealed group, of whom the first one's datagrams may be lost.
    pub(crate) struct Pair {
        pub(crate) members: [Group<Room>; 2],
        pub(crate) log: Vec<String>,
        gaps: u32,
        confirmed: usize,
        pub(crate) now: Instant,
        lossy: bool,
    }

    impl Pair {
        pub(crate) fn new() -> Self {
            let ana = sealed("ana", b"what ana drew at random: 8f3a0c");
            let ben = sealed("ben", b"what ben drew at random: 51e7d9");
            let mut pair = Self {
                members: [ana, ben],
                log: Vec::new(),
                gaps: 0,
                confirmed: 0,
                now: ms(1_000),
                lossy: false,
            };
            pair.run(3_000);
            pair.log.clear();
            pair
        }

        pub(crate) fn run(&mut self, millis: u64) {
            for _ in 0..millis {
                self.step();
                self.now += Duration::from_millis(1);
            }
        }

        fn step(&mut self) {
            let mut buffer = [0; 1472];
            for from in 0..2 {
                while let Some(transmit) = self.members[from]
                    .poll_transmit(self.now, &mut buffer)
                    .unwrap()
                {
                    if from == 0 && self.lossy {
                        continue;
                    }
                    self.hear_all();
                    let to = &mut self.members[1 - from];
                    let octets = &buffer[..transmit.len];
                    to.handle(self.now, address(from as u8 + 1), octets)
                        .unwrap();
                    self.hear_all();
                }
            }
            self.members
                .iter_mut()
                .for_each(|member| member.handle_timeout(self.now));
            self.hear_all();
        }

        pub(crate) fn hear_all(&mut self) {
            let [ana, ben] = &mut self.members;
            while let Some(event) = ana.poll_event() {
                self.confirmed += usize::from(matches!(event, Event::Confirmed(_)));
            }
            while let Some(event) = ben.poll_event() {
                match event {
                    Event::Gap(gap) => self.gaps += gap.lost().len() as u32,
                    Event::Message(message) => self.log.push(message.text().unwrap().to_owned()),
                    other => self.log.push(format!("{other:?}")),
                }
            }
            drain(ben, &mut self.log);
        }

        pub(crate) fn send(&mut self, text: &str) -> groupcast::Sequence {
            self.members[0]
                .queue(self.now, CHANNEL, text.as_bytes())
                .unwrap()
        }
    }

    /// PROTOCOL K6, W1.
    #[test]
    fn what_is_under_way_when_keys_change_arrives() {
        for (lost_for, changed_after) in [
            (0, 0),
            (0, 1),
            (5, 0),
            (5, 2),
            (30, 30),
            (100, 200),
            (400, 1),
        ] {
            let mut pair = Pair::new();
            let first = pair.send("one");
            pair.run(20);
            pair.lossy = lost_for > 0;
            pair.send("two");
            let last = pair.send("three");
            let now = pair.now;
            pair.members[0].confirm(now, first.to(last)).unwrap();
            for millis in 0..=lost_for.max(changed_after) {
                pair.step();
                if millis == changed_after {
                    let now = pair.now;
                    let session = pair.members[0].session();
                    pair.members[0].set_keys(now, &keys(2, 1)).unwrap();
                    assert_ne!(pair.members[0].session(), session);
                    assert_eq!(pair.members[0].session().life(), session.life());
                }
                pair.lossy &= millis < lost_for;
                pair.run(1);
            }
            pair.send("four");
            pair.run(4_000);
            let what = format!("lost for {lost_for} ms, changed after {changed_after} ms");
            assert_eq!(pair.log, ["one", "two", "three", "four"], "{what}");
            assert_eq!((pair.gaps, pair.confirmed), (0, 1), "{what}");
        }
    }

    #[test]
    fn keys_may_change_again_and_again_while_nothing_is_heard() {
        let mut pair = Pair::new();
        pair.lossy = true;
        for round in 0..3 {
            pair.send("lost at first");
            pair.run(100);
            let other = if round % 2 == 0 {
                keys(2, 1)
            } else {
                keys(1, 2)
            };
            let now = pair.now;
            pair.members[0].set_keys(now, &other).unwrap();
        }
        pair.lossy = false;
        pair.run(4_000);
        assert_eq!(pair.log, ["lost at first"; 3]);
        assert_eq!(pair.gaps, 0);
    }

    /// PROTOCOL P1.
    #[cfg(feature = "sign")]
    #[test]
    fn a_signature_holds_when_its_message_is_repaired_after_keys_changed() {
        use groupcast::sign::{SigningKey, Verifier};

        let key = SigningKey::new(&[7; 32]).unwrap();
        let trusted = [key.public()];
        let mut verifier: Verifier<'_, 2> = Verifier::new(&trusted);
        let mut pair = Pair::new();
        pair.lossy = true;
        let now = pair.now;
        pair.members[0]
            .queue_signed(now, CHANNEL, b"off", &key)
            .unwrap();
        pair.run(100);
        let now = pair.now;
        pair.members[0].set_keys(now, &keys(2, 1)).unwrap();
        pair.lossy = false;
        let mut verdicts = Vec::new();
        for _ in 0..4_000 {
            pair.now += Duration::from_millis(1);
            let mut buffer = [0; 1472];
            for from in 0..2 {
                while let Some(transmit) = pair.members[from]
                    .poll_transmit(pair.now, &mut buffer)
                    .unwrap()
                {
                    let to = &mut pair.members[1 - from];
                    let octets = &buffer[..transmit.len];
                    to.handle(pair.now, address(from as u8 + 1), octets)
                        .unwrap();
                    while let Some(event) = to.poll_event() {
                        if let Event::Message(message) = event {
                            verdicts.push(verifier.check(&message).is_ok());
                        }
                    }
                }
            }
        }
        assert_eq!(verdicts, [true]);
    }
}
