//! What every room works with.

use super::random::Random;
use crate::config::Config;
use crate::counters::Counters;

/// What every room works with: the settings, the counters, and where random numbers come from.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) config: Config,
    pub(crate) counters: Counters,
    pub(crate) random: Random,
}
