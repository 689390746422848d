//! `groupcast`: send to, listen to and look into UDP multicast groups.
//!
//! Standard output is for results, standard error for everything else. The exit codes are in
//! [`manual::EXIT_CODES`].

// They panic where nobody reads.
#![deny(clippy::print_stderr, clippy::print_stdout)]

#[macro_use]
mod process;

mod cli;
mod network;
mod options;
mod output;
mod session;
mod text;

// A command each.
mod bench;
mod bridge;
mod chat;
mod demo;
mod doctor;
mod groups;
mod interfaces;
mod keygen;
mod listen;
mod manual;
mod members;
mod ping;
mod pipe;
mod read;
mod record;
mod replay;
mod send;
mod sim;
mod top;

use std::process::ExitCode;

use cli::{Cli, Command};
use process::failure::Failure;
use process::signal;

fn main() -> ExitCode {
    let Cli { common, command } = match cli::settings::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    // A simulation, a key and a manual have nothing to say good-bye to: Ctrl-C simply ends them, but where a
    // passphrase is typed. The bridge listens to signals itself.
    let ready = match command {
        Command::Sim(_)
        | Command::Bridge(_)
        | Command::Keygen(_)
        | Command::Completions(_)
        | Command::Man(_) => Ok(()),
        _ => signal::install(),
    };
    let done = ready.and_then(|()| match command {
        Command::Demo => demo::run(&common),
        Command::Listen(options) => listen::run(&common, &options),
        Command::Send(options) => send::run(&common, &options),
        Command::Pipe(options) => pipe::run(&common, &options),
        Command::Chat(options) => chat::run(&common, &options),
        Command::Members(options) => members::run(&common, &options),
        Command::Groups(options) => groups::run(&common, &options),
        Command::Ping(options) => ping::run(&common, &options),
        Command::Top(options) => top::run(&common, &options),
        Command::Read(options) => read::run(&common, &options),
        Command::Record(options) => record::run(&common, &options),
        Command::Replay(options) => replay::run(&common, &options),
        Command::Doctor(options) => doctor::run(&common, &options),
        Command::Bridge(options) => bridge::run(&common, &options),
        Command::Interfaces(options) => interfaces::run(&common, &options),
        Command::Sim(options) => sim::run(&common, &options),
        Command::Bench(options) => bench::run(&common, &options),
        Command::Keygen(options) => keygen::run(&common, &options),
        Command::Completions(options) => manual::completions(cli::common::command(), options.shell),
        Command::Man(options) => manual::man(cli::common::command(), &options),
    });
    done.map_or_else(Failure::report, |()| ExitCode::SUCCESS)
}
