//! Leaves and groups on a network that loses and repeats at random: in the end everybody has the newest value of
//! everybody, and nothing was delivered twice.

use core::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use groupcast::{Channel, Class};

use crate::hub::{Hub, Puppet, group, leaf, ms, told, watch};

/// A generator that is good enough for a test.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn story(seed: u64, mut hub: Hub) {
    let dice = Rc::new(RefCell::new(Dice(seed)));
    let loss = dice.borrow_mut().roll(40);
    let rolls = dice.clone();
    hub.fate = Box::new(move |_, _, _| {
        let roll = rolls.borrow_mut().roll(100);
        if roll < loss {
            0
        } else if roll > 90 {
            2
        } else {
            1
        }
    });
    let mut newest = BTreeMap::new();
    for n in 0..60 {
        let from = dice.borrow_mut().roll(4) as usize;
        // As many channels as a leaf remembers of each sender.
        let roll = dice.borrow_mut().roll(5) as u8;
        let (class, number) = match roll {
            0..=2 => (Class::State, roll % 2),
            3 => (Class::Latest, 2),
            _ => (Class::BestEffort, 3),
        };
        let text = format!("{from} {class} {number} {n}");
        hub.say(from, Channel::new(number, class), &text);
        if class == Class::State {
            newest.insert((from, number), text);
        }
        let pause = dice.borrow_mut().roll(600);
        hub.run(pause);
    }
    hub.fate = Box::new(|_, _, _| 1);
    hub.run(15_000);
    for n in 0..4 {
        let log = hub.log(n);
        let texts: Vec<_> = log
            .iter()
            .filter_map(|line| line.split_once(": ").map(|(_, text)| text))
            .filter(|text| !text.starts_with("gap"))
            .collect();
        let mut once = BTreeSet::new();
        let twice: Vec<_> = texts.iter().filter(|text| !once.insert(**text)).collect();
        assert!(
            twice.is_empty(),
            "seed {seed}: {n} heard twice {twice:?} of {texts:?}"
        );
        for ((from, number), text) in newest.iter().filter(|((from, _), _)| *from != n) {
            let of = format!("{from} state {number} ");
            let last = texts.iter().rfind(|text| text.starts_with(&of));
            assert_eq!(
                last,
                Some(&&text[..]),
                "seed {seed}: {n} of {from}, {number}"
            );
        }
    }
}

#[test]
fn in_the_end_everybody_has_the_newest_values() {
    for seed in 0..60 {
        let mut hub = Hub::new();
        hub.join(leaf("leaf 0", 1 + seed as u8 % 100));
        hub.join(leaf("leaf 1", 101 + seed as u8 % 100));
        hub.join(group("ana", 201));
        hub.join(group("ben", 202));
        story(seed, hub);
    }
}

#[cfg(feature = "seal")]
#[test]
fn in_a_sealed_group_too() {
    use crate::sealed;

    for seed in 0..30 {
        let mut hub = Hub::new();
        hub.join(sealed::leaf("leaf 0", 1 + seed as u8 % 100, &[1]));
        hub.join(sealed::leaf("leaf 1", 101 + seed as u8 % 100, &[1]));
        hub.join(sealed::group("ana", 201));
        hub.join(sealed::group("ben", 202));
        story(seed, hub);
    }
}

/// PROTOCOL W11, W12: whatever comes, it is counted, and the leaf goes on.
#[test]
fn nothing_that_comes_stops_a_leaf() {
    let mut dice = Dice(7);
    let mut leaf = leaf("leaf", 1);
    for n in 0..3 {
        leaf.queue(ms(1), Channel::state(n), b"value").unwrap();
    }
    let own = (leaf.id().get(), leaf.session().life());
    for n in 0..40_000u64 {
        let mut puppet = Puppet::new(1 + dice.roll(6) as u32, 1 + dice.roll(3));
        puppet.counter = n / 4 + dice.roll(4);
        // A frame of any type with any body, of which the first words may name this member.
        let mut octets = puppet.say(&[]);
        octets.truncate(octets.len() - 4);
        for _ in 0..1 + dice.roll(3) {
            let len = dice.roll(40);
            let kind = [
                1, 2, 3, 4, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x20, 0x80, 0xff,
            ];
            let stated = if dice.roll(10) == 0 {
                dice.roll(60)
            } else {
                len
            };
            octets.extend([
                kind[dice.roll(15) as usize],
                dice.roll(64) as u8,
                0,
                stated as u8,
            ]);
            let mut body: Vec<u8> = (0..len).map(|_| dice.roll(256) as u8).collect();
            if len >= 14 && dice.roll(2) == 0 {
                body[..4].copy_from_slice(&own.0.to_be_bytes());
                body[4..8].copy_from_slice(&own.1.to_be_bytes());
                body[8..12].copy_from_slice(&[0, 0, 0, dice.roll(40) as u8]);
                body[13] = dice.roll(10) as u8;
            }
            if len > 11 && dice.roll(2) == 0 {
                (body[2], body[3], body[11]) = (0, 0, 0);
            }
            octets.extend(body);
        }
        let crc = crc32c(&octets);
        octets.extend(crc.to_be_bytes());
        let at = 10 + n * 3;
        for line in told_bytes(&mut leaf, at, &octets) {
            assert!(!line.is_empty());
        }
        if n % 16 == 0 {
            watch(&mut leaf, at, at + 2);
        }
    }
    let counters = leaf.counters();
    assert!(
        counters.accepted > 10_000 && counters.frames_malformed > 100,
        "{counters:?}"
    );
    assert!(
        counters.messages_received > 100 && counters.nacks_received > 10,
        "{counters:?}"
    );
    let _ = told(&mut leaf, ms(200_000), 1, b"");
}

/// What it is told, as it is: it need not be text.
fn told_bytes(leaf: &mut groupcast::Leaf<512, 4, 256>, at: u64, octets: &[u8]) -> Vec<String> {
    leaf.handle(ms(at), crate::hub::address(5), octets).unwrap();
    let mut log = Vec::new();
    while let Some(event) = leaf.poll_event() {
        log.push(format!("{event:?}"));
    }
    let c = leaf.counters();
    assert_eq!(c.received, c.accepted + c.raw + c.own + c.dropped());
    log
}

fn crc32c(octets: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for octet in octets {
        crc ^= u32::from(*octet);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}
