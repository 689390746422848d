//! Does the work whose instructions `tests/labs/instructions` counts.
//!
//!     counts          lists what work there is, and of what the instructions are counted
//!     counts NAME     does it, and prints of how many
//!
//! The lab counts what is called by `counted`; everything else makes it ready, or looks at what came of it.
//! Nothing depends on the clock, on chance or on the machine.

use core::time::Duration;
use std::process::ExitCode;

use groupcast::Channel;
use groupcast_tests::workload::{Crowd, FULL, Pair, Says};

const ORDERED: Channel = Channel::reliable_ordered(1);
const BEST_EFFORT: Channel = Channel::best_effort(1);

const SMALL: &[u8] = &[b'x'; 64];
const LARGE: &[u8] = &[b'x'; 1024];

/// Datagrams that are counted.
const DATAGRAMS: usize = 100;

/// Messages before, more than a history keeps, until everything is as it stays.
const MANY: usize = 500 * FULL;

/// Between datagrams where repairs are counted.
const PAUSE: Duration = Duration::from_millis(1);

/// Name, what the instructions are counted of, and what to do.
type Work = (&'static str, &'static str, fn() -> usize);

const WORK: &[Work] = &[
    // 64 octets, ReliableOrdered, as many in a datagram as it holds.
    ("send-open", "message", || send(false, ORDERED, SMALL, FULL)),
    ("send-sealed", "message", || {
        send(true, ORDERED, SMALL, FULL)
    }),
    ("receive-open", "message", || {
        receive(false, ORDERED, SMALL, FULL)
    }),
    ("receive-sealed", "message", || {
        receive(true, ORDERED, SMALL, FULL)
    }),
    // 64 octets, BestEffort, one in a datagram.
    ("send-best-effort", "message", || {
        send(false, BEST_EFFORT, SMALL, 1)
    }),
    ("receive-best-effort", "message", || {
        receive(false, BEST_EFFORT, SMALL, 1)
    }),
    // 1024 octets, ReliableOrdered.
    ("send-1k-open", "message", || send(false, ORDERED, LARGE, 1)),
    ("send-1k-sealed", "message", || {
        send(true, ORDERED, LARGE, 1)
    }),
    ("receive-1k-open", "message", || {
        receive(false, ORDERED, LARGE, 1)
    }),
    ("receive-1k-sealed", "message", || {
        receive(true, ORDERED, LARGE, 1)
    }),
    // A NACK of a member that lacks some of the newest messages, and their repairs; of the oldest.
    ("repair-new", "repair", || repair(0)),
    ("repair-old", "repair", || repair(5_900)),
    // Sender and receiver together, while one datagram in twenty is lost, and while none is.
    ("talk-lossy", "message", || talk(Some(20))),
    ("talk-lossless", "message", || talk(None)),
    // What was stored behind a datagram that comes late.
    ("receive-late", "message", receive_late),
    // A member that knows ten others, and one that knows a thousand.
    ("hello-10", "datagram", || hear(10, Says::Hello)),
    ("hello-1000", "datagram", || hear(1_000, Says::Hello)),
    ("best-effort-10", "datagram", || hear(10, Says::BestEffort)),
    ("best-effort-1000", "datagram", || {
        hear(1_000, Says::BestEffort)
    }),
    ("reliable-10", "datagram", || hear(10, Says::Reliable)),
    ("reliable-1000", "datagram", || hear(1_000, Says::Reliable)),
    // The same where all send, more than the 32 for whom there is a stream.
    ("reliable-by-all-10", "datagram", || {
        hear(10, Says::ReliableByAll)
    }),
    ("reliable-by-all-1000", "datagram", || {
        hear(1_000, Says::ReliableByAll)
    }),
];

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        for (name, unit, _) in WORK {
            println!("{name} {unit}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, _, work)) = WORK.iter().find(|(known, ..)| *known == name) else {
        eprintln!("counts: there is no work of the name {name}");
        return ExitCode::FAILURE;
    };
    println!("{}", work());
    ExitCode::SUCCESS
}

