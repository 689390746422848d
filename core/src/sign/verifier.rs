//! Whose message is it, and is it new?

use core::fmt;

use super::key::{PublicKey, SIGNATURE_LEN};
use super::statement::Statement;
use crate::channel::{Channel, Class};
use crate::event::Message;
use crate::ident::{MemberId, Session};

/// Why a message is not a trusted publisher's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NotTrusted {
    /// It is not signed.
    NotSigned,
    /// Its sender is not on the roster, which is full, so its session is not known.
    NoSession,
    /// It has the mark of a signed message, but is too short for a signature.
    Malformed,
    /// The signature fits none of the trusted keys: it is somebody else's, or forged, or was made for
    /// another message, place or session. These cannot be told apart.
    NobodyTrusted,
    /// A trusted publisher signed it, but it was taken before, or is too old to tell.
    Replayed,
}

impl fmt::Display for NotTrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSigned => "it is not signed",
            Self::NoSession => {
                "its sender is not on the roster, so it cannot be verified; \
                 give the storage more PEERS"
            }
            Self::Malformed => "it is too short for a signature",
            Self::NobodyTrusted => {
                "its signature fits no trusted key: it is somebody else's, or forged"
            }
            Self::Replayed => "it was there before, or is too old to tell",
        })
    }
}

impl core::error::Error for NotTrusted {}

impl<'a> Message<'a> {
    /// Which of these keys the message is signed with.
    ///
    /// It may have been there before: a member can repeat what a publisher signed. A [`Verifier`] takes
    /// nothing twice. Each key that does not fit costs as much as the one that does.
    ///
    /// # Errors
    ///
    /// It is signed with none of them.
    pub fn publisher<'k>(&self, trusted: &'k [PublicKey]) -> Result<&'k PublicKey, NotTrusted> {
        let signature = self.signature.ok_or(NotTrusted::NotSigned)?;
        let signature: &[u8; SIGNATURE_LEN] =
            signature.try_into().map_err(|_| NotTrusted::Malformed)?;
        let session = self.member.ok_or(NotTrusted::NoSession)?.session();
        let hash = self.statement(session).hash();
        let fits = |key: &&PublicKey| key.verifies_hash(&hash, signature);
        trusted.iter().find(fits).ok_or(NotTrusted::NobodyTrusted)
    }

    fn statement(&self, session: Session) -> Statement<'a> {
        Statement {
            group: self.config.group,
            group_name: self.config.group_name.unwrap_or_default(),
            sender: self.sender,
            session,
            channel: self.channel,
            sequence: self.sequence,
            payload: self.payload,
        }
    }
}

/// Tells the messages of trusted publishers from all others, and takes none of them twice.
///
/// It remembers what it took on `N` channels: a channel of each publisher, sender and session counts.
/// One costs about 80 octets. Beyond, the one that began first is forgotten, and then what was signed
/// there can be replayed: give it room for the publishers' channels, times a few restarts of theirs.
///
/// Within a channel the classes `Latest`, `State` and `ReliableOrdered` only go forward. The others come
/// in any order; a message more than 127 fragments behind the newest is refused as too old to tell.
#[derive(Clone, Debug)]
pub struct Verifier<'k, const N: usize> {
    trusted: &'k [PublicKey],
    /// Which track gives way next when all are taken.
    next: usize,
    tracks: [Option<Track>; N],
}

/// What was taken on one channel.
#[derive(Clone, Copy, Debug)]
struct Track {
    publisher: PublicKey,
    sender: MemberId,
    session: Session,
    channel: Channel,
    /// The newest sequence number, and which of the 128 up to it were taken, the newest the lowest bit.
    newest: u32,
    taken: [u64; 2],
}

impl<'k, const N: usize> Verifier<'k, N> {
    /// A verifier that trusts the holders of these keys. Each costs time with each message.
    #[must_use]
    pub const fn new(trusted: &'k [PublicKey]) -> Self {
        const {
            assert!(N > 0, "a verifier remembers at least one channel");
        }
        Self {
            trusted,
            next: 0,
            tracks: [None; N],
        }
    }

