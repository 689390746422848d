//! Sealed groups: whom a member believes.

use groupcast::seal::{Entropy, GroupKey, KeySet, Keyring, Portable, Seal};
use groupcast::wire::{self, Challenge, Data, Frame, Header, Hello, Suite};
use groupcast::{Config, Group, Instant, Name, Session};

use crate::hub::{Room, config, data, group_address, hear, hello, id, ms};

fn keys(octets: &[u8]) -> KeySet {
    let mut keys = KeySet::new(GroupKey::new([octets[0]; 32]));
    for octet in &octets[1..] {
        keys.accept(GroupKey::new([*octet; 32])).unwrap();
    }
    keys
}

fn sealed(config: Config, octets: &[u8]) -> Group<Room> {
    let keys = keys(octets);
    let entropy = Entropy::new().with_random(b"new at every start, as it seems");
    Group::sealed(Room::new(), config, Seal::new(&keys, entropy)).unwrap()
}

/// A member of a sealed group whose datagrams are made by hand.
struct Puppet {
    id: u32,
    session: u64,
    counter: u64,
    key: u8,
}

impl Puppet {
    fn new(id: u32, session: u64) -> Self {
        Self {
            id,
            session,
            counter: 0,
            key: 1,
        }
    }

    fn say(&mut self, frames: &[Frame<'_>]) -> Vec<u8> {
        self.counter += 1;
        let ring = Keyring::derive(&keys(&[self.key]), group_address(), &Name::EMPTY).unwrap();
        let header = Header {
            suite: Suite::Sealed,
            tag: ring.sending().tag(),
            sender: id(self.id),
            session: Session::new(self.session),
            counter: self.counter,
        };
        let mut buffer = vec![0; 1472];
        let len = wire::emit(&header, frames, &mut buffer).unwrap();
        buffer.truncate(len);
        let subkey = ring.sending().subkey(header.sender, header.session);
        subkey.seal(&Portable, &mut buffer).unwrap();
        buffer
    }

    /// A HELLO that sends this challenge back, and a message.
    fn greet(&mut self, challenge: u64, text: &str) -> Vec<u8> {
        let mut options = vec![Hello::ECHOES, 8];
        options.extend(challenge.to_be_bytes());
        let hello = Hello {
            interval: 100,
            max_datagram: 1473,
            options: &options,
            ..hello("ana")
        };
        self.say(&[Frame::Hello(hello), Frame::Data(data(text))])
    }

    fn message(&mut self, text: &str) -> Vec<u8> {
        self.say(&[Frame::Data(data(text))])
    }
}

/// The challenge in what the member says next, if it asks anybody.
fn challenge(group: &mut Group<Room>, now: Instant) -> Option<Challenge> {
    said(group, now, |hello| hello.challenge())
}

/// What is found in the HELLO that the member says next.
fn said<T>(
    group: &mut Group<Room>,
    now: Instant,
    find: impl Fn(Hello<'_>) -> Option<T>,
) -> Option<T> {
    let mut buffer = [0; 1472];
    let mut found = None;
    while let Some(transmit) = group.poll_transmit(now, &mut buffer).unwrap() {
        let datagram = &mut buffer[..transmit.len];
        let header = wire::parse_header(datagram).unwrap();
        let ring = Keyring::derive(&keys(&[1]), group_address(), &Name::EMPTY).unwrap();
        let subkey = ring.sending().subkey(header.sender, header.session);
        let (_, mut frames) = subkey.open(&Portable, datagram).unwrap();
        found = frames
            .find_map(|frame| match frame.unwrap() {
                Frame::Hello(hello) => find(hello),
                _ => None,
            })
            .or(found);
    }
    found
}

const NOTHING: [&str; 0] = [];

/// Who has said its HELLOs, and its challenge.
fn listener(octets: &[u8]) -> (Group<Room>, u64) {
    let mut ben = sealed(config("ben"), octets);
    ben.handle_timeout(ms(0));
    let asked = challenge(&mut ben, ms(200)).unwrap();
    assert_eq!(asked.target, None, "who joins asks everybody");
    assert!(challenge(&mut ben, ms(2_000)).is_some());
    (ben, asked.number)
}

/// PROTOCOL K8, K9.
#[test]
fn what_is_well_sealed_is_not_believed_before_the_challenge_came_back() {
    let (mut ben, number) = listener(&[1]);
    let mut ana = Puppet::new(7, 1);
    assert_eq!(
        hear(&mut ben, ms(3_000), &ana.message("who am I?")),
        NOTHING
    );
    assert_eq!(
        hear(&mut ben, ms(3_000), &ana.greet(number + 1, "guess")),
        NOTHING
    );
    assert_eq!(ben.counters().unverified, 2);
    // It is asked, and nobody else.
    let asked = challenge(&mut ben, ms(3_400)).unwrap();
    assert_eq!((asked.number, asked.target), (number, Some(id(7))));
    let greeting = ana.greet(number, "here I am");
    assert_eq!(
        hear(&mut ben, ms(3_500), &greeting),
        ["ana joined", "ana: here I am"]
    );
    assert_eq!(hear(&mut ben, ms(3_501), &greeting), NOTHING);
    assert_eq!(ben.counters().duplicate, 1);
    assert_eq!(
        hear(&mut ben, ms(3_502), &ana.message("more")),
        ["ana: more"]
    );
}

/// PROTOCOL K9.
#[test]
fn several_who_are_not_believed_are_asked_together_and_nobody_else_is() {
    let (mut ben, number) = listener(&[1]);
    // Who joins asks everybody; then nobody is asked unless somebody is not believed.
    assert!(challenge(&mut ben, ms(3_300)).is_none());
    assert_eq!(
        said(&mut ben, ms(5_000), |hello| Some(hello.join)),
        Some(false)
    );
    for id in [7, 8] {
        assert_eq!(
            hear(&mut ben, ms(5_001), &Puppet::new(id, 1).message("?")),
            NOTHING
        );
    }
    let asked = challenge(&mut ben, ms(5_400)).unwrap();
    assert_eq!((asked.number, asked.target), (number, None));
    assert!(challenge(&mut ben, ms(7_000)).is_none(), "once");
}

/// PROTOCOL K10.
#[test]
fn a_challenge_that_is_meant_is_sent_back_once_with_the_next_hello() {
    let (mut ben, _) = listener(&[1]);
    let own = ben.id().get();
    for (target, meant) in [(None, true), (Some(own), true), (Some(own ^ 1), false)] {
        let mut ana = Puppet::new(7, 1);
        let number = 0x0102_0304_0506_0708;
        let mut options = [0; 14];
        let target = target.map(id);
        let len = Challenge { number, target }.write(&mut options);
        let asks = Hello {
            interval: 100,
            options: &options[..len],
            ..hello("ana")
        };
        let asks = ana.say(&[Frame::Hello(asks)]);
        let now = ben.next_deadline().unwrap();
        assert_eq!(hear(&mut ben, now, &asks), NOTHING);
        let mut sent_back = Vec::new();
        let mut at = now;
        while sent_back.len() < 3 {
            at += core::time::Duration::from_millis(1);
            sent_back.extend(said(&mut ben, at, |hello| Some(hello.sends_back(number))));
        }
        assert_eq!(sent_back, [meant, false, false], "{target:?}");
    }
}

/// PROTOCOL K12.
#[test]
fn of_two_sessions_that_send_one_challenge_back_the_second_must_send_another() {
    let (mut ben, number) = listener(&[1]);
    let (mut before, mut now) = (Puppet::new(7, 1), Puppet::new(7, 2));
    // The stranger holds this one back.
    let held_back = before.greet(number, "from before");
    assert_eq!(
        hear(&mut ben, ms(3_000), &now.greet(number, "now")).len(),
        2
    );
    assert_eq!(hear(&mut ben, ms(3_100), &held_back), NOTHING);
    assert_eq!(ben.counters().unverified, 1);
    assert_eq!(
        hear(&mut ben, ms(3_101), &now.message("still here")),
        ["ana: still here"]
    );
    // A session that is really new is asked once more, and then believed.
    let mut again = Puppet::new(7, 3);
    assert_eq!(
        hear(&mut ben, ms(4_000), &again.greet(number, "back")),
        NOTHING
    );
    let asked = challenge(&mut ben, ms(4_500)).unwrap();
    assert_ne!(asked.number, number);
    let greeting = again.greet(asked.number, "back");
    assert_eq!(
        hear(&mut ben, ms(4_600), &greeting),
        ["ana restarted", "ana: back"]
    );
    assert_eq!(hear(&mut ben, ms(4_700), &held_back), NOTHING);
}

/// PROTOCOL K12.
#[test]
fn the_challenge_dies_with_the_window_of_whoever_sent_it_back() {
    let (mut ben, number) = listener(&[1]);
    let mut ana = Puppet::new(7, 1);
    let greeting = ana.greet(number, "hello");
    assert_eq!(hear(&mut ben, ms(3_000), &greeting).len(), 2);
    let bye = ana.say(&[Frame::Bye(wire::Bye::LEFT)]);
    assert_eq!(hear(&mut ben, ms(3_100), &bye), ["ana left"]);
    // Others need its place on the roster, one of them leaves, and the whole past is played back.
    for other in 8..16 {
        let mut other = Puppet::new(other, 1);
        assert_eq!(
            hear(&mut ben, ms(3_200), &other.greet(number, "hello")).len(),
            2
        );
        if other.id == 15 {
            let bye = other.say(&[Frame::Bye(wire::Bye::LEFT)]);
            assert_eq!(hear(&mut ben, ms(3_300), &bye).len(), 1);
        }
    }
    let before = ben.counters().unverified;
    for (at, datagram) in [(3_401, &greeting), (3_402, &bye), (3_403, &greeting)] {
        assert_eq!(hear(&mut ben, ms(at), datagram), NOTHING);
    }
    assert_eq!(ben.counters().unverified, before + 3);
}

/// PROTOCOL K7.
#[test]
fn no_other_key_speaks_for_a_session() {
    let (mut ben, number) = listener(&[1, 2]);
    let mut ana = Puppet::new(7, 1);
    assert_eq!(
        hear(&mut ben, ms(3_000), &ana.greet(number, "hello")).len(),
        2
    );
    let mut traitor = Puppet {
        counter: 1 << 40,
        key: 2,
        ..Puppet::new(7, 1)
    };
    assert_eq!(
        hear(&mut ben, ms(3_001), &traitor.message("in her name")),
        NOTHING
    );
    assert_eq!(ben.counters().stale, 1);
    assert_eq!(
        hear(&mut ben, ms(3_002), &ana.message("unharmed")),
        ["ana: unharmed"]
    );
}

/// PROTOCOL K13.
#[test]
fn what_is_held_back_for_ten_seconds_is_too_late() {
    for held_for in [9, 30] {
        let (mut ben, number) = listener(&[1]);
        let mut ana = Puppet::new(7, 1);
        assert_eq!(
            hear(&mut ben, ms(3_000), &ana.greet(number, "hello")).len(),
            2
        );
        let held_back = ana.message("open the door");
        hear(&mut ben, ms(3_001), &ana.message("or not"));
        for second in 1..held_for {
            let hello = ana.greet(0, "tick");
            let heard = hear(&mut ben, ms(3_002 + 1_000 * second), &hello);
            assert_eq!(heard, ["ana: tick"]);
        }
        let heard = hear(&mut ben, ms(3_002 + 1_000 * held_for), &held_back);
        assert_eq!(heard.is_empty(), held_for > 10, "{held_for} s: {heard:?}");
    }
}

/// PROTOCOL K7.
#[test]
fn the_own_past_is_not_another_member_with_this_id() {
    let mut ben = sealed(config("ben").with_id(id(7)), &[1]);
    ben.handle_timeout(ms(0));
    let number = challenge(&mut ben, ms(200)).unwrap().number;
    let mut past = Puppet::new(7, 1);
    for datagram in [past.greet(number + 1, "I was you"), past.message("x")] {
        assert_eq!(hear(&mut ben, ms(3_000), &datagram), NOTHING);
    }
    assert_eq!(ben.counters().unverified, 2);
    assert!(
        ben.queue(ms(3_001), groupcast::Channel::best_effort(0), b"I am")
            .is_ok()
    );
    // Somebody who is there now is another matter.
    let twin = hear(&mut ben, ms(3_100), &past.greet(number, "I am you"));
    assert_eq!(twin, ["duplicate Silenced"]);
}

/// PROTOCOL K7, M31.
#[test]
fn whoever_finds_the_roster_full_is_not_heard_and_nobody_gives_way() {
    let (mut ben, number) = listener(&[1]);
    for n in 1..=8 {
        let greeting = Puppet::new(n, 1).greet(number, "x");
        assert_eq!(hear(&mut ben, ms(3_000), &greeting).len(), 2);
    }
    let mut ninth = Puppet::new(9, 1);
    assert_eq!(
        hear(&mut ben, ms(3_001), &ninth.greet(number, "nine")),
        ["full 1"]
    );
    assert_eq!(ben.counters().no_place, 1);
    assert_eq!(ben.peers().count(), 8);
}

/// PROTOCOL K7.
#[test]
fn what_no_key_fits_is_counted_and_changes_nothing() {
    let (mut ben, number) = listener(&[1]);
    let mut ana = Puppet::new(7, 1);
    let mut damaged = ana.greet(number, "hello");
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(hear(&mut ben, ms(3_000), &damaged), NOTHING);
    assert_eq!(ben.counters().corrupt, 1);
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(
        hear(&mut ben, ms(3_001), &damaged).len(),
        2,
        "its counter is not used up"
    );
    let data = Data {
        sequence: 1,
        ..data("open")
    };
    let open = crate::hub::Puppet::new(8, 1).say(&[Frame::Data(data)]);
    assert_eq!(hear(&mut ben, ms(3_002), &open), NOTHING);
    assert_eq!(hear(&mut ben, ms(3_003), b"raw"), NOTHING);
    assert_eq!(
        (ben.counters().wrong_suite, ben.counters().raw_refused),
        (1, 1)
    );
}