/// The lab looks for this function's name.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Each of two members has sent and received so many messages.
fn acquainted(sealed: bool, channel: Channel, payload: &[u8], each: usize) -> Pair {
    let mut pair = Pair::new(sealed);
    for _ in 0..MANY / each {
        pair.send(channel, payload, each);
        assert_eq!(pair.receive(), each);
    }
    pair
}

fn send(sealed: bool, channel: Channel, payload: &[u8], each: usize) -> usize {
    let mut pair = acquainted(sealed, channel, payload, each);
    for _ in 0..DATAGRAMS {
        counted(|| pair.send(channel, payload, each));
        assert_eq!(pair.underway(), 1);
        assert_eq!(pair.receive(), each);
    }
    DATAGRAMS * each
}

fn receive(sealed: bool, channel: Channel, payload: &[u8], each: usize) -> usize {
    let mut pair = acquainted(sealed, channel, payload, each);
    for _ in 0..DATAGRAMS {
        pair.send(channel, payload, each);
        assert_eq!(pair.underway(), 1);
        assert_eq!(counted(|| pair.receive()), each);
    }
    DATAGRAMS * each
}

/// Repairs of messages that are so many before the last one, 15 at a time.
fn repair(before_last: u32) -> usize {
    const NACKS: u32 = 16;
    let mut pair = acquainted(false, ORDERED, SMALL, FULL);
    pair.rest();
    for n in 0..NACKS {
        // What was repaired just now is not repaired again.
        pair.wait(PAUSE);
        pair.ask((0..FULL as u32).map(|at| before_last + n + NACKS * at));
        counted(|| pair.send(ORDERED, SMALL, 0));
        let octets: usize = pair.lose().iter().map(Vec::len).sum();
        assert!(octets > FULL * SMALL.len(), "everything is repaired");
    }
    NACKS as usize * FULL
}

/// `lost`: one datagram in so many.
fn talk(lost: Option<usize>) -> usize {
    let mut pair = Pair::new(false);
    let (mut datagrams, mut messages) = (0, 0);
    let mut talk = |times, each| {
        for _ in 0..times {
            pair.wait(PAUSE);
            pair.send(ORDERED, SMALL, each);
            datagrams += 1;
            if lost.is_some_and(|lost| datagrams % lost == 0) {
                pair.lose();
            }
            messages += pair.receive();
        }
    };
    talk(MANY / FULL, FULL);
    counted(|| talk(2 * DATAGRAMS, FULL));
    // Until the last ones are repaired.
    talk(DATAGRAMS, 0);
    assert_eq!(messages, MANY + 2 * DATAGRAMS * FULL);
    2 * DATAGRAMS * FULL
}

fn receive_late() -> usize {
    const STORED: usize = 60;
    let mut pair = acquainted(false, ORDERED, SMALL, FULL);
    pair.send(ORDERED, SMALL, FULL);
    let late = pair.lose();
    for _ in 0..STORED {
        pair.send(ORDERED, SMALL, FULL);
        assert_eq!(pair.receive(), 0);
    }
    pair.deliver(&late[0]);
    let messages = counted(|| pair.receive());
    assert_eq!(messages, (1 + STORED) * FULL);
    messages
}

fn hear(members: usize, says: Says) -> usize {
    // Each of a thousand is heard twice before, and twice while it is counted.
    const HEARD: usize = 2_000;
    let mut crowd = Crowd::new(members);
    let datagrams: Vec<_> = (0..2 * HEARD).map(|_| crowd.next(says)).collect();
    let (before, after) = datagrams.split_at(HEARD);
    let messages = if says == Says::Hello { 0 } else { HEARD };
    let mut take = |datagrams: &[Vec<u8>]| -> usize {
        let messages = datagrams.iter().map(|datagram| crowd.hear(datagram));
        messages.sum()
    };
    assert_eq!(take(before), messages);
    assert_eq!(counted(|| take(after)), messages);
    HEARD
}
