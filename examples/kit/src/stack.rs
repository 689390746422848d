//! How deep the stack has been.

use cortex_m_rt::STACK_PAINT_VALUE;

unsafe extern "C" {
    /// Where the stack would meet the variables: its last word. From the linker script.
    static _stack_end: u32;
    /// Where the stack begins.
    static _stack_start: u32;
}

/// Bytes of the stack that have been used at some time since power-on.
///
/// The start-up code paints the stack; what is not painted any more has been used.
pub fn worst() -> usize {
    let (end, start) = (&raw const _stack_end, &raw const _stack_start);
    let mut at = end;
    // SAFETY: both are of one memory, and what is between them, at `end` and above, can always be read. The
    // compiler does not know that others write there, so each word is read anew.
    while at < start && unsafe { at.read_volatile() } == STACK_PAINT_VALUE {
        at = at.wrapping_add(1);
    }
    start.addr() - at.addr()
}
