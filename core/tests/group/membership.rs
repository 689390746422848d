//! Who is there: HELLO, silence, BYE, restarts, duplicate ids, full rosters.

use core::time::Duration;

use groupcast::wire::{self, Bye, Data, Frame, Hello};
use groupcast::{ConfigError, Destination, DuplicateIdOutcome, Event, PeerStatus, SendError};

use crate::hub::{CHANNEL, Hub, Puppet, address, config, data, drain, hear, hello, id, member, ms};

/// PROTOCOL M1, W10.
#[test]
fn the_first_datagram_introduces_its_sender() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    let now = hub.now;
    hub.group(0)
        .queue(now, CHANNEL, b"Hello, multicast!")
        .unwrap();
    hub.settle();
    assert_eq!(hub.log(1), ["ana joined", "ana: Hello, multicast!"]);
    assert_eq!(hub.multicasts, 1, "HELLO and message share a datagram");
    // Its own datagram came back and was filtered.
    assert_eq!(hub.log(0), [] as [&str; 0]);
    assert_eq!(hub.group(0).counters().own, 1);
}

/// PROTOCOL M1.
#[test]
fn whatever_a_member_says_first_it_says_hello_before() {
    // A NACK is due in a few milliseconds, an ACK at once.
    for (sequences, asks) in [(&[0, 2][..], false), (&[0], true)] {
        for seed in 1..50 {
            let mut ana = member(config("ana"), seed);
            ana.handle_timeout(ms(0));
            let mut ben = Puppet::new(7, 1);
            hear(&mut ana, ms(0), &ben.hello("ben"));
            for &sequence in sequences {
                let data = Data {
                    class: 2,
                    horizon: 2,
                    sequence,
                    ..data("x")
                };
                hear(&mut ana, ms(0), &ben.say(&[Frame::Data(data)]));
            }
            if asks {
                let request = wire::AckRequest {
                    sequence: 0,
                    spread: 0,
                };
                hear(&mut ana, ms(0), &ben.say(&[Frame::AckRequest(request)]));
            }
            let mut buffer = [0; 1472];
            let first = (0..=100).find_map(|at| ana.poll_transmit(ms(at), &mut buffer).unwrap());
            let (header, mut frames) = wire::parse(&buffer[..first.unwrap().len]).unwrap();
            assert!(matches!(frames.next(), Some(Ok(Frame::Hello(_)))), "{seed}");
            assert_eq!(header.number(), 1);
        }
    }
}

/// PROTOCOL M3.
#[test]
fn everybody_joins_within_a_second_and_stays() {
    let mut hub = Hub::new(["ana", "ben", "cho"].map(config));
    hub.run(Duration::from_secs(1));
    assert_eq!(hub.group(0).peers().count(), 2);
    hub.run(Duration::from_secs(60));
    for n in 0..3 {
        let log = hub.log(n);
        assert_eq!(log.len(), 2, "{log:?}");
        assert!(log.iter().all(|line| line.ends_with("joined")), "{log:?}");
    }
    // Three members, one HELLO a second each.
    assert!((170..=200).contains(&hub.multicasts), "{}", hub.multicasts);
}

/// PROTOCOL M6.
#[test]
fn another_name_is_told_at_once() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_secs(10));
    hub.log(1);
    let too_long = "x".repeat(33);
    assert_eq!(
        hub.group(0).set_name(&too_long),
        Err(ConfigError::NameTooLong)
    );
    let names = |hub: &mut Hub| {
        let members = hub.group(1).peers();
        members.map(|m| m.name().to_owned()).collect::<Vec<_>>()
    };
    // One of these times the next HELLO may be due just then, and not each time.
    for name in ["bea", "cleo", "dora", "eva"] {
        hub.run(Duration::from_millis(437));
        hub.group(0).set_name(name).unwrap();
        // No sooner than the gap between HELLOs.
        hub.run(Duration::from_millis(101));
        assert_eq!(names(&mut hub), [name]);
    }
    hub.run(Duration::from_secs(10));
    assert_eq!(names(&mut hub), ["eva"], "and stays");
    assert_eq!(hub.log(1), [] as [&str; 0], "it is the same member");
}

