//! What every room works with.

use super::random::Random;
use crate::config::Config;
use crate::counters::Counters;
use crate::time::Tick;

/// What every room works with: the settings, the counters, and where random numbers come from.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) config: Config,
    pub(crate) counters: Counters,
    pub(crate) random: Random,
}

/// The first of several moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Earliest(pub(crate) Option<Tick>);

impl Earliest {
    /// Something is to be done then, if ever.
    #[inline]
    pub(crate) fn at(&mut self, due: Option<Tick>) {
        if let Some(due) = due
            && self.0.is_none_or(|first| due < first)
        {
            self.0 = Some(due);
        }
    }
}
