//! A lamp that is a small member: it knows who is there, and neither sends nor takes reliable messages.
//!
//! ```text
//! groupcast send --class state --channel 2 --key-file examples/board/key/demo.keys on
//! ```

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use groupcast::TinyPeer;
use groupcast_board::Board;
use groupcast_board::lamp::Lamp;
use groupcast_smoltcp::Memory;
use kit::{host, log};
use static_cell::ConstStaticCell;

/// In each socket 4 datagrams of 512 bytes wait.
type Queues = Memory<2, 4, 2100, 560>;
const BURST: u8 = 4;

#[entry]
fn main() -> ! {
    static STORAGE: ConstStaticCell<TinyPeer> = ConstStaticCell::new(TinyPeer::new());
    static QUEUES: ConstStaticCell<Queues> = ConstStaticCell::new(Queues::new());

    let board = Board::start("peer");
    let stack = board.network(QUEUES.take());
    let mut node = board.join(&stack, STORAGE.take(), BURST);
    let mut lamp = Lamp::start();
    loop {
        let now = board.now();
        stack.poll(now);
        let wake = node.run(now, &mut lamp).unwrap_or_else(|error| {
            log::network(&error);
            Some(now)
        });
        if node.has_left() {
            log!("left");
            host::exit(true);
        }
        board.sleep([stack.next_deadline(), wake]);
    }
}
