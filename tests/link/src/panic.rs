//! What happens at a panic: nothing, or, to find out whether one can happen, no program at all.

use core::panic::PanicInfo;

#[cfg(feature = "no-panic")]
unsafe extern "C" {
    /// Defined nowhere.
    safe fn groupcast_panic_is_reachable() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    #[cfg(feature = "no-panic")]
    groupcast_panic_is_reachable();
    #[cfg(not(feature = "no-panic"))]
    loop {}
}

#[cfg(feature = "use-panic")]
pub(crate) fn cause_it() {
    let array = core::hint::black_box([1_u8; 4]);
    core::hint::black_box(array[core::hint::black_box(9)]);
}
