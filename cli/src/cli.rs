//! The command line: common options, and a command with its own.

pub(crate) mod common;
pub(crate) mod settings;
pub(crate) mod usage;

use clap::{Parser, Subcommand};

use crate::bench::options::Bench;
use crate::bridge::options::Bridge;
use crate::chat::options::Chat;
use crate::doctor::options::Doctor;
use crate::groups::options::Groups;
use crate::interfaces::options::Interfaces;
use crate::keygen::options::Keygen;
use crate::listen::options::Listen;
use crate::manual::below;
use crate::manual::options::{Completions, Man};
use crate::members::options::Members;
use crate::options::Common;
use crate::ping::options::Ping;
use crate::pipe::options::Pipe;
use crate::read::options::Read;
use crate::record::options::Record;
use crate::replay::options::Replay;
use crate::send::options::Send;
use crate::sim::options::Sim;
use crate::top::options::Top;
use crate::{groups, ping, read, record, replay, top};

/// Group messaging over UDP multicast.
#[derive(Debug, Parser)]
#[command(name = "groupcast", version, after_help = below())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
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
    /// from standard input to the group and from the others to standard output. What begins with `/` is a command,
    /// and not sent: /help lists them; //text sends /text.
    Chat(Chat),
    /// Take part in lines of JSON, for programs in any language: what is to be sent comes from standard input,
    /// what happens goes to standard output, and it never hears itself. cli/JSON.md is the schema.
    Pipe(Pipe),
    /// Show who is there; with --watch who comes and goes.
    ///
    /// TAKES is what a member receives: all classes, or only values (best effort, latest and state), and the largest
    /// datagram if that is less than 1472 bytes. What is sent to everybody keeps to the smallest.
    Members(Members),
    /// Show which groups are in use here: open or sealed, and how many members are in them.
    #[command(after_help = groups::options::HELP)]
    Groups(Groups),
    /// Ask members for answers, by multicast and by unicast: what is lost, and how long it takes.
    #[command(after_help = ping::options::HELP)]
    Ping(Ping),
    /// Watch members and streams: rates, gaps, repairs, round trips.
    #[command(after_help = top::options::HELP)]
    Top(Top),
    /// Record what the group says, as a capture that Wireshark opens.
    #[command(after_help = record::options::HELP)]
    Record(Record),
    /// Read a capture: each datagram as a line of text, or as JSON.
    #[command(after_help = read::options::HELP)]
    Read(Read),
    /// Say again what was recorded of the group, at the original speed or another.
    #[command(after_help = replay::options::HELP)]
    Replay(Replay),
    /// Show the network interfaces, and which one the group would use.
    Interfaces(Interfaces),
    /// Nothing arrives? Check this machine step by step, and say the most likely cause and what mends it.
    Doctor(Doctor),
    /// Make this group and the same group in other sites one, by way of an MQTT broker. This starts `groupcast-bridge`, a
    /// program of its own, beside this one or on the PATH.
    Bridge(Bridge),
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

/// What a member is called that was not told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Called {
    /// After the person who talks.
    AsUser,
    /// After the machine that it stands for.
    AsHost,
    /// Whoever only looks leaves no name with others.
    Nobody,
}

impl Command {
    /// What its member is called, if nothing else is said.
    pub(crate) const fn called(&self) -> Called {
        match self {
            Self::Chat(_) => Called::AsUser,
            Self::Listen(_) | Self::Send(_) | Self::Pipe(_) => Called::AsHost,
            _ => Called::Nobody,
        }
    }

    /// Whether it goes by the file of settings. What stays on this machine, or meets no group, does not.
    pub(crate) const fn has_file(&self) -> bool {
        !matches!(
            self,
            Self::Demo
                | Self::Sim(_)
                | Self::Bench(_)
                | Self::Keygen(_)
                | Self::Completions(_)
                | Self::Man(_)
        )
    }
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
            assert_eq!(cli.common.hop_limit, 1);
        }
    }

    #[test]
    fn what_to_send_is_said_exactly_once() {
        assert!(parse("groupcast send --file x hello").is_err());
        assert!(parse("groupcast send --lines --repeat 2").is_err());
        assert!(parse("groupcast send --interval 0 hello").is_err());
        assert!(parse("groupcast send hello --lines").is_err());
        assert!(parse("groupcast send --file x --lines").is_err());
        assert!(parse("groupcast send --raw --channel 3 hello").is_err());
        let Command::Send(send) = parse("groupcast send Hello, multicast!").unwrap().command else {
            panic!("not send");
        };
        assert_eq!(send.text, ["Hello,", "multicast!"]);
    }
}
