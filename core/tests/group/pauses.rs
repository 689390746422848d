//! Nobody calls for long: longer than the engine's 32 bits of microseconds can tell.

use core::time::Duration;

use groupcast::wire::{Bye, Frame};
use groupcast::{Channel, ConfigError, Instant};

use crate::hub::{Hub, Puppet, Room, config, hear, hello, member};

/// 36 minutes are more than half of 2^32 µs; and a day is what who left is remembered for.
const PAUSES: [Duration; 7] = [
    Duration::from_secs(35 * 60),
    Duration::from_secs(36 * 60),
    Duration::from_micros((1 << 32) - 1),
    Duration::from_micros(1 << 32),
    Duration::from_micros((1 << 32) + 1),
    Duration::from_secs(3 * 3_600),
    Duration::from_secs(25 * 3_600),
];

const RELIABLE: Channel = Channel::reliable_ordered(1);

/// Two members talk, and one of them is not called for so long; the other is, if it is `awake`. What both are told
/// afterwards, and how many datagrams they send in ten seconds.
fn after(pause: Duration, awake: bool) -> (Vec<String>, Vec<String>, usize) {
    let mut hub: Hub<Room> = Hub::new([config("ana"), config("ben")]);
    hub.run(Duration::from_secs(4));
    let now = hub.now;
    // One message on its way, and one that nobody has looked at.
    hub.group(0).queue(now, RELIABLE, b"before").unwrap();
    hub.settle();
    hub.group(0).queue(now, RELIABLE, b"queued").unwrap();
    let awake_end = now + pause;
    if awake {
        // Ana goes on by herself.
        while hub.now < awake_end {
            let now = hub.now;
            let ana = hub.group(0);
            ana.handle_timeout(now);
            let mut buffer = [0; 1472];
            while ana.poll_transmit(now, &mut buffer).unwrap().is_some() {}
            while ana.poll_event().is_some() {}
            let next = ana.next_deadline().unwrap();
            assert!(
                next < now + Duration::from_secs(61),
                "{next:?} is far from {now:?}"
            );
            hub.now = next.max(now + Duration::from_micros(1));
        }
    }
    hub.now = awake_end;
    let now = hub.now;
    hub.log(0);
    hub.log(1);
    assert!(hub.group(1).next_deadline().unwrap() <= now);
    let sent = hub.unicasts + hub.multicasts;
    hub.group(1).queue(now, RELIABLE, b"after").unwrap();
    hub.run(Duration::from_secs(10));
    let now = hub.now;
    for n in 0..2 {
        let next = hub.group(n).next_deadline().unwrap();
        assert!(
            next > now && next < now + Duration::from_secs(2),
            "{pause:?}"
        );
    }
    let sent = hub.unicasts + hub.multicasts - sent;
    // Whether somebody is suspected for a moment is luck.
    let is_luck = |line: &String| line.ends_with(" suspect") || line.ends_with(" recovered");
    let [ana, ben] = [0, 1].map(|n| {
        let mut log = hub.log(n);
        log.retain(|line| !is_luck(line));
        log
    });
    (ana, ben, sent)
}

#[test]
fn after_a_pause_of_any_length_the_same_happens() {
    let (ana, ben, sent) = after(Duration::from_secs(60), false);
    assert_eq!(ana, ["ben: after"]);
    assert_eq!(ben, ["ana: queued"]);
    for pause in PAUSES {
        let (same_ana, same_ben, same_sent) = after(pause, false);
        assert_eq!((&same_ana, &same_ben), (&ana, &ben), "{pause:?}");
        assert_eq!(same_sent, sent, "{pause:?}");
    }
}

#[test]
fn whoever_goes_on_meanwhile_loses_the_other_and_finds_it_again() {
    let first = after(Duration::from_secs(60), true);
    for pause in PAUSES {
        let again = after(pause, true);
        assert_eq!((&again.0, &again.1), (&first.0, &first.1), "{pause:?}");
    }
}

/// PROTOCOL M8.
#[test]
fn who_left_is_remembered_for_a_day_and_then_forgotten() {
    for steps in [1u64, 2, 100, 10_000] {
        let mut ana = member(config("ana"), 1);
        let mut ben = Puppet::new(7, 1);
        let start = Instant::from_millis(1_000);
        let bye = ben.say(&[Frame::Hello(hello("ben")), Frame::Bye(Bye { reason: 0 })]);
        assert_eq!(hear(&mut ana, start, &bye), ["ben joined", "ben left"]);
        let late = ben.message("late");
        let mut wait = |hours: u64, from: u64| {
            for step in 1..=steps {
                let passed = (hours - from) * 3_600_000_000 / steps * step;
                let now = start + Duration::from_micros(from * 3_600_000_000 + passed);
                ana.handle_timeout(now);
                while ana.poll_event().is_some() {}
            }
            let now = start + Duration::from_secs(hours * 3_600);
            hear(&mut ana, now, &late)
        };
        assert_eq!(wait(24, 0), [""; 0], "{steps}: it has left");
        assert_eq!(wait(25, 24), [": late"], "{steps}: nobody knows it");
    }
}

#[test]
fn nothing_is_waited_for_longer_than_time_can_tell() {
    let made = |wait| {
        let config = config("ana").with_max_wait(wait);
        groupcast::Group::new(Room::new(), config, [1; 32])
            .map(|_| ())
            .map_err(|failed| failed.error)
    };
    assert_eq!(made(Duration::from_secs(15 * 60)), Ok(()));
    let too_long = [
        Duration::from_secs(15 * 60 + 1),
        Duration::from_micros(1 << 32),
        Duration::MAX,
    ];
    for wait in too_long {
        assert_eq!(made(wait), Err(ConfigError::MaxWaitTooLong), "{wait:?}");
    }
}
