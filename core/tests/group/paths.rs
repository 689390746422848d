//! Two queues: what is sent to the group, and what is sent to one member. Either may be read first.

use groupcast::Destination;
use groupcast::wire::{Bye, Data, Frame, Header, Hello};

use crate::hub::{self, Puppet, address, config, data, drain, hear, hello, member, ms};

const NOTHING: [&str; 0] = [];

/// Says something to one member alone.
fn whisper(puppet: &mut Puppet, number: u64, frames: &[Frame<'_>]) -> Vec<u8> {
    let before = core::mem::replace(&mut puppet.counter, (Header::TO_ONE | number) - 1);
    let datagram = puppet.say(frames);
    puppet.counter = before;
    datagram
}

fn ordered(sequence: u32) -> Frame<'static> {
    Frame::Data(Data {
        class: 2,
        sequence,
        ..data("text")
    })
}

fn sync(next: u32) -> Frame<'static> {
    hub::sync(next, next)
}

/// PROTOCOL W19.
#[test]
fn what_one_queue_holds_is_not_stale_for_what_the_other_one_held() {
    let mut ana = member(config("ana"), 1);
    ana.handle_timeout(ms(0));
    let mut ben = Puppet::new(7, 5);
    hear(&mut ana, ms(2_000), &ben.hello("ben"));
    hear(&mut ana, ms(2_000), &ben.say(&[sync(0)]));
    // Ana stands still. A thousand datagrams wait in one socket, and a PROBE that was sent after them in the other.
    let waiting: Vec<_> = (0..1_000).map(|n| ben.say(&[ordered(n)])).collect();
    let probe = Frame::Hello(Hello {
        probe: true,
        interval: 100,
        ..hello("ben")
    });
    let probe = whisper(&mut ben, 1_003, &[probe, sync(1_000)]);
    assert_eq!(hear(&mut ana, ms(8_000), &probe), NOTHING);
    for datagram in &waiting {
        assert_eq!(hear(&mut ana, ms(8_000), datagram), ["ben: text"]);
    }
    assert_eq!((ana.counters().stale, ana.counters().gaps), (0, 0));
}

/// PROTOCOL W19.
#[test]
fn what_was_sent_to_one_is_taken_once_and_in_order() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 5);
    hear(&mut ana, ms(1_000), &ben.hello("ben"));
    let mut say = |number, text| whisper(&mut ben, number, &[Frame::Data(data(text))]);
    let (two, three) = (say(2, "two"), say(3, "three"));
    assert_eq!(hear(&mut ana, ms(1_001), &three), ["ben: three"]);
    assert_eq!(hear(&mut ana, ms(1_002), &three), NOTHING);
    assert_eq!(hear(&mut ana, ms(1_003), &two), NOTHING);
    let counters = ana.counters();
    assert_eq!((counters.duplicate, counters.stale), (1, 1));
}

/// PROTOCOL W19.
#[test]
fn whoever_is_first_heard_alone_is_heard_in_the_group_from_the_first_datagram_on() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 5);
    let first = whisper(&mut ben, 900, &[Frame::Hello(hello("ben"))]);
    assert_eq!(hear(&mut ana, ms(1_000), &first), ["ben joined"]);
    assert_eq!(hear(&mut ana, ms(1_001), &ben.message("one")), ["ben: one"]);
}

/// PROTOCOL M17.
#[test]
fn nobody_leaves_by_a_word_to_one() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 5);
    hear(&mut ana, ms(1_000), &ben.hello("ben"));
    let bye = whisper(&mut ben, 2, &[Frame::Bye(Bye::LEFT)]);
    assert_eq!(hear(&mut ana, ms(1_001), &bye), NOTHING);
    assert_eq!(ana.peers().count(), 1);
}

/// PROTOCOL W2.
#[test]
fn what_is_sent_to_one_says_so_and_numbers_go_on() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 5);
    let (mut buffer, mut numbers, mut to_one) = ([0; 1472], Vec::new(), 0);
    for at in 0..40 {
        let now = ms(at * 150);
        let probe = Frame::Hello(Hello {
            probe: true,
            interval: 100,
            ..hello("ben")
        });
        let probe = ben.say(&[probe]);
        hear(&mut ana, now, &probe);
        while let Some(transmit) = ana.poll_transmit(now, &mut buffer).unwrap() {
            let header = groupcast::wire::parse_header(&buffer[..transmit.len]).unwrap();
            let is_to_one = transmit.to != Destination::Group;
            assert_eq!(header.is_to_one(), is_to_one);
            to_one += usize::from(is_to_one);
            numbers.push(header.number());
        }
    }
    assert!(to_one > 10 && to_one < numbers.len());
    assert!(numbers.is_sorted_by(|a, b| *b == a + 1), "{numbers:?}");
}

/// PROTOCOL M12, M13. Whoever forwards a member's HELLO, and is quicker than its own, leads astray what is sent to it
/// alone; until its next one.
#[test]
fn answers_go_where_the_last_hello_came_from() {
    let mut ana = member(config("ana"), 1);
    let mut ben = Puppet::new(7, 1);
    let mut buffer = [0; 1472];
    ana.handle_timeout(ms(0));
    let mut answered = Vec::new();
    for (n, from) in [(1, 7), (2, 50), (3, 7)] {
        let probe = Hello {
            probe: true,
            ..hello("ben")
        };
        let (now, said) = (ms(n * 1_000), ben.say(&[Frame::Hello(probe)]));
        let elsewhere = ben.message("what is no HELLO");
        for (from, datagram) in [(from, said), (60, elsewhere)] {
            ana.handle(now, address(from), &datagram).unwrap();
            drain(&mut ana, &mut Vec::new());
        }
        while let Some(transmit) = ana.poll_transmit(now, &mut buffer).unwrap() {
            if let Destination::Peer(to) = transmit.to {
                answered.push(to);
            }
        }
    }
    assert_eq!(answered, [address(7), address(50), address(7)]);
}
