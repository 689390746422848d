//! What the command line says.

mod file;
mod gateway;
mod shared;

use core::time::Duration;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::failure::Failure;
use crate::log;
use file::File;
pub(crate) use gateway::Gateway;
pub(crate) use shared::Shared;

const FILE: &str = "\
`groupcast-bridge --config FILE` does what that file says, also which command. BRIDGE.md has an example.";

const CODES: &str = "\
Exit codes:
  0    Ended by Ctrl-C; or all is well, with --check.
  1    Trouble with the network that makes going on impossible.
  2    Something asked for cannot be: an option, an interface, a file; or the broker refuses: the user, the
       password, the topics, or its certificate is not trusted; or another client has the same name.
  3    The broker was not reached within --timeout.
  130  Ended by a second Ctrl-C.";

/// Groupcast beyond one LAN.
#[derive(Debug, Parser)]
#[command(name = "groupcast-bridge", version, after_help = format!("{FILE}\n\n{CODES}"))]
pub(crate) struct Bridge {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the group in this site and the same group in other sites one, by way of an MQTT 5 broker. It needs no
    /// key. BRIDGE.md says what passes and what does not.
    #[command(after_help = CODES)]
    Tunnel(Box<Tunnel>),

    /// Publish what is said in the group at an MQTT 5 broker, in topics for Home Assistant, Node-RED or a cloud, and say in
    /// the group what is published for it there. It is a member, and in a sealed group needs the key. BRIDGE.md has the topics.
    #[command(after_help = CODES)]
    Gateway(Box<Gateway>),
}

/// Options of `groupcast-bridge tunnel`.
#[derive(Args, Debug)]
pub(crate) struct Tunnel {
    /// How many members to carry, those here and those elsewhere each. Each of those elsewhere takes an open file.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) members: u32,

    // Last, since what follows would be under its last heading.
    #[command(flatten)]
    pub(crate) shared: Shared,
}

impl Command {
    pub(crate) const fn shared(&self) -> &Shared {
        match self {
            Self::Tunnel(options) => &options.shared,
            Self::Gateway(options) => &options.shared,
        }
    }
}

/// Why the program does not do what it is for, or not any more.
#[derive(Debug)]
pub(crate) enum NoOptions {
    /// Help was asked for, or what was said makes no sense.
    Clap(clap::Error),
    /// The file, or what does not go together.
    Failure(Failure),
}

impl NoOptions {
    /// Says why, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Failure(failure) => failure.report(),
            Self::Clap(error) if error.use_stderr() && log::is_json() => {
                Failure::Settings(error.to_string()).report()
            }
            Self::Clap(error) => {
                let _ = error.print();
                ExitCode::from(if error.use_stderr() { 2 } else { 0 })
            }
        }
    }
}

impl From<clap::Error> for NoOptions {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

impl From<Failure> for NoOptions {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// What the command line says, or else variables, or else the file that it names.
pub(crate) fn read(mut arguments: Vec<OsString>) -> Result<Command, NoOptions> {
    let mut definition = Bridge::command();
    if let Some(path) = file::named(&arguments) {
        let file = File::load(&path)?;
        let first = arguments.get(1).and_then(|word| word.to_str());
        let asked = first.filter(|word| definition.find_subcommand(word).is_some());
        let command = file.command(asked, &definition)?;
        if asked.is_none() {
            arguments.insert(1, command.clone().into());
        }
        let mut applied = Ok(());
        definition = definition.mut_subcommand(&command, |command| {
            let (command, done) = file.apply(command);
            applied = done;
            command
        });
        applied?;
    }
    let matches = definition.try_get_matches_from(arguments)?;
    let Bridge { command } = Bridge::from_arg_matches(&matches)?;
    command.shared().verify()?;
    Ok(command)
}

fn parse_prefix(text: &str) -> Result<String, &'static str> {
    let fits = |c: char| !c.is_control() && !matches!(c, '+' | '#');
    let bad = text.is_empty() || text.starts_with(['/', '$']) || text.ends_with('/');
    if bad || text.len() > 128 || !text.chars().all(fits) {
        return Err(
            "it is part of a topic: neither +, # nor control characters, no / at its ends, no $ at its beginning",
        );
    }
    Ok(text.to_owned())
}

fn parse_seconds(text: &str) -> Result<Duration, &'static str> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| !time.is_zero())
        .ok_or("a time is a number of seconds above 0, such as 10 or 0.5")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(rest: &str) -> Result<Command, NoOptions> {
        let line = format!("groupcast-bridge tunnel mqtt://127.0.0.1 {rest}");
        let words = line.split(' ').filter(|word| !word.is_empty());
        read(words.map(OsString::from).collect())
    }

    #[test]
    fn the_definitions_are_sound() {
        Bridge::command().debug_assert();
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(parse("--site a").is_ok());
        for bad in [
            "",
            "--site a/b",
            "--site a --cert x",
            "--site a --key x",
            "--site a --prefix a/#",
            "--site a --stats 0",
            "--site a --members 0",
            "--site a --password-file x",
            "--site a --ca x",
            "--site a --cert x --key y",
            "--site a --prefix $SYS",
            "--site a --metrics 9464",
            "--site a --metrics 127.0.0.1:0",
            "--site a --metrics 0.0.0.0:9464",
            "--site a --metrics [fd00::1]:9464",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for good in [
            "--site a --username x --password-file y",
            "--site a --metrics [::1]:9464",
            "--site a --metrics 0.0.0.0:9464 --metrics-public",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        let secure = "groupcast-bridge tunnel mqtts://x --site a --ca x --cert x --key y";
        assert!(read(secure.split(' ').map(OsString::from).collect()).is_ok());
        let gateway = ["groupcast-bridge", "gateway", "mqtt://x"].map(OsString::from);
        assert!(read(gateway.to_vec()).is_err());
    }
}
