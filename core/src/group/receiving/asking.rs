//! How often a receiver asks for what is missing of one stream.

use crate::time::{Ageing, Span, Tick};

/// NACKs a receiver sends for one stream at once at most.
const NACK_BURST: u32 = 8;

/// NACKs for one stream in a second at most: of one receiver, and about so many of all together.
const NACKS_PER_SECOND: u32 = 100;
const NACKS_OF_ALL: u32 = 2_000;
const FEWEST_NACKS: u32 = 20;

/// When the NACKs sent so far would be spread evenly, if there were any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking(Option<Tick>);

impl Asking {
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    /// Time makes it older.
    pub(crate) const fn age(&mut self, ageing: Ageing) {
        ageing.maybe(&mut self.0);
    }

    /// Takes note of a NACK that is to be sent now, or says when it may be: the larger the group, the
    /// fewer of each receiver.
    pub(crate) fn may_ask(&mut self, now: Tick, members: usize) -> Result<(), Tick> {
        let members = u32::try_from(members).unwrap_or(u32::MAX);
        let rate = NACKS_OF_ALL.checked_div(members).unwrap_or(NACKS_OF_ALL);
        let rate = rate.clamp(FEWEST_NACKS, NACKS_PER_SECOND);
        let interval = Span::from_secs(1).checked_div(rate).unwrap_or_default();
        let free = self.0.map_or(now, |free| free.max(now));
        let ahead = now.span_until(free);
        let burst = interval.saturating_mul(NACK_BURST.saturating_sub(1));
        if ahead > burst {
            return Err(now + ahead.saturating_sub(burst));
        }
        self.0 = Some(free + interval);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many NACKs a receiver sends at once, and within the second after that.
    fn sent(members: usize) -> (usize, usize) {
        let mut asking = Asking::new();
        let mut may_ask = |now| asking.may_ask(now, members).is_ok();
        let start = Tick::from_millis(10_000);
        let at_once = (0..100).filter(|_| may_ask(start)).count();
        let millis = (10_001..=11_000).map(Tick::from_millis);
        (at_once, millis.filter(|now| may_ask(*now)).count())
    }

    /// PROTOCOL R16.
    #[test]
    fn the_larger_the_group_the_fewer_nacks_of_each() {
        for members in [1, 2, 20] {
            assert_eq!(sent(members), (8, 100), "{members}");
        }
        assert_eq!(sent(50), (8, 40));
        for members in [100, 1_000, 100_000] {
            assert_eq!(sent(members), (8, 20), "{members}");
        }
    }
}
