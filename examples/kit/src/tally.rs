//! Counts numbered messages: which are missing, and which came again.

use groupcast::{MemberId, Message};
use heapless::{String, Vec};

use crate::{number, said};

/// The numbered messages of all senders: who it is, its name, and what came of it.
#[derive(Default)]
pub struct Tallies(Vec<(MemberId, String<32>, Tally), 8>);

impl Tallies {
    /// Counts a message, if it is `I of N`.
    pub fn count(&mut self, message: &Message<'_>) {
        let text = said(message).and_then(|text| text.split_once(" of "));
        let Some(number) = text.and_then(|(first, _)| number(first)) else {
            return;
        };
        let id = message.sender();
        if self.0.iter().all(|(known, ..)| *known != id) {
            let name = String::try_from(message.name()).unwrap_or_default();
            // More than 8 senders are not counted, and then the soak does not end.
            let _ = self.0.push((id, name, Tally::default()));
        }
        let tally = self.0.iter_mut().find(|(known, ..)| *known == id);
        if let Some((.., tally)) = tally {
            tally.count(number);
        }
    }

    /// How many senders are through with so many messages.
    pub fn complete(&self, messages: u32) -> usize {
        self.0.iter().filter(|(.., t)| t.next >= messages).count()
    }

    /// Whether each of so many messages of each sender came, once and in order.
    pub fn are_perfect(&self, messages: u32) -> bool {
        self.0
            .iter()
            .all(|(.., t)| (t.received, t.lost, t.again) == (messages, 0, 0))
    }

    /// Each sender's name and tally.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tally)> {
        self.0.iter().map(|(_, name, tally)| (name.as_str(), tally))
    }
}

/// The numbered messages of one sender. They begin with 0, and should come in order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// The number that is due.
    next: u32,
    /// How many came.
    pub received: u32,
    /// How many were skipped when a later one came.
    pub lost: u32,
    /// How many came that were not later than all before: twice, or out of order.
    pub again: u32,
}

impl Tally {
    fn count(&mut self, number: u32) {
        self.received += 1;
        if number < self.next {
            self.again += 1;
        } else {
            self.lost += number - self.next;
            self.next = number + 1;
        }
    }
}
