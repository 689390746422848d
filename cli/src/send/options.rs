//! Options of `groupcast send`.

use core::num::NonZeroU32;
use core::time::Duration;
use std::path::PathBuf;

use clap::Args;
use groupcast::Channel;

use crate::choices::ClassChoice;
use crate::options::{Limits, parse_seconds};

#[derive(Args, Debug)]
pub(crate) struct Send {
    /// The message. Several words are joined by spaces.
    #[arg(
        value_name = "TEXT",
        required_unless_present_any = ["file", "lines"],
        conflicts_with_all = ["file", "lines"]
    )]
    pub(crate) text: Vec<String>,

    /// Send a file's content as one message.
    #[arg(short, long, value_name = "FILE", conflicts_with = "lines")]
    pub(crate) file: Option<PathBuf>,

    /// Send every line of standard input as a message.
    #[arg(short, long)]
    pub(crate) lines: bool,

    /// Send bare datagrams, for programs that do not speak the protocol. Nothing else is sent.
    #[arg(short, long)]
    pub(crate) raw: bool,

    /// The channel, 0 to 255.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "raw")]
    pub(crate) channel: u8,

    /// How it is delivered.
    #[arg(
        long,
        value_name = "CLASS",
        default_value = "best-effort",
        conflicts_with = "raw"
    )]
    pub(crate) class: ClassChoice,

    /// Wait until N members are there, and until N have all of it; exit 3 if they do not in time. For
    /// the classes state and reliable.
    #[arg(short, long, value_name = "N", conflicts_with = "raw")]
    pub(crate) expect: Option<NonZeroU32>,

    /// How long to wait for those that are expected. It begins anew when all is sent.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        default_value = "10",
        value_parser = parse_seconds,
        requires = "expect",
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Duration,

    /// How long it may take to send what waits, once the last line is read or Ctrl-C is pressed. Default:
    /// as long as that needs at its pace.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        conflicts_with = "raw",
        allow_negative_numbers = true
    )]
    pub(crate) leave_within: Option<Duration>,

    /// Sign every message with the key in this file, as `groupcast keygen --sign --out FILE` makes it.
    #[arg(long, value_name = "FILE", conflicts_with = "raw")]
    pub(crate) sign_key: Option<PathBuf>,

    /// Send so many lines a second at most.
    #[arg(long, value_name = "N", requires = "lines")]
    pub(crate) rate: Option<NonZeroU32>,

    #[command(flatten)]
    pub(crate) limits: Limits,
}

impl Send {
    /// The channel to send on.
    pub(crate) const fn on(&self) -> Channel {
        Channel::new(self.channel, self.class.class())
    }
}