/// PROTOCOL M5.
#[test]
fn a_newcomer_is_answered_within_half_a_second() {
    let mut hub = Hub::new([config("ana")]);
    hub.run(Duration::from_millis(3_050));
    hub.add(config("ben"));
    hub.run(Duration::from_millis(600));
    assert_eq!(hub.log(1), ["ana joined"]);
}

/// PROTOCOL M8.
#[test]
fn a_member_that_falls_silent_is_suspected_asked_and_lost() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_secs(3));
    hub.log(0);
    hub.cut_off = vec![1];
    hub.unicasts = 0;
    hub.run(Duration::from_millis(4_900));
    assert_eq!(hub.log(0), ["ben suspect", "ben lost"]);
    assert_eq!(hub.unicasts, 4, "two probes each way");
    assert_eq!(hub.group(0).peers().count(), 0);
    // It comes back: same session, told as a new beginning.
    hub.cut_off.clear();
    hub.run(Duration::from_secs(2));
    assert_eq!(hub.log(0), ["ben joined"]);
}

/// PROTOCOL M8, M9, M12.
#[test]
fn a_suspect_that_answers_has_recovered() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    assert_eq!(hear(&mut ana, ms(1_000), &ben.hello("ben")), ["ben joined"]);
    assert_eq!(ana.next_deadline().map(|_| ()), Some(()));
    ana.handle_timeout(ms(3_499));
    assert!(ana.poll_event().is_none());
    ana.handle_timeout(ms(3_500));
    assert!(
        matches!(ana.poll_event(), Some(Event::Suspect(m)) if m.status() == PeerStatus::Suspect)
    );
    let mut buffer = [0; 1472];
    let transmit = ana.poll_transmit(ms(3_500), &mut buffer).unwrap().unwrap();
    assert_eq!(transmit.to, Destination::Peer(address(99)));
    let (_, mut frames) = wire::parse(&buffer[..transmit.len]).unwrap();
    assert!(matches!(frames.next(), Some(Ok(Frame::Hello(hello))) if hello.probe && !hello.join));
    assert_eq!(
        hear(&mut ana, ms(3_600), &ben.message("here")),
        ["ben recovered", "ben: here"]
    );
}

/// PROTOCOL M8.
#[test]
fn whoever_is_silent_is_asked_twice_and_lost_half_an_interval_after() {
    let mut ana = member(config("ana"), 1);
    hear(&mut ana, ms(1_000), &Puppet::new(7, 1).hello("ben"));
    let (mut asked, mut told, mut buffer) = (Vec::new(), Vec::new(), [0; 1472]);
    for at in (1_000..6_000).step_by(10) {
        ana.handle_timeout(ms(at));
        let mut log = Vec::new();
        drain(&mut ana, &mut log);
        told.extend(log.into_iter().map(|event| (at, event)));
        while let Some(transmit) = ana.poll_transmit(ms(at), &mut buffer).unwrap() {
            asked.extend((transmit.to != Destination::Group).then_some(at));
        }
    }
    let (suspect, lost) = ("ben suspect".to_owned(), "ben lost".to_owned());
    assert_eq!(told, [(3_500, suspect), (4_500, lost)]);
    assert_eq!(asked, [3_500, 4_000]);
}

/// PROTOCOL M13.
#[test]
fn a_probe_is_answered_by_unicast_and_not_too_often() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    let mut buffer = [0; 1472];
    hear(&mut ana, ms(1_000), &ben.hello("ben"));
    while ana.poll_transmit(ms(1_200), &mut buffer).unwrap().is_some() {}
    let mut answers = 0;
    for n in 0..100 {
        let probe = Frame::Hello(Hello {
            probe: true,
            interval: 100,
            ..hello("ben")
        });
        hear(&mut ana, ms(1_200 + n), &ben.say(&[probe]));
        while let Some(transmit) = ana.poll_transmit(ms(1_200 + n), &mut buffer).unwrap() {
            assert_eq!(transmit.to, Destination::Peer(address(99)));
            answers += 1;
        }
    }
    assert_eq!(answers, 1);
}

