//! What a datagram costs, counted in tests: each look at a slot, a fragment, a record or an entry of a table is a
//! step.
//!
//! Whoever sends a datagram decides what is in it. So its work is bounded by its own length and the memory's
//! size, never by the numbers that it names, nor by one of them times the other.

#[cfg(test)]
std::thread_local! {
    static STEPS: core::cell::Cell<u64> = const { core::cell::Cell::new(0) };
}

/// Counts so many steps.
#[inline]
pub(crate) fn count(steps: usize) {
    #[cfg(test)]
    STEPS.with(|sum| sum.set(sum.get() + steps as u64));
    let _ = steps;
}

#[cfg(test)]
mod tests {
    use core::net::SocketAddr;
    use core::time::Duration;
    use std::boxed::Box;
    use std::vec;
    use std::vec::Vec;

    use super::STEPS;
    use crate::wire::{
        self, Ack, AckRequest, Ask, Busy, Data, Echo, Frame, Header, Hello, Nack, Skip, Suite,
        Sync, Time,
    };
    use crate::{Channel, Config, Desktop, Event, Group, Instant, MemberId, Name, Pace, Session};

    /// Bytes of frames in the largest datagram.
    const ROOM: usize = wire::MAX_MAX_DATAGRAM as usize - 26;

    /// A datagram of 1,472 bytes may cost so much: a few looks at everything that a desktop's memory holds
    /// of one sender (2,048 slots), and for each frame one at a table (256 entries).
    const MOST: u64 = 8 * 2_048 + 120 * 256;

    fn group() -> SocketAddr {
        "239.1.2.3:12345".parse().unwrap()
    }

