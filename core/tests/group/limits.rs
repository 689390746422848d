//! Messages larger than what a receiver stated: a sender had another receiver in mind, or none.

use groupcast::wire::{self, Bye, Data, Frame, Sync};
use groupcast::{Event, Group, Instant, Memory, Storage};

use crate::hub::{Puppet, address, config, data, hello, ms, sync};

/// What of a stream has been told: messages by their first number, and gaps.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Told {
    Message(u32),
    Gap(u32, u32),
    Left,
}

use Told::{Gap, Left, Message};

/// One message of a stream.
#[derive(Clone, Copy, Debug)]
struct Large {
    first: u32,
    fragments: u32,
    /// Bytes of each fragment.
    len: usize,
    class: u8,
}

const ORDERED: u8 = 2;
const UNORDERED: u8 = 1;

impl Large {
    fn fragment(self, n: u32, octets: &[u8]) -> Data<'_> {
        Data {
            class: self.class,
            fragment: n as u8,
            last: (self.fragments - 1) as u8,
            sequence: self.first.wrapping_add(n),
            horizon: 255,
            payload: &octets[..self.len],
            ..data("")
        }
    }
}

struct Receiver<M: Memory> {
    ana: Group<M>,
    now: Instant,
}

impl<M: Memory> Receiver<M> {
    fn new(memory: M) -> Self {
        let mut ana = Group::new(memory, config("ana"), [1; 32]).unwrap();
        ana.handle_timeout(ms(1));
        Self {
            ana,
            now: ms(5_000),
        }
    }

    fn hear(&mut self, datagram: &[u8]) -> Vec<Told> {
        self.now += core::time::Duration::from_micros(10);
        self.ana.handle(self.now, address(9), datagram).unwrap();
        self.told()
    }

    fn told(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some(event) = self.ana.poll_event() {
            told.push(match event {
                Event::Message(m) => Message(m.sequence().get()),
                Event::Gap(gap) => Gap(gap.lost().first().get(), gap.lost().last().get()),
                Event::Left(_) | Event::Lost(_) => Left,
                _ => continue,
            });
        }
        told
    }

    /// A sender that is there, and has not sent anything.
    fn meets(&mut self, ben: &mut Puppet) {
        self.meets_at(ben, 0);
    }

    fn meets_at(&mut self, ben: &mut Puppet, next: u32) {
        let sync = Sync {
            next,
            low: next,
            round_trip: 0,
            group_size: 0,
            states: 0,
        };
        let hello = wire::Hello {
            interval: 6_000,
            ..hello("ben")
        };
        self.hear(&ben.say(&[Frame::Hello(hello), Frame::Sync(sync)]));
    }

    fn fragment(&mut self, ben: &mut Puppet, message: Large, n: u32) -> Vec<Told> {
        let octets = [b'x'; 1_400];
        self.hear(&ben.say(&[Frame::Data(message.fragment(n, &octets))]))
    }

    /// What it asks for within so many milliseconds.
    fn asks_within(&mut self, millis: u64) -> Vec<u32> {
        let (mut asked, mut buffer) = (Vec::new(), [0; 1_472]);
        for _ in 0..millis {
            self.waits(1);
            while let Some(transmit) = self.ana.poll_transmit(self.now, &mut buffer).unwrap() {
                let (_, frames) = wire::parse(&buffer[..transmit.len]).unwrap();
                for frame in frames.flatten() {
                    if let Frame::Nack(nack) = frame {
                        asked.extend(nack.iter());
                    }
                }
            }
        }
        asked
    }

    fn waits(&mut self, millis: u64) -> Vec<Told> {
        let mut told = Vec::new();
        for _ in 0..millis {
            self.now += core::time::Duration::from_millis(1);
            self.ana.handle_timeout(self.now);
            told.extend(self.told());
        }
        told
    }
}

fn ordered(first: u32, fragments: u32, len: usize) -> Large {
    Large {
        first,
        fragments,
        len,
        class: ORDERED,
    }
}

/// A message of one, one of eighteen that can never be put together, and another of one.
fn is_exactly_a_gap<M: Memory>(memory: impl Fn() -> M, len: usize) {
    let middle: Vec<u32> = (0..18).collect();
    let backwards: Vec<u32> = (0..18).rev().collect();
    for order in [middle, backwards] {
        for class in [ORDERED, UNORDERED] {
            let (mut ana, mut ben) = (Receiver::new(memory()), Puppet::new(7, 1));
            ana.meets(&mut ben);
            assert_eq!(ana.fragment(&mut ben, ordered(0, 1, 9), 0), [Message(0)]);
            let large = Large {
                class,
                ..ordered(1, 18, len)
            };
            let mut told = Vec::new();
            for n in order.clone() {
                told.extend(ana.fragment(&mut ben, large, n));
            }
            told.extend(ana.fragment(&mut ben, ordered(19, 1, 9), 0));
            assert_eq!(told, [Gap(1, 18), Message(19)], "{class}");
        }
    }
}