/// PROTOCOL M8.
#[test]
fn what_was_held_back_of_who_left_hours_ago_is_not_delivered_again() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(1_000), &ben.hello("ben"));
    let heard = ben.message("once");
    assert_eq!(hear(&mut ana, ms(1_100), &heard), ["ben: once"]);
    let bye = ben.say(&[Frame::Bye(Bye { reason: 0 })]);
    assert_eq!(hear(&mut ana, ms(1_200), &bye), ["ben left"]);
    for hour in 1..24 {
        let now = ms(hour * 3_600_000);
        ana.handle_timeout(now);
        assert_eq!(hear(&mut ana, now, &heard), [] as [&str; 0], "{hour}");
    }
}

/// PROTOCOL M14, M17.
#[test]
fn who_says_good_bye_has_left_and_late_datagrams_change_nothing() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_secs(1));
    hub.log(0);
    let now = hub.now;
    hub.group(1).queue(now, CHANNEL, b"bye").unwrap();
    hub.group(1).leave(now);
    assert_eq!(
        hub.group(1).queue(now, CHANNEL, b"more"),
        Err(SendError::HasLeft)
    );
    hub.run(Duration::from_millis(200));
    assert_eq!(hub.log(0), ["ben: bye", "ben left"]);
    assert!(hub.group(1).has_left());
    assert_eq!(hub.group(0).counters().stale, 6, "the other six BYEs");
    assert_eq!(hub.group(0).peers().count(), 0);
}

#[test]
fn what_a_member_that_left_had_to_hold_back_is_late_hours_after() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(10), &ben.hello("ben"));
    let message = Data {
        class: 2,
        ..data("once")
    };
    let first = ben.say(&[Frame::Data(message)]);
    assert_eq!(hear(&mut ana, ms(20), &first), ["ben: once"]);
    let bye = ben.say(&[Frame::Bye(Bye::LEFT)]);
    assert_eq!(hear(&mut ana, ms(30), &bye), ["ben left"]);
    // Its stack took the last ones hours later.
    let copy = Data {
        copy: true,
        ..message
    };
    let last = ben.say(&[Frame::Data(copy), Frame::Bye(Bye::LEFT)]);
    let late = ms(23 * 3_600_000);
    ana.handle_timeout(late);
    assert_eq!(hear(&mut ana, late, &last), [] as [&str; 0]);
    assert_eq!(ana.counters().stale, 1);
}

/// PROTOCOL M23, M24.
#[test]
fn a_restart_is_told_and_ends_the_session_before() {
    let mut ana = member(config("ana"), 1);
    let (mut first, mut second) = (Puppet::new(7, 111), Puppet::new(7, 5));
    hear(&mut ana, ms(1_000), &first.hello("ben"));
    let late = first.message("late");
    assert_eq!(
        hear(&mut ana, ms(2_000), &second.hello("ben")),
        ["ben restarted"]
    );
    assert_eq!(hear(&mut ana, ms(2_001), &late), [] as [&str; 0]);
    assert_eq!(ana.counters().stale, 1);
    assert_eq!(
        hear(&mut ana, ms(2_002), &second.message("new")),
        ["ben: new"]
    );
}

/// PROTOCOL M8.
#[test]
fn a_member_that_left_and_comes_again_joins_again() {
    let mut ana = member(config("ana"), 1);
    let mut first = Puppet::new(7, 111);
    hear(&mut ana, ms(1_000), &first.hello("ben"));
    assert_eq!(
        hear(&mut ana, ms(1_100), &first.say(&[Frame::Bye(Bye::LEFT)])),
        ["ben left"]
    );
    assert_eq!(
        hear(&mut ana, ms(1_200), &Puppet::new(7, 112).hello("ben")),
        ["ben joined"]
    );
}

