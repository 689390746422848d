//! Restarts, and ids that two members have.

use groupcast::wire::{Bye, Frame, Hello};
use groupcast::{Event, Leaf, Name, SendError};

use crate::hub::{
    Hub, LATEST, Puppet, VALUE, address, config, drain, id, leaf, ms, times, told, watch,
};

fn fixed(seed: u8) -> Leaf {
    Leaf::new(config("leaf").with_id(id(42)), [seed; 32]).unwrap()
}

#[test]
fn who_starts_again_is_known_again_and_its_value_counts() {
    let mut hub = Hub::new();
    hub.join(fixed(1));
    hub.join(crate::hub::group("ana", 2));
    hub.run(3_000);
    for text in ["1", "2", "3"] {
        hub.say(0, VALUE, text);
        hub.run(100);
    }
    hub.run(1_500);
    hub.log(1);
    hub.members[0].0 = Box::new(fixed(3));
    hub.run(2_000);
    hub.say(0, VALUE, "after");
    hub.run(2_000);
    assert_eq!(hub.log(1), ["leaf restarted", "leaf: after"]);
    assert_eq!(hub.counters(1).gaps, 0);
}

/// PROTOCOL M26, M28
#[test]
fn of_two_with_one_id_one_draws_another() {
    let mut leaf = leaf("leaf", 1);
    watch(&mut leaf, 10, 3_000);
    let (before, session) = (leaf.id(), leaf.session().get());
    let other = |session| {
        let mut puppet = Puppet::new(before.get(), session);
        puppet.hello(|_| {})
    };
    // The other one has a later session: it gives way, and hears of this one at once.
    assert_eq!(
        told(&mut leaf, ms(3_500), 5, &other(session + 1)),
        ["duplicate Kept"]
    );
    assert!(!times(&watch(&mut leaf, 3_500, 3_602), "Hello").is_empty());
    leaf.queue(ms(3_700), VALUE, b"x").unwrap();
    let log = told(&mut leaf, ms(3_700), 5, &other(session - 1));
    assert!(log[0].starts_with("duplicate Redrawn"), "{log:?}");
    assert_ne!(leaf.id(), before);
    // The value is said under the new one, from number 0.
    let said = watch(&mut leaf, 3_700, 3_900);
    let data: Vec<_> = said.iter().flat_map(|it| &it.2).collect();
    let data = data.iter().find(|it| it.starts_with("Data")).unwrap();
    assert!(data.contains("sequence: 0"), "{data}");
    assert_eq!(leaf.counters().claims_own_id, 2);
}

#[test]
fn what_waits_for_another_life_is_older_than_what_comes_after() {
    let mut leaf = leaf("leaf", 1);
    watch(&mut leaf, 10, 3_000);
    let mut puppet = Puppet::new(leaf.id().get(), leaf.session().get() - 1);
    leaf.queue(ms(3_000), LATEST, b"1").unwrap();
    watch(&mut leaf, 3_000, 3_100);
    leaf.queue(ms(3_100), LATEST, b"2").unwrap();
    let log = told(&mut leaf, ms(3_100), 5, &puppet.hello(|_| {}));
    assert!(log[0].starts_with("duplicate Redrawn"), "{log:?}");
    leaf.queue(ms(3_100), LATEST, b"3").unwrap();
    let said = watch(&mut leaf, 3_100, 3_300);
    let data = said.iter().flat_map(|it| &it.2);
    let data: Vec<_> = data.filter(|it| it.starts_with("Data")).collect();
    let numbers = ["sequence: 1, payload: [50]", "sequence: 2, payload: [51]"];
    assert_eq!(data.len(), 2, "{data:?}");
    let mut all = data.iter().zip(numbers);
    assert!(all.all(|(it, number)| it.contains(number)), "{data:?}");
}

#[test]
fn of_two_with_one_fixed_id_one_falls_silent() {
    let mut leaf = fixed(1);
    watch(&mut leaf, 10, 3_000);
    let mut puppet = Puppet::new(42, leaf.session().get() - 1);
    let log = told(&mut leaf, ms(3_000), 5, &puppet.hello(|_| {}));
    assert_eq!(log, ["duplicate Silenced"]);
    let said = watch(&mut leaf, 3_000, 20_000);
    let frames: Vec<_> = said.iter().flat_map(|it| &it.2).collect();
    assert_eq!(frames, ["Bye(Bye { reason: 1 })"]);
    assert_eq!(
        leaf.queue(ms(20_000), VALUE, b"x"),
        Err(SendError::Silenced)
    );
}

#[test]
fn what_an_earlier_life_sent_is_no_contest_but_a_bye_that_gives_way_is() {
    let mut leaf = fixed(1);
    watch(&mut leaf, 10, 500);
    let mut puppet = Puppet::new(42, 1);
    assert!(told(&mut leaf, ms(500), 5, &puppet.hello(|_| {})).is_empty());
    let bye = Frame::Bye(Bye { reason: 1 });
    let log = told(&mut leaf, ms(600), 5, &puppet.say(&[bye]));
    assert_eq!(log, ["duplicate Kept"]);
}

/// PROTOCOL M29, M30
#[test]
fn a_clone_is_noticed_and_both_go_on() {
    let mut hub = Hub::with(&["ana"]);
    hub.say(0, VALUE, "x");
    hub.run(1_000);
    hub.log(1);
    // A copy of the leaf, which went on for longer.
    let (mut copy, mut original) = (fixed(5), fixed(5));
    let mut buffer = [0; 512];
    for at in (10..5_000).step_by(10) {
        while copy.poll_transmit(ms(at), &mut buffer).unwrap().is_some() {}
        if at < 3_000 {
            while original
                .poll_transmit(ms(at), &mut buffer)
                .unwrap()
                .is_some()
            {}
        }
    }
    copy.queue(ms(5_000), VALUE, b"v").unwrap();
    let len = copy
        .poll_transmit(ms(5_000), &mut buffer)
        .unwrap()
        .unwrap()
        .len;
    let (before, mut log) = (original.session(), Vec::new());
    original.queue(ms(5_000), VALUE, b"w").unwrap();
    original
        .handle(ms(5_000), address(7), &buffer[..len])
        .unwrap();
    let Some(Event::DuplicateId(duplicate)) = original.poll_event() else {
        panic!("nothing is told");
    };
    assert_eq!(format!("{:?}", duplicate.outcome()), "Cloned");
    assert_eq!(original.id(), id(42));
    assert_ne!(original.session(), before);
    // Not again for half a minute.
    original
        .handle(ms(5_001), address(7), &buffer[..len])
        .unwrap();
    drain(&mut original, &mut log);
    assert!(log.is_empty());
    let said = watch(&mut original, 5_001, 6_000);
    assert!(said[0].2[0].starts_with("Hello"));
}

#[test]
fn a_hello_of_another_name_is_not_malformed() {
    let (mut leaf, mut puppet) = (leaf("leaf", 1), Puppet::new(9, 1));
    let hello = Hello::new(Name::new("änä").unwrap());
    told(&mut leaf, ms(1), 5, &puppet.say(&[Frame::Hello(hello)]));
    assert_eq!(leaf.counters().frames_malformed, 0);
    assert_eq!(leaf.counters().accepted, 1);
}
