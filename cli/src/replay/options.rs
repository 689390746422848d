//! Options of `groupcast replay`.

use std::path::PathBuf;

use clap::Args;

use super::pace::Speed;

pub(crate) const HELP: &str = "It takes captures of `groupcast record`, tcpdump or Wireshark, and sends what in them was sent to --group \
    to the same group. Members that heard it the first time drop it as duplicate or stale; those that have started \
    since take it for what it was. In open groups its senders say that it is a replay: who was called ana is called `ana (replay)`. Raw \
    datagrams have no name, and are sent as they were. Sealed groups refuse it: as stale, or because the sender does not prove \
    that it is there.";

#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The capture, in the form pcapng or pcap. - is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// How fast: 2 is twice as fast as it was, 0.5 half as fast, max without any pause.
    #[arg(
        short,
        long,
        value_name = "TIMES|max",
        default_value = "1",
        allow_negative_numbers = true
    )]
    pub(crate) speed: Speed,

    /// Send every datagram byte for byte as it was, also names: nobody can tell it from what it was.
    #[arg(long)]
    pub(crate) exact: bool,

    /// Send nothing, and print what would be sent, as `groupcast read` does. No network is needed.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
