//! Options of `groupcast members`.

use core::time::Duration;

use clap::Args;

use crate::options::parse_seconds;

#[derive(Args, Debug)]
pub(crate) struct Members {
    /// End after this time. With --json, the members are then printed, one object a line.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Option<Duration>,
}
