//! Options that several commands have.

pub(crate) mod choices;
pub(crate) mod file;
pub(crate) mod origin;

use core::time::Duration;
use std::path::PathBuf;

use clap::Args;
use groupcast::{MemberId, Name};
use groupcast_std::{Error, InterfaceSelector};

use crate::process::failure::Failure;
use choices::{PaceChoice, StorageChoice};
use origin::Origins;

/// The group where nobody names another one.
pub(crate) const USUAL_GROUP: &str = "239.1.2.3:12345";

/// Variables of the environment.
pub(crate) const GROUP: &str = "GROUPCAST_GROUP";
pub(crate) const INTERFACE: &str = "GROUPCAST_INTERFACE";
pub(crate) const KEY_FILE: &str = "GROUPCAST_KEY_FILE";
pub(crate) const NAME: &str = "GROUPCAST_NAME";

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
        env = GROUP,
        default_value = USUAL_GROUP,
        value_parser = parse_group
    )]
    pub(crate) group: String,

    /// The interface, by name, index or address. Default: chosen; `groupcast interfaces` says which
    /// and why.
    #[arg(
        short,
        long,
        global = true,
        value_name = "NAME|INDEX|ADDR",
        env = INTERFACE,
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

    /// The name others see, up to 32 bytes. Default: in `chat` the user's, in `listen`, `send` and `pipe` the
    /// machine's. Commands that only look have none but
    /// what is given here.
    #[arg(short, long, global = true, value_name = "NAME", env = NAME, value_parser = parse_name)]
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
        env = KEY_FILE,
        value_parser = parse_path
    )]
    pub(crate) key_file: Option<PathBuf>,

    /// Take what is not given here from this profile of the file of settings: group, name, interface and keys.
    #[arg(
        long,
        global = true,
        value_name = "PROFILE",
        env = "GROUPCAST_PROFILE",
        value_parser = parse_name
    )]
    pub(crate) profile: Option<String>,

    /// The file of settings. Default: the user's, groupcast/config.toml in ~/.config. /dev/null has none.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "GROUPCAST_CONFIG",
        value_parser = parse_path
    )]
    pub(crate) config: Option<PathBuf>,

    /// In a sealed group: believe whoever holds the key, without waiting for proof that it is there now. For
    /// those that take part --hidden. What was recorded before can then be played back.
    #[arg(long, global = true)]
    pub(crate) trust_first: bool,

    /// In a sealed group: take raw datagrams, too. Anybody can send those.
    #[arg(long, global = true)]
    pub(crate) raw: bool,

    /// The hop limit (TTL). 1 stays on the link, 0 on this machine.
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub(crate) hop_limit: u8,

    /// Take part without telling the others.
    #[arg(long, global = true)]
    pub(crate) hidden: bool,

    /// Results as JSON, one object a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say more on standard error.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,

    /// Where those of them come from that are not on the command line.
    #[arg(skip)]
    pub(crate) origins: Origins,
}

impl Common {
    /// Why it does not work, and where the setting comes from that is to blame.
    pub(crate) fn failure(&self, error: &Error) -> Failure {
        let text = format!("{error}{}", self.origins.blamed(error));
        if error.is_setting() {
            Failure::Settings(text)
        } else {
            Failure::Trouble(text)
        }
    }
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

// A variable of a script that is not set is no wish: empty is refused by all of them.

pub(crate) fn parse_group(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        return Err(
            "a group is an address and a port, such as 239.1.2.3:12345, or a name and a port",
        );
    }
    Ok(text.to_owned())
}

pub(crate) fn parse_name(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        return Err("a name is not empty; leave it out to have the usual one");
    }
    if Name::new(text).is_none() {
        return Err("it is longer than 32 bytes of UTF-8; shorten it");
    }
    Ok(text.to_owned())
}

pub(crate) fn parse_path(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() {
        return Err("a file has a name");
    }
    Ok(text.into())
}

pub(crate) fn parse_interface(text: &str) -> Result<InterfaceSelector, &'static str> {
    if text.trim().is_empty() {
        return Err("an interface is a name, an index or an address; `auto` has one chosen");
    }
    text.parse()
        .map_err(|never: core::convert::Infallible| match never {})
}

fn parse_id(text: &str) -> Result<MemberId, &'static str> {
    const ADVICE: &str = "an id is 1 to 8 hexadecimal digits and not 0, such as 7f3a";
    text.parse().map_err(|_| ADVICE)
}

/// A number of things that is not 0.
pub(crate) fn parse_count<T: core::str::FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse()
        .map_err(|_| "this is a whole number, 1 or more")
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

    #[test]
    fn ids_and_times_are_read_with_care() {
        assert_eq!(parse_id("7f3A").unwrap().get(), 0x7f3a);
        for bad in ["", "0", "+1", "-1", "123456789", "000000001", "ghost"] {
            assert!(parse_id(bad).is_err(), "{bad}");
        }
        for empty in ["", " "] {
            assert!(parse_interface(empty).is_err());
            assert!(parse_group(empty).is_err() && parse_name(empty).is_err());
        }
        assert!(parse_path("").is_err());
        assert!(parse_name(&"x".repeat(33)).is_err());
        assert_eq!(parse_interface("auto"), Ok(InterfaceSelector::Auto));
        assert_eq!(parse_seconds("0.5").unwrap(), Duration::from_millis(500));
        for bad in ["", "-1", "nan", "inf", "1e300", "soon"] {
            assert!(parse_seconds(bad).is_err(), "{bad}");
        }
    }
}
