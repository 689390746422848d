//! What can be said on the command line.

mod watching;

use core::net::IpAddr;
use core::num::{NonZeroU32, NonZeroU64};
use core::time::Duration;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use groupcast::{Channel, Join, MemberId};
use groupcast_std::InterfaceSelector;

use crate::bench::options::Bench;
use crate::choices::{ClassChoice, PaceChoice, StorageChoice, parse_join};
use crate::manual::exit_codes;
use crate::sim::options::Sim;

pub(crate) use watching::{Ping, Record, Replay, Top};

/// Group messaging over UDP multicast.
#[derive(Debug, Parser)]
#[command(name = "groupcast", version, after_help = exit_codes())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Common {
    /// The group: a multicast address or a host name, and a port.
    #[arg(
        short,
        long,
        global = true,
        value_name = "ADDR:PORT",
        default_value = "239.1.2.3:12345"
    )]
    pub(crate) group: String,

    /// The interface, by name, index or address. Default: chosen; `groupcast interfaces` says which
    /// and why.
    #[arg(
        short,
        long,
        global = true,
        value_name = "NAME|INDEX|ADDR",
        env = "GROUPCAST_INTERFACE",
        value_parser = parse_interface
    )]
    pub(crate) interface: Option<InterfaceSelector>,

    /// Wait so long for the interface, and for the name of the group, as a service does that starts before
    /// the network; exit 3 if they do not come. Without --interface: for one that reaches other machines.
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) wait_interface: Option<Duration>,

    /// The name others see, up to 32 bytes.
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// A fixed member id, up to 8 hexadecimal digits, not 0. Default: drawn at random.
    #[arg(long, global = true, value_name = "HEX", value_parser = parse_id)]
    pub(crate) id: Option<MemberId>,

    /// A name for the group itself, up to 32 bytes: only members with the same one hear each other.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) group_name: Option<String>,

    /// The keys of a sealed group, as `groupcast keygen --out FILE` makes them: whoever has no such file can
    /// neither read nor send. The group's name is that in the file, if there is one.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "GROUPCAST_KEY_FILE"
    )]
    pub(crate) key_file: Option<PathBuf>,

    /// In a sealed group: believe whoever holds the key, without waiting for proof that it is there now. For
    /// those that take part --hidden. What was recorded before can then be played back.
    #[arg(long, global = true)]
    pub(crate) trust_first: bool,

    /// In a sealed group: take bare datagrams, too. Anybody can send those.
    #[arg(long, global = true)]
    pub(crate) bare: bool,

    /// The hop limit (TTL). 1 stays on the link, 0 on this machine.
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub(crate) hops: u8,

    /// Take part without telling the others.
    #[arg(long, global = true)]
    pub(crate) hidden: bool,

    /// Results as JSON, one object a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say more on standard error.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Two members in this process say hello over real sockets on this machine.
    Demo,
    /// Print every message as it arrives, and who joins and leaves.
    Listen(Listen),
    /// Send a message to the group.
    Send(Send),
    /// Talk, on the whole screen: who is there, what is said, who has it. Without a terminal line by line,
    /// from standard input to the group and from the others to standard output.
    Chat(Chat),
    /// Take part in lines of JSON, for programs in any language: what is to be sent comes from standard input,
    /// what happens goes to standard output, and it never hears itself. cli/JSON.md is the schema.
    Pipe(Pipe),
    /// Show who is there.
    Members(Members),
    /// Ask members for answers, by multicast and by unicast: what is lost, and how long it takes.
    #[command(after_help = watching::PING_HELP)]
    Ping(Ping),
    /// Watch members and streams: rates, gaps, repairs, round trips.
    #[command(after_help = watching::TOP_HELP)]
    Top(Top),
    /// Record what the group says, as a capture that Wireshark opens.
    #[command(after_help = watching::RECORD_HELP)]
    Record(Record),
    /// Say again what was recorded of the group, at the original speed or another.
    #[command(after_help = watching::REPLAY_HELP)]
    Replay(Replay),
    /// Show the network interfaces, and which one the group would use.
    Interfaces,
    /// Nothing arrives? Check this machine step by step, and say the most likely cause and what mends it.
    Doctor(Doctor),
    /// Simulate a group: what it would deliver, how fast, and what that costs. No socket is opened.
    Sim(Sim),
    /// Measure throughput, latency and cost on this machine, beside plain sockets in the same run.
    Bench(Bench),
    /// Make a key for a sealed group, for all its members: `groupcast keygen --out FILE`; or one to sign with.
    Keygen(Keygen),
    /// Print a script for a shell that completes what is typed: `source <(groupcast completions bash)`.
    Completions(Completions),
    /// Print the manual page, or write those of all commands into a directory.
    Man(Man),
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// A directory that is there.
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Keygen {
    /// Write into this file, which must not be there yet: private from the first moment (mode 0600). What a
    /// shell makes of > FILE can be opened by others until the key is in it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Make the key of a passphrase of 16 characters or more: asked for, or the first line of standard
    /// input. Whoever records a datagram can try passphrases, so let dice choose it, and name the group:
    /// without --group-name, the same passphrase gives the same key everywhere.
    #[arg(long)]
    pub(crate) passphrase: bool,

    /// Not a new key, but the one that this key file sends with, as an array.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "passphrase",
        requires = "array"
    )]
    pub(crate) from: Option<PathBuf>,

    /// Make a key to sign messages with, for a publisher: `groupcast keygen --sign --out FILE`. --name is what
    /// those who trust it may call it.
    #[arg(long, conflicts_with_all = ["passphrase", "from", "array"])]
    pub(crate) sign: bool,

    /// Not a key, but the line that trusts the key in this file of --sign, for `listen --trust`; or its
    /// public key as an array.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["passphrase", "from", "sign"])]
    pub(crate) public: Option<PathBuf>,

    /// As an array in C, for a board.
    #[arg(long, group = "array")]
    pub(crate) c_array: bool,

    /// As an array in Rust, for a board.
    #[arg(long, group = "array")]
    pub(crate) rust_array: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Listen {
    /// End after this many messages, framed and bare together.
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
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

/// What a member may use.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// How fast to send at most. Default: wired, and on the loopback interface unlimited.
    #[arg(long, value_name = "PACE")]
    pub(crate) pace: Option<PaceChoice>,

    /// How much memory to live in: tiny and board are those of microcontrollers. Default: desktop.
    #[arg(long, value_name = "SIZE")]
    pub(crate) storage: Option<StorageChoice>,

    /// The largest datagram to send, 512 to 1472 bytes; IP and UDP add 28, with IPv6 48. Default: 1200. Less where
    /// a link on the way takes less.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(512..=1472))]
    pub(crate) max_datagram: Option<u16>,
}

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

    /// Send bare datagrams, for programs that do not speak the protocol. Nothing else is sent, and nothing but
    /// --rate holds them back.
    #[arg(short, long, conflicts_with_all = ["pace", "storage"])]
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

