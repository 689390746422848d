//! Datagrams that were sealed with another key, or at another time.

use groupcast::wire::{Bye, Frame, Hello};
use groupcast::{DuplicateIdOutcome, OwnedEvent};
use groupcast_tests::insider::Insider;

use crate::subject::{
    CHANNEL, Cramped, Liar, OWN, Subject, address, config, data, group_address, hello, insider,
    keys, late, messages, ms,
};

/// PROTOCOL K3, K7.
#[test]
fn another_key_is_another_group_and_under_this_group_s_tag_it_is_corrupt() {
    let mut subject = Subject::new();
    let other = Insider::new(&keys(&[2]), group_address());
    let header = other.header(3, 100, 1);
    subject.hear(&other.of_frames(&header, &[Frame::Hello(hello())]));
    assert_eq!(subject.counters().other_group, 1);
    let pretended = insider().header(3, 100, 2);
    subject.hear(&other.of_frames(&pretended, &[Frame::Hello(hello())]));
    assert_eq!(subject.counters().corrupt, 1);
    let named = Subject::with(config(OWN).with_group_name("kitchen"), &keys(&[1]), 7);
    let sent = named.sent[0].clone();
    subject.hear(&sent);
    assert_eq!(subject.counters().other_group, 2);
    assert!(subject.told.is_empty() && subject.roster().is_empty());
}

/// PROTOCOL K7.
#[test]
fn its_own_datagrams_come_back_to_no_effect() {
    let mut subject = Subject::new();
    let mut liar = Liar::new(3, 100);
    liar.meet(&mut subject);
    subject.group.queue(subject.now, CHANNEL, b"mine").unwrap();
    subject.pass(ms(3_000));
    let told = subject.told.len();
    let (sent, before) = (subject.sent.clone(), subject.counters());
    for datagram in sent.iter().chain(&sent) {
        assert_eq!(subject.hear(datagram), []);
    }
    let after = subject.counters();
    assert_eq!(after.own, before.own + 2 * sent.len() as u64);
    assert_eq!(subject.told.len(), told);
    assert_eq!(subject.roster(), [3]);
}

/// PROTOCOL K7, W19.
#[test]
fn what_was_heard_or_is_too_old_is_dropped_in_any_order() {
    let mut subject = Subject::new();
    let mut liar = Liar::new(3, 100);
    liar.meet(&mut subject);
    let texts: Vec<_> = (0..300).map(|n| liar.message(&n.to_string())).collect();
    let mut order: Vec<usize> = (0..texts.len()).collect();
    // Neighbours change places, within what the window reaches.
    order.chunks_mut(100).for_each(<[_]>::reverse);
    let mut delivered = 0;
    for at in &order {
        delivered += messages(&subject.hear(&texts[*at]));
    }
    assert_eq!(delivered, texts.len());
    let before = subject.counters();
    for at in order.iter().chain(order.iter().rev()) {
        assert_eq!(subject.hear(&texts[*at]), []);
    }
    let after = subject.counters();
    let stale = after.stale - before.stale;
    let duplicate = after.duplicate - before.duplicate;
    assert_eq!(stale + duplicate, 600);
    assert!(stale > 300 && duplicate > 200, "{stale} {duplicate}");
}

/// PROTOCOL K13.
#[test]
fn what_was_held_back_for_long_is_stale() {
    let mut subject = Subject::new();
    let mut liar = Liar::new(3, 100);
    liar.meet(&mut subject);
    let held = liar.message("held back");
    let soon = liar.message("held back, but not for long");
    for second in 0..25 {
        if second == 8 {
            assert_eq!(messages(&subject.hear(&soon)), 1);
        }
        let text = liar.message("meanwhile");
        subject.hear(&text);
        subject.pass(ms(1_000));
    }
    let before = late(&subject);
    assert_eq!(subject.hear(&held), []);
    assert_eq!(late(&subject), before + 1);
}

/// PROTOCOL K13.
#[test]
fn what_was_held_back_of_one_that_fell_silent_is_not_believed() {
    let mut subject = Subject::new();
    let mut liar = Liar::new(3, 100);
    liar.meet(&mut subject);
    let mut held = Vec::new();
    for second in 0..30 {
        if second == 12 {
            held = liar.message("held back");
        }
        let text = liar.message("meanwhile");
        subject.hear(&text);
        subject.pass(ms(1_000));
    }
    subject.pass(ms(8_000));
    assert_eq!(subject.roster(), [0; 0]);
    assert_eq!(subject.hear(&held), []);
}

