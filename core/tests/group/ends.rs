//! What a sender leaves behind that goes in the middle of a message.

use groupcast::wire::{Bye, Data, Frame};
use groupcast::{Group, Storage};

use crate::hub::{Puppet, address, config, data, drain, ms};

/// Room for one stream.
type Narrow = Storage<8, 1, 16, 16, 1600, 1025>;

/// A fragment of a message of two.
fn half(fragment: u8) -> Data<'static> {
    Data {
        class: 2,
        fragment,
        last: 1,
        sequence: u32::from(fragment),
        ..data("half")
    }
}

fn ana() -> Group<Narrow> {
    Group::new(Narrow::new(), config("ana"), [1; 32]).unwrap()
}

/// What `ana` is told when a datagram comes.
fn told(ana: &mut Group<Narrow>, at: u64, datagram: &[u8]) -> Vec<String> {
    let mut log = Vec::new();
    ana.handle(ms(at), address(99), datagram).unwrap();
    drain(ana, &mut log);
    log
}

/// What `ana` is told while time passes.
fn passes(ana: &mut Group<Narrow>, from: u64, to: u64) -> Vec<String> {
    let mut log = Vec::new();
    for at in (from..to).step_by(10) {
        ana.handle_timeout(ms(at));
        drain(ana, &mut log);
    }
    log
}

/// Another sender is followed, for which there is no place as long as the first one's stream has it.
fn follows_another(ana: &mut Group<Narrow>, at: u64) {
    let mut cho = Puppet::new(8, 1);
    let message = Data {
        class: 2,
        ..data("hi")
    };
    told(ana, at, &cho.hello("cho"));
    let log = told(ana, at, &cho.say(&[Frame::Data(message)]));
    assert_eq!(log, ["cho: hi"]);
}

fn is_gap(line: &str) -> bool {
    line.starts_with("Gap") && line.contains("first: Sequence(0), last: Sequence(1)")
}

/// PROTOCOL R12.
#[test]
fn half_a_message_of_one_that_left_is_a_gap() {
    let (mut ana, mut ben) = (ana(), Puppet::new(7, 1));
    told(&mut ana, 10, &ben.hello("ben"));
    assert_eq!(
        told(&mut ana, 20, &ben.say(&[Frame::Data(half(0))])),
        [""; 0]
    );
    let log = told(&mut ana, 30, &ben.say(&[Frame::Bye(Bye::LEFT)]));
    assert!(is_gap(&log[0]) && log[1] == "ben left", "{log:?}");
    follows_another(&mut ana, 40);
}

/// PROTOCOL R9, R12.
#[test]
fn half_a_message_of_one_that_was_lost_is_a_gap() {
    let (mut ana, mut ben) = (ana(), Puppet::new(7, 1));
    told(&mut ana, 10, &ben.hello("ben"));
    told(&mut ana, 20, &ben.say(&[Frame::Data(half(0))]));
    let log = passes(&mut ana, 30, 4_000);
    assert!(
        log[0] == "ben suspect" && is_gap(&log[1]) && log[2] == "ben lost",
        "{log:?}"
    );
    follows_another(&mut ana, 4_000);
    // The rest comes after all: it has been reported.
    assert_eq!(
        told(&mut ana, 4_010, &ben.say(&[Frame::Data(half(1))])),
        [""; 0]
    );
}

/// PROTOCOL R12.
#[test]
fn half_a_message_of_one_that_restarted_is_a_gap() {
    let (mut ana, mut ben) = (ana(), Puppet::new(7, 1));
    told(&mut ana, 10, &ben.hello("ben"));
    told(&mut ana, 20, &ben.say(&[Frame::Data(half(0))]));
    let mut again = Puppet::new(7, 2);
    let mut log = told(&mut ana, 30, &again.hello("ben"));
    log.extend(told(&mut ana, 40, &again.hello("ben")));
    assert!(is_gap(&log[0]) && log[1] == "ben restarted", "{log:?}");
    follows_another(&mut ana, 50);
}

/// PROTOCOL R12.
#[test]
fn half_a_message_of_one_that_never_said_hello_is_a_gap_and_gives_its_place_back() {
    let (mut ana, mut ben) = (ana(), Puppet::new(7, 1));
    told(&mut ana, 20, &ben.say(&[Frame::Data(half(0))]));
    let log = passes(&mut ana, 30, 4_000);
    assert!(log.len() == 1 && is_gap(&log[0]), "{log:?}");
    follows_another(&mut ana, 4_000);

    let (mut ana, mut ben) = (self::ana(), Puppet::new(7, 1));
    let farewell = [Frame::Data(half(0)), Frame::Bye(Bye::LEFT)];
    let log = told(&mut ana, 20, &ben.say(&farewell));
    assert!(log.len() == 1 && is_gap(&log[0]), "{log:?}");
    follows_another(&mut ana, 30);
}
