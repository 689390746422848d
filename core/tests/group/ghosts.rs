//! Members that state what cannot be.

use groupcast::wire::{Frame, Hello};
use groupcast::{Group, Instant};

use crate::hub::{Puppet, Room, config, drain, hear, hello, member, ms};

/// Says HELLO with this interval, in units of 10 ms, and this size of the group, in quarter octaves.
fn say(puppet: &mut Puppet, name: &str, interval: u16, group_size: u8) -> Vec<u8> {
    let stated = Hello {
        interval,
        group_size,
        max_datagram: 1473,
        ..hello(name)
    };
    puppet.say(&[Frame::Hello(stated)])
}

/// Lets time pass in steps of 50 ms, and drops what is sent.
fn pass(group: &mut Group<Room>, from: Instant, until: Instant) -> Vec<(Instant, String)> {
    let mut told = Vec::new();
    let mut now = from;
    let mut buffer = [0; 1472];
    while now < until {
        while group.poll_transmit(now, &mut buffer).unwrap().is_some() {}
        group.handle_timeout(now);
        let mut log = Vec::new();
        drain(group, &mut log);
        told.extend(log.into_iter().map(|event| (now, event)));
        now += core::time::Duration::from_millis(50);
    }
    told
}

/// PROTOCOL M10.
#[test]
fn whoever_states_a_long_interval_is_not_kept_for_it() {
    for group_size in [0, 1, 40, 255] {
        let mut ana = member(config("ana"), 1);
        ana.handle_timeout(ms(0));
        let mut ghost = Puppet::new(66, 5);
        hear(
            &mut ana,
            ms(1_000),
            &say(&mut ghost, "ghost", u16::MAX, group_size),
        );
        let told = pass(&mut ana, ms(1_000), ms(30_000));
        let lost = told.iter().find(|(_, event)| event == "ghost lost");
        let (at, _) = lost.expect("it is lost");
        // 3.5 intervals of 2 s, and the step.
        assert!(*at <= ms(8_100), "stated size {group_size}: {at:?}");
    }
}

/// PROTOCOL M10.
#[test]
fn one_liar_among_many_does_not_change_what_is_usual() {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    let mut ghost = Puppet::new(66, 5);
    let mut others: Vec<_> = (1..6).map(|id| Puppet::new(id, 5)).collect();
    for other in &mut others {
        hear(&mut ana, ms(1_000), &say(other, "other", 100, 10));
    }
    hear(
        &mut ana,
        ms(1_001),
        &say(&mut ghost, "ghost", u16::MAX, 255),
    );
    let told = pass(&mut ana, ms(1_001), ms(20_000));
    let lost = told.iter().find(|(_, event)| event == "ghost lost");
    assert!(lost.is_some_and(|(at, _)| *at <= ms(8_100)), "{told:?}");
}

/// PROTOCOL M10.
#[test]
fn whoever_states_a_short_interval_is_not_lost_at_once() {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    let mut hasty = Puppet::new(7, 5);
    hear(&mut ana, ms(1_000), &say(&mut hasty, "hasty", 1, 0));
    assert_eq!(pass(&mut ana, ms(1_000), ms(3_400)), []);
}

/// PROTOCOL M10.
#[test]
fn a_small_roster_in_a_large_group_loses_nobody() {
    // 1,000 members: each says HELLO every 50 s. Eight of them find a place here.
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    let mut others: Vec<_> = (1..9).map(|id| Puppet::new(id, 5)).collect();
    // They answer the newcomer's JOIN one after the other, and then say HELLO as usual.
    let mut told = Vec::new();
    let mut now = ms(1_000);
    for round in 0..4 {
        for other in &mut others {
            let next = now + core::time::Duration::from_millis(if round == 0 { 50 } else { 6_250 });
            told.extend(pass(&mut ana, now, next));
            hear(&mut ana, next, &say(other, "other", 5_000, 39));
            now = next;
        }
    }
    let lost = told.iter().filter(|(_, event)| event.ends_with("lost"));
    assert_eq!(lost.count(), 0, "{told:?}");
    assert_eq!(ana.peers().count(), 8);
}