/// PROTOCOL F4.
#[test]
fn a_message_that_does_not_fit_the_pool_is_exactly_a_gap() {
    is_exactly_a_gap(Storage::<8, 2, 32, 20, 1600, 1473>::new, 100);
}

/// PROTOCOL F4.
#[test]
fn a_message_that_does_not_fit_the_window_is_exactly_a_gap() {
    is_exactly_a_gap(Storage::<8, 2, 16, 64, 1600, 1473>::new, 9);
}

/// PROTOCOL F4.
#[test]
fn a_message_of_which_no_fragment_fits_the_pool_is_exactly_a_gap() {
    is_exactly_a_gap(Storage::<8, 2, 32, 4, 1600, 1473>::new, 1_200);
}

/// PROTOCOL F4.
#[test]
fn a_message_that_does_not_fit_where_it_is_put_together_is_exactly_a_gap() {
    is_exactly_a_gap(Storage::<8, 2, 32, 64, 1600, 1473>::new, 100);
}

/// PROTOCOL R12.
#[test]
fn what_finds_no_room_for_long_is_given_up_alone() {
    let mut ana = Receiver::new(Storage::<8, 2, 32, 21, 1600, 1473>::new());
    let (mut ben, mut cho) = (Puppet::new(7, 1), Puppet::new(8, 1));
    ana.meets(&mut ben);
    ana.meets(&mut cho);
    // Ben's message lacks its last fragment, and what there is of it fills the pool.
    let (half, after) = (ordered(0, 11, 100), ordered(11, 1, 100));
    for n in 0..10 {
        assert_eq!(ana.fragment(&mut ben, half, n), []);
    }
    assert_eq!(ana.fragment(&mut ben, after, 0), []);
    // There is no room for any of Cho's.
    let (large, next) = (ordered(0, 4, 300), ordered(4, 1, 100));
    for n in 0..4 {
        assert_eq!(ana.fragment(&mut cho, large, n), []);
    }
    let large = ordered(5, 3, 300);
    assert_eq!(ana.fragment(&mut cho, next, 0), []);
    assert_eq!(ana.fragment(&mut cho, large, 0), []);
    let told = ana.waits(6_000);
    assert_eq!(told, [Gap(0, 10), Gap(0, 3)]);
    // What came after it and found no room has not been given up with it.
    assert_eq!(ana.fragment(&mut ben, after, 0), [Message(11)]);
    assert_eq!(ana.fragment(&mut cho, next, 0), [Message(4)]);
}

/// PROTOCOL R10. Each of two messages has room, and both together have not.
#[test]
fn of_two_messages_in_each_others_way_the_one_comes_first_that_waits_longer() {
    let large = ordered(0, 2, 300);
    for (is_first_longer, is_first_kept) in [(true, true), (false, true), (true, false)] {
        let mut ana = Receiver::new(Storage::<8, 2, 16, 8, 1600, 1473>::new());
        let mut senders = [Puppet::new(7, 1), Puppet::new(8, 1)];
        for sender in &mut senders {
            ana.meets(sender);
            assert_eq!(ana.fragment(sender, large, 0), []);
        }
        let [ben, cho] = &mut senders;
        let (long, short) = if is_first_longer {
            (ben, cho)
        } else {
            (cho, ben)
        };
        assert_eq!(ana.hear(&long.say(&[sync(2, 0)])), []);
        // What cannot be asked for again is kept, however short it has waited.
        let low = u32::from(!is_first_kept);
        assert_eq!(ana.hear(&short.say(&[sync(2, low)])), []);
        let (winner, loser) = if is_first_kept {
            (long, short)
        } else {
            (short, long)
        };
        assert_eq!(ana.fragment(loser, large, 1), []);
        assert_eq!(ana.fragment(winner, large, 1), [Message(0)]);
        // The other one is asked for, and finds room.
        let asked = ana.asks_within(60);
        assert!(asked.contains(&0) && asked.contains(&1), "{asked:?}");
        assert_eq!(ana.fragment(loser, large, 1), []);
        assert_eq!(ana.fragment(loser, large, 0), [Message(0)]);
    }
}

