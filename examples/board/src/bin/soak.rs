//! A soak test: see [`Soak`].

#![no_std]
#![no_main]

use core::time::Duration;

use cortex_m_rt::entry;
use groupcast::Board as Storage;
use groupcast_board::Board;
use groupcast_smoltcp::BoardMemory;
use kit::{Soak, host, log};
use static_cell::ConstStaticCell;

const BURST: u8 = 8;

#[entry]
fn main() -> ! {
    static STORAGE: ConstStaticCell<Storage> = ConstStaticCell::new(Storage::new());
    static QUEUES: ConstStaticCell<BoardMemory> = ConstStaticCell::new(BoardMemory::new());

    let board = Board::start("soak");
    let mut soak = Soak::new(&board.identity.options, Duration::ZERO);
    let stack = board.network(QUEUES.take());
    let mut node = board.join(&stack, STORAGE.take(), BURST);
    loop {
        let now = board.now();
        stack.poll(now);
        let wake = node.run(now, &mut soak).unwrap_or_else(|error| {
            log::network(&error);
            Some(now)
        });
        if node.has_left() {
            host::exit(soak.has_passed());
        }
        board.sleep([stack.next_deadline(), wake]);
    }
}
