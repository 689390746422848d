//! Options of `groupcast ping`.

use core::num::NonZeroU64;
use core::time::Duration;

use clap::Args;

use crate::options::{parse_count, parse_seconds};

pub(crate) const HELP: &str = "It joins, and asks until Ctrl-C or --count. Both answers come by unicast, so the two differ in the way of the \
    question: where only multicast is lost, look at switches, Wi-Fi and firewalls. An answer counts as lost after \
    --interval, by unicast after half of it. In groups of more than 50, answers to multicast are spread over time on purpose. \
    Exit 3 if somebody never answered.";

#[derive(Args, Debug)]
pub(crate) struct Ping {
    /// Whom to ask, by name or id. Default: everybody.
    #[arg(value_name = "MEMBER")]
    pub(crate) member: Option<String>,

    /// End after asking so often.
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = parse_count::<NonZeroU64>)]
    pub(crate) count: Option<NonZeroU64>,

    /// How often to ask; 0.25 or more, since members answer no sooner.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "1",
        value_parser = parse_interval,
        allow_negative_numbers = true
    )]
    pub(crate) interval: Duration,
}

fn parse_interval(text: &str) -> Result<Duration, &'static str> {
    parse_seconds(text).and_then(|interval| {
        (interval >= Duration::from_millis(250))
            .then_some(interval)
            .ok_or("0.25 is the least")
    })
}
