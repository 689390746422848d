//! What can be said to `groupcast bench`.

use core::time::Duration;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::options::Limits;
use crate::options::choices::ClassChoice;

/// A message carries its number, and a pattern that follows from it.
const LEAST: u64 = 8;

/// More than the protocol can carry: what is between is refused with the limit of the group.
const MOST: u64 = 1 << 30;

/// Messages that are queued before they are sent.
pub(crate) const BATCH: u32 = 256;

/// Runs are bounded in time and number of processes.
const LONGEST: f64 = 60.0;
const MOST_RECEIVERS: i64 = 64;
const MOST_LEAVES: i64 = 16;

#[derive(Args, Debug)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) what: What,
}

/// What is measured. All of it stays on the loopback interface unless --interface says otherwise.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// How many messages a second one sender gets to its receivers.
    Throughput(Throughput),
    /// How long a message and its answer take between two processes, each on a processor of its own.
    Latency(Latency),
    /// How many a second of the largest messages.
    Large(Large),
    /// How many a second plain sockets do: one datagram a message, one system call a datagram.
    Floor(Floor),
    /// Measure throughput and cost against size, receivers, members and loss: tables, and pictures in a
    /// file. Takes minutes; groups of many members are simulated.
    Plot(Plot),
}

/// What is sent, and to how many.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Load {
    /// For how long to send, up to 60 s.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = parse_time, allow_negative_numbers = true)]
    pub(crate) seconds: Duration,

    /// How many processes receive, 1 to 64.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(1..=MOST_RECEIVERS),
        allow_negative_numbers = true
    )]
    pub(crate) receivers: u8,

    /// Messages a second at most. Default: as many as it can.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    pub(crate) rate: Option<u32>,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Throughput {
    #[command(flatten)]
    pub(crate) load: Load,

    /// Bytes of each message, from 8.
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(LEAST as i64..=MOST as i64))]
    pub(crate) size: u32,

    #[command(flatten)]
    pub(crate) how: How,

    /// Messages that are queued before they are sent, so that they share datagrams. 1: each goes out by
    /// itself.
    #[arg(
        long,
        value_name = "N",
        default_value_t = BATCH,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        allow_negative_numbers = true
    )]
    pub(crate) batch: u32,

    /// How many leaves are in the group besides, 0 to 16: sensors that take no reliable messages, and no datagrams above
    /// 512 bytes. Each is a process that looks at its sockets once a millisecond, as a board does.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        value_parser = clap::value_parser!(u8).range(0..=MOST_LEAVES),
        allow_negative_numbers = true
    )]
    pub(crate) leaves: u8,

    /// Be only one end of it, for comparisons that start both by hand.
    #[arg(long, value_name = "END")]
    pub(crate) role: Option<MemberRole>,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Large {
    #[command(flatten)]
    pub(crate) load: Load,

    /// Bytes of each message. Default: as many as a message of the class can have.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(LEAST as i64..=MOST as i64))]
    pub(crate) size: Option<u32>,

    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Latency {
    /// For how long to send, up to 60 s; plain sockets take as long again.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = parse_time, allow_negative_numbers = true)]
    pub(crate) seconds: Duration,

    /// Bytes of each message, from 8.
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(LEAST as i64..=MOST as i64))]
    pub(crate) size: u32,

    #[command(flatten)]
    pub(crate) how: How,

    /// Be only one end of it, for comparisons that start both by hand.
    #[arg(long, value_name = "END")]
    pub(crate) role: Option<Role>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Plot {
    /// Where to draw.
    #[arg(value_name = "FILE.svg")]
    pub(crate) file: PathBuf,

    /// For how long to send each time, up to 60 s.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = parse_time, allow_negative_numbers = true)]
    pub(crate) seconds: Duration,

    /// Bytes of a message.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "16,32,64,128,256,512,1024", value_parser = clap::value_parser!(u32).range(LEAST as i64..=65_507))]
    pub(crate) sizes: Vec<u32>,

    /// Processes that receive.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1,4,16", value_parser = clap::value_parser!(u8).range(1..=MOST_RECEIVERS))]
    pub(crate) receivers: Vec<u8>,

    /// Simulated members, 2 to 1000.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "2,10,30,100,300,1000", value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub(crate) members: Vec<u16>,

    /// Percent of loss in a simulated group.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0,1,2,5,10,20,30", value_parser = clap::value_parser!(u8).range(0..=90))]
    pub(crate) losses: Vec<u8>,

    #[command(flatten)]
    pub(crate) how: How,
}

/// How messages are sent.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct How {
    /// How messages are delivered.
    #[arg(long, value_name = "CLASS", default_value = "reliable-ordered")]
    pub(crate) class: ClassChoice,

    /// Seal the group with a key that is no secret, for measurements alone. --key-file does it with a
    /// secret one.
    #[arg(long)]
    pub(crate) sealed: bool,

    #[command(flatten)]
    pub(crate) limits: Limits,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Floor {
    #[command(flatten)]
    pub(crate) load: Load,

    /// Bytes of each datagram, 8 to 65507.
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(LEAST as i64..=65_507))]
    pub(crate) size: u32,

    /// Be only one end of it, for comparisons that start both by hand.
    #[arg(long, value_name = "END")]
    pub(crate) role: Option<Role>,
}

/// One end of a measurement of throughput.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum MemberRole {
    /// Sends.
    Tx,
    /// Receives.
    Rx,
    /// Is a leaf, and says a value now and then until it is ended.
    Leaf,
}

/// One end of a measurement.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Role {
    /// Sends.
    Tx,
    /// Receives.
    Rx,
}

fn parse_time(text: &str) -> Result<Duration, &'static str> {
    text.parse()
        .ok()
        .filter(|seconds| (0.01..=LONGEST).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or("a run takes 0.01 to 60 seconds")
}
