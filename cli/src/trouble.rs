//! Trouble with the network at run time: said once when it begins, and once when it ends.

use groupcast::Counters;

use crate::escape::escaped;

/// What is wrong with the network now.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// How many datagrams the network had taken when it began; `None` if all is well.
    since: Option<u64>,
    first: Option<String>,
    /// What is to be told by somebody else; `None`: it is said on standard error.
    kept: Option<Vec<String>>,
}

impl Trouble {
    /// Something went wrong.
    pub(crate) fn begins(&mut self, error: &groupcast_std::Error, counters: &Counters) {
        if self.since.is_none() {
            self.since = Some(taken(counters));
            self.say(format!("network trouble: {error}; going on"));
            self.first.get_or_insert_with(|| error.to_string());
        }
    }

    /// Looks whether it is over: whether the network takes datagrams again.
    pub(crate) fn look(&mut self, counters: &Counters) {
        if self.since.is_some_and(|before| taken(counters) > before) {
            self.since = None;
            self.say("the network works again".to_owned());
        }
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
