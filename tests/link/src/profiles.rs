//! The ready-made memories, for their sizes: `tests/labs/bare-metal` reads them from the symbols.

use core::hint::black_box;

use groupcast::{Board, Tiny};

static TINY: Tiny = Tiny::new();
static BOARD: Board = Board::new();

pub(crate) fn run() {
    black_box((&TINY, &BOARD));
}
