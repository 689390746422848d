//! Members that send nothing reliable but State values, and keep nothing for repair.

use core::time::Duration;

use groupcast::{
    Channel, Class, Config, ConfigError, Group, Memory, Pace, SendError, Sends, Sequence, Storage,
    TinyPeer,
};

use crate::hub::{Hub, Room, config};
use crate::streamless::{Any, ORDERED, VALUE, anybody};

/// It takes others' streams, and sends only values.
type Listener = Storage<8, 2, 16, 20, 1600, 1473, { Sends::VALUES }>;

/// Two full members and one with this memory, which know each other.
fn group<M: Memory + 'static>(memory: M) -> Hub<Any> {
    let mut hub = Hub::empty();
    hub.join(anybody(Room::new(), config("ana"), 1));
    hub.join(anybody(Room::new(), config("ben"), 2));
    hub.join(anybody(memory, config("sen"), 3));
    hub.run(Duration::from_secs(4));
    for n in 0..3 {
        hub.log(n);
    }
    hub
}

fn say(hub: &mut Hub<Any>, channel: Channel, payload: &[u8]) {
    let now = hub.now;
    hub.group(2).queue(now, channel, payload).unwrap();
    hub.settle();
}

/// What is said while `ben` is cut off, and what both have heard two seconds later.
fn heard(hub: &mut Hub<Any>, values: &[&str]) -> [Vec<String>; 2] {
    hub.cut_off.push(1);
    for value in values {
        say(hub, VALUE, value.as_bytes());
    }
    hub.cut_off.clear();
    hub.run(Duration::from_secs(2));
    [hub.log(0), hub.log(1)]
}

/// PROTOCOL S17
#[test]
fn a_value_that_was_lost_comes_again_and_nothing_is_a_gap() {
    for mut hub in [group(TinyPeer::new()), group(Listener::new())] {
        assert_eq!(heard(&mut hub, &["1"]), [["sen: 1"], ["sen: 1"]]);
        let [ana, ben] = heard(&mut hub, &["2", "3", "4"]);
        assert_eq!(ana, ["sen: 2", "sen: 3", "sen: 4"]);
        assert_eq!(ben, ["sen: 4"], "of what was replaced nothing is missing");
        // It is told at once which are replaced, and does not wait for them.
        let asked = hub.group(1).counters().nacks_sent;
        hub.run(Duration::from_secs(10));
        assert_eq!(hub.group(1).counters().nacks_sent, asked);
        assert_eq!(hub.group(1).counters().gaps, 0);
        let counters = hub.group(2).counters();
        assert!(counters.repairs_sent >= 2, "{counters:?}");
    }
}

/// PROTOCOL S17, V4
#[test]
fn who_comes_late_has_the_newest_values_and_asks_no_further() {
    let mut hub = group(TinyPeer::new());
    for value in ["1", "2", "3"] {
        say(&mut hub, VALUE, value.as_bytes());
    }
    say(&mut hub, Channel::state(9), b"nine");
    hub.run(Duration::from_secs(60));
    let late = hub.join(anybody(Room::new(), config("late"), 4));
    hub.run(Duration::from_secs(3));
    let mut log = hub.log(late);
    log.retain(|line| line.starts_with("sen: "));
    log.sort();
    assert_eq!(log, ["sen: 3", "sen: nine"]);
    assert_eq!(hub.group(late).counters().gaps, 0);
    let before = hub.unicasts;
    hub.run(Duration::from_secs(30));
    assert!(hub.unicasts - before < 5, "{}", hub.unicasts - before);
}

#[test]
fn what_it_does_not_send_is_refused_and_says_what_to_change() {
    let mut hub = group(TinyPeer::new());
    let (now, sen) = (hub.now, hub.group(2));
    for class in [Class::ReliableOrdered, Class::ReliableUnordered] {
        let refused = sen.queue(now, Channel::new(1, class), b"x").unwrap_err();
        assert_eq!(refused, SendError::NotReliable);
        assert!(refused.to_string().contains("SENDS = Sends::RELIABLE"));
        assert_eq!(sen.max_message(class), 0);
    }
    assert_eq!(
        sen.confirm(now, Sequence::new(0)),
        Err(SendError::NotReliable)
    );
    let most = sen.max_message(Class::BestEffort);
    assert!((400..513).contains(&most), "{most}");
    let long = vec![7; most + 1];
    assert_eq!(
        sen.queue(now, Channel::best_effort(1), &long),
        Err(SendError::TooLong {
            len: most + 1,
            limit: most
        })
    );
    sen.queue(now, Channel::best_effort(1), &long[1..]).unwrap();
}

#[test]
fn only_a_memory_that_follows_its_receivers_sends_without_a_pace() {
    fn refuses<M: Memory>(memory: M) {
        let hasty = config("x").with_pace(Pace::UNLIMITED);
        let failed = Group::new(memory, hasty, [1; 32]).unwrap_err();
        assert_eq!(failed.error, ConfigError::NeedsPace);
        assert!(failed.error.to_string().contains("Sends::UNLIMITED"));
        let mut group = Group::new(failed.parts, config("x"), [1; 32]).unwrap();
        assert_eq!(group.set_pace(Pace::UNLIMITED), Err(ConfigError::NeedsPace));
        assert_eq!(group.set_pace(Pace::WIFI), Ok(()));
        assert_eq!(group.config().pace(), Pace::WIFI);
    }
    refuses(TinyPeer::new());
    refuses(groupcast::Tiny::new());
    refuses(groupcast::Board::new());
    let hasty: Config = config("x").with_pace(Pace::UNLIMITED);
    let fast = Storage::<8, 2, 16, 16, 1600, 1025, { Sends::UNLIMITED }>::new();
    assert!(Group::new(fast, hasty, [1; 32]).is_ok());
}

/// A member that neither sends nor takes reliable messages lives among those who do, at a fifth of loss.
#[test]
fn reliable_messages_of_others_do_not_disturb_it() {
    let mut hub = group(TinyPeer::new());
    let mut newest = String::new();
    for n in 0..200_u32 {
        let now = hub.now;
        if n % 5 == 3 {
            hub.cut_off.push(2);
        }
        hub.group(0).queue(now, ORDERED, b"to ben").unwrap();
        if n % 7 == 0 {
            newest = n.to_string();
            hub.group(0).queue(now, VALUE, newest.as_bytes()).unwrap();
        }
        hub.settle();
        hub.cut_off.clear();
        hub.run(Duration::from_millis(20));
    }
    hub.run(Duration::from_secs(3));
    let log = hub.log(2);
    let told = log
        .iter()
        .filter(|line| line.starts_with("ReliableDropped"))
        .count();
    assert_eq!(told, 1, "that they are dropped is told once: {log:?}");
    assert_eq!(log.last(), Some(&format!("ana: {newest}")));
    assert!(log.iter().all(|line| !line.contains("to ben")));
    assert!(
        log.windows(2).all(|pair| pair[0] != pair[1]),
        "nothing twice"
    );
    assert_eq!(
        hub.log(1)
            .iter()
            .filter(|line| line.contains("to ben"))
            .count(),
        200
    );
}
