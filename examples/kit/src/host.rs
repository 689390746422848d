//! What the machine that the emulator runs on gives: a command line, random bytes, a place to end.
//!
//! On a chip of your own these are its pins or its flash, and its generator of random numbers.

use core::ffi::CStr;

use cortex_m_semihosting::{debug, nr, syscall, syscall1};

use crate::{log, stack};

const RANDOM: &CStr = c"/dev/urandom";

/// What [`syscall`] returns for a file that cannot be opened.
const NO_FILE: usize = usize::MAX;

/// The words after `-semihosting-config …,arg=`, put into the buffer. `None`: there are none, or they
/// do not fit.
pub fn command_line(buffer: &mut [u8]) -> Option<&str> {
    let mut block = [buffer.as_mut_ptr() as usize, buffer.len()];
    // SAFETY: the host writes a text into the buffer, no more than its length, and the text's length into
    // the block. Both are borrowed for longer than the call.
    let failed = unsafe { syscall1(nr::GET_CMDLINE, block.as_mut_ptr() as usize) };
    let [_, length] = block;
    let text = buffer.get(..length).filter(|_| failed == 0)?;
    core::str::from_utf8(text.split(|octet| *octet == 0).next()?).ok()
}

/// Random bytes of the host. They **stand for the chip's generator of random numbers**, which the
/// LM3S6965 has not. `None`: there are none.
pub fn random() -> Option<[u8; 32]> {
    let mut octets = [0; 32];
    let name = RANDOM.to_bytes();
    // SAFETY: the host reads a name of this length, followed by a zero.
    let file = unsafe { syscall!(OPEN, name.as_ptr(), nr::open::R_BINARY, name.len()) };
    if file == NO_FILE {
        return None;
    }
    // SAFETY: the host writes as many octets as the array has, which is borrowed for longer than the call.
    let missing = unsafe { syscall!(READ, file, octets.as_mut_ptr(), octets.len()) };
    // SAFETY: the file is open, and not used any more.
    unsafe { syscall!(CLOSE, file) };
    (missing == 0).then_some(octets)
}

/// Ends the emulator.
pub fn exit(well: bool) -> ! {
    log!("stack: {} bytes at most", stack::worst() as u32);
    loop {
        debug::exit(if well {
            debug::EXIT_SUCCESS
        } else {
            debug::EXIT_FAILURE
        });
    }
}
