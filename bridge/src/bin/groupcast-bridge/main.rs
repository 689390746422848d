//! `groupcast-bridge`: groups beyond one LAN.
//!
//! Standard output is for counters, standard error for everything else. The exit codes are those of `groupcast`.

#[cfg(unix)]
mod broker;
#[cfg(unix)]
mod check;
#[cfg(unix)]
mod failure;
#[cfg(unix)]
mod gateway;
#[cfg(unix)]
mod lan;
#[cfg(unix)]
mod link;
#[cfg(unix)]
mod log;
#[cfg(unix)]
mod metrics;
#[cfg(unix)]
mod options;
#[cfg(unix)]
mod retry;
#[cfg(unix)]
mod service;
#[cfg(unix)]
mod session;
#[cfg(unix)]
mod signal;
#[cfg(unix)]
mod stream;
#[cfg(unix)]
mod tls;
#[cfg(unix)]
mod tunnel;
#[cfg(unix)]
mod voice;
#[cfg(unix)]
mod wait;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let arguments: Vec<_> = std::env::args_os().collect();
    // Before they are read: what is wrong with them is said so, too.
    if arguments.iter().any(|word| word == "--json") {
        log::use_json();
    }
    let done = options::read(arguments).and_then(|command| {
        if command.shared().operator.json {
            log::use_json();
        }
        signal::install()?;
        match command {
            options::Command::Tunnel(options) => tunnel::run(&options)?,
            options::Command::Gateway(options) => gateway::run(&options)?,
        }
        Ok(())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(none) => none.report(),
    }
}

#[cfg(not(unix))]
fn main() -> std::process::ExitCode {
    eprintln!("groupcast-bridge: it runs on Unix systems only");
    std::process::ExitCode::from(2)
}
