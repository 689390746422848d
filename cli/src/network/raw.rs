//! Raw datagrams, for programs that do not speak the protocol.
//!
//! A sender of these is no member: nothing is sent but what it is given.

use groupcast::SendError;
use groupcast::wire::{MAX_MAX_DATAGRAM, is_framed};

use super::place::say_where;
use super::socket::Mouth;
use crate::options::Common;
use crate::process::failure::Failure;

/// A sender of raw datagrams.
#[derive(Debug)]
pub(crate) struct Raw {
    mouth: Mouth,
    limit: usize,
    sent: u64,
    /// How many the network refused, and why.
    lost: u64,
    trouble: Option<String>,
}

impl Raw {
    /// `limit`: the most bytes of a datagram. Default: what Ethernet takes; more would be split by IP, and more
    /// often lost.
    pub(crate) fn open(common: &Common, limit: Option<u16>) -> Result<Self, Failure> {
        if common.key_file.is_some() {
            return Err(Failure::Settings(
                "anybody can read and forge raw datagrams, and there is a key for this group; leave out --raw, or \
                 the key (--key-file, GROUPCAST_KEY_FILE, a profile)"
                    .to_owned(),
            ));
        }
        let mouth = Mouth::open(common)?;
        say_where(common, mouth.group(), mouth.choice(), "id none (raw)");
        let limit = limit.unwrap_or(MAX_MAX_DATAGRAM).into();
        Ok(Self {
            mouth,
            limit,
            sent: 0,
            lost: 0,
            trouble: None,
        })
    }

    /// Sends a datagram. Waits for room; `false`: a signal came before there was. What the network refuses is lost, and
    /// told by [`check`](Self::check).
    pub(crate) fn send(&mut self, datagram: &[u8]) -> Result<bool, Failure> {
        if datagram.is_empty() {
            return Err(SendError::Empty.into());
        }
        if is_framed(datagram) {
            return Err(SendError::LooksFramed.into());
        }
        let (len, limit) = (datagram.len(), self.limit);
        if len > limit {
            return Err(SendError::TooLong { len, limit }.into());
        }
        match self.mouth.say(datagram) {
            Ok(false) => return Ok(false),
            Ok(true) => self.sent += 1,
            Err(Failure::Trouble(why) | Failure::Settings(why)) => {
                self.lost += 1;
                self.trouble.get_or_insert(why);
            }
            Err(failure) => return Err(failure),
        }
        Ok(true)
    }

    /// What the network refused is a failure.
    pub(crate) fn check(self) -> Result<(), Failure> {
        let Self { sent, lost, .. } = self;
        self.trouble.map_or(Ok(()), |trouble| {
            Err(Failure::refused(lost, sent + lost, &trouble))
        })
    }

    /// How many were sent.
    pub(crate) const fn sent(&self) -> u64 {
        self.sent
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }
}
