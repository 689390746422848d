//! Signed messages that come late: what a verifier still knows of them.

use std::collections::VecDeque;

use groupcast::sign::{NotTrusted, Verifier};
use groupcast::{Board, Channel, Group, Memory, Storage, Tiny};

use crate::hub::{config, id, ms};
use crate::signed::{COMMANDS, Told, datagrams, key, refused, says, told, told_with};

/// Keeps much for repair.
type Sender = Storage<4, 1, 16, 16, 262_144, 1_473>;

/// Receives in a window as large as that of a desktop.
type Wide<const WINDOW: usize> = Storage<4, 2, WINDOW, 100, 8_192, 1_473>;

/// Lets the first of `window` reliable messages be lost and repaired when all others are there. The first and
/// the last are signed. What the receiver is told of them.
fn repaired_at_the_end_of_the_window<M: Memory, const WORDS: usize>(
    memory: M,
    window: usize,
) -> Told {
    let trusted = [key(7).public()];
    let mut verifier: Verifier<'_, 2, WORDS> = Verifier::new(&trusted);
    let channel = Channel::reliable_unordered(4);
    let mut ana = Group::new(Sender::new(), config("ana").with_id(id(7)), [1; 32]).unwrap();
    let mut ben = Group::new(memory, config("ben"), [2; 32]).unwrap();
    let mut heard = Told::new();
    let mut to_send = window;
    for millis in 0..6_000 {
        let now = ms(millis);
        let is_first = to_send == window;
        if millis >= 2_000 {
            while to_send > 0 {
                let is_signed = to_send == window || to_send == 1;
                let sent = if is_signed {
                    ana.queue_signed(now, channel, b"on", &key(7))
                } else {
                    ana.queue(now, channel, b"x")
                };
                if sent.is_err() {
                    break;
                }
                to_send -= 1;
                if is_first {
                    break;
                }
            }
        }
        let is_lost = is_first && to_send < window;
        for datagram in datagrams(&mut ana, now) {
            if is_lost {
                continue;
            }
            let told = told_with(&mut ben, now, &datagram, |message| {
                if message.is_signed() {
                    verifier.check(message).copied()
                } else {
                    Err(NotTrusted::NotSigned)
                }
            });
            heard.extend(told.into_iter().filter(|(payload, _)| payload == b"on"));
        }
        for datagram in datagrams(&mut ben, now) {
            // Ana hears who is there, and what to repair when all is said.
            if millis < 2_000 || (to_send == 0 && heard.len() == 1) || heard.len() == 2 {
                told(&mut ana, now, &datagram);
            }
        }
    }
    assert_eq!(ben.counters().gaps, 0);
    assert_eq!(ana.counters().repairs_sent, 1);
    heard
}

/// PROTOCOL P6.
#[test]
fn a_repair_from_the_far_end_of_the_window_is_no_replay() {
    let twice = [says(b"on"), says(b"on")].concat();
    let desktop = Wide::<2_048>::new();
    let heard = repaired_at_the_end_of_the_window::<_, 32>(desktop, 2_048);
    assert_eq!(heard, twice, "Desktop");
    let heard = repaired_at_the_end_of_the_window::<_, 1>(Board::new(), 32);
    assert_eq!(heard, twice, "Board");
    let heard = repaired_at_the_end_of_the_window::<_, 1>(Tiny::new(), 16);
    assert_eq!(heard, twice, "Tiny");
    let large = Wide::<8_192>::new();
    let heard = repaired_at_the_end_of_the_window::<_, 128>(large, 8_192);
    assert_eq!(heard, twice, "a window of 8,192");
    // A verifier that looks back less far says so, and does not call it a replay.
    let desktop = Wide::<2_048>::new();
    let heard = repaired_at_the_end_of_the_window::<_, 2>(desktop, 2_048);
    let too_old = refused(b"on", NotTrusted::TooOld);
    assert_eq!(heard, [says(b"on"), too_old].concat());
}

/// PROTOCOL P6.
#[test]
fn whatever_is_lost_and_late_every_message_that_is_delivered_is_trusted() {
    let trusted = [key(7).public()];
    let mut verifier: Verifier<'_, 8> = Verifier::new(&trusted);
    let mut ana = Group::new(Sender::new(), config("ana").with_id(id(7)), [1; 32]).unwrap();
    let mut ben = Group::new(Wide::<2_048>::new(), config("ben"), [2; 32]).unwrap();
    let channels = [
        Channel::best_effort(1),
        Channel::latest(2),
        Channel::state(3),
        Channel::reliable_unordered(4),
        COMMANDS,
    ];
    let mut heard = [0; 5];
    let mut luck = 1u32;
    let mut draw = |below: u32| {
        luck = luck.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (luck >> 16) % below
    };
    // On its way to ben: when it arrives, and what.
    let mut on_the_way: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut asked_for: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
    let mut reliable = [0; 2];
    for millis in 0..8_000 {
        let now = ms(millis);
        if (1_000..3_000).contains(&millis) {
            for _ in 0..6 {
                // Most is not signed: what is lies far apart.
                ana.queue(now, channels[3 * draw(2) as usize], b"x")
                    .unwrap();
            }
            if millis % 10 == 0 {
                let which = draw(5) as usize;
                if which >= 3 {
                    reliable[which - 3] += 1;
                }
                ana.queue_signed(now, channels[which], b"on", &key(7))
                    .unwrap();
            }
        }
        for datagram in datagrams(&mut ana, now) {
            let lossy = (1_000..4_000).contains(&millis);
            if !lossy || draw(5) > 0 {
                let late = if lossy { draw(10).into() } else { 0 };
                on_the_way.push((millis + late, datagram));
            }
        }
        let mut arrived = Vec::new();
        on_the_way.retain(|(at, datagram)| {
            let is_there = *at <= millis;
            if is_there {
                arrived.push(datagram.clone());
            }
            !is_there
        });
        for datagram in arrived {
            told_with(&mut ben, now, &datagram, |message| {
                if message.is_signed() {
                    assert_eq!(verifier.check(message), Ok(&trusted[0]), "{message:?}");
                    let is_it = |channel: &Channel| *channel == message.channel();
                    heard[channels.iter().position(is_it).unwrap()] += 1;
                }
                Err(NotTrusted::NotSigned)
            });
        }
        // What ben asks for takes a while, so that much is said before it is repaired.
        let asked = datagrams(&mut ben, now);
        asked_for.extend(asked.into_iter().map(|datagram| (millis + 20, datagram)));
        while asked_for.front().is_some_and(|(at, _)| *at <= millis) {
            let (_, datagram) = asked_for.pop_front().unwrap();
            told(&mut ana, now, &datagram);
        }
    }
    assert_eq!(ben.counters().gaps, 0);
    assert_eq!(heard[3..], reliable);
    assert!(heard.iter().all(|count| *count > 10), "{heard:?}");
}
