//! What a scenario came to.

use core::time::Duration;
use std::collections::BTreeMap;

use super::latency::Latency;
use super::profile::Profile;

/// What became of messages at the receivers of one [`Profile`], or at one of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// Pairs of message and receiver.
    pub owed: u64,
    /// Those where the message was delivered.
    pub delivered: u64,
    /// Those where the receiver had no place to listen to the sender.
    pub no_place: u64,
}

impl Outcome {
    pub(super) const fn add(&mut self, other: &Self) {
        self.owed += other.owed;
        self.delivered += other.delivered;
        self.no_place += other.no_place;
    }
}

/// What a [`Scenario`](super::Scenario) came to; or several of them, [merged](Self::merge).
///
/// Every pair of a message and a receiver is counted once:
///
/// ```text
/// sent * receivers = delivered + gap_messages + lost + unaccounted + no_place
/// ```
///
/// What is counted *per message* is counted from the first message until the last one is accounted
/// for (or 30 s after it, if some never are).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Messages that the group took to be sent, of all senders.
    pub sent: u64,
    /// How many members each message is for: all who take its class, but its sender.
    pub receivers: u64,
    /// Pairs of message and receiver, where the message was delivered.
    pub delivered: u64,
    /// Pairs where the message, or a fragment of it, was reported as a gap and not delivered.
    pub gap_messages: u64,
    /// Deliveries beyond the first.
    pub duplicates: u64,
    /// Pairs of which the receiver heard nothing and was promised nothing: what is lost with
    /// BestEffort, what is lost or overtaken with Latest, and values of State that are not the final
    /// one. Zero with the reliable classes.
    pub lost: u64,
    /// Pairs of which the receiver heard nothing although it was promised: every message of the
    /// reliable classes, the final value of State.
    pub unaccounted: u64,
    /// Pairs of which the receiver has no place for the sender: a leaf that listens to others, as many as it can, or a
    /// member whose roster is full. That is no breach of a promise.
    pub no_place: u64,
    /// What became of the messages at the receivers of each profile, if the members
    /// [have profiles](super::Scenario::run_mix).
    pub profiles: BTreeMap<Profile, Outcome>,
    /// Messages or gaps that came after newer ones, where the class has an order.
    pub out_of_order: u64,
    /// Deliveries whose content is not what was sent.
    pub damaged: u64,
    /// Pairs both delivered and reported as a gap. They are counted as what came first.
    pub contradicted: u64,
    /// Messages and gaps that nobody sent.
    pub unknown: u64,
    /// Messages that the members still refused to take at the end (`QueueFull`). They are not in
    /// `sent`.
    pub refused: u64,
    /// Pairs of members that did not know each other when the first message was sent: their storage
    /// has room for fewer peers. Between those nothing is promised: what is lost is in `no_place`, and what comes
    /// again is not counted.
    pub strangers: u64,
    /// Datagrams lost on purpose by [`with_one_loss`](super::Scenario::with_one_loss).
    pub losses: u64,
    /// NACKs sent by all members.
    pub nacks: u64,
    /// Fragments sent again because somebody asked.
    pub repairs: u64,
    /// Datagrams sent by all members. One to the group counts once.
    pub datagrams: u64,
    /// Bytes in them, without IP and UDP headers.
    pub bytes: u64,
    /// Datagrams that carry no message for the first time: presence, heartbeats, NACKs, repairs.
    pub control_datagrams: u64,
    /// The time in which all this was counted.
    pub measured: Duration,
    /// How long deliveries took: from when the application had the message for `send`, even if it was
    /// refused then, to when the receiver was given it.
    pub latency: Latency,
}

impl Report {
    /// Adds another run: the sums of both, and the latencies of all deliveries.
    pub fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.receivers = self.receivers.max(other.receivers);
        self.delivered += other.delivered;
        self.gap_messages += other.gap_messages;
        self.duplicates += other.duplicates;
        self.lost += other.lost;
        self.unaccounted += other.unaccounted;
        self.no_place += other.no_place;
        for (profile, outcome) in &other.profiles {
            self.profiles.entry(*profile).or_default().add(outcome);
        }
        self.out_of_order += other.out_of_order;
        self.damaged += other.damaged;
        self.contradicted += other.contradicted;
        self.unknown += other.unknown;
        self.refused += other.refused;
        self.strangers += other.strangers;
        self.losses += other.losses;
        self.nacks += other.nacks;
        self.repairs += other.repairs;
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
        self.control_datagrams += other.control_datagrams;
        self.measured += other.measured;
        self.latency.merge(&other.latency);
    }

    /// Whether every message was accounted for, once, in order and unchanged. Losses that the class
    /// allows, gaps, and receivers without a place for the sender, are no breach.
    #[must_use]
    pub const fn keeps_promise(&self) -> bool {
        self.unaccounted == 0
            && self.duplicates == 0
            && self.out_of_order == 0
            && self.damaged == 0
            && self.contradicted == 0
            && self.unknown == 0
    }

    /// A latency in milliseconds: this share of the deliveries took no longer. `None` without any.
    #[must_use]
    pub fn latency_ms(&self, share: f64) -> Option<f64> {
        let latency = self.latency.quantile(share)?;
        Some(latency.as_micros() as f64 / 1000.0)
    }

    /// NACKs per message sent. `None` if nothing was sent, as in those that follow.
    #[must_use]
    pub fn nacks_per_message(&self) -> Option<f64> {
        ratio(self.nacks, self.sent as f64)
    }

    /// NACKs per datagram lost on purpose.
    #[must_use]
    pub fn nacks_per_loss(&self) -> Option<f64> {
        ratio(self.nacks, self.losses as f64)
    }

    /// Fragments repaired per message sent.
    #[must_use]
    pub fn repairs_per_message(&self) -> Option<f64> {
        ratio(self.repairs, self.sent as f64)
    }

    /// Datagrams of any kind per message sent.
    #[must_use]
    pub fn datagrams_per_message(&self) -> Option<f64> {
        ratio(self.datagrams, self.sent as f64)
    }

    /// Bytes in datagrams of any kind per message sent.
    #[must_use]
    pub fn bytes_per_message(&self) -> Option<f64> {
        ratio(self.bytes, self.sent as f64)
    }

    /// [`control_datagrams`](Self::control_datagrams) of the whole group per second.
    #[must_use]
    pub fn control_datagrams_per_second(&self) -> Option<f64> {
        ratio(self.control_datagrams, self.measured.as_secs_f64())
    }
}

fn ratio(sum: u64, of: f64) -> Option<f64> {
    (of > 0.0).then(|| sum as f64 / of)
}
