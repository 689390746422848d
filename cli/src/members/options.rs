//! Options of `groupcast members`.

use core::time::Duration;

use clap::Args;

use crate::options::parse_seconds;

/// How long everybody takes to say so, in groups that are not large.
const USUAL: Duration = Duration::from_secs(2);

#[derive(Args, Debug)]
pub(crate) struct Members {
    /// Not who is there, but who comes and goes, as it happens.
    #[arg(short, long)]
    pub(crate) watch: bool,

    /// How long to listen. Default: 2, which is enough but for large groups; with --watch until Ctrl-C.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        value_parser = parse_seconds,
        allow_negative_numbers = true
    )]
    pub(crate) timeout: Option<Duration>,
}

impl Members {
    /// How long to listen; `None`: until it is ended.
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.timeout.or_else(|| (!self.watch).then_some(USUAL))
    }
}
