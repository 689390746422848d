//! Options of `groupcast listen`.

use core::num::NonZeroU64;
use core::time::Duration;
use std::path::PathBuf;

use clap::Args;
use groupcast::Join;

use super::format::Format;
use crate::options::choices::{ClassChoice, parse_join};
use crate::options::{Limits, parse_count, parse_seconds};

fn parse_command(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        return Err("a command is what a shell can run, such as 'logger -t group'");
    }
    Ok(text.to_owned())
}

#[derive(Args, Debug)]
pub(crate) struct Listen {
    /// Only messages on these channels, 0 to 255: `--channel 3,7`. No raw datagrams, which have none.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(crate) channel: Vec<u8>,

    /// Only messages of these classes. No raw datagrams.
    #[arg(long, value_name = "CLASS", value_delimiter = ',')]
    pub(crate) class: Vec<ClassChoice>,

    /// Only messages and events of these: a member's name or id, or an address. Anybody can take any name;
    /// --trust tells who is who.
    #[arg(long, value_name = "WHO", value_delimiter = ',')]
    pub(crate) from: Vec<String>,

    /// Only messages, not who comes and goes. What is lost for ever is told on standard error.
    #[arg(long)]
    pub(crate) no_events: bool,

    /// The time before each line, by this machine's clock and in its zone. --json has it always.
    #[arg(long, conflicts_with_all = ["format", "json"])]
    pub(crate) time: bool,

    /// A line for each message, and none for events: text with {time} {from} {sender} {session} {address}
    /// {channel} {class} {sequence} {signed_by} {text} {hex} {bytes} {file}, \t and \n.
    #[arg(long, value_name = "LINE", conflicts_with = "json")]
    pub(crate) format: Option<Format>,

    /// Write each message into a new file in this folder: when it came, from whom, its number. Anybody who
    /// can speak in the group can fill it.
    #[arg(long, value_name = "DIR")]
    pub(crate) save: Option<PathBuf>,

    /// Run this command for each message, in a shell where there is sh: the message on its standard input, the rest
    /// in MESSAGE_FROM, _SENDER, _SESSION, _ADDRESS, _CHANNEL, _CLASS, _SEQUENCE, _SIGNED_BY, _TIME, _BYTES, _FILE.
    /// Write "$MESSAGE_FROM" with its quotes: others choose it. Exit 3 if one fails. At the end
    /// it waits for those that still run or wait to; Ctrl-C ends it without them.
    #[arg(long, value_name = "COMMAND", value_parser = parse_command)]
    pub(crate) exec: Option<String>,

    /// So many commands at once, up to 64; with 1, one after the other.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "exec", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) jobs: u8,

    /// End after this many messages, framed and raw together.
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = parse_count::<NonZeroU64>)]
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
