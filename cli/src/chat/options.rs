//! Options of `groupcast chat`.

use core::time::Duration;
use std::path::PathBuf;

use clap::Args;

use crate::options::{Limits, parse_seconds};

#[derive(Args, Debug)]
pub(crate) struct Chat {
    /// The channel, 0 to 255.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) channel: u8,

    /// Line by line, also on a terminal.
    #[arg(long)]
    pub(crate) plain: bool,

    /// Line by line: day and time before each line. On the screen there is always the time.
    #[arg(long, conflicts_with = "json")]
    pub(crate) time: bool,

    /// Send what is said as raw datagrams, too, for programs that do not speak the protocol. In a sealed
    /// group, where that gives it away, only with --raw.
    #[arg(long)]
    pub(crate) mirror: bool,

    /// Write what is said to this file, too, with day and time, behind what is there. It is not sealed.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    /// No bell when somebody mentions you.
    #[arg(long)]
    pub(crate) no_bell: bool,

    /// How long it may take to send what waits, at the end of standard input or after Ctrl-C. Default: as
    /// long as that needs at its pace.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) leave_within: Option<Duration>,

    #[command(flatten)]
    pub(crate) limits: Limits,
}