/// PROTOCOL M26, M28.
#[test]
fn of_two_members_with_an_automatic_id_the_higher_session_draws_another() {
    let mut hub = Hub::new([config("ana")]);
    hub.run(Duration::from_secs(2));
    let (own, session) = (hub.group(0).id(), hub.group(0).session().get());
    let now = hub.now;
    // A higher session gives way to us.
    let mut other = Puppet::new(own.get(), session + 1);
    assert_eq!(
        hear(hub.group(0), now, &other.hello("x")),
        ["duplicate Kept"]
    );
    assert_eq!(hub.group(0).id(), own);
    let before = hub.multicasts;
    hub.run(Duration::from_millis(101));
    assert_eq!(hub.multicasts, before + 1, "it hears of us at once");
    let now = hub.now;
    assert_eq!(
        hear(hub.group(0), now, &other.hello("x")),
        [] as [&str; 0],
        "said once"
    );
    // To a lower session we give way.
    let mut other = Puppet::new(own.get(), session - 1);
    let told = hear(hub.group(0), now, &other.hello("x"));
    let new = hub.group(0).id();
    assert_ne!(new, own);
    assert_eq!(
        told,
        [format!("duplicate {:?}", DuplicateIdOutcome::Redrawn(new))]
    );
    assert_ne!(hub.group(0).session().get(), session);
    assert_eq!(
        hear(hub.group(0), now, &other.message("hi")).len(),
        1,
        "and hear the other one"
    );
}

/// PROTOCOL M28.
#[test]
fn of_two_members_with_a_fixed_id_one_keeps_it_and_one_falls_silent() {
    let twin = |seed| member(config("twin").with_id(id(42)), seed);
    let mut members = [twin(1), twin(2)];
    members.sort_by_key(|member| member.session());
    let [mut lower, mut higher] = members;
    let (mut buffer, now) = ([0; 1472], ms(5_000));
    for member in [&mut lower, &mut higher] {
        member.handle_timeout(ms(1_000));
    }
    let first = lower
        .poll_transmit(ms(1_100), &mut buffer)
        .unwrap()
        .unwrap();
    assert_eq!(
        hear(&mut higher, now, &buffer[..first.len]),
        ["duplicate Silenced"]
    );
    assert_eq!(higher.queue(now, CHANNEL, b"x"), Err(SendError::Silenced));
    // Its last word tells the other one, even in its first second.
    let last = higher.poll_transmit(now, &mut buffer).unwrap().unwrap();
    assert_eq!(
        hear(&mut lower, ms(1_101), &buffer[..last.len]),
        ["duplicate Kept"]
    );
    assert!(
        higher
            .poll_transmit(ms(60_000), &mut buffer)
            .unwrap()
            .is_none()
    );
    lower.queue(now, CHANNEL, b"x").unwrap();
}

#[test]
fn a_member_that_fell_silent_does_not_ask_to_be_polled_for_nothing() {
    let mut ana = member(config("ana").with_id(id(42)), 1);
    ana.handle_timeout(ms(1_000));
    let double = Puppet::new(42, 0).hello("ana");
    assert_eq!(hear(&mut ana, ms(5_000), &double), ["duplicate Silenced"]);
    // A stranger, who would be asked for its HELLO, and of whom something is missing.
    let mut ben = Puppet::new(7, 1);
    for sequence in [0, 2] {
        let data = Data {
            class: 2,
            sequence,
            ..data("x")
        };
        hear(&mut ana, ms(5_001), &ben.say(&[Frame::Data(data)]));
    }
    let (mut now, mut polls, mut buffer) = (ms(5_001), 0, [0; 1472]);
    let end = ms(15_000);
    while now < end {
        while ana.poll_event().is_some() {}
        while ana.poll_transmit(now, &mut buffer).unwrap().is_some() {}
        now = ana.next_deadline().unwrap_or(end).max(now);
        polls += 1;
        assert!(polls < 20, "polled again at {now:?}");
    }
}

/// PROTOCOL M26.
#[test]
fn what_an_earlier_life_sent_is_no_duplicate_id() {
    let mut ana = member(config("ana").with_id(id(42)), 1);
    ana.handle_timeout(ms(1_000));
    let late = Puppet::new(42, 9).hello("ana");
    assert_eq!(hear(&mut ana, ms(1_900), &late), [] as [&str; 0]);
    assert_eq!(ana.counters().claims_own_id, 1);
    assert!(ana.queue(ms(1_901), CHANNEL, b"x").is_ok());
}