#[derive(Args, Debug)]
pub(crate) struct Pipe {
    /// How long a line with "confirm" waits for those who are to have it. Exit 3 if one is not confirmed.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        default_value = "10",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Duration,

    /// Where to begin with reliable messages: with what is sent from now on, or up to N back.
    #[arg(long, value_name = "current|recent:N", default_value = "current", value_parser = parse_join)]
    pub(crate) join: Join,

    /// Sign every message with the key in this file, as `groupcast keygen --sign --out FILE` makes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) sign_key: Option<PathBuf>,

    /// Show only messages that a publisher in this file signed, and no message twice. It has a line
    /// NAME = "gp1-…" for each, as `groupcast keygen --public FILE` prints it.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) limits: Limits,
}

impl Send {
    /// The channel to send on.
    pub(crate) const fn on(&self) -> Channel {
        Channel::new(self.channel, self.class.class())
    }
}

#[derive(Args, Debug)]
pub(crate) struct Chat {
    /// The channel, 0 to 255.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) channel: u8,

    /// Line by line, also on a terminal.
    #[arg(long)]
    pub(crate) plain: bool,

    /// Send what is said as bare datagrams, too, for programs that do not speak the protocol. In a sealed
    /// group, where that gives it away, only with --bare.
    #[arg(long)]
    pub(crate) mirror: bool,

