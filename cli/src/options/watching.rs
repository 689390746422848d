//! Options of the commands that look into a group: ping, top, record, replay.

use core::num::NonZeroU64;
use core::time::Duration;
use std::path::PathBuf;

use clap::Args;

use super::parse_seconds;
use crate::replay::Speed;

pub(crate) const PING_HELP: &str = "It joins, and asks until Ctrl-C or --count. Both answers come by unicast, so the two differ in the way of the \
    question: where only multicast is lost, look at switches, Wi-Fi and firewalls. An answer counts as lost after \
    --interval, by unicast after half of it. In groups of more than 50, answers to multicast are spread over time on purpose. \
    Exit 3 if somebody never answered.";

pub(crate) const TOP_HELP: &str = "It says nothing to the group, and asks for nothing again: MISSING is what did not come here and may still be \
    repaired, GAPS what did not and cannot. TRIP is the round trip that the member states. NACKS and REPAIRS are \
    those that it sent. In a sealed group it believes whoever has the key. Keys: q, arrows. Where standard output is \
    no terminal, it prints the tables every second.";

pub(crate) const RECORD_HELP: &str = "It says nothing to the group, and records all that comes to its address and port, whole and as it came: \
    members, bare datagrams, and groups of other names. Unicast between members does not come there. Wireshark \
    names the frames with cli/wireshark/groupcast.lua; live: groupcast record - | wireshark -k -i -";

pub(crate) const REPLAY_HELP: &str = "It takes captures of `groupcast record`, tcpdump or Wireshark, and sends what in them was sent to --group \
    to the same group. Members that heard it the first time drop it as duplicate or stale; those that have started \
    since take it for what it was. Sealed groups refuse it: as stale, or because the sender does not prove \
    that it is there.";

#[derive(Args, Debug)]
pub(crate) struct Ping {
    /// Whom to ask, by name or id. Default: everybody.
    #[arg(value_name = "MEMBER")]
    pub(crate) member: Option<String>,

    /// End after asking so often.
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) count: Option<NonZeroU64>,

    /// How often to ask; 0.25 or more, since members answer no sooner.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "1",
        value_parser = parse_interval,
        allow_negative_numbers = true
    )]
    pub(crate) interval: Duration,
}

#[derive(Args, Debug)]
pub(crate) struct Top {
    /// Listen for --timeout, by default 3 s, and print what was heard, once. With --json, an object for each
    /// member, and one for the group.
    #[arg(long)]
    pub(crate) once: bool,

    /// End after this time.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Option<Duration>,
}

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

fn parse_interval(text: &str) -> Result<Duration, &'static str> {
    parse_seconds(text).and_then(|interval| {
        (interval >= Duration::from_millis(250))
            .then_some(interval)
            .ok_or("0.25 is the least")
    })
}
