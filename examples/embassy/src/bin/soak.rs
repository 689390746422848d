//! A soak test: see [`Soak`]. Two tasks: the network, and the member, in which an application runs.

#![no_std]
#![no_main]

use core::pin::pin;
use core::time::Duration;

use cortex_m_rt::entry;
use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_time::{Instant, with_deadline};
use groupcast::Board as Storage;
use groupcast_embassy::BoardBuffers;
use groupcast_embassy_board::{Board, counted, run};
use kit::{Soak, log};
use static_cell::{ConstStaticCell, StaticCell};

/// How long it stays when it has everything.
const LINGER: Duration = Duration::from_secs(3);

/// Without a cable nobody can be told that it leaves.
const PATIENCE: Duration = Duration::from_secs(8);

#[entry]
fn main() -> ! {
    run(start)
}

fn start(spawner: Spawner) {
    static BOARD: StaticCell<Board> = StaticCell::new();
    let board = BOARD.init(Board::start("soak"));
    let stack = board.network(spawner);
    spawner.spawn(member(board, stack).expect("it is spawned once"));
}

#[embassy_executor::task]
async fn member(board: &'static Board, stack: Stack<'static>) {
    counted(pin!(be_member(board, stack))).await;
}

async fn be_member(board: &'static Board, stack: Stack<'static>) {
    static BUFFERS: ConstStaticCell<BoardBuffers> = ConstStaticCell::new(BoardBuffers::new());
    static STORAGE: ConstStaticCell<Storage> = ConstStaticCell::new(Storage::new());
    stack.wait_config_up().await;
    let mut member = board.join(stack, BUFFERS.take(), STORAGE.take());
    let mut soak = Soak::new(&board.identity.options, LINGER);
    let end = Instant::from_micros((soak.end() + PATIENCE).as_micros());
    let soaks = async {
        while let Err(error) = member.run(&mut soak).await {
            log::network(&error);
        }
    };
    let _ = with_deadline(end, soaks).await;
    Board::end(soak.has_passed());
}
