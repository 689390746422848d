//! Options of `groupcast pipe`.

use core::time::Duration;
use std::path::PathBuf;

use clap::Args;
use groupcast::Join;

use crate::options::choices::parse_join;
use crate::options::{Limits, parse_seconds};

#[derive(Args, Debug)]
pub(crate) struct Pipe {
    /// How long a line with "confirm" waits for those who are to have it. Exit 3 if one is not confirmed.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        default_value = "10",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Duration,

    /// Where to begin with reliable messages: with what is sent from now on, or up to N back.
    #[arg(long, value_name = "current|recent:N", default_value = "current", value_parser = parse_join)]
    pub(crate) join: Join,

    /// Sign every message with the key in this file, as `groupcast keygen --sign --out FILE` makes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) sign_key: Option<PathBuf>,

    /// Show only messages that a publisher in this file signed, and no message twice. It has a line
    /// NAME = "gp1-…" for each, as `groupcast keygen --public FILE` prints it.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: Limits,
}
