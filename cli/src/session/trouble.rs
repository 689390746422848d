//! Trouble with the network at run time: said once when it begins, and once when it ends.

use core::time::Duration;
use std::time::Instant;

use groupcast::Counters;
use groupcast::multicast::{UdpError, UdpErrorKind};

use crate::text::escape::escaped;

/// How long nothing must go wrong until it is said that all is well. A network that takes every second
/// datagram does not work again and again.
const CALM: Duration = Duration::from_secs(5);
/// And when it was said too early each time.
const LONGEST_CALM: Duration = Duration::from_secs(300);

/// What is wrong with the network now.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    now: Option<Lasting>,
    /// When it was over last, and how long it was calm until that was said.
    over: Option<(Instant, Duration)>,
    first: Option<String>,
    /// What is to be told by somebody else; `None`: it is said on standard error.
    kept: Option<Vec<String>>,
}

/// Trouble that lasts.
#[derive(Debug)]
struct Lasting {
    /// What has been said of it.
    said: Vec<UdpErrorKind>,
    /// When something went wrong last, and how many datagrams the network had taken then.
    last: Instant,
    taken: u64,
    /// How long it must be calm.
    calm: Duration,
}

impl Trouble {
    /// Something went wrong.
    pub(crate) fn begins(&mut self, error: &groupcast_std::Error, counters: &Counters) {
        self.begins_at(Instant::now(), error, taken(counters));
    }

    fn begins_at(&mut self, now: Instant, error: &groupcast_std::Error, taken: u64) {
        let calm = match self.over {
            // It was over for a short time only.
            Some((over, calm)) if now.duration_since(over) < calm * 10 => {
                (calm * 2).min(LONGEST_CALM)
            }
            _ => CALM,
        };
        let lasting = self.now.get_or_insert_with(|| Lasting {
            said: Vec::new(),
            last: now,
            taken,
            calm,
        });
        (lasting.last, lasting.taken) = (now, taken);
        let kind = error.kind();
        if !lasting.said.contains(&kind) {
            lasting.said.push(kind);
            self.say(format!("network trouble: {error}; going on"));
            self.first.get_or_insert_with(|| error.to_string());
        }
    }

    /// Looks whether it is over: whether the network has taken datagrams for a while, and refused none.
    pub(crate) fn look(&mut self, counters: &Counters) {
        if self.now.is_some() {
            self.look_at(Instant::now(), taken(counters));
        }
    }

    fn look_at(&mut self, now: Instant, taken: u64) {
        let Some(lasting) = &self.now else { return };
        if taken > lasting.taken && now.duration_since(lasting.last) >= lasting.calm {
            self.over = Some((now, lasting.calm));
            self.now = None;
            self.say("the network works again".to_owned());
        }
    }

    /// Something that is no trouble.
    pub(crate) fn tell(&mut self, text: String) {
        self.say(text);
    }

    fn say(&mut self, text: String) {
        match &mut self.kept {
            Some(kept) => kept.push(text),
            None => aside!("groupcast: {}", escaped(&text)),
        }
    }

    /// From now on, nothing is written on standard error.
    pub(crate) fn keep(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// What was kept since the last call.
    pub(crate) fn take(&mut self) -> Vec<String> {
        self.kept.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// The first thing that went wrong, if anything did.
    pub(crate) fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }
}

/// How many datagrams the network has taken.
const fn taken(counters: &Counters) -> u64 {
    counters.datagrams_sent.wrapping_sub(counters.send_failures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use groupcast_std::{Error, Family};

    const GONE: Error = Error::InterfaceGone(Family::V4);
    const CUT: Error = Error::Truncated { capacity: 7 };

    #[test]
    fn a_network_that_comes_and_goes_is_told_of_once_while_it_lasts() {
        let mut trouble = Trouble::default();
        trouble.keep();
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        // Every second takes one datagram and refuses another, for an hour.
        for second in 0..3_600 {
            trouble.begins_at(at(second), &GONE, second);
            trouble.look_at(at(second), second + 1);
        }
        let said = trouble.take();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("network trouble: "), "{said:?}");
        // Another kind of trouble is news; silence is not that it works.
        trouble.begins_at(at(3_600), &CUT, 3_600);
        trouble.look_at(at(3_900), 3_600);
        assert_eq!(trouble.take().len(), 1);
        trouble.look_at(at(3_901), 3_601);
        assert_eq!(trouble.take(), ["the network works again"]);
    }

    #[test]
    fn each_time_it_was_said_too_early_it_takes_longer_until_it_is_said_again() {
        let mut trouble = Trouble::default();
        trouble.keep();
        let start = Instant::now();
        // Six seconds of every seven are calm, for an hour.
        for second in 0..3_600 {
            let now = start + Duration::from_secs(second);
            if second % 7 == 0 {
                trouble.begins_at(now, &GONE, second);
            }
            trouble.look_at(now, second + 1);
        }
        let said = trouble.take();
        assert_eq!(said.len(), 3, "{said:?}");
    }
}
