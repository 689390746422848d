//! When answers to routers are due, which smoltcp does not tell.
//!
//! A router asks who is a member of what, and within which time it wants to know. smoltcp spreads its reports over
//! this time and sends one of them a poll, but it does not say how many there are, nor when: to have them all sent in
//! time, the time is divided by the most there can be and one more, and at the end of each part the stack is polled.

use core::time::Duration;

use groupcast::Instant;

/// A router's question, and the time for the answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Query {
    /// Of IGMP.
    V4(Duration),
    /// Of MLD.
    #[cfg_attr(
        not(feature = "ipv6"),
        allow(dead_code, reason = "there is none without IPv6")
    )]
    V6(Duration),
}

/// Polls that are due, all equally far from each other.
#[derive(Clone, Copy)]
struct Polls {
    left: usize,
    next: Instant,
    pace: Duration,
}

/// The answers to the last question of each protocol: smoltcp forgets those before it.
#[derive(Default)]
pub(crate) struct Answers {
    v4: Option<Polls>,
    v6: Option<Polls>,
}

/// What is due at once may take this long, so that a router cannot ask for more polls than there is time for.
const LEAST_PACE: Duration = Duration::from_millis(1);

impl Answers {
    /// A router asks. `groups` is how many groups there can be.
    pub(crate) fn asked(&mut self, query: Query, now: Instant, groups: usize) {
        let (polls, within) = match query {
            Query::V4(within) => (&mut self.v4, within),
            Query::V6(within) => (&mut self.v6, within),
        };
        let left = groups.saturating_add(1);
        let parts = u32::try_from(left).unwrap_or(u32::MAX);
        let pace = within.checked_div(parts).unwrap_or(within).max(LEAST_PACE);
        let next = now + pace;
        *polls = Some(Polls { left, next, pace });
    }

    /// When to poll.
    pub(crate) fn due(&self) -> Option<Instant> {
        let all = [self.v4, self.v6].into_iter().flatten();
        all.map(|polls| polls.next).min()
    }

    /// The stack was polled. `refused`: something could not be sent, which may have been an answer.
    pub(crate) fn polled(&mut self, now: Instant, refused: bool) {
        for polls in [&mut self.v4, &mut self.v6] {
            *polls = polls.and_then(|polls| polls.after(now, refused));
        }
    }
}

impl Polls {
    /// What is left of them after one.
    fn after(self, now: Instant, refused: bool) -> Option<Self> {
        if now < self.next {
            return Some(self);
        }
        let left = self.left.saturating_sub(usize::from(!refused));
        let next = now + self.pace;
        (left > 0).then_some(Self { left, next, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: usize = 4;

    /// When it polls for the answers, if it always does at the deadline.
    fn polls(answers: &mut Answers) -> impl Iterator<Item = u64> {
        core::iter::from_fn(|| {
            let due = answers.due()?;
            answers.polled(due, false);
            Some(due.as_micros() / 1_000)
        })
    }

    #[test]
    fn the_time_for_answers_is_divided_by_the_most_there_can_be_and_one() {
        let mut answers = Answers::default();
        assert_eq!(answers.due(), None);
        let now = Instant::from_millis(1_000);
        answers.asked(Query::V4(Duration::from_secs(10)), now, GROUPS);
        answers.polled(now, false);
        let due = [3_000, 5_000, 7_000, 9_000, 11_000];
        assert!(polls(&mut answers).eq(due));
    }

    #[test]
    fn a_late_poll_or_one_without_room_takes_no_answer_away() {
        let mut answers = Answers::default();
        answers.asked(Query::V6(Duration::from_secs(1)), Instant::ZERO, GROUPS);
        answers.polled(Instant::from_millis(900), false);
        answers.polled(Instant::from_millis(1_100), true);
        assert!(polls(&mut answers).eq([1_300, 1_500, 1_700, 1_900]));
    }

    #[test]
    fn what_is_wanted_at_once_ends() {
        let mut answers = Answers::default();
        answers.asked(Query::V4(Duration::ZERO), Instant::ZERO, GROUPS);
        assert!(polls(&mut answers).eq([1, 2, 3, 4, 5]));
        assert_eq!(answers.due(), None);
    }
}
