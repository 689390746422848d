//! The end, if something cannot be that is.

use core::panic::PanicInfo;

use crate::{host, log};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    log!("{info}");
    host::exit(false)
}
