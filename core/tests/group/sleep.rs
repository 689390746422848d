//! Members of a sealed group that sleep, and what a stranger kept of what the others said meanwhile.

use core::time::Duration;

use groupcast::Instant;

use crate::hub::address;
use crate::lives::keys::Pair;

/// What ana says in these milliseconds, which ben does not hear.
fn kept(pair: &mut Pair, millis: u64) -> Vec<Vec<u8>> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1472]);
    for step in 0..millis / 50 {
        if step == 10 {
            pair.send("open the door");
        }
        while let Some(transmit) = pair.members[0]
            .poll_transmit(pair.now, &mut buffer)
            .unwrap()
        {
            kept.push(buffer[..transmit.len].to_vec());
        }
        while pair.members[0].poll_event().is_some() {}
        pair.now += Duration::from_millis(50);
    }
    kept
}

/// Hands the kept datagrams to ben, all at once.
fn play(pair: &mut Pair, kept: &[Vec<u8>], now: Instant) {
    for datagram in kept {
        pair.members[1].handle(now, address(1), datagram).unwrap();
        pair.hear_all();
    }
}

/// PROTOCOL K13.
#[test]
fn what_was_held_back_while_one_slept_is_not_believed() {
    // 71 minutes and 35 seconds are 2^32 µs.
    let held = [1, 18, 36, 60, 71].map(|minutes| minutes * 60_000);
    for millis in held.into_iter().chain([(1 << 32) / 1_000]) {
        let mut pair = Pair::new();
        let slept = pair.now;
        let kept = kept(&mut pair, millis);
        // To the microsecond.
        let wrapped = millis == (1 << 32) / 1_000;
        pair.now = if wrapped {
            slept + Duration::from_micros(1 << 32)
        } else {
            pair.now
        };
        let now = pair.now;
        play(&mut pair, &kept, now);
        assert_eq!(pair.log, [""; 0]);
        // Who is there says so, and what is still kept comes from it.
        pair.run(3_000);
        assert!(pair.log.contains(&"open the door".to_owned()));
    }
}

/// PROTOCOL K13.
#[test]
fn what_was_held_back_while_the_clock_stood_is_not_believed() {
    let mut pair = Pair::new();
    let stood = pair.now;
    let kept = kept(&mut pair, 60_000);
    let slept = stood.until(pair.now);
    pair.members[1].woke(stood);
    play(&mut pair, &kept, stood);
    assert_eq!(pair.log, [""; 0]);
    assert!(pair.members[1].counters().unverified > 0);
    assert!(slept >= Duration::from_secs(59));
}

/// PROTOCOL K13.
#[test]
fn a_pause_of_some_seconds_costs_nothing_in_a_sealed_group() {
    let mut pair = Pair::new();
    let kept = kept(&mut pair, 8_000);
    let now = pair.now;
    play(&mut pair, &kept, now);
    assert!(pair.log.contains(&"open the door".to_owned()));
}

#[test]
fn nobody_is_silent_while_the_clock_stood() {
    let mut pair = Pair::new();
    let now = pair.now + Duration::from_secs(30);
    pair.members[1].woke(now);
    pair.members[1].handle_timeout(now);
    pair.members[1].handle_timeout(now + Duration::from_secs(2));
    pair.hear_all();
    assert_eq!(pair.log, [""; 0]);
}
