//! Members with one id and one session: copies of a device, or somebody who pretends to be one.

use core::time::Duration;

use groupcast::wire::{Bye, Frame};
use groupcast::{Channel, Destination, Group};

use crate::hub::{Hub, Puppet, Room, address, config, drain, hear, id, member, ms};

const RELIABLE: Channel = Channel::reliable_ordered(1);

/// Whoever says with this member's id and session that it leaves.
fn forger(of: &Group<Room>, counter: u64) -> Puppet {
    Puppet {
        counter: counter - 1,
        ..Puppet::new(of.id().get(), of.session().get())
    }
}

fn bye() -> Frame<'static> {
    Frame::Bye(Bye::LEFT)
}

/// Hands a datagram to every member.
fn tell_all(hub: &mut Hub, datagram: &[u8]) {
    for (group, log) in &mut hub.members {
        group.handle(hub.now, address(99), datagram).unwrap();
        drain(group, log);
    }
    hub.settle();
}

fn say(hub: &mut Hub, n: usize, text: &str) {
    let now = hub.now;
    hub.group(n).queue(now, RELIABLE, text.as_bytes()).unwrap();
    hub.run(Duration::from_millis(50));
}

/// PROTOCOL M29, M30.
#[test]
fn copies_of_a_device_notice_and_hear_each_other() {
    for apart in [0, 1, 40, 700, 5_000] {
        let mut hub = Hub::new([config("ben")]);
        hub.members.push((member(config("copy"), 77), Vec::new()));
        hub.run(Duration::from_millis(apart));
        hub.members.push((member(config("copy"), 77), Vec::new()));
        hub.run(Duration::from_secs(5));
        let (one, other) = (hub.group(1).id(), hub.group(2).id());
        assert_ne!(one, other, "{apart}");
        assert_ne!(hub.group(1).session(), hub.group(2).session(), "{apart}");
        let told = [hub.log(1), hub.log(2)].concat();
        let cloned = told.iter().filter(|event| *event == "duplicate Cloned");
        assert_eq!(cloned.count(), 1, "{apart}: {told:?}");
        hub.log(0);
        say(&mut hub, 1, "one");
        say(&mut hub, 2, "other");
        assert_eq!(hub.log(0), ["copy: one", "copy: other"], "{apart}");
        assert!(hub.log(1).contains(&"copy: other".to_owned()), "{apart}");
        assert!(hub.log(2).contains(&"copy: one".to_owned()), "{apart}");
        for n in 0..3 {
            assert_eq!(hub.group(n).peers().count(), 2, "{apart}");
        }
    }
}

/// PROTOCOL M29, M30.
#[test]
fn one_forged_datagram_does_not_silence_a_member() {
    for fixed in [false, true] {
        for counter in [20, 1_000, (1 << 47) - 1, (1 << 47) + 20, (1 << 48) - 1] {
            let config = config("ana");
            let config = if fixed { config.with_id(id(7)) } else { config };
            let mut hub = Hub::new([config, crate::hub::config("ben")]);
            hub.run(Duration::from_secs(5));
            say(&mut hub, 0, "before");
            hub.log(1);
            let (own, session) = (hub.group(0).id(), hub.group(0).session());
            let forged = forger(hub.group(0), counter).say(&[bye()]);
            tell_all(&mut hub, &forged);
            let now = hub.now;
            hub.group(0).queue(now, RELIABLE, b"at once").unwrap();
            hub.run(Duration::from_secs(2));
            say(&mut hub, 0, "after");
            let told = hub.log(1);
            let heard = told.iter().filter(|event| event.starts_with("ana: "));
            assert_eq!(
                heard.collect::<Vec<_>>(),
                ["ana: at once", "ana: after"],
                "{counter}: {told:?}"
            );
            assert!(hub.log(0).contains(&"duplicate Cloned".to_owned()));
            assert_ne!(hub.group(0).session().life(), session.life());
            assert_eq!(hub.group(0).id() == own, fixed);
        }
    }
}

/// PROTOCOL M30.
#[test]
fn what_was_queued_when_a_clone_is_noticed_is_sent() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_secs(3));
    let now = hub.now;
    for text in ["one", "two"] {
        hub.group(0).queue(now, RELIABLE, text.as_bytes()).unwrap();
    }
    hub.log(1);
    let forged = forger(hub.group(0), 500).say(&[bye()]);
    let ana = hub.group(0);
    assert_eq!(hear(ana, now, &forged), ["duplicate Cloned"]);
    hub.run(Duration::from_secs(1));
    let told = hub.log(1);
    assert!(
        told.ends_with(&["ana: one".to_owned(), "ana: two".to_owned()]),
        "{told:?}"
    );
}

