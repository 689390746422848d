//! The ready-made memories, made in place: `tests/labs/bare-metal` reads their sizes from the symbols, and that
//! they are zeros, which take no flash.

use core::hint::black_box;
use core::mem::MaybeUninit;

use groupcast::{Board, Leaf, Tiny, TinyPeer};
#[cfg(feature = "smoltcp")]
use groupcast_smoltcp::BoardMemory;

static mut TINY: Tiny = Tiny::new();
static mut TINY_PEER: TinyPeer = TinyPeer::new();
static mut BOARD: Board = Board::new();
static mut LEAF: MaybeUninit<Leaf> = MaybeUninit::uninit();
#[cfg(feature = "smoltcp")]
static mut BOARD_MEMORY: BoardMemory = BoardMemory::new();

pub(crate) fn run() {
    black_box((
        &raw mut TINY,
        &raw mut TINY_PEER,
        &raw mut BOARD,
        &raw mut LEAF,
    ));
    #[cfg(feature = "smoltcp")]
    black_box(&raw mut BOARD_MEMORY);
}
