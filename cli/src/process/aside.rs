//! Standard error: what is said beside the results. Where it cannot be written, nobody reads it, and nothing
//! else changes.

use core::fmt;
#[cfg(not(test))]
use std::io::{Write, stderr};

/// As `eprintln!`, which panics where standard error is full or gone.
macro_rules! aside {
    ($($text:tt)*) => {
        $crate::process::aside::say(format_args!($($text)*))
    };
}

/// Says it, as a line of its own.
pub(crate) fn say(text: fmt::Arguments<'_>) {
    // So that tests which pass say nothing.
    #[cfg(test)]
    #[allow(clippy::print_stderr)]
    {
        eprintln!("{text}");
    }
    #[cfg(not(test))]
    let _ = stderr().write_all(format!("{text}\n").as_bytes());
}
