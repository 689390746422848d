//! Options of `groupcast record`.

use core::num::NonZeroU64;
use core::time::Duration;
use std::path::PathBuf;

use clap::Args;

use crate::options::parse_seconds;

pub(crate) const HELP: &str = "It says nothing to the group, and records all that comes to its address and port, whole and as it came: \
    members, bare datagrams, and groups of other names. Unicast between members does not come there. Wireshark \
    names the frames with cli/wireshark/groupcast.lua; live: groupcast record - | wireshark -k -i -";

#[derive(Args, Debug)]
pub(crate) struct Record {
    /// The file to write, in the form pcapng; what was in it is replaced. - is standard output.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// End after this many datagrams.
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) count: Option<NonZeroU64>,

    /// End after this time; exit 3 if fewer datagrams came than --count asks for.
    #[arg(
        short,
        long,
        visible_alias = "seconds",
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Option<Duration>,
}