    /// Whose message it is. It is then remembered as taken.
    ///
    /// # Errors
    ///
    /// Why it is not to be trusted.
    pub fn check(&mut self, message: &Message<'_>) -> Result<&'k PublicKey, NotTrusted> {
        let publisher = message.publisher(self.trusted)?;
        let session = message.member.ok_or(NotTrusted::NoSession)?.session();
        let new = Track {
            publisher: *publisher,
            sender: message.sender,
            session,
            channel: message.channel,
            newest: message.sequence,
            taken: [1, 0],
        };
        let known = self.tracks.iter_mut().flatten();
        if let Some(track) = known.into_iter().find(|track| track.is_of(&new)) {
            return if track.take(message.sequence) {
                Ok(publisher)
            } else {
                Err(NotTrusted::Replayed)
            };
        }
        if let Some(place) = self.tracks.get_mut(self.next) {
            *place = Some(new);
        }
        let next = self.next.saturating_add(1);
        self.next = if next < N { next } else { 0 };
        Ok(publisher)
    }
}

impl Track {
    fn is_of(&self, other: &Self) -> bool {
        (self.publisher, self.sender, self.session, self.channel)
            == (other.publisher, other.sender, other.session, other.channel)
    }

    /// Whether this number was not taken before. Then it is.
    fn take(&mut self, sequence: u32) -> bool {
        let ordered = !matches!(
            self.channel.class(),
            Class::BestEffort | Class::ReliableUnordered
        );
        let [low, high] = self.taken;
        let taken = u128::from(low) | (u128::from(high) << 64);
        let ahead = sequence.wrapping_sub(self.newest);
        // Numbers wrap: half of them are newer than any (RFC 1982).
        let taken = if ahead != 0 && ahead < 1 << 31 {
            self.newest = sequence;
            taken.checked_shl(ahead).unwrap_or(0) | 1
        } else {
            let behind = self.newest.wrapping_sub(sequence);
            match 1_u128.checked_shl(behind) {
                Some(bit) if !ordered && taken & bit == 0 => taken | bit,
                _ => return false,
            }
        };
        // The two halves of 128 bits.
        self.taken = [taken as u64, (taken >> 64) as u64];
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn track(channel: Channel, newest: u32) -> Track {
        Track {
            publisher: PublicKey::new([1; 32]),
            sender: MemberId::new(1).unwrap(),
            session: Session::new(2),
            channel,
            newest,
            taken: [1, 0],
        }
    }

    #[test]
    fn a_track_is_small() {
        std::println!("Option<Track>: {}", size_of::<Option<Track>>());
        assert!(size_of::<Option<Track>>() <= 88);
    }

    #[test]
    fn what_only_goes_forward_takes_nothing_older() {
        for channel in [
            Channel::latest(1),
            Channel::state(1),
            Channel::reliable_ordered(1),
        ] {
            let mut track = track(channel, u32::MAX - 1);
            assert!(!track.take(u32::MAX - 1), "{channel:?}");
            assert!(!track.take(u32::MAX - 2), "{channel:?}");
            assert!(track.take(3), "numbers wrap");
            assert!(!track.take(u32::MAX), "{channel:?}");
            assert!(track.take(4), "{channel:?}");
        }
    }

    #[test]
    fn what_comes_in_any_order_is_taken_once_as_far_back_as_is_known() {
        let mut track = track(Channel::best_effort(1), 5);
        assert!(track.take(5_u32.wrapping_sub(127)));
        assert!(!track.take(5_u32.wrapping_sub(127)));
        assert!(!track.take(5_u32.wrapping_sub(128)), "too old to tell");
        assert!(track.take(1_000));
        assert!(!track.take(5));
        assert!(track.take(999));
    }

    proptest! {
        #[test]
        fn nothing_is_taken_twice(
            start in any::<u32>(),
            steps in proptest::collection::vec(0u32..400, 1..200),
        ) {
            let mut track = track(Channel::reliable_unordered(1), start);
            let mut taken = BTreeSet::from([start]);
            for step in steps {
                let sequence = start.wrapping_sub(200).wrapping_add(step);
                if track.take(sequence) {
                    prop_assert!(taken.insert(sequence));
                }
            }
        }
    }
}
