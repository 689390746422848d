//! Options of `groupcast listen`.

use core::num::NonZeroU64;
use core::time::Duration;
use std::path::PathBuf;

use clap::Args;
use groupcast::Join;

use crate::choices::parse_join;
use crate::options::{Limits, parse_seconds};

#[derive(Args, Debug)]
pub(crate) struct Listen {
    /// End after this many messages, framed and bare together.
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) count: Option<NonZeroU64>,

    /// End after this time; exit 3 if fewer messages came than --count asks for.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Option<Duration>,

    /// Where to begin with reliable messages: with what is sent from now on, or up to N back.
    #[arg(long, value_name = "current|recent:N", default_value = "current", value_parser = parse_join)]
    pub(crate) join: Join,

    /// Show only messages that a publisher in this file signed, and no message twice. It has a line
    /// NAME = "gp1-…" for each, as `groupcast keygen --public FILE` prints it.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: Limits,
}