    /// How long it may take to send what waits, at the end of standard input or after Ctrl-C. Default: as
    /// long as that needs at its pace.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) leave_within: Option<Duration>,

    #[command(flatten)]
    pub(crate) limits: Limits,
}

#[derive(Args, Debug)]
pub(crate) struct Members {
    /// End after this time. With --json, the members are then printed, one object a line.
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
pub(crate) struct Doctor {
    /// Test with another machine, on which `groupcast doctor --peer` runs at the same time. With its
    /// address, also where multicast does not get through.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1)]
    pub(crate) peer: Option<Option<IpAddr>>,

    /// How long to wait for the other machine.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        default_value = "60",
        value_parser = parse_seconds,
        requires = "peer",
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Duration,

    /// Go on with the other machine for so long, to see whether a switch forgets the group: most do so
    /// after 260 s. Without a number: 360. Both machines need it.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "360",
        value_parser = parse_seconds,
        requires = "peer"
    )]
    pub(crate) long: Option<Duration>,

    /// Print a text to paste into a bug report. It has the addresses of this machine, and no secrets.
    #[arg(long)]
    pub(crate) report: bool,
}

fn parse_interface(text: &str) -> Result<InterfaceSelector, &'static str> {
    // A variable of a script that is not set is not a wish to have one chosen.
    if text.trim().is_empty() {
        return Err("an interface is a name, an index or an address; `auto` has one chosen");
    }
    text.parse()
        .map_err(|never: core::convert::Infallible| match never {})
}

fn parse_id(text: &str) -> Result<MemberId, &'static str> {
    const ADVICE: &str = "an id is 1 to 8 hexadecimal digits and not 0, such as 7f3a";
    // `from_str_radix` takes a sign, too.
    if text.starts_with('+') {
        return Err(ADVICE);
    }
    u32::from_str_radix(text, 16)
        .ok()
        .and_then(MemberId::new)
        .ok_or(ADVICE)
}

pub(crate) fn parse_seconds(text: &str) -> Result<Duration, &'static str> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or("a time is a number of seconds, such as 10 or 0.5")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn common_options_stand_before_or_behind_the_command() {
        for line in [
            "groupcast --json --name ana listen",
            "groupcast listen --json --name ana",
        ] {
            let cli = parse(line).unwrap();
            assert!(cli.common.json && cli.common.name.as_deref() == Some("ana"));
            assert_eq!(cli.common.group, "239.1.2.3:12345");
            assert_eq!(cli.common.hops, 1);
        }
    }

    #[test]
    fn what_to_send_is_said_exactly_once() {
        assert!(parse("groupcast send").is_err());
        assert!(parse("groupcast send hello --lines").is_err());
        assert!(parse("groupcast send --file x --lines").is_err());
        assert!(parse("groupcast send --raw --channel 3 hello").is_err());
        let Command::Send(send) = parse("groupcast send Hello, multicast!").unwrap().command else {
            panic!("not send");
        };
        assert_eq!(send.text, ["Hello,", "multicast!"]);
    }

    #[test]
    fn ids_and_times_are_read_with_care() {
        assert_eq!(parse_id("7f3A").unwrap().get(), 0x7f3a);
        for bad in ["", "0", "+1", "-1", "123456789", "ghost"] {
            assert!(parse_id(bad).is_err(), "{bad}");
        }
        for empty in ["", " "] {
            assert!(parse_interface(empty).is_err());
        }
        assert_eq!(parse_interface("auto"), Ok(InterfaceSelector::Auto));
        assert_eq!(parse_seconds("0.5").unwrap(), Duration::from_millis(500));
        for bad in ["", "-1", "nan", "inf", "1e300", "soon"] {
            assert!(parse_seconds(bad).is_err(), "{bad}");
        }
    }
}
