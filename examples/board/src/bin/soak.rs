//! A soak: it sends numbered reliable messages, counts those of the others, and reports.
//!
//! It begins when somebody says `go`, and ends when everybody has all of its messages, and it has all of
//! `members=N` others' (default 1). Each sends `count=N` (default 1000), as `0 of 1000` and so on.

#![no_std]
#![no_main]

use core::time::Duration;

use cortex_m_rt::entry;
use groupcast::{Board as Storage, Channel, Event, Instant};
use groupcast_board::Board;
use groupcast_smoltcp::BoardMemory;
use kit::{Numbers, Tallies, host, log, report, said};
use static_cell::ConstStaticCell;

/// As `groupcast chat`.
const NUMBERS: Channel = Channel::reliable_ordered(0);
const BURST: u8 = 8;

#[entry]
fn main() -> ! {
    static STORAGE: ConstStaticCell<Storage> = ConstStaticCell::new(Storage::new());
    static QUEUES: ConstStaticCell<BoardMemory> = ConstStaticCell::new(BoardMemory::new());

    let mut board = Board::start("soak");
    let option = |name, default| board.identity.options.value(name).unwrap_or(default);
    let (count, others, limit) = (
        option("count", 1000),
        option("members", 1),
        option("limit", 600),
    );
    let stack = board.network(QUEUES.take());
    let mut node = board.join(&stack, STORAGE.take(), BURST);
    let mut numbers = Numbers::new(NUMBERS, count);
    let (mut heard, mut going, mut done) = (Tallies::default(), false, false);
    let end = Instant::ZERO + Duration::from_secs(limit.into());
    loop {
        let now = board.now();
        stack.poll(now);
        loop {
            match node.poll(now) {
                Ok(Some(Event::Message(message))) if message.channel() == NUMBERS => {
                    going |= said(&message) == Some("go");
                    heard.count(&message);
                }
                Ok(Some(Event::Confirmed(member))) => numbers.confirmed_by(member.id()),
                Ok(Some(event)) => log::event(&event),
                Ok(None) => break,
                Err(error) => log::network(&error),
            }
        }
        if going && !done {
            numbers.send(&mut node, now);
        }
        let complete = numbers.confirmed() == count && heard.complete(count) >= others as usize;
        if !done && (complete || now >= end) {
            done = true;
            report(&numbers, &heard, count, node.counters());
            node.leave(now);
        }
        if done && node.has_left() {
            let passed = complete && heard.are_perfect(count);
            let outcome = if passed { "passed" } else { "FAILED" };
            log!("soak: {}", outcome);
            host::exit(passed);
        }
        board.sleep();
    }
}
