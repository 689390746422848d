//! Options of `groupcast doctor`.

use core::net::IpAddr;
use core::time::Duration;

use clap::Args;

use crate::options::parse_seconds;

#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Test with another machine, on which `groupcast doctor --peer` runs at the same time. With its
    /// address, also where multicast does not get through.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1)]
    pub(crate) peer: Option<Option<IpAddr>>,

    /// How long to wait for the other machine.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        default_value = "60",
        value_parser = parse_seconds,
        requires = "peer",
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Duration,

    /// Go on with the other machine for so long, to see whether a switch forgets the group: most do so
    /// after 260 s. Without a number: 360. Both machines need it.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "360",
        value_parser = parse_seconds,
        requires = "peer"
    )]
    pub(crate) long: Option<Duration>,

    /// Print a text to paste into a bug report. It has the addresses of this machine, and no secrets.
    #[arg(long)]
    pub(crate) report: bool,
}
