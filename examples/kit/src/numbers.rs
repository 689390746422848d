//! Sends numbered messages no faster than everybody gets them.

use core::time::Duration;

use groupcast::{Channel, Endpoint, Instant, MemberId, SendError, SequenceRange};
use heapless::Vec;

use crate::{Text, log};

/// So many are sent, and then no more before everybody has them: what was sent long ago cannot be
/// repaired, because the history of a board is short.
const BATCH: u32 = 40;

/// How often to ask who has a batch.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Messages `0 of N` to `N-1 of N`.
pub struct Numbers {
    channel: Channel,
    count: u32,
    sent: u32,
    /// The sequence numbers of the batch.
    batch: Option<SequenceRange>,
    ask_at: Instant,
    /// Who has the batch.
    have: Vec<MemberId, 16>,
    /// How many messages everybody has.
    confirmed: u32,
    /// How often there was no room for a message.
    pub blocked: u32,
}

impl Numbers {
    /// So many messages, on a reliable channel.
    pub const fn new(channel: Channel, count: u32) -> Self {
        Self {
            channel,
            count,
            sent: 0,
            batch: None,
            ask_at: Instant::ZERO,
            have: Vec::new(),
            confirmed: 0,
            blocked: 0,
        }
    }

    /// How many messages everybody has.
    pub const fn confirmed(&self) -> u32 {
        self.confirmed
    }

    /// A member says that it has the batch.
    pub fn confirmed_by(&mut self, id: MemberId) {
        if !self.have.contains(&id) {
            let _ = self.have.push(id);
        }
    }

    /// Sends what may be sent now.
    pub fn send(&mut self, endpoint: &mut impl Endpoint, now: Instant) {
        while self.sent < self.count && self.sent < self.confirmed + BATCH {
            let text = Text::<32>::new()
                .number(self.sent)
                .with(" of ")
                .number(self.count);
            match endpoint.queue(self.channel, text.as_str().as_bytes()) {
                Ok(sequence) => {
                    let first = self.batch.map_or(sequence, SequenceRange::first);
                    self.batch = Some(first.to(sequence));
                    self.sent += 1;
                    self.ask_at = now;
                }
                // There will be room when some of what waits is on its way.
                Err(SendError::QueueFull) => {
                    self.blocked += 1;
                    return;
                }
                Err(_) => {
                    log!("not sent: too long");
                    return;
                }
            }
        }
        let Some(batch) = self.batch else {
            return;
        };
        if endpoint
            .peers()
            .all(|member| !member.takes_reliable() || self.have.contains(&member.id()))
        {
            self.confirmed = self.sent;
            self.batch = None;
            self.have.clear();
        } else if now >= self.ask_at {
            // This board keeps messages for repair.
            let _ = endpoint.confirm(batch);
            self.ask_at = now + ASK_AGAIN;
        }
    }
}
