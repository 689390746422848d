//! What is lost when a member says its last words.

use groupcast::wire::{self, Frame};
use groupcast::{Channel, Event, Group, Instant, Storage};

use crate::hub::{address, config, ms};

/// Room for three datagrams to send.
type Room = Storage<8, 2, 16, 20, 8000, 1473>;

const ORDERED: Channel = Channel::reliable_ordered(1);

/// A sender, and a receiver that hears what `lose` lets through.
struct Pair {
    sender: Group<Room>,
    receiver: Group<Room>,
    /// When, and what the receiver was told.
    log: Vec<String>,
    /// What the sender sent: when, and its frames.
    sent: Vec<(u64, String)>,
}

impl Pair {
    fn new() -> Self {
        Self {
            sender: Group::new(Room::new(), config("ana"), [1; 32]).unwrap(),
            receiver: Group::new(Room::new(), config("ben"), [2; 32]).unwrap(),
            log: Vec::new(),
            sent: Vec::new(),
        }
    }

    fn passes(&mut self, from: u64, to: u64, mut lose: impl FnMut(&str) -> bool) {
        for at in from..to {
            self.at(ms(at), at, &mut lose);
        }
    }

    fn at(&mut self, now: Instant, at: u64, lose: &mut impl FnMut(&str) -> bool) {
        let mut buffer = [0; 1472];
        while let Some(t) = self.sender.poll_transmit(now, &mut buffer).unwrap() {
            let datagram = &buffer[..t.len];
            let frames = names(datagram);
            if !lose(&frames) {
                self.receiver.handle(now, address(1), datagram).unwrap();
                self.note();
            }
            self.sent.push((at, frames));
        }
        while let Some(t) = self.receiver.poll_transmit(now, &mut buffer).unwrap() {
            let datagram = &buffer[..t.len];
            self.sender.handle(now, address(2), datagram).unwrap();
            while self.sender.poll_event().is_some() {}
        }
        self.receiver.handle_timeout(now);
        self.note();
    }

    fn note(&mut self) {
        while let Some(event) = self.receiver.poll_event() {
            self.log.push(match event {
                Event::Message(m) => format!("message {}", m.sequence()),
                Event::Gap(gap) => format!("gap {}..={}", gap.lost().first(), gap.lost().last()),
                Event::Left(_) => "left".into(),
                Event::Joined(_) => "joined".into(),
                other => format!("{other:?}"),
            });
        }
    }

    fn told(&mut self) -> Vec<String> {
        core::mem::take(&mut self.log)
    }

    fn say(&mut self, at: u64, len: usize) {
        self.sender
            .queue(ms(at), ORDERED, &vec![b'x'; len])
            .unwrap();
    }
}

fn names(datagram: &[u8]) -> String {
    let (_, frames) = wire::parse(datagram).unwrap();
    let name = |frame| match frame {
        Ok(Frame::Hello(_)) => "HELLO ",
        Ok(Frame::Bye(_)) => "BYE ",
        Ok(Frame::Sync(_)) => "SYNC ",
        Ok(Frame::Data(data)) if data.copy => "COPY ",
        Ok(Frame::Data(_)) => "DATA ",
        _ => "",
    };
    frames.map(name).collect()
}

/// PROTOCOL M14.
#[test]
fn a_tail_that_was_lost_is_a_gap_when_its_sender_leaves() {
    // As large as a datagram: BYE has one of its own.
    for lost in 1..=3 {
        let mut pair = Pair::new();
        pair.passes(0, 2_000, |_| false);
        pair.told();
        for _ in 0..3 {
            pair.say(2_000, 1_100);
        }
        pair.sender.leave(ms(2_000));
        let mut nth = 0;
        pair.passes(2_000, 2_500, |frames| {
            nth += i32::from(frames.contains("DATA"));
            frames.contains("DATA") && nth > 3 - lost
        });
        let mut expected: Vec<_> = (0..3 - lost).map(|n| format!("message {n}")).collect();
        expected.push(format!("gap {}..=2", 3 - lost));
        expected.push("left".into());
        assert_eq!(pair.told(), expected);
        assert!(pair.sender.has_left());
    }
}

