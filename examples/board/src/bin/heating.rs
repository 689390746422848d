//! The boiler of examples/heating: the same application as on a desktop.
//!
//! ```text
//! cargo run --example heating -- panel --key-file examples/board/key/demo.keys
//! ```

#![no_std]
#![no_main]

#[expect(dead_code, reason = "sensor and panel run elsewhere")]
#[path = "../../../heating/app.rs"]
mod app;

use app::Boiler;
use cortex_m_rt::entry;
use groupcast::Tiny;
use groupcast_board::Board;
use groupcast_smoltcp::Memory;
use kit::log;
use static_cell::ConstStaticCell;

/// In each socket 4 datagrams wait, and so two of the 1,025 bytes that `Tiny` receives.
type Queues = Memory<2, 4, 2100, 1060>;
const BURST: u8 = 4;

#[entry]
fn main() -> ! {
    static STORAGE: ConstStaticCell<Tiny> = ConstStaticCell::new(Tiny::new());
    static QUEUES: ConstStaticCell<Queues> = ConstStaticCell::new(Queues::new());

    let board = Board::start("heating");
    let stack = board.network(QUEUES.take());
    let mut node = board.join(&stack, STORAGE.take(), BURST);
    let mut boiler = Boiler::default();
    let mut shown = None;
    loop {
        let now = board.now();
        stack.poll(now);
        let wake = node.run(now, &mut boiler).unwrap_or_else(|error| {
            log::network(&error);
            Some(now)
        });
        let state = (boiler.burns(), boiler.target());
        if shown != Some(state) {
            shown = Some(state);
            let (burns, target) = (if state.0 { "burns" } else { "is off" }, state.1);
            log!("the boiler {}, target {} tenths", burns, target as u32);
        }
        board.sleep([stack.next_deadline(), wake]);
    }
}
