//! Memory that is new is all zeros: a `static` of it is in no file, and so not in a board's flash.
//!
//! This program looks into its own file. `tests/labs/bare-metal` does the same for a microcontroller.

#![cfg(all(
    target_os = "linux",
    target_pointer_width = "64",
    target_endian = "little"
))]

use core::hint::black_box;
use std::fs;

use groupcast::{Board, Desktop, Storage, Tiny};
use groupcast_embassy::BoardBuffers;
use groupcast_smoltcp::BoardMemory;

static mut ZERO_TINY: Tiny = Tiny::new();
static mut ZERO_BOARD: Board = Board::new();
static mut ZERO_DESKTOP: Desktop = Desktop::new();
static mut ZERO_STREAMLESS: Storage<8, 0, 0, 4, 600, 513> = Storage::new();
static mut ZERO_NETWORK: BoardMemory = BoardMemory::new();
static mut ZERO_EMBASSY: BoardBuffers = BoardBuffers::new();
/// A control.
static mut OTHER_THAN_ZERO: [Option<bool>; 4] = [None; 4];

/// Symbols and sections of an ELF file of 64 bits.
struct File(Vec<u8>);

impl File {
    fn number(&self, at: usize, octets: usize) -> usize {
        let octets = self.0[at..at + octets].iter().rev();
        octets.fold(0, |all, octet| all << 8 | usize::from(*octet))
    }

    /// Where the header of a section is.
    fn section(&self, index: usize) -> usize {
        self.number(0x28, 8) + index * self.number(0x3a, 2)
    }

    /// The name of what is in a section without octets in the file, or of what is in another one.
    fn variables(&self, without_octets: bool) -> Vec<String> {
        const SYMBOLS: usize = 2;
        const NO_OCTETS: usize = 8;
        const RESERVED: usize = 0xff00;
        let kind = |section| self.number(section + 4, 4);
        let offset = |section| self.number(section + 0x18, 8);
        let count = self.number(0x3c, 2);
        let table = (0..count).map(|at| self.section(at));
        let table = table.clone().find(|at| kind(*at) == SYMBOLS);
        let table = table.expect("a test is not stripped");
        let names = offset(self.section(self.number(table + 0x28, 4)));
        let symbols = (0..self.number(table + 0x20, 8) / 24).map(|n| offset(table) + n * 24);
        let inside = symbols.filter(|at| {
            let section = self.number(at + 6, 2);
            (1..RESERVED).contains(&section)
                && (kind(self.section(section)) == NO_OCTETS) == without_octets
        });
        let name = |at| {
            let name = &self.0[names + self.number(at, 4)..];
            let end = name.iter().position(|octet| *octet == 0).unwrap_or(0);
            String::from_utf8_lossy(&name[..end]).into_owned()
        };
        inside.map(name).collect()
    }
}

#[test]
fn new_memory_is_all_zeros() {
    black_box((&raw mut ZERO_TINY, &raw mut ZERO_BOARD));
    black_box((&raw mut ZERO_DESKTOP, &raw mut ZERO_STREAMLESS));
    black_box((&raw mut ZERO_NETWORK, &raw mut ZERO_EMBASSY));
    black_box(&raw mut OTHER_THAN_ZERO);
    let program = std::env::current_exe().expect("a test knows where it is");
    let file = File(fs::read(program).expect("a program can be read"));
    let (zeros, others) = (file.variables(true), file.variables(false));
    let is_in = |variables: &[String], name: &str| variables.iter().any(|v| v.contains(name));
    assert!(is_in(&others, "OTHER_THAN_ZERO") && !is_in(&zeros, "OTHER_THAN_ZERO"));
    for name in [
        "ZERO_TINY",
        "ZERO_BOARD",
        "ZERO_DESKTOP",
        "ZERO_STREAMLESS",
        "ZERO_NETWORK",
        "ZERO_EMBASSY",
    ] {
        assert!(is_in(&zeros, name), "{name} is not all zeros");
    }
}