/// PROTOCOL M27, M28.
#[test]
fn others_notice_two_members_with_one_id_and_keep_the_lower_session() {
    let mut ana = member(config("ana"), 1);
    let (mut lower, mut higher) = (Puppet::new(7, 100), Puppet::new(7, 200));
    hear(&mut ana, ms(1_000), &lower.hello("twin"));
    assert_eq!(
        hear(&mut ana, ms(1_100), &higher.hello("twin")),
        ["twin restarted"]
    );
    // Within a second it may be late.
    assert_eq!(
        hear(&mut ana, ms(1_200), &lower.hello("twin")),
        [] as [&str; 0]
    );
    assert_eq!(hear(&mut ana, ms(1_300), &higher.message("0")), ["twin: 0"]);
    assert_eq!(
        hear(&mut ana, ms(2_200), &lower.message("a")),
        ["duplicate Others", "twin: a"]
    );
    assert_eq!(
        hear(&mut ana, ms(2_300), &higher.message("b")),
        [] as [&str; 0]
    );
    assert_eq!(hear(&mut ana, ms(2_400), &lower.message("c")), ["twin: c"]);
}

/// PROTOCOL M27.
#[test]
fn what_comes_late_of_a_life_not_heard_before_does_not_end_the_present_one() {
    for (before, now) in [(100, 200), (200, 100)] {
        let mut ana = member(config("ana"), 1);
        let (mut before, mut now) = (Puppet::new(7, before), Puppet::new(7, now));
        hear(&mut ana, ms(1_000), &now.hello("ben"));
        let value = |sequence| {
            Frame::Data(Data {
                class: 2,
                sequence,
                horizon: sequence as u8,
                ..data("x")
            })
        };
        let first = now.say(&[value(0)]);
        assert_eq!(hear(&mut ana, ms(1_001), &first), ["ben: x"]);
        assert_eq!(
            hear(&mut ana, ms(1_100), &before.hello("ben")),
            ["ben restarted"]
        );
        let second = now.say(&[value(0), value(1)]);
        let again = ["ben restarted", "ben: x"];
        assert_eq!(hear(&mut ana, ms(2_200), &second), again);
        let third = now.say(&[value(2)]);
        assert_eq!(hear(&mut ana, ms(2_300), &third), ["ben: x"]);
        assert_eq!(hear(&mut ana, ms(2_400), &first), [] as [&str; 0]);
    }
}

/// PROTOCOL M31, W20.
#[test]
fn a_full_roster_still_delivers_and_says_so_once_a_minute() {
    let mut ana = member(config("ana"), 1);
    for n in 1..=8 {
        assert_eq!(
            hear(&mut ana, ms(1_000), &Puppet::new(n, 1).hello("m")),
            ["m joined"]
        );
    }
    let mut ninth = Puppet::new(9, 1);
    assert_eq!(hear(&mut ana, ms(1_100), &ninth.hello("nine")), ["full 1"]);
    assert_eq!(hear(&mut ana, ms(1_200), &ninth.message("hi")), [": hi"]);
    assert_eq!(ana.peers().count(), 8);
    // One leaves, and its place is taken.
    let mut third = Puppet::new(3, 1);
    third.counter = 1;
    assert_eq!(
        hear(&mut ana, ms(1_300), &third.say(&[Frame::Bye(Bye::LEFT)])),
        ["m left"]
    );
    assert_eq!(
        hear(&mut ana, ms(1_400), &ninth.hello("nine")),
        ["nine joined"]
    );
}

/// PROTOCOL M8, M12.
#[test]
fn a_sender_heard_without_hello_is_asked_for_it() {
    let mut ana = member(config("ana"), 1);
    let mut buffer = [0; 1472];
    ana.handle_timeout(ms(900));
    while ana.poll_transmit(ms(1_000), &mut buffer).unwrap().is_some() {}
    let mut ben = Puppet::new(7, 1);
    assert_eq!(hear(&mut ana, ms(1_000), &ben.message("who?")), [": who?"]);
    assert!(ana.poll_transmit(ms(1_049), &mut buffer).unwrap().is_none());
    let transmit = ana.poll_transmit(ms(1_050), &mut buffer).unwrap().unwrap();
    assert_eq!(transmit.to, Destination::Peer(address(99)));
    assert_eq!(ana.peers().count(), 0);
    assert_eq!(hear(&mut ana, ms(1_060), &ben.hello("ben")), ["ben joined"]);
}

