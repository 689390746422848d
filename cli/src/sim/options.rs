//! What can be said to `groupcast sim`.

use core::fmt;
use core::time::Duration;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use groupcast_sim::{Link, Profile, Scenario};

use super::mix::{MOST, Mix};
use crate::options::choices::{ClassChoice, PaceChoice, StorageChoice, value_name};

/// Members that fit one desktop roster, and the member itself.
const DESKTOP_MEMBERS: usize = 257;

#[derive(Args, Clone, Debug)]
pub(crate) struct Sim {
    /// How many members the group has.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one)]
    pub(crate) members: usize,

    /// Different members instead: how many of each, such as leaf:20,tiny:5,desktop:3. A leaf is a sensor or an
    /// actuator with little memory, which listens to four senders; the others are as with --storage. A leaf and a
    /// tiny-peer neither send nor take the reliable classes.
    #[arg(long, value_name = "PROFILE:N,...", conflicts_with_all = ["members", "storage", "plot"])]
    pub(crate) mix: Option<Mix>,

    /// How many of them send. In a mix: the first that can send the class, in the order of the mix.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) senders: usize,

    /// Messages a second, of each sender. 0: the group is at rest.
    #[arg(long, value_name = "R", default_value = "100", value_parser = parse_rate)]
    pub(crate) rate: f64,

    /// Bytes of each message.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub(crate) size: usize,

    /// How messages are delivered.
    #[arg(long, value_name = "CLASS", default_value = "reliable-ordered")]
    pub(crate) class: ClassChoice,

    /// The network. The options that follow change it.
    #[arg(long, value_name = "NAME", default_value = "lan")]
    pub(crate) link: LinkChoice,

    /// What every datagram takes at least, such as 0.003.
    #[arg(long, value_name = "SECONDS", value_parser = parse_duration)]
    pub(crate) delay: Option<Duration>,

    /// What it takes on top: the mean of an exponential distribution.
    #[arg(long, value_name = "SECONDS", value_parser = parse_duration)]
    pub(crate) jitter: Option<Duration>,

    /// How many of a hundred datagrams are lost.
    #[arg(long, value_name = "PERCENT", value_parser = parse_share)]
    pub(crate) loss: Option<f64>,

    /// Loss in bursts: how many of a hundred are lost this way, and the mean length of a burst, such as 5:8.
    #[arg(long, value_name = "PERCENT:LENGTH", value_parser = parse_burst)]
    pub(crate) burst: Option<(f64, f64)>,

    /// How many of a hundred datagrams arrive twice.
    #[arg(long, value_name = "PERCENT", value_parser = parse_share)]
    pub(crate) duplicate: Option<f64>,

    /// How many of a hundred datagrams are held back, and for how long at most, such as 5:0.04.
    #[arg(long, value_name = "PERCENT:SECONDS", value_parser = parse_reorder)]
    pub(crate) reorder: Option<(f64, Duration)>,

    /// For how long messages are sent, in simulated seconds.
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = parse_duration)]
    pub(crate) seconds: Duration,

    /// Run with this many seeds, from --seed on, and report them as one.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) seeds: u64,

    /// What all luck follows from.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// The memory of each member. With `desktop` and more than 257 members it has more peers and less
    /// of everything else.
    #[arg(long, value_name = "SIZE", default_value = "desktop")]
    pub(crate) storage: StorageChoice,

    /// How fast members send at most.
    #[arg(long, value_name = "PACE", default_value = "wired")]
    pub(crate) pace: PaceChoice,

    /// Lose the eleventh message on the way to everybody at once, and count the NACKs.
    #[arg(long)]
    pub(crate) one_loss: bool,

    /// Draw latency and cost against loss and against group size, each with the other options as
    /// given.
    #[arg(long, value_name = "FILE.svg", conflicts_with = "one_loss")]
    pub(crate) plot: Option<PathBuf>,
}

/// A network, as it is called on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LinkChoice {
    /// No delay, no loss.
    Perfect,
    /// 0.2 ms and exponential 0.1 ms.
    Lan,
    /// 3 ms and exponential 3 ms.
    Wifi,
    /// As wifi, and 5 % loss, another 5 % in bursts of 5, and 1 % held back by up to 40 ms.
    BadWifi,
}

impl Sim {
    /// The link that is asked for.
    pub(crate) fn link(&self) -> Result<Link, String> {
        let mut link = match self.link {
            LinkChoice::Perfect => Link::perfect(),
            LinkChoice::Lan => Link::lan(),
            LinkChoice::Wifi => Link::wifi(),
            LinkChoice::BadWifi => Link::wifi()
                .with_loss(0.05)
                .with_burst(0.05, 5.0)
                .with_reorder(0.01, Duration::from_millis(40)),
        };
        if let Some(delay) = self.delay {
            link = link.with_delay(delay);
        }
        if let Some(mean) = self.jitter {
            link = link.with_jitter(mean);
        }
        if let Some(share) = self.loss {
            link = link.with_loss(share);
        }
        if let Some((share, length)) = self.burst {
            if length < 1.0 || share > length / (length + 1.0) {
                return Err(format!(
                    "bursts of {length} datagrams cannot be {} % of them all; make them longer",
                    share * 100.0
                ));
            }
            link = link.with_burst(share, length);
        }
        if let Some(share) = self.duplicate {
            link = link.with_duplicate(share);
        }
        if let Some((share, by)) = self.reorder {
            link = link.with_reorder(share, by);
        }
        Ok(link)
    }