/// PROTOCOL M30.
#[test]
fn who_pretends_again_and_again_brings_two_lives_in_a_minute() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_secs(3));
    let mut lives = vec![hub.group(0).session()];
    for _ in 0..59 {
        let forged = forger(hub.group(0), 1 << 40).say(&[bye()]);
        tell_all(&mut hub, &forged);
        hub.run(Duration::from_secs(1));
        let session = hub.group(0).session();
        if lives.last() != Some(&session) {
            lives.push(session);
        }
    }
    assert_eq!(lives.len(), 3);
    assert_eq!(hub.group(0).counters().claims_own_id, 59);
    let told = hub.log(0);
    let cloned = told.iter().filter(|event| *event == "duplicate Cloned");
    assert_eq!(cloned.count(), 2);
    // It stops: within half a minute the member is heard again.
    hub.run(Duration::from_secs(31));
    let forged = forger(hub.group(0), 1 << 41).say(&[bye()]);
    tell_all(&mut hub, &forged);
    hub.run(Duration::from_secs(1));
    hub.log(1);
    say(&mut hub, 0, "here I am");
    assert_eq!(hub.log(1), ["ana: here I am"]);
}

/// PROTOCOL W18.
#[test]
fn what_one_said_before_comes_back_late_and_is_ones_own() {
    let mut ana = member(config("ana"), 1);
    let mut buffer = [0; 1472];
    let mut sent = Vec::new();
    for at in [0, 200, 1_500, 3_000] {
        while let Some(transmit) = ana.poll_transmit(ms(at), &mut buffer).unwrap() {
            sent.push(buffer[..transmit.len].to_vec());
        }
    }
    let forged = forger(&ana, 900).say(&[bye()]);
    assert_eq!(hear(&mut ana, ms(3_001), &forged), ["duplicate Cloned"]);
    for datagram in &sent {
        assert_eq!(hear(&mut ana, ms(9_000), datagram), [""; 0]);
    }
    assert_eq!(ana.counters().own, sent.len() as u64);
}

/// PROTOCOL M30.
#[test]
fn copies_draw_otherwise_from_the_moment_on_at_which_they_differ() {
    let (mut one, mut other) = (member(config("copy"), 9), member(config("copy"), 9));
    one.handle_timeout(ms(0));
    other.handle_timeout(ms(0));
    assert_eq!(one.session(), other.session());
    let heard = forger(&one, 900).say(&[bye()]);
    hear(&mut one, ms(1), &heard);
    let heard = forger(&other, 901).say(&[bye()]);
    hear(&mut other, ms(1), &heard);
    assert_ne!(one.session(), other.session());
    assert_ne!(one.id(), other.id());
}

/// What two members of one seed are told that are switched on in the same moment, while what one sends is on
/// its way to the other for two milliseconds. Then the first one says something, if it may.
fn switched_on_together(names: [&str; 2], fixed: bool) -> [Vec<String>; 2] {
    let mut pair = names.map(|name| {
        let config = config(name);
        member(
            if fixed {
                config.with_id(id(77))
            } else {
                config
            },
            9,
        )
    });
    let mut told = [Vec::new(), Vec::new()];
    let mut flying: Vec<(u64, usize, Destination, Vec<u8>)> = Vec::new();
    let mut buffer = [0; 1472];
    for millis in 0..8_000 {
        let now = ms(millis);
        if millis == 5_000 && !fixed {
            pair[0].queue(now, RELIABLE, b"one").unwrap();
        }
        for n in 0..2 {
            while let Some(transmit) = pair[n].poll_transmit(now, &mut buffer).unwrap() {
                let octets = buffer[..transmit.len].to_vec();
                flying.push((millis + 2, n, transmit.to, octets));
            }
            drain(&mut pair[n], &mut told[n]);
        }
        for (_, from, to, octets) in flying.extract_if(.., |(at, ..)| *at <= millis) {
            let n = 1 - from;
            if to == Destination::Group || to == Destination::Peer(address(n as u8 + 1)) {
                pair[n]
                    .handle(now, address(from as u8 + 1), &octets)
                    .unwrap();
                drain(&mut pair[n], &mut told[n]);
            }
        }
        for n in 0..2 {
            pair[n].handle_timeout(now);
            drain(&mut pair[n], &mut told[n]);
        }
    }
    told
}

/// PROTOCOL M29.
#[test]
fn copies_that_are_switched_on_together_notice_as_soon_as_they_differ() {
    let told = switched_on_together(["ana", "ben"], false);
    assert_eq!(told[0], ["duplicate Cloned", "ben joined"]);
    assert_eq!(told[1], ["duplicate Cloned", "ana joined", "ana: one"]);
    // Their HELLOs are the same to the last octet: nothing tells them apart before one of them says something.
    let told = switched_on_together(["x", "x"], false);
    assert_eq!(told[0], ["x joined"]);
    assert_eq!(told[1], ["duplicate Cloned", ": one", "x joined"]);
    // Two that may not take another id cannot both stay.
    let [mut one, mut other] = switched_on_together(["ana", "ben"], true);
    assert_eq!(
        (one.remove(0), other.remove(0)),
        ("duplicate Cloned".into(), "duplicate Cloned".into())
    );
    let mut last = [one.concat(), other.concat()];
    last.sort();
    assert_eq!(last, ["duplicate Kept", "duplicate Silenced"]);
}
