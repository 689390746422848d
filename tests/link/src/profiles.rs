//! The ready-made memories, made in place: `tests/labs/bare-metal` reads their sizes from the symbols, and that
//! they are zeros, which take no flash.

use core::hint::black_box;

use groupcast::{Board, Tiny};
#[cfg(feature = "smoltcp")]
use groupcast_smoltcp::BoardMemory;

static mut TINY: Tiny = Tiny::new();
static mut BOARD: Board = Board::new();
#[cfg(feature = "smoltcp")]
static mut BOARD_MEMORY: BoardMemory = BoardMemory::new();

pub(crate) fn run() {
    black_box((&raw mut TINY, &raw mut BOARD));
    #[cfg(feature = "smoltcp")]
    black_box(&raw mut BOARD_MEMORY);
}
