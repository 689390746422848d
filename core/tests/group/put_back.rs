//! Copies of a member's state: by `fork`, or as a virtual machine that is copied or put back to a snapshot. A member
//! draws at its start and follows from there, so two that ran alike so far are one member and its copy.

use core::time::Duration;

use groupcast::wire::Header;
use groupcast::{Channel, Group, Instant};

use crate::hub::{Hub, Room, address, config, drain};
use crate::lives::keys::{Pair, sealed};

const RELIABLE: Channel = Channel::reliable_ordered(1);

/// Ana and ben, as after three seconds.
fn met(is_sealed: bool) -> Hub {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    if is_sealed {
        hub.members[0].0 = sealed("ana", b"what ana drew at random: 8f3a0c");
        hub.members[1].0 = sealed("ben", b"what ben drew at random: 51e7d9");
    }
    hub.run(Duration::from_secs(3));
    hub
}

#[test]
fn two_that_go_on_from_one_state_notice_and_are_both_heard() {
    for is_sealed in [false, true] {
        let (mut hub, mut other) = (met(is_sealed), met(is_sealed));
        hub.members.push(other.members.remove(1));
        for n in 0..3 {
            hub.log(n);
        }
        let now = hub.now;
        for (n, text) in [(1, "one"), (2, "other")] {
            hub.group(n).queue(now, RELIABLE, text.as_bytes()).unwrap();
        }
        hub.run(Duration::from_secs(3));
        let told = [hub.log(1), hub.log(2)].concat();
        let cloned = told.iter().filter(|event| *event == "duplicate Cloned");
        assert_eq!(cloned.count(), 1, "{told:?}");
        assert_ne!(hub.group(1).session().life(), hub.group(2).session().life());
        assert_ne!(hub.group(1).id(), hub.group(2).id());
        assert_eq!(hub.group(0).peers().count(), 2);
        // What was said when they did not know yet is told, too.
        let told = hub.log(0);
        for text in ["ben: one", "ben: other"] {
            let heard = told.iter().filter(|event| *event == text);
            assert_eq!(heard.count(), 1, "{text}: {told:?}");
        }
    }
}

/// What a member of a pair sends in these milliseconds, and the other hears.
fn sent(pair: &mut Pair, from: usize, millis: u64) -> Vec<Vec<u8>> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1472]);
    for _ in 0..millis {
        for n in 0..2 {
            while let Some(transmit) = pair.members[n]
                .poll_transmit(pair.now, &mut buffer)
                .unwrap()
            {
                let octets = &buffer[..transmit.len];
                if n == from {
                    kept.push(octets.to_vec());
                }
                pair.hear_all();
                pair.members[1 - n]
                    .handle(pair.now, address(n as u8 + 1), octets)
                    .unwrap();
                pair.hear_all();
            }
            pair.members[n].handle_timeout(pair.now);
            pair.hear_all();
        }
        pair.now += Duration::from_millis(1);
    }
    kept
}

fn play(ben: &mut Group<Room>, now: Instant, datagrams: &[Vec<u8>]) -> Vec<String> {
    let mut log = Vec::new();
    for datagram in datagrams {
        ben.handle(now, address(1), datagram).unwrap();
        drain(ben, &mut log);
    }
    log
}

/// What ana said since a snapshot of ben was taken, and ben heard; ben as it was then; and when that was.
fn since_snapshot() -> (Pair, Vec<Vec<u8>>, Group<Room>, Instant) {
    let mut pair = Pair::new();
    let (snapshot, then) = (Pair::new().members.into_iter().nth(1), pair.now);
    pair.send("open the door");
    let kept = sent(&mut pair, 0, 2_000);
    assert_eq!(pair.log, ["open the door"]);
    (pair, kept, snapshot.expect("there are two"), then)
}

/// A window that is put back has not seen what it saw: nothing in here can know.
#[test]
fn who_is_put_back_takes_again_what_was_said_since() {
    let (_, kept, mut ben, then) = since_snapshot();
    assert_eq!(play(&mut ben, then, &kept), ["ana: open the door"]);
}

#[test]
fn who_starts_anew_instead_takes_nothing_of_it() {
    let (_, kept, _, then) = since_snapshot();
    let mut ben = sealed("ben", b"what ben drew after it came back");
    assert_eq!(play(&mut ben, then, &kept), [""; 0]);
    assert!(ben.counters().unverified > 0);
}

/// What is drawn follows from what was drawn at the start. So `woke` keeps out what was held back, but not what
/// answered the challenge that is drawn again.
#[test]
fn who_is_put_back_draws_what_it_drew_before() {
    let mut pair = Pair::new();
    let mut ben = Pair::new().members.into_iter().nth(1).unwrap();
    let then = pair.now;
    pair.members[1].woke(then);
    pair.send("open the door");
    let kept = sent(&mut pair, 0, 2_000);
    assert!(pair.log.contains(&"open the door".to_owned()));

    ben.woke(then);
    let mut told = play(&mut ben, then, &kept);
    assert_eq!(told, [""; 0]);
    let mut buffer = [0; 1472];
    while ben.poll_transmit(then, &mut buffer).unwrap().is_some() {}
    told.extend(play(&mut ben, then + Duration::from_secs(1), &kept));
    assert!(told.contains(&"ana: open the door".to_owned()), "{told:?}");
}

/// PROTOCOL K4 does not hold for a member that is put back.
#[test]
fn who_is_put_back_seals_two_texts_with_one_number_until_it_meets_itself() {
    let mut pair = Pair::new();
    let mut back = Pair::new();
    let now = pair.now;
    for (pair, text) in [(&mut pair, "my name is ben"), (&mut back, "my name is bob")] {
        pair.members[1]
            .queue(now, RELIABLE, text.as_bytes())
            .unwrap();
    }
    let first = sent(&mut pair, 1, 3_000);
    let second = sent(&mut back, 1, 3_000);
    // Two with one header are sealed with one key stream.
    let twice = |one: &Vec<u8>| {
        let is_other =
            |other: &&Vec<u8>| other[..Header::LEN] == one[..Header::LEN] && *other != one;
        second.iter().any(|other| is_other(&other))
    };
    assert!(first.iter().any(twice));

    let ana = &mut pair.members[0];
    assert_eq!(play(ana, pair.now, &second[..first.len() - 1]), [""; 0]);

    // Somebody plays to it what it is yet to send.
    let mut back = Pair::new().members.into_iter().nth(1).unwrap();
    let life = back.session().life();
    let told = play(&mut back, now, &first[first.len() - 1..]);
    assert_eq!(told, ["duplicate Cloned"]);
    assert_ne!(back.session().life(), life);
}
