//! Options of `groupcast-bridge gateway`.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use groupcast::{Class, MemberId, Name};
use groupcast_bridge::gateway::{Body, Down, Map, Settings, label};

use super::{Shared, parse_seconds};
use crate::failure::Failure;

/// Options of `groupcast-bridge gateway`.
#[derive(Args, Debug)]
pub(crate) struct Gateway {
    /// The name that members see, up to 32 bytes.
    #[arg(long, value_name = "NAME", default_value = "gateway", value_parser = parse_name)]
    pub(crate) name: String,

    /// A name for the group itself, up to 32 bytes: only members with the same one hear each other.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub(crate) group_name: Option<String>,

    /// The keys of a sealed group, as `groupcast keygen --out FILE` makes them. The gateway reads everything, and so does
    /// whoever may subscribe at the broker.
    #[arg(long, value_name = "FILE", env = "GROUPCAST_KEY_FILE")]
    pub(crate) key_file: Option<PathBuf>,

    /// What stands for the group in topics. Default: its name, or its address and port, as 239-1-2-3-12345.
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,

    /// What topics are called otherwise, what may be set from there, and what Home Assistant is told: a file as BRIDGE.md
    /// describes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,

    /// What may be said in the group from the broker: none, all, or channels such as state/2,reliable-ordered/4.
    /// What --map names may always be.
    #[arg(long, value_name = "CHANNELS", default_value = "none", value_parser = parse_down)]
    pub(crate) down: Down,

    /// What is published: the message as it is, with all else in user properties, or an object of JSON.
    #[arg(long, value_name = "FORM", default_value = "raw")]
    pub(crate) body: Form,

    /// For how many seconds the broker keeps a reliable message for those who are away. Default: as long as it likes.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) expiry: Option<Duration>,

    /// For how many seconds the broker keeps a State value. Default: for ever.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) state_expiry: Option<Duration>,

    /// After how many seconds without a member the broker is to forget it.
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = parse_seconds)]
    pub(crate) forget: Duration,

    /// How much of what the broker does not have yet is kept in memory, such as 16MB.
    #[arg(long, value_name = "SIZE", default_value = "16MB", value_parser = parse_bytes)]
    pub(crate) queue: u64,

    /// Where to keep what the broker does not have yet, so that it outlives this program. Each gateway has a directory of its
    /// own. Default: in $STATE_DIRECTORY, $XDG_STATE_HOME or ~/.local/state.
    #[arg(long, value_name = "DIR", conflicts_with = "no_spool")]
    pub(crate) spool: Option<PathBuf>,

    /// How large that may become.
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = parse_spool)]
    pub(crate) spool_size: u64,

    /// Keep nothing on disk. What the broker does not have when this program ends is lost, and nobody is told.
    #[arg(long)]
    pub(crate) no_spool: bool,

    #[command(flatten)]
    pub(crate) shared: Shared,
}

/// What is published for a message.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Form {
    Raw,
    Json,
}

impl Gateway {
    /// What the core is told.
    pub(crate) fn settings(
        &self,
        group: SocketAddr,
        group_name: &str,
        own: MemberId,
    ) -> Result<Settings, Failure> {
        let label = self
            .label
            .clone()
            .unwrap_or_else(|| label(group_name, group));
        Ok(Settings {
            prefix: self.shared.prefix.clone(),
            body: match self.body {
                Form::Raw => Body::Raw,
                Form::Json => Body::Json,
            },
            expiry: self.expiry,
            state_expiry: self.state_expiry,
            down: self.down.clone(),
            map: self.map()?,
            queue_bytes: usize::try_from(self.queue).unwrap_or(usize::MAX),
            forget: self.forget,
            ..Settings::new(self.shared.site.clone(), label, own)
        })
    }

    fn map(&self) -> Result<Map, Failure> {
        let Some(path) = &self.map else {
            return Ok(Map::default());
        };
        let read = std::fs::read_to_string(path);
        let text = read.map_err(|error| {
            Failure::Settings(format!("cannot read {}: {error}", path.display()))
        })?;
        Map::parse(&text, &self.shared.prefix)
            .map_err(|error| Failure::Settings(format!("{}: {error}", path.display())))
    }

    /// Where the spool is, if there is to be one.
    pub(crate) fn spool(&self, label: &str) -> Result<Option<PathBuf>, Failure> {
        if self.no_spool && self.spool.is_some() {
            return Err(Failure::Settings(
                "--spool and --no-spool cannot both be".to_owned(),
            ));
        }
        if self.no_spool {
            return Ok(None);
        }
        if let Some(directory) = &self.spool {
            return Ok(Some(directory.clone()));
        }
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = || variable("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        // systemd puts a colon between several.
        let first = |all: OsString| std::env::split_paths(&all).next();
        let state = variable("STATE_DIRECTORY")
            .and_then(first)
            .or_else(|| variable("XDG_STATE_HOME").map(PathBuf::from).or_else(home))
            .ok_or_else(|| {
                Failure::Settings(
                    "there is no home directory to keep messages in: give --spool DIR, or --no-spool".to_owned(),
                )
            })?;
        let own = format!("{label}-{}", self.shared.site);
        Ok(Some(state.join("groupcast-bridge").join(own)))
    }
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    match Name::new(text) {
        Some(_) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err("a name has at most 32 bytes, and no control characters"),
    }
}

fn parse_down(text: &str) -> Result<Down, String> {
    match text {
        "none" => return Ok(Down::None),
        "all" => return Ok(Down::All),
        _ => {}
    }
    let channel = |text: &str| {
        let (class, number) = text.split_once('/')?;
        let class = [
            Class::BestEffort,
            Class::Latest,
            Class::State,
            Class::ReliableUnordered,
            Class::ReliableOrdered,
        ]
        .into_iter()
        .find(|known| known.name() == class)?;
        Some((class, number.parse().ok()?))
    };
    text.split(',')
        .map(|text| {
            channel(text.trim()).ok_or_else(|| {
                format!("'{text}' is neither none nor all nor a channel such as state/2 or reliable-ordered/4")
            })
        })
        .collect::<Result<BTreeSet<_>, _>>()
        .map(Down::Only)
}

fn parse_bytes(text: &str) -> Result<u64, &'static str> {
    let (number, unit) = [("KB", 10), ("MB", 20), ("GB", 30)]
        .into_iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))
        .unwrap_or((text, 0));
    number
        .trim()
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(1 << unit))
        .filter(|bytes| *bytes >= 64 << 10)
        .ok_or("a size is a number of bytes from 65536 on, such as 65536, 64KB, 16MB or 1GB")
}

fn parse_spool(text: &str) -> Result<u64, &'static str> {
    parse_bytes(text)
        .ok()
        .filter(|bytes| *bytes >= 1 << 20)
        .ok_or("a size on disk is a number of bytes from 1MB on, such as 16MB or 1GB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_channels_are_read() {
        assert_eq!(parse_bytes("64KB"), Ok(65_536));
        assert_eq!(parse_bytes("1GB"), Ok(1 << 30));
        assert_eq!(parse_bytes("70000"), Ok(70_000));
        for bad in ["", "1", "64kb", "-1MB", "MB", "99999999999GB", "1.5MB"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
        let down = parse_down("state/2, reliable-ordered/4").unwrap();
        let only = BTreeSet::from([(Class::State, 2), (Class::ReliableOrdered, 4)]);
        assert_eq!(down, Down::Only(only));
        assert_eq!(parse_down("none"), Ok(Down::None));
        for bad in ["", "some", "state", "state/256", "State/1", "state/1,"] {
            assert!(parse_down(bad).is_err(), "{bad}");
        }
    }
}
