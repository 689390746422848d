//! Options of `groupcast top`.

use core::time::Duration;

use clap::Args;

use super::order::{Key, Order};
use crate::options::parse_seconds;

pub(crate) const HELP: &str = "It says nothing to the group, and asks for nothing again: MISSING is what did not come here and may still be \
    repaired, GAPS what did not and cannot. TRIP is the round trip that the member states. NACKS and REPAIRS are \
    those that it sent. In a sealed group it believes whoever has the key. On a narrow terminal columns are left out. \
    Keys: ? tells them, q ends. Where standard output is no terminal, it prints the tables every second.";

#[derive(Args, Debug)]
pub(crate) struct Top {
    /// Listen for --timeout, by default 3 s, and print what was heard, once. With --json, an object for each
    /// member, and one for the group.
    #[arg(long)]
    pub(crate) once: bool,

    /// End after this time.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Option<Duration>,

    /// By which column to sort: names and ids rising, of the others the highest first.
    #[arg(long, value_name = "COLUMN", value_enum, default_value_t)]
    pub(crate) sort: Key,
}

impl Top {
    pub(crate) fn order(&self) -> Order {
        Order {
            key: self.sort,
            is_reversed: false,
        }
    }
}