/// PROTOCOL K7.
#[test]
fn who_was_lost_has_to_prove_to_be_there() {
    let mut subject = Subject::new();
    let mut liar = Liar::new(3, 100);
    liar.meet(&mut subject);
    let held = [liar.message("held back"), liar.hello(&[])];
    let late = liar.message("held back, and younger than the proof");
    subject.pass(ms(60_000));
    assert_eq!(subject.roster(), [0; 0]);
    for datagram in &held {
        assert_eq!(subject.hear(datagram), []);
    }
    assert_eq!(subject.roster(), [0; 0]);
    liar.meet(&mut subject);
    for datagram in held.iter().chain([&late]) {
        assert_eq!(subject.hear(datagram), []);
    }
    let now = liar.message("now");
    assert_eq!(messages(&subject.hear(&now)), 1);
}

/// PROTOCOL K12.
#[test]
fn a_proof_that_was_held_back_for_long_proves_nothing() {
    for (held, believed) in [(5_000, true), (13_000, false), (3_600_000, false)] {
        let mut subject = Subject::new();
        let mut liar = Liar::new(3, 100);
        let first = liar.hello(&[]);
        subject.hear(&first);
        subject.pass(ms(1_500));
        let proof = liar.hello(&[subject.challenge()]);
        subject.pass(ms(held - 1_500));
        subject.hear(&proof);
        assert_eq!(subject.roster() == [3], believed, "{held}");
    }
}

/// PROTOCOL K10.
#[test]
fn one_s_own_past_is_not_believed() {
    let mut subject = Subject::with(config(OWN), &keys(&[1, 2]), 7);
    for set in [&[2, 1], &[1, 2], &[2, 1], &[1, 2]] {
        subject.group.set_keys(subject.now, &keys(set)).unwrap();
        let past = subject.sent.clone();
        // Shorter than half of what a challenge lives, so that it is the same all the time.
        for _ in 0..12 {
            for datagram in &past {
                subject.hear(datagram);
            }
            subject.pass(ms(100));
        }
    }
    assert_eq!(subject.told, []);
    assert!(subject.counters().unverified > 100);
    assert_eq!(subject.counters().claims_own_id, 0);
}

/// PROTOCOL K12.
#[test]
fn what_was_forgotten_just_now_is_not_believed_again() {
    let mut subject = Subject::new();
    let mut liar = Liar::new(3, 100);
    let proof = liar.meet(&mut subject);
    let message = liar.message("once");
    assert_eq!(messages(&subject.hear(&message)), 1);
    let bye = liar.say(&[Frame::Bye(Bye::LEFT)]);
    subject.hear(&bye);
    // Whoever left is forgotten after ten seconds. Here, nothing is sent in this very moment.
    subject.now += ms(10_001);
    subject.hear(&proof);
    subject.hear(&message);
    assert_eq!(subject.roster(), [0; 0]);
    assert_eq!(messages(&subject.told), 1);
}

/// PROTOCOL K8.
#[test]
fn an_unproved_session_takes_no_place() {
    let mut subject = Subject::new();
    let mut liar = Liar::new(3, 100);
    liar.meet(&mut subject);
    let mut other = Liar::new(3, 101);
    for datagram in [
        other.hello(&[77]),
        other.message("old"),
        other.say(&[Frame::Bye(Bye::LEFT)]),
    ] {
        assert_eq!(subject.hear(&datagram), []);
    }
    assert_eq!(subject.counters().unverified, 1 + 3);
    let still = liar.message("still here");
    assert_eq!(messages(&subject.hear(&still)), 1);
    // With a proof it takes the place, and the one before is over.
    other.meet(&mut subject);
    let restarted = |event: &OwnedEvent| matches!(event, OwnedEvent::Restarted(_));
    assert_eq!(
        subject.told.iter().filter(|event| restarted(event)).count(),
        1
    );
    let late = liar.message("late");
    assert_eq!(subject.hear(&late), []);
}

/// PROTOCOL K7.
#[test]
fn what_comes_before_a_proof_of_the_same_session_is_stale() {
    let mut subject = Subject::new();
    let mut liar = Liar::new(3, 100);
    let early = liar.message("recorded before");
    liar.meet(&mut subject);
    let before = late(&subject);
    assert_eq!(subject.hear(&early), []);
    assert_eq!(late(&subject), before + 1);
}

/// PROTOCOL K7.
#[test]
fn a_session_keeps_the_key_it_began_with() {
    let mut subject = Subject::with(config(OWN), &keys(&[1, 2]), 7);
    let mut liar = Liar::new(3, 100);
    liar.meet(&mut subject);
    let other = Insider::new(&keys(&[2]), group_address());
    let header = other.header(3, 100, liar.counter + 1);
    let before = subject.counters().stale;
    let frames = [Frame::Data(data(b"other key", 7))];
    assert_eq!(subject.hear(&other.of_frames(&header, &frames)), []);
    assert_eq!(subject.counters().stale, before + 1);
}