    /// The scenario that is asked for, with the first seed.
    pub(crate) fn scenario(&self) -> Result<Scenario, String> {
        let (mix, class) = (self.group(), self.class.class());
        let able = mix.can_send(class);
        if able == 0 && self.senders > 0 {
            return Err(format!(
                "nobody in {mix} sends {class}; choose another class, such as --class state, or have a tiny, board or \
                 desktop in the group",
            ));
        }
        if self.senders > able {
            let who = match &self.mix {
                Some(_) => format!("that can send {class}"),
                None => "there are".to_owned(),
            };
            return Err(format!(
                "{} senders are more than the {able} members {who}",
                self.senders
            ));
        }
        let is_small = |(profile, _): &(Profile, usize)| *profile != Profile::Desktop;
        if self.pace == PaceChoice::Unlimited && mix.parts().iter().any(is_small) {
            return Err(
                "only members with the storage desktop send at the pace unlimited".to_owned(),
            );
        }
        let scenario = Scenario::new()
            .with_members(self.members)
            .with_senders(self.senders)
            .with_rate(self.rate)
            .with_size(self.size)
            .with_class(class)
            .with_link(self.link()?)
            .with_pace(self.pace.pace())
            .with_duration(self.seconds)
            .with_seed(self.seed);
        Ok(if self.one_loss {
            scenario.with_one_loss()
        } else {
            scenario
        })
    }

    /// The members.
    pub(super) fn group(&self) -> Mix {
        let profile = match self.storage {
            StorageChoice::TinyPeer => Profile::TinyPeer,
            StorageChoice::Tiny => Profile::Tiny,
            StorageChoice::Board => Profile::Board,
            StorageChoice::Desktop => Profile::Desktop,
        };
        let alike = || Mix::of(profile, self.members);
        self.mix.clone().unwrap_or_else(alike)
    }

    /// Whether the members need more peers than a desktop's storage has.
    pub(crate) fn is_roomy(&self) -> bool {
        let is_usual = self.mix.is_none() && self.storage == StorageChoice::Desktop;
        is_usual && self.members > DESKTOP_MEMBERS
    }
}

impl fmt::Display for LinkChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        value_name(self, f)
    }
}

fn at_least_one(text: &str) -> Result<usize, &'static str> {
    let number = text.parse().ok().filter(|n| (1..=MOST).contains(n));
    number.ok_or("a group has 1 to 100000 members")
}

fn number(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

fn parse_rate(text: &str) -> Result<f64, &'static str> {
    number(text)
        .filter(|rate| *rate <= 1e6)
        .ok_or("a rate is a number of messages a second, such as 100 or 0.2")
}

fn parse_share(text: &str) -> Result<f64, &'static str> {
    number(text.strip_suffix('%').unwrap_or(text))
        .filter(|percent| *percent <= 100.0)
        .map(|percent| percent / 100.0)
        .ok_or("this is in percent, from 0 to 100, such as 5")
}

fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    number(text)
        .filter(|seconds| *seconds <= 1e7)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or("a time is a number of seconds, such as 20 or 0.5")
}

fn parse_burst(text: &str) -> Result<(f64, f64), &'static str> {
    const ADVICE: &str = "bursts are a part in percent and a mean length in datagrams, such as 5:8";
    let (share, length) = text.split_once(':').ok_or(ADVICE)?;
    Ok((parse_share(share)?, number(length).ok_or(ADVICE)?))
}

fn parse_reorder(text: &str) -> Result<(f64, Duration), &'static str> {
    const ADVICE: &str = "reordering is a part in percent and a time in seconds, such as 5:0.04";
    let (share, by) = text.split_once(':').ok_or(ADVICE)?;
    Ok((parse_share(share)?, parse_duration(by)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_in_percent() {
        assert_eq!(parse_share("5"), Ok(0.05));
        assert_eq!(parse_share("5%"), Ok(0.05));
        assert_eq!(parse_share("0.5"), Ok(0.005));
        for bad in ["", "%", "-1", "101", "101%", "nan", "inf"] {
            assert!(parse_share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pairs_have_two_parts() {
        assert_eq!(parse_burst("5%:8"), Ok((0.05, 8.0)));
        assert_eq!(
            parse_reorder("10:0.04"),
            Ok((0.1, Duration::from_millis(40)))
        );
        for bad in ["", "1", "1:", ":8", "1:x", "200:8"] {
            assert!(
                parse_burst(bad).is_err() && parse_reorder(bad).is_err(),
                "{bad}"
            );
        }
    }
}
