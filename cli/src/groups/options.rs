//! Options of `groupcast groups`.

use core::time::Duration;
use std::path::PathBuf;

use clap::Args;

use crate::options::{parse_group, parse_seconds};

pub(crate) const HELP: &str = "It sends nothing, and is no member. A machine hears the groups that it has joined, so this joins, while it listens, \
    the usual group and that of --group, those of the profiles and those of --also; on Linux it also hears those that programs on this \
    machine have joined, and joins nothing for that. Other groups are not heard. Where switches leave groups out (IGMP \
    snooping), nobody hears them who has not joined. --capture asks a program that may hear more, without joining: \
    sudo tcpdump -i eth0 -U -w - udp and multicast | groupcast groups --capture -. Hidden members count as soon as they speak; in sealed groups, \
    and in captures, those count, too, who left meanwhile. A name of a group is shown if it is that of a profile or of --group-name.";

/// How long to listen where nothing else is said.
pub(crate) const USUAL: Duration = Duration::from_secs(5);

#[derive(Args, Debug)]
pub(crate) struct Groups {
    /// Join this group, too, while it listens; may be given several times.
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_group)]
    pub(crate) also: Vec<String>,

    /// Tell what is in this capture instead, in the form pcapng or pcap, and join nothing. - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "also")]
    pub(crate) capture: Option<PathBuf>,

    /// How long to listen; by the times in a capture, from its beginning. Default: 5, and all of a capture. Members say that they are there every second, in large groups every few seconds.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Option<Duration>,
}
