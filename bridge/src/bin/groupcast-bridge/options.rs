//! What the command line says.

use core::time::Duration;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use groupcast_bridge::tunnel::Site;
use groupcast_std::InterfaceSelector;

use crate::broker::Broker;

const CODES: &str = "\
Exit codes:
  0    Ended by Ctrl-C.
  1    Trouble with the network that makes going on impossible.
  2    Something asked for cannot be: an option, an interface, a file; or the broker refuses: the user, the
       password, the topics, or its certificate is not trusted.
  3    The broker was not reached within --timeout.
  130  Ended by a second Ctrl-C.";

/// Groupcast beyond one LAN.
#[derive(Debug, Parser)]
#[command(name = "groupcast-bridge", version, after_help = CODES)]
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
}

/// Options of `groupcast-bridge tunnel`.
#[derive(Args, Debug)]
pub(crate) struct Tunnel {
    /// The broker: mqtts://HOST[:PORT], or mqtt://HOST[:PORT] without TLS.
    #[arg(value_name = "BROKER")]
    pub(crate) broker: Broker,

    /// The name of this site. Every site has another one; several tunnels of a site have the same.
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Site,

    /// The group: a multicast address or a host name, and a port. The same in all sites.
    #[arg(
        short,
        long,
        value_name = "ADDR:PORT",
        env = "GROUPCAST_GROUP",
        default_value = "239.1.2.3:12345"
    )]
    pub(crate) group: String,

    /// The interface, by name, index or address. Default: chosen, as `groupcast interfaces` says.
    #[arg(
        short,
        long,
        value_name = "NAME|INDEX|ADDR",
        env = "GROUPCAST_INTERFACE"
    )]
    pub(crate) interface: Option<InterfaceSelector>,

    /// The hop limit (TTL) of what is sent to the group here. 1 stays on the link.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) hop_limit: u8,

    /// What topics begin with. The same in all sites.
    #[arg(long, value_name = "TOPIC", default_value = "gc", value_parser = parse_prefix)]
    pub(crate) prefix: String,

    /// How many members to carry, those here and those elsewhere each. Each of those elsewhere takes an open file.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) members: u32,

    /// Reach a broker on another machine without TLS.
    #[arg(long)]
    pub(crate) insecure: bool,

    /// Trust the authorities in this file (PEM), and no others. Default: those that this machine trusts.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// The certificate to show the broker (PEM), with those between it and its authority.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// The key of that certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// The user's name at the broker.
    #[arg(long, value_name = "NAME", env = "GROUPCAST_MQTT_USERNAME")]
    pub(crate) username: Option<String>,

    /// The file with the user's password. Default: the variable GROUPCAST_MQTT_PASSWORD.
    #[arg(long, value_name = "FILE", requires = "username")]
    pub(crate) password_file: Option<PathBuf>,

    /// The client's name at the broker. Default: gc-SITE-NUMBER, with a number drawn at each start.
    #[arg(long, value_name = "NAME")]
    pub(crate) client_id: Option<String>,

    /// Exit 3 if the broker is not reached within so many seconds of the start. Default: try for ever.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) timeout: Option<Duration>,

    /// Print the counters every so many seconds, and at the end, as one line of JSON on standard output.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) stats: Option<Duration>,
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
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        Bridge::command().debug_assert();
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let parse = |rest: &str| {
            let line = format!("groupcast-bridge tunnel mqtt://127.0.0.1 {rest}");
            Bridge::try_parse_from(line.split(' ').filter(|word| !word.is_empty()))
        };
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
            "--site a --prefix $SYS",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(Bridge::try_parse_from(["groupcast-bridge", "gateway", "mqtt://x"]).is_err());
    }
}
