//! How far a measurement is, on a terminal.

use core::time::Duration;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Steps of the whole line.
const STEPS: u64 = 1000;

/// A line on standard error, if that is a terminal and nobody wants JSON.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    expected: Duration,
}

impl Progress {
    /// Of something that takes about so long.
    pub(super) fn new(json: bool, expected: Duration) -> Self {
        let target = if json {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(STEPS), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            begun: Instant::now(),
            expected,
        }
    }

    /// What is being done.
    pub(super) fn says(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// Time has passed.
    pub(super) fn tick(&self) {
        let share = self.begun.elapsed().as_secs_f64() / self.expected.as_secs_f64().max(0.001);
        self.bar
            .set_position((share.min(1.0) * STEPS as f64) as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
