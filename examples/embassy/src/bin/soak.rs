//! A soak: it sends numbered reliable messages, counts those of the others, and reports.
//!
//! It begins when somebody says `go`, and ends when everybody has all of its messages, and it has all of
//! `members=N` others' (default 1). Each sends `count=N` (default 1000), as `0 of 1000` and so on.

#![no_std]
#![no_main]

use core::pin::pin;

use cortex_m_rt::entry;
use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_time::{Duration, Instant, with_timeout};
use groupcast::{Board as Storage, Channel, Event};
use groupcast_embassy::BoardBuffers;
use groupcast_embassy_board::{Board, Network, counted, run};
use kit::{Numbers, Tallies, log, report, said};
use static_cell::{ConstStaticCell, StaticCell};

/// As `groupcast chat`.
const NUMBERS: Channel = Channel::reliable_ordered(0);
/// How often to look whether there is room for more messages while nothing comes.
const LOOK: Duration = Duration::from_millis(10);
/// How long it stays at most when it has everything.
const LINGER: Duration = Duration::from_secs(3);

#[entry]
fn main() -> ! {
    run(start)
}

fn start(spawner: Spawner) {
    static BOARD: StaticCell<Board> = StaticCell::new();
    let board = BOARD.init(Board::start("soak"));
    let (stack, runner) = board.network();
    spawner.spawn(network(runner).expect("it is spawned once"));
    spawner.spawn(member(board, stack).expect("it is spawned once"));
}

#[embassy_executor::task]
async fn network(mut runner: Network) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn member(board: &'static Board, stack: Stack<'static>) {
    counted(pin!(be_member(board, stack))).await;
}

async fn be_member(board: &'static Board, stack: Stack<'static>) {
    static BUFFERS: ConstStaticCell<BoardBuffers> = ConstStaticCell::new(BoardBuffers::new());
    static STORAGE: ConstStaticCell<Storage> = ConstStaticCell::new(Storage::new());
    let option = |name, default| board.identity.options.value(name).unwrap_or(default);
    let (count, others, limit) = (
        option("count", 1000),
        option("members", 1),
        option("limit", 600),
    );
    stack.wait_config_up().await;
    let mut member = board.join(stack, BUFFERS.take(), STORAGE.take());
    let (mut numbers, mut heard) = (Numbers::new(NUMBERS, count), Tallies::default());
    let mut going = false;
    let end = Instant::from_secs(limit.into());
    let complete = loop {
        // Its time limit does not take an event away: what was found is there at the next call.
        match with_timeout(LOOK, member.recv()).await {
            Ok(Ok(Event::Message(message))) if message.channel() == NUMBERS => {
                going |= said(&message) == Some("go");
                heard.count(&message);
            }
            Ok(Ok(Event::Confirmed(who))) => numbers.confirmed_by(who.id()),
            Ok(Ok(event)) => log::event(&event),
            Ok(Err(error)) => log::network(&error),
            Err(_) => {}
        }
        if going {
            let now = member.now();
            numbers.send(member.node_mut(), now);
        }
        let is_complete = numbers.confirmed() == count && heard.complete(count) >= others as usize;
        if is_complete || Instant::now() >= end {
            break is_complete;
        }
    };
    report(&numbers, &heard, count, member.node().counters());
    // Who sent to it asks for confirmation, and leaves when it has that.
    let senders = async { while !matches!(member.recv().await, Ok(Event::Left(_))) {} };
    let _ = with_timeout(LINGER, senders).await;
    // Without a cable nobody can be told.
    let _ = with_timeout(Duration::from_secs(5), member.leave()).await;
    let passed = complete && heard.are_perfect(count);
    log!("soak: {}", if passed { "passed" } else { "FAILED" });
    Board::end(passed);
}