/// PROTOCOL R10.
#[test]
fn what_is_later_gives_way_to_what_is_next_of_another() {
    let mut ana = Receiver::new(Storage::<8, 2, 16, 8, 1600, 1473>::new());
    let (mut ben, mut cho) = (Puppet::new(7, 1), Puppet::new(8, 1));
    ana.meets(&mut ben);
    ana.meets_at(&mut cho, 100);
    // Ben's first two are missing for long, and those behind them fill the pool.
    for n in 2..10 {
        assert_eq!(ana.fragment(&mut ben, ordered(n, 1, 60), 0), []);
    }
    assert_eq!(ana.waits(200), []);
    let (large, next) = (ordered(100, 2, 300), ordered(102, 2, 300));
    assert_eq!(ana.fragment(&mut cho, large, 0), []);
    // All that is later gives way to what is next, and nothing to what is later.
    assert_eq!(ana.fragment(&mut cho, next, 0), []);
    let asked = ana.asks_within(90);
    for n in 2..10 {
        assert_eq!(asked.contains(&n), n > 5, "{asked:?}");
    }
    assert_eq!(ana.fragment(&mut cho, large, 1), [Message(100)]);
    let asked = ana.asks_within(90);
    assert!((2..10).all(|n| asked.contains(&n)), "{asked:?}");
    for n in [1, 0] {
        ana.fragment(&mut ben, ordered(n, 1, 60), 0);
    }
    assert_eq!(ana.fragment(&mut ben, ordered(2, 1, 60), 0), [Message(2)]);
}

/// PROTOCOL R10. Cho's first message fills the pool, and waits for its last fragment; there is no room for the next.
#[test]
fn what_found_no_room_is_asked_for_within_a_round_trip_when_it_comes_next() {
    let mut ana = Receiver::new(Storage::<8, 2, 16, 8, 1600, 1473>::new());
    let mut cho = Puppet::new(8, 1);
    ana.meets(&mut cho);
    let (large, next) = (ordered(0, 8, 60), ordered(8, 3, 60));
    for n in 0..7 {
        assert_eq!(ana.fragment(&mut cho, large, n), []);
    }
    // Nobody repairs the last one, and the next message comes again and again.
    for _ in 0..9 {
        ana.asks_within(200);
        for n in 0..3 {
            assert_eq!(ana.fragment(&mut cho, next, n), []);
        }
    }
    assert_eq!(ana.fragment(&mut cho, large, 7), [Message(0)]);
    let asked = ana.asks_within(16);
    assert!(asked.contains(&9) && asked.contains(&10), "{asked:?}");
}

/// PROTOCOL R12.
#[test]
fn the_rest_of_what_was_heard_last_is_in_the_gap_though_it_was_not_kept() {
    // Far ahead of the window; and without room.
    let far = (ordered(30, 5, 9), 2);
    let wide = (ordered(1, 5, 1_000), 0);
    for (message, n) in [far, wide] {
        for again in [false, true] {
            let mut ana = Receiver::new(Storage::<8, 2, 16, 16, 1600, 1473>::new());
            let (mut ben, mut cho) = (Puppet::new(7, 1), Puppet::new(8, 1));
            ana.meets(&mut ben);
            ana.meets(&mut cho);
            // The pool is full.
            for n in 0..16 {
                ana.fragment(&mut cho, ordered(0, 16, 60), n + 1);
            }
            assert_eq!(ana.fragment(&mut ben, message, n), []);
            let told = if again {
                let mut ben = Puppet::new(7, 2);
                ana.hear(&ben.hello("ben"))
            } else {
                ana.hear(&ben.say(&[Frame::Bye(Bye::LEFT)]))
            };
            let last = message.first + message.fragments - 1;
            let mut next = 0;
            for told in told {
                match told {
                    Gap(first, last) => {
                        assert_eq!(first, next);
                        next = last + 1;
                    }
                    Left => {}
                    Message(_) => panic!("{told:?}"),
                }
            }
            assert_eq!(next, last + 1);
        }
    }
}

/// Numbers that seem to come by chance, the same ones each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 33) % u64::from(n)) as u32
    }
}

const WINDOW: usize = 32;
const BLOCKS: usize = 40;
const RECEIVE: usize = 2_000;

/// Messages of all sizes, some of which cannot be received.
fn messages(chance: &mut Chance, start: u32) -> Vec<Large> {
    let mut next = start;
    let mut messages = Vec::new();
    // Further ahead a receiver does not try to catch up.
    while next.wrapping_sub(start) < 60 {
        let left = 64 - next.wrapping_sub(start);
        let fragments = match chance.below(4) {
            0 | 1 => 1,
            2 => 1 + chance.below(8),
            _ => 1 + chance.below(40),
        };
        let message = Large {
            first: next,
            fragments: fragments.min(left),
            len: [1, 60, 66, 67, 100, 300, 1_400][chance.below(7) as usize],
            class: [ORDERED, ORDERED, UNORDERED][chance.below(3) as usize],
        };
        next = next.wrapping_add(message.fragments);
        messages.push(message);
    }
    messages
}

