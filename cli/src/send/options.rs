//! Options of `groupcast send`.

use core::num::{NonZeroU32, NonZeroU64};
use core::time::Duration;
use std::path::PathBuf;

use clap::Args;
use groupcast::Channel;

use crate::options::choices::ClassChoice;
use crate::options::{Limits, parse_count, parse_seconds};

/// How long after each other a message is sent that is sent several times.
const INTERVAL: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(1);

#[derive(Args, Debug)]
pub(crate) struct Send {
    /// The message. Several words are joined by spaces. Without it, or with `-`, every line of standard input is a
    /// message: `date | groupcast send`.
    #[arg(value_name = "TEXT", conflicts_with_all = ["file", "lines"])]
    pub(crate) text: Vec<String>,

    /// Send a file's content as one message; `-` is standard input until its end.
    #[arg(short, long, value_name = "FILE", conflicts_with = "lines")]
    pub(crate) file: Option<PathBuf>,

    /// Send every line of standard input as a message, also if there is none, or if it is typed.
    #[arg(short, long)]
    pub(crate) lines: bool,

    /// Send it N times.
    #[arg(long, value_name = "N", conflicts_with = "lines", value_parser = parse_count::<NonZeroU64>)]
    pub(crate) repeat: Option<NonZeroU64>,

    /// How long after each other. Default: 1. Without --repeat until Ctrl-C.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = parse_interval,
        conflicts_with = "lines",
        allow_negative_numbers = true
    )]
    pub(crate) interval: Option<Duration>,

    /// Send raw datagrams, for programs that do not speak the protocol. Nothing else is sent, nothing is sealed, and
    /// nothing but --rate and --interval holds them back.
    #[arg(short = 'r', long, conflicts_with_all = ["pace", "storage"])]
    pub(crate) raw: bool,

    /// The channel, 0 to 255.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "raw")]
    pub(crate) channel: u8,

    /// How it is delivered. Default: reliable-ordered, so that whoever is there has it when this ends; with
    /// --rate, unless --expect asks for it, best-effort.
    #[arg(long, value_name = "CLASS", conflicts_with = "raw")]
    pub(crate) class: Option<ClassChoice>,

    /// Wait until N members are there, and until N have all of it; exit 3 if they do not in time. For
    /// the classes state and reliable.
    #[arg(short, long, value_name = "N", conflicts_with = "raw", value_parser = parse_count::<NonZeroU32>)]
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

    /// Send so many lines of standard input a second at most.
    #[arg(long, value_name = "N", conflicts_with_all = ["file", "repeat", "interval"], value_parser = parse_count::<NonZeroU32>)]
    pub(crate) rate: Option<NonZeroU32>,

    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// How often a message is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Times {
    /// `None`: until it is ended.
    pub(crate) count: Option<u64>,
    pub(crate) interval: Duration,
}

impl Send {
    /// The channel to send on.
    pub(crate) fn on(&self) -> Channel {
        let usual = match (self.rate, self.expect) {
            // Whoever names a rate wants that kept, and not what the slowest receiver takes.
            (Some(_), None) => ClassChoice::BestEffort,
            _ => ClassChoice::ReliableOrdered,
        };
        Channel::new(self.channel, self.class.unwrap_or(usual).class())
    }

    /// How often to send a message that is no line.
    pub(crate) fn times(&self) -> Times {
        let is_once = self.repeat.is_none() && self.interval.is_none();
        Times {
            count: self
                .repeat
                .map_or_else(|| is_once.then_some(1), |n| Some(n.get())),
            interval: self.interval.unwrap_or(INTERVAL),
        }
    }
}

fn parse_interval(text: &str) -> Result<Duration, &'static str> {
    parse_seconds(text).and_then(|interval| match interval {
        short if short < SHORTEST => Err("an interval is 0.001 seconds or more"),
        interval => Ok(interval),
    })
}
