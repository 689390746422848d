//! Seals and opens texts, for `tests/labs/instructions`, which counts the instructions twice: in this workspace,
//! and in `tests/outside`, a program as anybody may have it. It is the cipher alone: what is done to the header
//! beside depends on what the compiler inlines, and that on a build's features.
//!
//!     sealing          lists what work there is, and of what the instructions are counted
//!     sealing NAME     does it, and prints of how many

use std::process::ExitCode;

use groupcast::seal::{Cipher, KEY_LEN, NONCE_LEN, Portable, TAG_LEN};

/// Texts that are counted.
const TEXTS: u8 = 100;

const KEY: [u8; KEY_LEN] = [7; KEY_LEN];

/// As many octets as a datagram's header has.
const HEADER: [u8; 22] = [0x2a; 22];

/// Name, octets of the text, and whether it is opened.
const WORK: [(&str, usize, bool); 4] = [
    ("seal-64", 64, false),
    ("open-64", 64, true),
    ("seal-1100", 1_100, false),
    ("open-1100", 1_100, true),
];

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        for (name, ..) in WORK {
            println!("{name} text");
        }
        return ExitCode::SUCCESS;
    };
    let Some(&(_, size, opens)) = WORK.iter().find(|(known, ..)| *known == name) else {
        eprintln!("sealing: there is no work of the name {name}");
        return ExitCode::FAILURE;
    };
    let clear = vec![0x2a; size];
    // What is asked of the processor at the first time only is not counted.
    let mut text = clear.clone();
    let tag = seal(0, &mut text);
    open(0, &mut text, &tag);
    for n in 1..=TEXTS {
        let tag = if opens {
            seal(n, &mut text)
        } else {
            counted(|| seal(n, &mut text))
        };
        assert_ne!(text, clear);
        if opens {
            counted(|| open(n, &mut text, &tag));
        } else {
            open(n, &mut text, &tag);
        }
        assert_eq!(text, clear);
    }
    println!("{TEXTS}");
    ExitCode::SUCCESS
}

/// The lab looks for this function's name.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    work()
}

fn seal(n: u8, text: &mut [u8]) -> [u8; TAG_LEN] {
    Portable.seal(&KEY, &[n; NONCE_LEN], &HEADER, text).unwrap()
}

fn open(n: u8, text: &mut [u8], tag: &[u8; TAG_LEN]) {
    Portable
        .open(&KEY, &[n; NONCE_LEN], &HEADER, text, tag)
        .unwrap();
}
