//! Leaves in sealed groups.

use groupcast::seal::{Entropy, FirstContact, GroupKey, KeySet, Seal};
use groupcast::{Config, ConfigError, Group, Leaf, SendError};

use crate::hub::{COMMAND, Hub, LATEST, LOOSE, Room, VALUE, address, config, ms, told};

fn keys(octets: &[u8]) -> KeySet {
    let mut keys = KeySet::new(GroupKey::new([octets[0]; 32]));
    for octet in &octets[1..] {
        keys.accept(GroupKey::new([*octet; 32])).unwrap();
    }
    keys
}

/// Random octets that differ for each seed.
fn random(seed: u8) -> [u8; 32] {
    let mut state = u32::from(seed) + 1;
    core::array::from_fn(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
}

pub(crate) fn leaf(name: &str, seed: u8, octets: &[u8]) -> Leaf<512, 4, 256> {
    let (keys, random) = (keys(octets), random(seed));
    let entropy = Entropy::new().with_random(&random);
    Leaf::sealed(config(name), Seal::new(&keys, entropy)).unwrap()
}

pub(crate) fn group(name: &str, seed: u8) -> Group<Room> {
    let (keys, random) = (keys(&[1]), random(seed));
    let entropy = Entropy::new().with_random(&random);
    Group::sealed(Room::new(), config(name), Seal::new(&keys, entropy)).unwrap()
}

fn with(count: u8) -> Hub {
    let mut hub = Hub::new();
    hub.join(leaf("leaf", 77, &[1]));
    for n in 0..count {
        hub.join(group(&format!("m{n}"), n + 1));
    }
    hub.run(6_000);
    for n in 0..hub.members.len() {
        hub.log(n);
    }
    hub.record.clear();
    hub
}

#[test]
fn it_is_believed_and_believes_and_hears_each_command_once() {
    let mut hub = Hub::new();
    hub.join(leaf("leaf", 77, &[1]));
    hub.join(group("ana", 1));
    hub.join(group("ben", 2));
    hub.say(0, VALUE, "21");
    hub.run(5_000);
    for n in [1, 2] {
        assert!(hub.log(n).contains(&"leaf: 21".to_string()));
        assert_eq!(hub.members[n].0.peers(), 2);
    }
    hub.fate = Box::new(|_, _, _| 2);
    for channel in [COMMAND, LATEST, LOOSE] {
        hub.say(1, channel, "x");
        hub.say(2, channel, "y");
    }
    hub.run(3_000);
    let mut heard = hub.log(0);
    heard.sort_unstable();
    assert_eq!(heard, [": x", ": x", ": x", ": y", ": y", ": y"]);
    let now = hub.now;
    hub.members[0].0.leave(now);
    hub.run(500);
    assert!(hub.log(1).contains(&"leaf left".to_string()));
}

#[test]
fn what_was_recorded_does_nothing_neither_now_nor_after_it_started_again() {
    let mut hub = with(2);
    for channel in [COMMAND, LATEST, LOOSE] {
        hub.say(1, channel, "x");
        hub.run(300);
    }
    assert_eq!(hub.log(0).len(), 3);
    let record = core::mem::take(&mut hub.record);
    let replay = |hub: &mut Hub| {
        for (from, _, octets) in record.iter().filter(|(from, ..)| *from != 0) {
            hub.hear(*from, 0, octets);
        }
        hub.log(0)
    };
    assert!(replay(&mut hub).is_empty());
    hub.run(40_000);
    assert!(replay(&mut hub).is_empty());
    // All others are gone, and it starts again.
    hub.members.truncate(1);
    hub.members[0].0 = Box::new(leaf("leaf", 78, &[1]));
    for _ in 0..5 {
        assert!(replay(&mut hub).is_empty());
        hub.run(1_000);
    }
    assert!(hub.counters(0).unverified > 0);
    assert!(hub.log(0).is_empty());
}

/// PROTOCOL K13
#[test]
fn what_was_held_back_for_long_is_not_taken() {
    let mut hub = with(1);
    let mut held = Vec::new();
    for n in 0..8 {
        hub.record.clear();
        hub.fate = Box::new(|from, _, _| usize::from(from != 1));
        hub.say(1, LOOSE, &n.to_string());
        hub.run(10);
        let mut sent = core::mem::take(&mut hub.record);
        sent.retain(|(from, ..)| *from == 1);
        held.push(sent.pop().unwrap().2);
        hub.fate = Box::new(|_, _, _| 1);
        hub.run(4_000);
    }
    // Of the last 20 s at most, and nothing older.
    let taken: Vec<_> = held
        .iter()
        .map(|octets| {
            hub.hear(1, 0, octets);
            hub.log(0).len()
        })
        .collect();
    assert_eq!(taken[..3], [0; 3], "{taken:?}");
    assert_eq!(taken[7], 1, "{taken:?}");
}

/// PROTOCOL E6, K7
#[test]
fn commands_arrive_from_whoever_gives_them_in_a_group_with_more_members_than_places() {
    let mut hub = Hub::new();
    let mut it = leaf("leaf", 77, &[1]);
    it.set_channels(4..=4);
    hub.join(it);
    for n in 0..8 {
        hub.join(group(&format!("m{n}"), n + 1));
    }
    hub.run(8_000);
    for n in 1..9 {
        assert_eq!(hub.members[n].0.peers(), 8, "{n}");
        hub.say(n, VALUE, "mine");
    }
    hub.run(4_000);
    assert!(hub.log(0).is_empty());
    // Four of them command, again and again; the first word of each may come before it is believed.
    for round in 0..4 {
        for n in 5..9 {
            hub.say(n, LOOSE, &format!("{n} {round}"));
        }
        hub.run(3_000);
    }
    let heard = hub.log(0);
    for n in 5..9 {
        assert!(heard.contains(&format!(": {n} 3")), "{heard:?}");
    }
    // A fifth finds no place, and is counted.
    hub.say(1, LOOSE, "fifth");
    hub.run(3_000);
    assert!(hub.log(0).is_empty());
    assert!(hub.counters(0).no_place > 0);
    // Its value reaches everybody all the same, also who comes late and has no place here.
    hub.say(0, VALUE, "21");
    hub.run(1_000);
    let late = hub.join(group("late", 99));
    hub.run(8_000);
    for n in (1..9).chain([late]) {
        let told = hub.log(n);
        assert!(told.contains(&"leaf: 21".to_string()), "{n}: {told:?}");
    }
}

#[test]
fn strangers_are_counted_and_nothing_else() {
    let mut leaf = leaf("leaf", 1, &[1]);
    let mut open = Leaf::<512, 4, 256>::new(config("open"), [1; 32]).unwrap();
    let mut other = self::leaf("other", 2, &[2]);
    let mut buffer = [0; 512];
    let mut first = |it: &mut Leaf<512, 4, 256>| {
        assert!(it.poll_transmit(ms(300), &mut buffer).unwrap().is_none());
        let len = it.poll_transmit(ms(500), &mut buffer).unwrap().unwrap().len;
        buffer[..len].to_vec()
    };
    let from_open = first(&mut open);
    let mut forged = first(&mut self::leaf("other", 2, &[1]));
    let of_another_key = first(&mut other);
    forged[30] ^= 1;
    for octets in [&from_open[..], &forged, &of_another_key, b"raw"] {
        assert!(told(&mut leaf, ms(600), 5, octets).is_empty());
    }
    let counters = leaf.counters();
    assert_eq!((counters.wrong_suite, counters.corrupt), (1, 1));
    assert_eq!((counters.other_group, counters.raw_refused), (1, 1));
    assert_eq!(leaf.queue_raw(ms(600), b"raw"), Err(SendError::RawInSealed));
}

#[test]
fn keys_change_and_nobody_notices() {
    let mut hub = Hub::new();
    let mut it = leaf("leaf", 77, &[1, 2]);
    let session = it.session();
    let now = hub.now;
    let mut buffer = [0; 512];
    let len = it.poll_transmit(now, &mut buffer).unwrap();
    assert!(len.is_none() || it.session() == session);
    it.set_keys(now, &keys(&[2, 1])).unwrap();
    assert!(it.is_sealed() && it.session() != session);
    assert_eq!(it.session().life(), session.life());
    let mut open = Leaf::<512, 4, 256>::new(config("open"), [1; 32]).unwrap();
    assert_eq!(open.set_keys(now, &keys(&[2])), Err(ConfigError::NotSealed));
    hub.join(it);
}

#[test]
fn what_cannot_work_is_refused() {
    let keys = keys(&[1]);
    let seal = |random: &'static [u8]| Seal::new(&keys, Entropy::new().with_random(random));
    let join = |config: Config, seal: Seal<'_>| Leaf::<512, 4, 256>::sealed(config, seal).err();
    let hidden = config("leaf").with_announce(false);
    let random = b"of a generator of random numbers";
    assert_eq!(join(hidden, seal(random)), Some(ConfigError::CannotVerify));
    assert_eq!(
        join(config("leaf"), seal(b"")),
        Some(ConfigError::NotEnoughEntropy)
    );
    let trusts = seal(random).with_first_contact(FirstContact::TrustFirst);
    assert_eq!(join(hidden, trusts), None);
}

/// PROTOCOL M29, in a sealed group.
#[test]
fn a_clone_begins_another_life() {
    let (mut copy, mut original) = (leaf("leaf", 5, &[1]), leaf("leaf", 5, &[1]));
    let mut buffer = [0; 512];
    for at in (10..5_000).step_by(10) {
        while copy.poll_transmit(ms(at), &mut buffer).unwrap().is_some() {}
        while at < 3_000
            && original
                .poll_transmit(ms(at), &mut buffer)
                .unwrap()
                .is_some()
        {}
    }
    copy.queue(ms(5_000), LOOSE, b"v").unwrap();
    let len = copy
        .poll_transmit(ms(5_000), &mut buffer)
        .unwrap()
        .unwrap()
        .len;
    let before = original.session();
    original
        .handle(ms(5_000), address(7), &buffer[..len])
        .unwrap();
    assert!(original.poll_event().is_some());
    assert_ne!(original.session(), before);
    assert_eq!(original.counters().claims_own_id, 1);
}

#[test]
fn after_sleep_everybody_has_to_prove_that_they_are_there() {
    let mut hub = with(1);
    hub.fate = Box::new(|from, _, _| usize::from(from != 1));
    hub.say(1, LOOSE, "held back");
    hub.run(10);
    let held = hub.record.pop().unwrap().2;
    let (now, before) = (hub.now, hub.counters(0).unverified);
    hub.members[0].0.woke(now);
    hub.hear(1, 0, &held);
    assert!(hub.log(0).is_empty());
    assert_eq!(hub.counters(0).unverified, before + 1);
    hub.fate = Box::new(|_, _, _| 1);
    hub.run(5_000);
    hub.say(1, LOOSE, "now");
    hub.run(100);
    assert_eq!(hub.log(0), [": now"]);
}
