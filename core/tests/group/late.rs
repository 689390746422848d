//! Members that are not polled for a while: first what arrived, then who is silent.

use core::time::Duration;

use groupcast::wire::{Bye, Frame};

use crate::hub::{Hub, Puppet, config, drain, hear, member, ms};

const NOTHING: [&str; 0] = [];

/// PROTOCOL M11.
#[test]
fn who_was_heard_during_a_pause_is_neither_suspected_nor_lost() {
    for pause in [2_600, 3_600, 5_000, 60_000] {
        let mut ana = member(config("ana"), 1);
        ana.handle_timeout(ms(0));
        let mut ben = Puppet::new(7, 5);
        assert_eq!(hear(&mut ana, ms(1_000), &ben.hello("ben")), ["ben joined"]);
        // What came meanwhile is read when it is over, and only then time passes.
        let end = ms(1_000 + pause);
        for text in ["one", "two"] {
            let told = hear(&mut ana, end, &ben.message(text));
            assert_eq!(told, [format!("ben: {text}")], "{pause}");
        }
        ana.handle_timeout(end);
        let mut told = Vec::new();
        drain(&mut ana, &mut told);
        assert_eq!(told, NOTHING, "{pause}");
    }
}

/// PROTOCOL M11.
#[test]
fn reading_what_waits_may_take_its_time() {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    let (mut ben, mut cleo) = (Puppet::new(7, 5), Puppet::new(8, 6));
    hear(&mut ana, ms(1_000), &ben.hello("ben"));
    hear(&mut ana, ms(1_000), &cleo.hello("cleo"));
    // Ben's datagram waits behind two of Cleo's, and whoever reads them is slow.
    for (at, text) in [(6_000, "one"), (6_200, "two")] {
        let told = hear(&mut ana, ms(at), &cleo.message(text));
        assert_eq!(told, [format!("cleo: {text}")]);
    }
    assert_eq!(
        hear(&mut ana, ms(6_400), &ben.message("three")),
        ["ben: three"]
    );
}

/// PROTOCOL M11.
#[test]
fn who_looks_at_the_clock_first_has_a_moment_to_read() {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    let mut ben = Puppet::new(7, 5);
    hear(&mut ana, ms(1_000), &ben.hello("ben"));
    ana.handle_timeout(ms(6_000));
    assert_eq!(hear(&mut ana, ms(6_050), &ben.message("one")), ["ben: one"]);
    ana.handle_timeout(ms(6_200));
    let mut told = Vec::new();
    drain(&mut ana, &mut told);
    assert_eq!(told, NOTHING);
}

/// PROTOCOL M11.
#[test]
fn who_was_gone_before_a_pause_is_asked_before_it_is_lost() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_secs(3));
    hub.log(0);
    // Ana stands still for a minute, and ben says nothing from then on.
    hub.cut_off = vec![1];
    hub.now += Duration::from_secs(60);
    hub.unicasts = 0;
    hub.run(Duration::from_millis(500));
    assert_eq!(hub.log(0), ["ben suspect"]);
    hub.run(Duration::from_secs(3));
    assert_eq!(hub.log(0), ["ben lost"]);
    assert!(hub.unicasts >= 2, "it was asked twice");
}

/// PROTOCOL M8.
#[test]
fn who_is_polled_seldom_still_notices_who_is_gone() {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    let mut ben = Puppet::new(7, 5);
    hear(&mut ana, ms(1_000), &ben.hello("ben"));
    let mut told = Vec::new();
    for at in (1_000..30_000).step_by(700) {
        ana.handle_timeout(ms(at));
        drain(&mut ana, &mut told);
    }
    assert_eq!(told, ["ben suspect", "ben lost"]);
}

#[test]
fn whoever_leaves_twice_in_a_datagram_has_left_once() {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    let mut ben = Puppet::new(7, 5);
    hear(&mut ana, ms(1_000), &ben.hello("ben"));
    let bye = Frame::Bye(Bye::LEFT);
    let told = hear(&mut ana, ms(1_100), &ben.say(&[bye, bye]));
    assert_eq!(told, ["ben left"]);
}

/// PROTOCOL M8.
#[test]
fn who_says_hello_late_is_not_lost_early() {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    let mut ben = Puppet::new(7, 5);
    // First a message, and the HELLO half a second later.
    hear(&mut ana, ms(1_000), &ben.message("one"));
    assert_eq!(hear(&mut ana, ms(1_500), &ben.hello("ben")), ["ben joined"]);
    let mut told = Vec::new();
    for at in (1_500..3_990).step_by(10) {
        ana.handle_timeout(ms(at));
        drain(&mut ana, &mut told);
    }
    assert_eq!(told, NOTHING);
}