#[test]
fn what_is_given_up_is_a_gap_and_does_not_hold_back_the_good_bye() {
    for raw in [false, true] {
        let mut pair = Pair::new();
        pair.passes(0, 2_000, |_| false);
        pair.told();
        let at = ms(2_000);
        pair.say(2_000, 1_100);
        pair.sender.queue(at, ORDERED, &[3; 1_000]).unwrap();
        if raw {
            pair.sender.queue_raw(at, b"raw").unwrap();
        }
        pair.sender.leave(at);
        assert_eq!(pair.sender.unsent(), if raw { 3 } else { 2 });
        pair.sender.forget_unsent();
        assert_eq!(pair.sender.unsent(), 0);
        pair.passes(2_000, 2_500, |_| false);
        assert_eq!(pair.told(), ["gap 0..=1", "left"]);
        assert!(pair.sender.has_left());
    }
}

/// PROTOCOL M14.
#[test]
fn the_last_words_of_one_that_leaves_are_heard_with_any_of_its_byes() {
    for heard in 0..7 {
        let mut pair = Pair::new();
        pair.passes(0, 2_000, |_| false);
        pair.told();
        pair.say(2_000, 10);
        pair.sender.leave(ms(2_000));
        let mut byes = 0;
        pair.passes(2_000, 2_500, |frames| {
            byes += i32::from(frames.contains("BYE"));
            byes != heard + 1
        });
        assert_eq!(pair.told(), ["message 0", "left"], "BYE {heard}");
    }
}

/// PROTOCOL M14, M15.
#[test]
fn nothing_comes_between_the_byes() {
    let mut pair = Pair::new();
    pair.passes(0, 2_000, |_| false);
    pair.sent.clear();
    pair.say(2_000, 10);
    pair.sender.leave(ms(2_000));
    pair.passes(2_000, 5_000, |_| false);
    let first = (2_000, "DATA SYNC BYE ".to_string());
    let times = [2_010, 2_030, 2_060, 2_100, 2_150, 2_200];
    let others = times.map(|at| (at, "SYNC COPY BYE ".to_string()));
    assert_eq!(pair.sent, [&[first][..], &others].concat());
}

/// PROTOCOL M16.
#[test]
fn one_that_leaves_as_soon_as_it_has_spoken_says_hello_and_bye() {
    let mut pair = Pair::new();
    // The receiver is there for long, the sender comes now.
    for at in 0..2_000 {
        pair.receiver.handle_timeout(ms(at));
    }
    pair.say(2_000, 1_000);
    pair.say(2_000, 1_000);
    pair.sender.leave(ms(2_000));
    let mut nth = 0;
    pair.passes(2_000, 2_500, |frames| {
        nth += i32::from(frames.contains("DATA"));
        nth == 2 && frames.contains("DATA")
    });
    let expected = ["joined", "message 0", "gap 1..=1", "left"];
    assert_eq!(pair.told(), expected, "{:?}", pair.sent);
    assert!(pair.sender.has_left());
}

/// PROTOCOL M15.
#[test]
fn who_has_heard_no_bye_yet_is_still_helped() {
    let mut pair = Pair::new();
    pair.passes(0, 2_000, |_| false);
    pair.told();
    for _ in 0..3 {
        pair.say(2_000, 1_000);
    }
    pair.sender.leave(ms(2_000));
    // The first message is lost, and all BYEs but the last, the first one with the third message.
    let (mut messages, mut byes) = (0, 0);
    pair.passes(2_000, 2_500, |frames| {
        messages += i32::from(frames.contains("DATA"));
        byes += i32::from(frames.contains("BYE"));
        messages == 1 || frames.contains("BYE") && byes < 7
    });
    let expected = ["message 0", "message 1", "gap 2..=2", "left"];
    assert_eq!(pair.told(), expected, "{:?}", pair.sent);
}
