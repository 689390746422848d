//! A soak test, as an application.

use core::time::Duration;

use groupcast::{Application, Channel, Counters, Endpoint, Event, Instant};

use crate::numbers::Numbers;
use crate::options::Options;
use crate::tally::Tallies;
use crate::{log, said};

/// As `groupcast chat`.
const NUMBERS: Channel = Channel::reliable_ordered(0);

/// How often to look whether there is room for more messages while nothing comes.
const LOOK: Duration = Duration::from_millis(10);

/// Sends numbered reliable messages, counts those of the others, reports, and leaves.
///
/// It begins when somebody says `go`, and ends when everybody has all of its messages, and it has all of
/// `members=N` others' (default 1). Each sends `count=N` (default 1000), as `0 of 1000` and so on. After `limit=N` seconds
/// (default 600) it fails.
pub struct Soak {
    numbers: Numbers,
    heard: Tallies,
    count: u32,
    others: u32,
    end: Instant,
    linger: Duration,
    is_going: bool,
    /// Whether everything came, once and in order, when that is known.
    passed: Option<bool>,
    leaves_at: Instant,
}

impl Soak {
    /// A soak as the command line asks for. When it has everything it stays for somebody to leave, so long at most: who has sent
    /// to it may ask for confirmation.
    pub fn new(options: &Options, linger: Duration) -> Self {
        let option = |name, default| options.value(name).unwrap_or(default);
        let count = option("count", 1000);
        Self {
            numbers: Numbers::new(NUMBERS, count),
            heard: Tallies::default(),
            count,
            others: option("members", 1),
            end: Instant::from_secs(option("limit", 600).into()),
            linger,
            is_going: false,
            passed: None,
            leaves_at: Instant::ZERO,
        }
    }

    /// When it fails if it is not over.
    pub const fn end(&self) -> Instant {
        self.end
    }

    /// Whether everything came, once and in order.
    pub fn has_passed(&self) -> bool {
        self.passed == Some(true)
    }

    fn is_complete(&self) -> bool {
        let senders = self.heard.complete(self.count);
        self.numbers.confirmed() == self.count && senders >= self.others as usize
    }

    /// Logs what was sent, what was received of each sender, and what it took.
    fn report(&self, counters: &Counters) {
        log!(
            "sent: {} of {} confirmed by everybody, waited for room {} times",
            self.numbers.confirmed(),
            self.count,
            self.numbers.blocked
        );
        for (name, tally) in self.heard.iter() {
            log!(
                "from {}: received {}, lost {}, again {}",
                name,
                tally.received,
                tally.lost,
                tally.again
            );
        }
        log!(
            "datagrams {} dropped {} NACKs {} repairs {} gaps {}",
            counters.received,
            counters.dropped(),
            counters.nacks_sent,
            counters.repairs_sent,
            counters.gaps
        );
        log!(
            "soak: {}",
            if self.has_passed() {
                "passed"
            } else {
                "FAILED"
            }
        );
    }
}

impl Application for Soak {
    fn on_event(&mut self, _: Instant, event: &Event<'_>) {
        match event {
            Event::Message(message) if message.channel() == NUMBERS => {
                self.is_going |= said(message) == Some("go");
                self.heard.count(message);
            }
            Event::Confirmed(member) => self.numbers.confirmed_by(member.id()),
            other => {
                if matches!(other, Event::Left(_)) {
                    self.leaves_at = Instant::ZERO;
                }
                log::event(other);
            }
        }
    }

    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        if self.passed.is_none() {
            if self.is_going {
                self.numbers.send(endpoint, now);
            }
            let is_complete = self.is_complete();
            if !is_complete && now < self.end {
                return Some(if self.is_going { now + LOOK } else { self.end });
            }
            self.passed = Some(is_complete && self.heard.are_perfect(self.count));
            self.report(endpoint.counters());
            self.leaves_at = now + self.linger;
        }
        if now < self.leaves_at {
            return Some(self.leaves_at);
        }
        endpoint.leave();
        None
    }
}
