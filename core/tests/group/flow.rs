//! A sender without a pace of its own follows its receivers (PROTOCOL S10).

use core::time::Duration;

use groupcast::wire::{self, Ack, Frame};
use groupcast::{Channel, Config, Group, Pace};

use crate::hub::{Hub, Puppet, Room, config, hear, member, ms};

const ORDERED: Channel = Channel::reliable_ordered(1);

/// Three eighths of the history of a `Room`, in records of 64 bytes of payload.
const WINDOW: usize = 1600 / 8 * 3 / (64 + 12 + 8);

fn eager(name: &str) -> Config {
    config(name).with_pace(Pace::UNLIMITED)
}

/// Sends `count` messages as fast as they are taken, for `time` at most. Returns how many were taken.
fn send_all(hub: &mut Hub, count: usize, time: Duration) -> usize {
    let end = hub.now + time;
    let mut sent = 0;
    while sent < count && hub.now < end {
        let now = hub.now;
        if hub.group(0).queue(now, ORDERED, &[b'x'; 64]).is_ok() {
            sent += 1;
        } else {
            hub.run(Duration::from_millis(1));
        }
    }
    hub.run(Duration::from_millis(50));
    sent
}

fn messages(hub: &mut Hub, n: usize) -> usize {
    let log = hub.log(n);
    let gaps: Vec<_> = log.iter().filter(|line| line.starts_with("Gap")).collect();
    assert!(gaps.is_empty(), "{gaps:?}");
    log.iter().filter(|line| line.starts_with("ana: ")).count()
}

/// PROTOCOL S10.
#[test]
fn a_sender_waits_for_its_receivers_when_it_is_a_window_ahead() {
    let mut hub = Hub::new([eager("ana"), config("ben")]);
    hub.run(Duration::from_millis(200));
    hub.log(1);
    let now = hub.now;
    // Nothing of this arrives.
    assert_eq!(fill(hub.group(0), now), WINDOW);
    let waiting = hub.group(0).counters().messages_sent - WINDOW as u64;
    assert!(waiting <= 9, "{waiting} wait, and push out what is kept");
    let due = hub.group(0).next_deadline().unwrap();
    assert!(
        due > now && due <= now + Duration::from_millis(20),
        "{due:?}"
    );
}

/// PROTOCOL S10.
#[test]
fn everything_arrives_as_fast_as_it_is_taken() {
    let mut hub = Hub::new([eager("ana"), config("ben"), config("cho")]);
    hub.run(Duration::from_millis(200));
    hub.log(1);
    hub.log(2);
    assert_eq!(send_all(&mut hub, 1_000, Duration::from_secs(1)), 1_000);
    assert_eq!(
        (messages(&mut hub, 1), messages(&mut hub, 2)),
        (1_000, 1_000)
    );
    // One answer of each receiver for a quarter of the window.
    assert!(hub.unicasts < 2_500, "{} answers", hub.unicasts);
}

/// PROTOCOL S11.
#[test]
fn who_says_nothing_stops_nobody_for_long() {
    let mut hub = Hub::new([eager("ana"), config("ben"), config("cho")]);
    hub.run(Duration::from_millis(200));
    send_all(&mut hub, 100, Duration::from_secs(1));
    hub.log(1);
    hub.cut_off.push(2);
    let started = hub.now;
    assert_eq!(send_all(&mut hub, 1_000, Duration::from_secs(5)), 1_000);
    let took = hub.now.since(started);
    assert_eq!(messages(&mut hub, 1), 1_000);
    let range = Duration::from_millis(200)..Duration::from_millis(600);
    assert!(range.contains(&took), "it took {took:?}");
}

/// PROTOCOL S11.
#[test]
fn who_answers_nobody_at_all_stops_nobody_either() {
    let mut hub = Hub::new([eager("ana"), config("ben")]);
    hub.run(Duration::from_millis(200));
    hub.cut_off.push(1);
    let started = hub.now;
    assert_eq!(send_all(&mut hub, 1_000, Duration::from_secs(5)), 1_000);
    let took = hub.now.since(started);
    assert!(took < Duration::from_millis(600), "it took {took:?}");
}

/// Queues and sends as much as there is room for; returns how many messages went out.
fn fill(ana: &mut Group<Room>, now: groupcast::Instant) -> usize {
    let mut buffer = [0; 1472];
    let mut sent = 0;
    loop {
        while ana.queue(now, ORDERED, &[b'x'; 64]).is_ok() {}
        let before = sent;
        while let Some(transmit) = ana.poll_transmit(now, &mut buffer).unwrap() {
            let (_, frames) = wire::parse(&buffer[..transmit.len]).unwrap();
            sent += frames
                .filter(|frame| matches!(frame, Ok(Frame::Data(_))))
                .count();
        }
        if sent == before {
            return sent;
        }
    }
}

/// PROTOCOL S11.
#[test]
fn an_answer_for_what_was_never_sent_is_passed_over() {
    let mut ana = member(eager("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    hear(&mut ana, ms(0), &ben.hello("ben"));
    assert_eq!(fill(&mut ana, ms(5)), WINDOW);
    let (target, session) = (ana.id().get(), ana.session().get() as u32);
    let mut answer = |ana: &mut Group<Room>, next| {
        let ack = Ack {
            target,
            session,
            since: 0,
            next,
        };
        hear(ana, ms(5), &ben.say(&[Frame::Ack(ack)]));
        fill(ana, ms(5))
    };
    for next in [1_000_000, u32::MAX, WINDOW as u32 + 1] {
        assert_eq!(answer(&mut ana, next), 0, "it believed {next}");
    }
    assert_eq!(answer(&mut ana, 4), 4);
}

#[test]
fn a_sender_with_a_pace_asks_nobody() {
    let mut hub = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_millis(200));
    hub.log(1);
    let before = hub.unicasts;
    assert_eq!(send_all(&mut hub, 1_000, Duration::from_secs(5)), 1_000);
    assert_eq!(messages(&mut hub, 1), 1_000);
    assert_eq!(hub.unicasts, before);
}

#[test]
fn who_was_away_for_a_moment_misses_nothing() {
    let mut hub = Hub::new([eager("ana"), config("ben")]);
    hub.run(Duration::from_millis(200));
    send_all(&mut hub, 100, Duration::from_secs(1));
    hub.cut_off.push(1);
    let into_the_void = send_all(&mut hub, 10_000, Duration::from_millis(80));
    hub.cut_off.clear();
    let after = send_all(&mut hub, 1_000, Duration::from_secs(2));
    assert_eq!(after, 1_000);
    assert_eq!(messages(&mut hub, 1), 100 + into_the_void + after);
}

/// PROTOCOL S11.
#[test]
fn who_was_away_for_long_is_waited_for_again() {
    let mut hub = Hub::new([eager("ana"), config("ben")]);
    hub.run(Duration::from_millis(200));
    send_all(&mut hub, 100, Duration::from_secs(1));
    hub.cut_off.push(1);
    send_all(&mut hub, 100_000, Duration::from_millis(400));
    hub.cut_off.clear();
    // A window may be on its way, or be asked for just now.
    send_all(&mut hub, 50, Duration::from_secs(1));
    hub.log(1);
    assert_eq!(send_all(&mut hub, 1_000, Duration::from_secs(2)), 1_000);
    assert_eq!(messages(&mut hub, 1), 1_000);
}
