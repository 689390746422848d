//! Options of `groupcast replay`.

use std::path::PathBuf;

use clap::Args;

use super::Speed;

pub(crate) const HELP: &str = "It takes captures of `groupcast record`, tcpdump or Wireshark, and sends what in them was sent to --group \
    to the same group. Members that heard it the first time drop it as duplicate or stale; those that have started \
    since take it for what it was. Sealed groups refuse it: as stale, or because the sender does not prove \
    that it is there.";

#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The capture, in the form pcapng or pcap.
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
}
