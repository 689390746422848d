//! What both sides of the bridge are told: the broker, the group, and whoever operates it.

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use groupcast_bridge::tunnel::Site;
use groupcast_std::InterfaceSelector;
use zeroize::Zeroizing;

use super::{parse_prefix, parse_seconds};
use crate::broker::Broker;
use crate::failure::Failure;
use crate::log::{Level, say};

/// The variable with the user's password.
const PASSWORD: &str = "GROUPCAST_MQTT_PASSWORD";

/// Options of every command.
#[derive(Args, Debug)]
pub(crate) struct Shared {
    /// The broker: mqtts://HOST[:PORT], or mqtt://HOST[:PORT] without TLS.
    #[arg(value_name = "BROKER")]
    pub(crate) broker: Broker,

    /// The name of this site. Every site has another one; several bridges of a site have the same.
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

    /// Reach a broker on another machine without TLS.
    #[arg(long)]
    pub(crate) insecure: bool,

    /// Trust the authorities in this file (PEM), and no others. Default: those that this machine trusts.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// The certificate to show the broker (PEM), with those between it and its authority.
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// The key of that certificate (PEM).
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// The user's name at the broker.
    #[arg(long, value_name = "USER", env = "GROUPCAST_MQTT_USERNAME")]
    pub(crate) username: Option<String>,

    /// The file with the user's password. Default: the variable GROUPCAST_MQTT_PASSWORD.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// The client's name at the broker. Default: one that no other has; of a gateway gc-GROUP-SITE-gateway, by which the
    /// broker knows it again.
    #[arg(long, value_name = "CLIENT", value_parser = parse_client)]
    pub(crate) client_id: Option<String>,

    /// Exit 3 if the broker is not reached within so many seconds of the start. Default: try for ever; with --check, 10.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) operator: Operator,
}

/// What whoever operates the bridge wants of it.
#[derive(Args, Debug)]
#[command(next_help_heading = "Operation")]
pub(crate) struct Operator {
    /// Take from this file (TOML) what is neither here nor in a variable. BRIDGE.md has an example.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Only look whether all is well: read what is to be read, connect and subscribe once, and say what was found. Exit 0
    /// if all is well, 2 if it never will be so, 3 if the broker was not reached.
    #[arg(long)]
    pub(crate) check: bool,

    /// Answer Prometheus at this address of this machine, such as 127.0.0.1:9464, path /metrics.
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_address)]
    pub(crate) metrics: Option<SocketAddr>,

    /// Let --metrics be an address that other machines reach. Everybody there can read the counters.
    #[arg(long)]
    pub(crate) metrics_public: bool,

    /// Print the counters every so many seconds, and at the end, as one line of JSON on standard output.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) stats: Option<Duration>,

    /// Say everything on standard error in lines of JSON, with a time, a level, an event and a message.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Shared {
    /// What does not go together.
    pub(crate) fn verify(&self) -> Result<(), Failure> {
        let lacks = |what: &str| Err(Failure::Settings(what.to_owned()));
        if self.cert.is_some() != self.key.is_some() {
            return lacks(
                "a certificate needs its key, and a key its certificate: --cert and --key",
            );
        }
        if !self.broker.is_secure && (self.ca.is_some() || self.cert.is_some()) {
            return lacks("--ca, --cert and --key are of use with TLS alone: mqtts://");
        }
        if self.password_file.is_some() && self.username.is_none() {
            return lacks("a password needs a user: give --username, too");
        }
        if let Some(address) = self.operator.metrics
            && !address.ip().is_loopback()
            && !self.operator.metrics_public
        {
            return lacks(
                "other machines can reach the address of --metrics: use one of 127.0.0.1 or [::1], or say \
                 --metrics-public if that is meant",
            );
        }
        Ok(())
    }

    /// The user's password, from a file or a variable.
    pub(crate) fn password(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
        let Some(file) = &self.password_file else {
            let variable = std::env::var_os(PASSWORD);
            let password = variable.map(|text| Zeroizing::new(text.into_encoded_bytes()));
            if password.is_some() && self.username.is_none() {
                return Err(Failure::Settings(format!(
                    "there is a password in {PASSWORD}, and it needs a user: give --username, too"
                )));
            }
            return password.map(fits).transpose();
        };
        let read = fs::read(file).map_err(|error| {
            Failure::Settings(format!(
                "cannot read the password from {}: {error}",
                file.display()
            ))
        })?;
        let mut password = Zeroizing::new(read);
        // What an editor or `echo` puts behind it.
        while matches!(password.last(), Some(b'\n' | b'\r')) {
            password.pop();
        }
        if password.is_empty() {
            return Err(Failure::Settings(format!(
                "there is no password in {}",
                file.display()
            )));
        }
        if is_open_to_all(file) {
            let text = format!("everybody on this machine can read {}", file.display());
            say(Level::Warning, "settings", &text);
        }
        fits(password).map(Some)
    }
}

/// MQTT has no room for a longer one.
fn fits(password: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if password.len() > usize::from(u16::MAX) {
        return Err(Failure::Settings(
            "a password has at most 65,535 bytes".to_owned(),
        ));
    }
    Ok(password)
}

fn is_open_to_all(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.permissions().mode() & 0o004 != 0)
}

fn parse_client(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.len() > usize::from(u16::MAX) || text.chars().any(char::is_control) {
        return Err("a client's name has 1 to 65,535 bytes, and no control characters");
    }
    Ok(text.to_owned())
}

fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .ok()
        .filter(|address: &SocketAddr| address.port() != 0)
        .ok_or("it is an address and a port, such as 127.0.0.1:9464 or [::1]:9464")
}
