//! Waiting until what is queued has been sent at its pace: how far that is, and what came of it.

use core::cell::OnceCell;
use core::time::Duration;
use std::time::Instant;

use groupcast::Counters;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::process::clock::end_of;
use crate::process::failure::Failure;
use crate::process::signal;

/// So long may pass without a datagram that leaves, before nothing more is expected.
const STUCK: Duration = Duration::from_secs(3);

/// What takes less is not worth a word.
const SOON: Duration = Duration::from_millis(500);

/// Until when what is queued may be sent: so long after it is asked first.
#[derive(Debug)]
pub(crate) struct LeaveBy {
    within: Option<Duration>,
    end: OnceCell<Option<Instant>>,
}

impl LeaveBy {
    pub(crate) const fn new(within: Option<Duration>) -> Self {
        Self {
            within,
            end: OnceCell::new(),
        }
    }

    /// `None`: as long as it takes.
    pub(crate) fn get(&self) -> Option<Instant> {
        *self.end.get_or_init(|| end_of(self.within))
    }
}

/// How a member left.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) counters: Counters,
    /// The first trouble there was with the network.
    pub(crate) trouble: Option<String>,
    /// How many messages were queued and not sent.
    pub(crate) unsent: usize,
    /// Whether that is since time was up; else the network took nothing any more.
    pub(crate) is_late: bool,
}

impl Left {
    /// How many messages were sent.
    pub(crate) const fn sent(&self) -> u64 {
        // A count fits 64 bits.
        self.counters
            .messages_sent
            .saturating_sub(self.unsent as u64)
    }

    /// What was not sent is a failure, and what the network refused; but not where it is known to have arrived in the
    /// end.
    pub(crate) fn check(self, has_arrived: bool) -> Result<(), Failure> {
        if self.unsent == 0 {
            return self.check_lost(has_arrived);
        }
        let Self { unsent, .. } = self;
        let all = self.counters.messages_sent;
        Err(if self.is_late {
            Failure::Unmet(format!(
                "{unsent} of {all} messages were not sent in time; a longer --leave-within or a faster \
                 --pace sends more"
            ))
        } else {
            let trouble = self.trouble.unwrap_or_else(|| {
                format!("nothing for {} s; is the interface up?", STUCK.as_secs())
            });
            Failure::Trouble(format!(
                "{unsent} of {all} messages were not sent: the network takes no more: {trouble}"
            ))
        })
    }

    fn check_lost(self, has_arrived: bool) -> Result<(), Failure> {
        let lost = self.counters.send_failures;
        match self.trouble {
            Some(trouble) if lost > 0 && !has_arrived => {
                let all = self.counters.datagrams_sent;
                Err(Failure::refused(lost, all, &trouble))
            }
            _ => Ok(()),
        }
    }
}

/// What waits to be sent while the program would end, shown on a terminal.
#[derive(Debug)]
pub(crate) struct Queue {
    bar: Option<ProgressBar>,
    begun: Instant,
    most: usize,
    datagrams: u64,
    moved: Instant,
}

impl Queue {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            bar: None,
            begun: now,
            most: 0,
            datagrams: 0,
            moved: now,
        }
    }

    /// So many messages wait, and so many datagrams were sent.
    pub(crate) fn look(&mut self, unsent: usize, datagrams: u64) {
        if self.datagrams != datagrams {
            self.datagrams = datagrams;
            self.moved = Instant::now();
        }
        self.most = self.most.max(unsent);
        signal::would_lose(unsent);
        if !self.is_long(unsent) {
            self.hide();
            return;
        }
        let sent = self.most.saturating_sub(unsent);
        let left = self.time_left(sent, unsent);
        let bar = self.bar.get_or_insert_with(bar);
        bar.set_length(u64::try_from(self.most).unwrap_or(u64::MAX));
        bar.set_position(u64::try_from(sent).unwrap_or(u64::MAX));
        bar.set_message(match left {
            Some(seconds) => format!("{unsent} messages to send before leaving, {seconds} s"),
            None => format!("{unsent} messages to send before leaving"),
        });
    }

    /// How many seconds the rest takes, if it goes on like this.
    fn time_left(&self, sent: usize, unsent: usize) -> Option<u64> {
        let seconds = self.begun.elapsed().as_secs_f64() * unsent as f64 / sent as f64;
        (sent > 0).then_some(seconds.ceil() as u64)
    }

    /// Whether it takes so long that somebody wants to know.
    pub(crate) fn is_long(&self, unsent: usize) -> bool {
        unsent > 0 && self.begun.elapsed() >= SOON
    }

    /// Whether the network takes nothing any more.
    pub(crate) fn is_stuck(&self) -> bool {
        self.moved.elapsed() >= STUCK
    }

    fn hide(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.hide();
    }
}

/// A line on standard error, if that is a terminal.
fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {msg}") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirmations_decide_and_not_that_a_datagram_was_refused_for_a_moment() {
        let refused = |has_arrived| {
            let mut counters = Counters::new();
            counters.send_failures = 1;
            let left = Left {
                counters,
                trouble: Some("no route".to_owned()),
                unsent: 0,
                is_late: false,
            };
            left.check(has_arrived)
        };
        assert!(refused(true).is_ok());
        assert!(matches!(refused(false), Err(Failure::Trouble(_))));
    }
}
