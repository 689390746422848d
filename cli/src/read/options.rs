//! Options of `groupcast read`.

use std::path::PathBuf;

use clap::Args;

pub(crate) const HELP: &str = "It takes captures of `groupcast record`, tcpdump or Wireshark, also while they grow: groupcast record - | \
    groupcast read -. No network is needed. A line is a datagram: seconds since the first, from where to where, who sent it, and its \
    frames, by the names that the dissector for Wireshark has. With --key-file it reads sealed groups, too; what no key fits is said to \
    be sealed. What is neither to a multicast address nor built as Groupcast's datagrams are is left out. With --json, an object for \
    each datagram: cli/JSON.md.";

#[derive(Args, Debug)]
pub(crate) struct Read {
    /// The capture, in the form pcapng or pcap. - is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