/// PROTOCOL M8.
#[test]
fn a_sender_that_never_pauses_is_asked_for_its_hello_too() {
    let mut ana = member(config("ana"), 1);
    let mut buffer = [0; 1472];
    ana.handle_timeout(ms(900));
    while ana.poll_transmit(ms(1_000), &mut buffer).unwrap().is_some() {}
    let mut ben = Puppet::new(7, 1);
    let mut asked = 0;
    for n in 0..100 {
        let now = ms(1_000 + 20 * n);
        hear(&mut ana, now, &ben.message("hi"));
        while let Some(transmit) = ana.poll_transmit(now, &mut buffer).unwrap() {
            asked += usize::from(transmit.to != Destination::Group);
        }
    }
    assert_eq!(asked, 2, "it may be hidden: that is enough");
}

/// PROTOCOL M7.
#[test]
fn a_hidden_member_sends_its_messages_and_nothing_else() {
    let mut hub = Hub::new([config("ana"), config("spy").with_announce(false)]);
    hub.run(Duration::from_secs(1));
    let now = hub.now;
    hub.group(1).queue(now, CHANNEL, b"psst").unwrap();
    hub.group(1).queue_raw(now, b"raw").unwrap();
    hub.run(Duration::from_secs(30));
    assert_eq!(hub.log(0), [": psst", "raw: raw"]);
    assert_eq!(hub.group(1).counters().datagrams_sent, 2);
    assert_eq!(hub.log(1)[0], "ana joined");
    let now = hub.now;
    hub.group(1).leave(now);
    assert!(hub.group(1).has_left());
}

#[test]
fn time_that_runs_backwards_stands_still() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(10_000), &ben.hello("ben"));
    assert_eq!(hear(&mut ana, ms(1), &ben.message("hi")), ["ben: hi"]);
    ana.handle_timeout(ms(12_499));
    assert!(ana.poll_event().is_none());
}

#[test]
fn that_somebody_fell_silent_need_not_be_asked_for_before_the_next_datagram() {
    let mut ana = member(config("ana"), 1);
    let (mut ben, mut cho) = (Puppet::new(7, 1), Puppet::new(8, 1));
    hear(&mut ana, ms(10), &ben.hello("ben"));
    hear(&mut ana, ms(10), &cho.hello("cho"));
    let mut buffer = [0; 1472];
    // Sending finds that both are silent, and what is heard next is one of them.
    while ana.poll_transmit(ms(2_600), &mut buffer).unwrap().is_some() {}
    ana.handle(ms(2_600), address(7), &ben.hello("ben"))
        .unwrap();
    let mut log = Vec::new();
    drain(&mut ana, &mut log);
    assert_eq!(log, ["cho suspect"]);
    for at in (2_600..3_600).step_by(10) {
        while ana.poll_transmit(ms(at), &mut buffer).unwrap().is_some() {}
    }
    ana.handle(ms(3_600), address(7), &ben.hello("ben"))
        .unwrap();
    drain(&mut ana, &mut log);
    assert_eq!(log, ["cho suspect", "cho lost"]);
    // What a datagram brought is another matter.
    ana.handle(ms(3_610), address(7), &ben.message("hi"))
        .unwrap();
    let refused = ana.handle(ms(3_620), address(7), &ben.hello("ben"));
    assert!(refused.is_err());
}

#[test]
fn nor_that_one_fell_silent_who_never_said_hello() {
    let mut ana = member(config("ana"), 1);
    let (mut ben, mut cho) = (Puppet::new(7, 1), Puppet::new(8, 1));
    assert_eq!(hear(&mut ana, ms(10), &cho.message("hi")), [": hi"]);
    let mut buffer = [0; 1472];
    for at in (10..4_000).step_by(10) {
        while ana.poll_transmit(ms(at), &mut buffer).unwrap().is_some() {}
    }
    ana.handle(ms(4_000), address(7), &ben.hello("ben"))
        .unwrap();
    let mut log = Vec::new();
    drain(&mut ana, &mut log);
    assert_eq!(log, ["ben joined"]);
    // It is back before anybody asked, and is a member like any other.
    for at in (4_000..8_000).step_by(10) {
        while ana.poll_transmit(ms(at), &mut buffer).unwrap().is_some() {}
        if at % 500 == 0 {
            hear(&mut ana, ms(at), &ben.hello("ben"));
        }
    }
    assert_eq!(hear(&mut ana, ms(8_000), &cho.hello("cho")), ["cho joined"]);
}
