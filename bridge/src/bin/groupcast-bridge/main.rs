//! `groupcast-bridge`: groups beyond one LAN.
//!
//! Standard output is for counters, standard error for everything else. The exit codes are those of `groupcast`.

#[cfg(unix)]
mod broker;
#[cfg(unix)]
mod failure;
#[cfg(unix)]
mod lan;
#[cfg(unix)]
mod link;
#[cfg(unix)]
mod options;
#[cfg(unix)]
mod retry;
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
mod wait;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use clap::Parser;

    let options::Bridge { command } = options::Bridge::parse();
    let options::Command::Tunnel(options) = command;
    let done = signal::install().and_then(|()| tunnel::run(&options));
    done.map_or_else(failure::Failure::report, |()| {
        std::process::ExitCode::SUCCESS
    })
}

#[cfg(not(unix))]
fn main() -> std::process::ExitCode {
    eprintln!("groupcast-bridge: it runs on Unix systems only");
    std::process::ExitCode::from(2)
}