/// PROTOCOL K7, M31.
#[test]
fn a_full_roster_keeps_those_who_are_there() {
    let mut subject = Subject::in_memory(Cramped::new(), config(OWN), &keys(&[1]), 7);
    let (mut one, mut two) = (Liar::new(1, 100), Liar::new(2, 100));
    one.meet(&mut subject);
    two.meet(&mut subject);
    for id in 10..27 {
        let mut third = Liar::new(id, 100);
        let first = third.hello(&[]);
        subject.hear(&first);
        subject.pass(ms(1_200));
        let proof = third.hello(&[subject.challenge()]);
        subject.hear(&proof);
        let message = third.message("there is no place for me");
        assert_eq!(messages(&subject.hear(&message)), 0);
        for liar in [&mut one, &mut two] {
            let hello = liar.hello(&[]);
            subject.hear(&hello);
        }
        assert_eq!(subject.roster(), [1, 2]);
    }
    assert_eq!(subject.counters().no_place, 17);
    let refused = |event: &OwnedEvent| matches!(event, OwnedEvent::RosterFull { .. });
    assert!(subject.told.iter().any(refused));
}

/// PROTOCOL K8.
#[test]
fn captured_traffic_played_back_after_a_reboot_is_not_believed() {
    let mut ana = Subject::with(config(1), &keys(&[1]), 1);
    let mut ben = Subject::with(config(2), &keys(&[1]), 2);
    let mut tape = Vec::new();
    for n in 0..100 {
        ana.group
            .queue(ana.now, CHANNEL, format!("{n}").as_bytes())
            .unwrap();
        ana.pass(ms(50));
        ben.pass(ms(50));
        for datagram in ana.sent.drain(..) {
            ben.hear_from(address(1), &datagram);
            tape.push(datagram);
        }
        for datagram in ben.sent.drain(..) {
            ana.hear_from(address(2), &datagram);
            tape.push(datagram);
        }
    }
    assert!(messages(&ben.told) > 90);
    let mut ben = Subject::with(config(2), &keys(&[1]), 3);
    for _ in 0..20 {
        for datagram in &tape {
            ben.hear_from(address(1), datagram);
        }
        ben.pass(ms(200));
    }
    assert_eq!(ben.told, []);
    assert_eq!(ben.roster(), [0; 0]);
    assert_eq!(ben.counters().unverified, 20 * tape.len() as u64);
}

/// PROTOCOL M29.
#[test]
fn two_boards_with_the_same_id_and_session_notice_and_begin_others() {
    let boards = || Subject::with(config(OWN), &keys(&[1]), 7);
    let (mut one, mut other) = (boards(), boards());
    let session = one.group.session();
    assert_eq!(session, other.group.session());
    one.group.queue(one.now, CHANNEL, b"first").unwrap();
    one.pass(ms(2_000));
    let events: Vec<_> = one.sent.iter().flat_map(|sent| other.hear(sent)).collect();
    let [OwnedEvent::DuplicateId(duplicate)] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(duplicate.outcome(), DuplicateIdOutcome::Cloned);
    assert_ne!(other.group.session(), session);
    // The copy has the same random numbers, so that the other one draws the same session as soon as it
    // notices; and then they notice again, as long as it takes.
    other.pass(ms(500));
    assert_eq!(messages(&one.told), 0);
}

/// PROTOCOL K7.
#[test]
fn a_forged_clone_is_not_believed() {
    let mut subject = Subject::new();
    let session = subject.group.session();
    let mut forged = subject.sent[0].clone();
    forged[16..22].copy_from_slice(&[0, 0, 0, 1, 0, 0]);
    assert_eq!(subject.hear(&forged), []);
    assert_eq!(subject.counters().corrupt, 1);
    assert_eq!(subject.group.session(), session);
}

/// PROTOCOL K11.
#[test]
fn hellos_are_at_most_ten_a_second_whatever_is_played_back() {
    let mut subject = Subject::new();
    let tape: Vec<_> = (1..200)
        .map(|session| {
            let mut liar = Liar::new(3 + session as u32 % 50, session);
            let options = [vec![1, 8], session.to_be_bytes().to_vec()].concat();
            liar.say(&[Frame::Hello(Hello {
                join: true,
                options: &options,
                ..hello()
            })])
        })
        .collect();
    let before = subject.sent.len();
    for n in 0..10_000 {
        subject.hear(&tape[n % tape.len()]);
        subject.pass(ms(1));
    }
    let sent = subject.sent.len() - before;
    assert!((50..=101).contains(&sent), "{sent} in ten seconds");
    assert_eq!(subject.roster(), [0; 0]);
}