    /// Too large for the stack of a test that is not optimised.
    fn memory() -> &'static mut Desktop {
        let room = std::thread::Builder::new().stack_size(1 << 25);
        let memory = room.spawn(|| Box::new(Desktop::new())).unwrap();
        Box::leak(memory.join().unwrap())
    }

    /// A member, and one that means it harm.
    struct Arena {
        ana: Group<&'static mut Desktop>,
        now: Instant,
        counter: u64,
        /// Who speaks.
        id: u32,
    }

    impl Arena {
        fn new() -> Self {
            let config = Config::new(group())
                .with_name("ana")
                .with_pace(Pace::UNLIMITED);
            let mut ana = Group::new(memory(), config, [1; 32]).unwrap();
            let now = Instant::from_millis(10_000);
            ana.handle_timeout(Instant::from_millis(5_000));
            let mut arena = Self {
                ana,
                now,
                counter: 0,
                id: 7,
            };
            arena.say(&[hello(100), sync(0, 0)]);
            arena
        }

        /// What hearing these frames costs, events included.
        fn say(&mut self, frames: &[Frame<'_>]) -> u64 {
            self.counter += 1;
            let header = Header {
                suite: Suite::Open,
                tag: wire::open_group_tag(group(), &Name::EMPTY),
                sender: MemberId::new(self.id).unwrap(),
                session: Session::new(9),
                counter: self.counter,
            };
            let mut buffer = [0; 1472];
            let len = wire::emit(&header, frames, &mut buffer).unwrap();
            let from = ([10, 0, 0, 9], 40_000).into();
            while self.ana.poll_event().is_some() {}
            STEPS.set(0);
            self.ana.handle(self.now, from, &buffer[..len]).unwrap();
            while self.ana.poll_event().is_some() {}
            STEPS.get()
        }

        /// As many of these frames as one datagram takes.
        fn fill<'a>(&mut self, frame_len: usize, frame: impl Fn(u32) -> Frame<'a>) -> u64 {
            let frames: Vec<_> = (0..(ROOM / frame_len) as u32).map(frame).collect();
            self.say(&frames)
        }
    }

    fn hello(max_datagram: u16) -> Frame<'static> {
        Frame::Hello(Hello {
            interval: 100,
            max_datagram,
            ..Hello::new(Name::EMPTY)
        })
    }

    fn sync(next: u32, low: u32) -> Frame<'static> {
        Frame::Sync(Sync {
            next,
            low,
            round_trip: 0,
            group_size: 0,
            states: 0,
        })
    }

    fn data(class: u8, sequence: u32) -> Data<'static> {
        Data {
            class,
            latest: false,
            repair: false,
            copy: false,
            signed: false,
            channel: 0,
            horizon: 255,
            fragment: 0,
            last: 0,
            sequence,
            payload: &[],
        }
    }

    /// Fragment `n` of messages of 256.
    fn piece(class: u8, n: u32) -> Frame<'static> {
        Frame::Data(Data {
            fragment: (n % 256) as u8,
            last: 255,
            ..data(class, n)
        })
    }

    fn is_bounded(name: &str, steps: u64) {
        assert!(steps <= MOST, "{name}: {steps} steps, {MOST} at most");
    }

    #[test]
    fn numbers_far_from_each_other() {
        let mut arena = Arena::new();
        let far = |n: u32| sync(0x7fff_ffff_u32.wrapping_mul(n + 1), 0);
        is_bounded("SYNC", arena.fill(15, far));
        let mut arena = Arena::new();
        let far = |n: u32| match n % 3 {
            0 => sync(0x7fff_fff0 - n, 0),
            1 => sync(0x8001_0000 + n, 0),
            _ => sync(0x8000_ffff_u32.wrapping_add(0x7fff_ffff), 0),
        };
        is_bounded("SYNC, turn by turn", arena.fill(15, far));
        is_bounded(
            "SYNC, all the way",
            arena.fill(15, |n| {
                sync(
                    0x4000_0000_u32.wrapping_mul(n),
                    0x4000_0000_u32.wrapping_mul(n),
                )
            }),
        );
        for class in 0..4 {
            let mut arena = Arena::new();
            let far = |n: u32| Frame::Data(data(class, 0x7fff_ffff_u32.wrapping_mul(n)));
            is_bounded("DATA", arena.fill(16, far));
        }
    }

    #[test]
    fn steps_of_one_window() {
        let mut arena = Arena::new();
        let steps = arena.fill(25, |n| sync(2_048 * (n / 2 + 1), 0));
        is_bounded("SYNC", steps);
        let mut arena = Arena::new();
        let turns = |n: u32| match n % 2 {
            0 => sync(n / 2 * 2_048 + 2_048, 0),
            _ => Frame::Skip(Skip {
                first: n / 2 * 2_048,
                count: u16::MAX,
            }),
        };
        is_bounded("SYNC, SKIP", arena.fill(15, turns));
        let mut arena = Arena::new();
        arena.say(&[sync(4_000, 0)]);
        let skips = |n: u32| {
            Frame::Skip(Skip {
                first: n * 2_000,
                count: u16::MAX,
            })
        };
        is_bounded("SKIP", arena.fill(10, skips));
        is_bounded(
            "SKIP again",
            arena.fill(10, |_| {
                Frame::Skip(Skip {
                    first: 0,
                    count: u16::MAX,
                })
            }),
        );
    }

    /// All but the first of a window wait, and many more come.
    #[test]
    fn behind_a_full_window() {
        for class in [1, 2] {
            let mut arena = Arena::new();
            for start in (1..2_040).step_by(80) {
                arena.fill(17, |n| piece(class, start + n));
            }
            is_bounded("fragments again", arena.fill(17, |n| piece(class, 1 + n)));
            is_bounded(
                "whole ones",
                arena.fill(16, |n| Frame::Data(data(class, n))),
            );
            is_bounded("the rest", arena.fill(17, |n| piece(class, n)));
        }
        let mut arena = Arena::new();
        for start in (1..2_040).step_by(80) {
            arena.fill(16, |n| Frame::Data(data(2, start + n)));
        }
        is_bounded(
            "the first and what follows",
            arena.fill(16, |n| Frame::Data(data(2, n * 29))),
        );
    }

    /// Many messages are complete behind others that each claim to begin one of 256.
    #[test]
    fn unordered_messages_behind_those_that_wait() {
        let mut arena = Arena::new();
        let waits = (1..1_200).filter(|n| n % 256 != 128);
        let waits = waits
            .map(|n| (n, 255))
            .chain((1_200..2_040).step_by(2).map(|n| (n, 1)));
        let waits: Vec<_> = waits
            .map(|(n, last)| Frame::Data(Data { last, ..data(1, n) }))
            .collect();
        for some in waits.chunks(85) {
            arena.say(some);
        }
        let heard = arena.ana.counters().messages_received;
        let half = |n: u32| {
            Frame::Data(Data {
                fragment: 1,
                last: 1,
                ..data(1, 1_201 + 2 * n)
            })
        };
        is_bounded("pairs", arena.fill(17, half));
        assert_eq!(arena.ana.counters().messages_received - heard, 85);
    }

    /// Nothing more can be stored, and all of it is another sender's.
    #[test]
    fn where_there_is_no_room() {
        let mut arena = Arena::new();
        let payload = vec![0; 1_000];
        for n in 0..520 {
            arena.say(&[Frame::Data(Data {
                payload: &payload,
                ..data(2, 1 + n)
            })]);
        }
        (arena.id, arena.counter) = (8, 0);
        arena.say(&[hello(100), sync(0, 0), sync(2_000, 0)]);
        is_bounded("no room", arena.fill(16, |n| Frame::Data(data(2, 1 + n))));
        (arena.id, arena.counter) = (7, 1_000);
        is_bounded(
            "room of one's own",
            arena.fill(16, |n| Frame::Data(data(2, 1_000 - n))),
        );
    }

    /// Many best-effort messages lack one fragment each, and get it.
    #[test]
    fn messages_that_are_complete_all_at_once() {
        let mut arena = Arena::new();
        for first in (0..25 * 256).step_by(256) {
            for start in (1..256).step_by(85) {
                let piece = |n: u32| piece(0, first + start + n);
                let frames: Vec<_> = (0..85u32).map(piece).collect();
                arena.say(&frames);
            }
        }
        let last: Vec<_> = (0..25u32).map(|n| piece(0, n * 256)).collect();
        is_bounded("best effort", arena.say(&last));
        assert_eq!(arena.ana.counters().messages_received, 25);
    }

    /// What is asked for again and again, from both ends of a history of short messages.
    #[test]
    fn questions() {
        let mut arena = Arena::new();
        let mut buffer = [0; 1472];
        for _ in 0..60_000 {
            let _ = arena
                .ana
                .queue(arena.now, Channel::reliable_ordered(1), &[]);
            let _ = arena.ana.queue(arena.now, Channel::best_effort(1), &[]);
            while arena
                .ana
                .poll_transmit(arena.now, &mut buffer)
                .unwrap()
                .is_some()
            {}
            arena.now += Duration::from_micros(200);
        }
        let (own, session) = (arena.ana.id().get(), arena.ana.session().life());
        let sent = arena.ana.counters().messages_sent as u32 / 2;
        arena.say(&[sync(2_000, 0)]);
        for words in [1, 8] {
            let nack = |target: u32| {
                move |n: u32| {
                    let base = if n.is_multiple_of(2) {
                        sent - 4_000
                    } else {
                        sent - 7_000
                    };
                    Frame::Nack(Nack {
                        words,
                        missing: [u32::MAX; Nack::MAX_WORDS],
                        ..Nack::new(target, session, base)
                    })
                }
            };
            let len = 18 + 4 * usize::from(words);
            // Once it may walk through all that is kept.
            let steps = arena.fill(len, nack(own));
            assert!(steps < 20_000, "NACK: {steps} steps");
            is_bounded("NACK of others", arena.fill(len, nack(7)));
        }
        is_bounded("HELLO", arena.fill(16, |n| hello(600 + n as u16)));
        is_bounded(
            "ASK",
            arena.fill(12, |_| {
                Frame::Ask(Ask {
                    target: own,
                    session,
                })
            }),
        );
        is_bounded(
            "ACK",
            arena.fill(20, |n| {
                Frame::Ack(Ack {
                    target: own,
                    session,
                    since: 0,
                    next: sent - 100 + n,
                })
            }),
        );
        is_bounded(
            "ACKREQ",
            arena.fill(10, |n| {
                Frame::AckRequest(AckRequest {
                    sequence: n.wrapping_mul(0x7fff_ffff),
                    spread: 0,
                })
            }),
        );
        is_bounded("BUSY", arena.fill(6, |_| Frame::Busy(Busy { wait: 500 })));
        let echoes = vec![0; 118 * Echo::LEN];
        is_bounded(
            "TIME",
            arena.say(&[Frame::Time(Time {
                stamp: 0,
                echoes: &echoes,
            })]),
        );
    }

    /// A member that was told all its life what to wait for does not go through what it will never get.
    #[test]
    fn time_that_passes() {
        let mut arena = Arena::new();
        arena.say(&[sync(2_048 * 2 + 4, 0)]);
        let mut buffer = [0; 1472];
        for _ in 0..2_000 {
            arena.now += Duration::from_millis(5);
            STEPS.set(0);
            arena.ana.handle_timeout(arena.now);
            while arena
                .ana
                .poll_transmit(arena.now, &mut buffer)
                .unwrap()
                .is_some()
            {}
            while let Some(event) = arena.ana.poll_event() {
                assert!(!matches!(event, Event::Message(_)));
            }
            is_bounded("a moment", STEPS.get());
        }
    }
}