impl Large {
    /// Whether it can be received by whoever has nothing else to keep.
    fn fits(self) -> bool {
        // A block has room for 78 octets, 12 of which say what it is.
        let blocks = (self.len + 12).div_ceil(78) * self.fragments as usize;
        let whole = self.fragments == 1;
        let octets = self.len * self.fragments as usize;
        whole || (self.fragments as usize <= WINDOW && blocks <= BLOCKS && octets <= RECEIVE)
    }

    fn numbers(self) -> impl Iterator<Item = u32> {
        (0..self.fragments).map(move |n| self.first.wrapping_add(n))
    }
}

/// Each number once: `true` if delivered, `false` if in a gap.
fn account(told: &[Told], messages: &[Large], start: u32) -> Vec<Option<bool>> {
    let mut account = vec![None; 1_000];
    let mut note = |number: u32, delivered| {
        let place = &mut account[number.wrapping_sub(start) as usize];
        assert_eq!(*place, None, "{number} is told twice: {told:?}");
        *place = Some(delivered);
    };
    for told in told {
        match *told {
            Message(first) => {
                let message = messages.iter().find(|m| m.first == first).unwrap();
                message.numbers().for_each(|number| note(number, true));
            }
            Gap(first, last) => {
                let count = last.wrapping_sub(first);
                (0..=count).for_each(|n| note(first.wrapping_add(n), false));
            }
            Left => {}
        }
    }
    account
}

/// PROTOCOL R12, F4.
#[test]
fn whatever_is_sent_in_whatever_order_what_fits_arrives_and_the_rest_is_exactly_a_gap() {
    for seed in 1..150u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let start = if seed % 2 == 0 { 0 } else { u32::MAX - 20 };
        let messages = messages(&mut chance, start);
        let memory = Storage::<8, 1, WINDOW, BLOCKS, 1600, RECEIVE>::new();
        let (mut ana, mut ben) = (Receiver::new(memory), Puppet::new(7, 1));
        ana.meets_at(&mut ben, start);
        let mut all: Vec<_> = messages
            .iter()
            .flat_map(|message| (0..message.fragments).map(|n| (*message, n)))
            .collect();
        let whole = all.clone();
        let mut told = Vec::new();
        // It leaves in the middle, or when all has been repaired for long.
        let leaves = chance.below(2) == 0;
        let rounds = if leaves { chance.below(4) } else { 12 };
        let mut newest = None;
        let mut send = |told: &mut Vec<Told>, message: Large, n: u32| {
            let at = message.first.wrapping_add(n).wrapping_sub(start);
            newest = newest.max(Some((at, message.first, message.fragments)));
            told.extend(ana.fragment(&mut ben, message, n));
        };
        for _ in 0..rounds {
            for at in (1..all.len()).rev() {
                all.swap(at, chance.below(at as u32 + 1) as usize);
            }
            for (message, n) in all.clone() {
                if chance.below(3) > 0 {
                    send(&mut told, message, n);
                }
            }
        }
        if leaves {
            for (message, n) in all.iter().take(chance.below(60) as usize + 1) {
                send(&mut told, *message, *n);
            }
        } else {
            // As often as there are messages that were in each other's way.
            for _ in 0..messages.len() {
                for (message, n) in &whole {
                    send(&mut told, *message, *n);
                }
            }
            let account = account(&told, &messages, start);
            for message in &messages {
                for number in message.numbers() {
                    let at = number.wrapping_sub(start) as usize;
                    assert_eq!(account[at], Some(message.fits()), "{seed}: {message:?}");
                }
            }
        }
        told.extend(ana.hear(&ben.say(&[Frame::Bye(Bye::LEFT)])));
        let account = account(&told, &messages, start);
        let (_, first, fragments) = newest.unwrap();
        let end = first.wrapping_add(fragments).wrapping_sub(start) as usize;
        assert!(
            account[..end].iter().all(Option::is_some),
            "{seed}: {told:?}"
        );
        assert!(
            account[end..].iter().all(Option::is_none),
            "{seed}: {told:?}"
        );
        for message in &messages {
            let at = message.first.wrapping_sub(start) as usize;
            let of_it = &account[at..at + message.fragments as usize];
            assert!(
                of_it.iter().all(|one| *one == of_it[0]),
                "{seed}: {message:?}"
            );
        }
    }
}
