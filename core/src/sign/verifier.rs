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
    /// A trusted publisher signed it, but it was taken before; or it is older than what was taken, where
    /// that only goes forward.
    Replayed,
    /// A trusted publisher signed it, but it is further behind than the [`Verifier`] looks back, so whether it
    /// was taken before cannot be told.
    TooOld,
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
            Self::Replayed => "it was there before, or is older than what was",
            Self::TooOld => {
                "it is too old to tell whether it was there before; \
                 give the verifier at least as many numbers as the storage has WINDOW"
            }
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
        let session = self.peer.ok_or(NotTrusted::NoSession)?.session();
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
/// It remembers what it took on `N` channels: a channel of each publisher, sender and life of it counts.
/// One costs about 60 bytes and `WORDS` times 8. Beyond, the one that began first is forgotten, and then what was
/// signed there can be replayed: give it room for the publishers' channels, times a few restarts of theirs.
///
/// Within a channel the classes `Latest`, `State` and `ReliableOrdered` only go forward. The others come
/// in any order: `WORDS` times 64 sequence numbers up to the newest are remembered one by one, and what is further
/// behind is refused as [too old](NotTrusted::TooOld).
///
/// A reliable message that was lost and repaired may come as far behind as the receiver's `WINDOW`, and so far a
/// verifier has to look back. The 2,048 numbers without `WORDS` are that of [`Desktop`](crate::Desktop), and enough for
/// every smaller memory; where bytes count, one word does for [`Board`](crate::Board) and
/// [`Tiny`](crate::Tiny). For a larger `WINDOW` give it more:
///
/// ```
/// use groupcast::sign::{PublicKey, Verifier};
///
/// let trusted = [PublicKey::new([7; 32])];
/// let desktop: Verifier<'_, 8> = Verifier::new(&trusted);
/// let board: Verifier<'_, 8, 1> = Verifier::new(&trusted);
/// let window_of_8192: Verifier<'_, 8, 128> = Verifier::new(&trusted);
/// # assert!(size_of_val(&board) <= 8 * 96 + 32, "{}", size_of_val(&board));
/// ```
#[derive(Clone, Debug)]
pub struct Verifier<'k, const N: usize, const WORDS: usize = 32> {
    trusted: &'k [PublicKey],
    /// Which track gives way next when all are taken.
    next: usize,
    tracks: [Option<Track<WORDS>>; N],
}

/// What was taken on one channel.
#[derive(Clone, Copy, Debug)]
struct Track<const WORDS: usize> {
    publisher: PublicKey,
    sender: MemberId,
    life: u32,
    channel: Channel,
    /// The newest sequence number.
    newest: u32,
    taken: Taken<WORDS>,
}

/// Which numbers up to the newest were taken: the bit of a number is that number modulo how many bits
/// there are, a power of two.
#[derive(Clone, Copy, Debug)]
struct Taken<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Taken<WORDS> {
    const BITS: u32 = WORDS as u32 * u64::BITS;

    /// The word of a number, and its bit there.
    fn place(&mut self, sequence: u32) -> (Option<&mut u64>, u64) {
        let at = (sequence / u64::BITS) as usize & WORDS.wrapping_sub(1);
        (self.0.get_mut(at), 1 << (sequence % u64::BITS))
    }

    /// Takes a number. Whether it was not taken before.
    fn take(&mut self, sequence: u32) -> bool {
        let (Some(word), bit) = self.place(sequence) else {
            return false;
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Forgets all numbers from `first` on, `count` of them: others have their places now.
    fn forget(&mut self, first: u32, count: u32) {
        let (mut at, mut left) = (first, count.min(Self::BITS));
        while left > 0 {
            let whole = at % u64::BITS == 0 && left >= u64::BITS;
            if let (Some(word), bit) = self.place(at) {
                *word &= if whole { 0 } else { !bit };
            }
            let step = if whole { u64::BITS } else { 1 };
            at = at.wrapping_add(step);
            left = left.saturating_sub(step);
        }
    }
}

impl<'k, const N: usize, const WORDS: usize> Verifier<'k, N, WORDS> {
    /// How many sequence numbers up to the newest it remembers of a channel: at least the receiver's `WINDOW`.
    pub const REACH: u32 = Taken::<WORDS>::BITS;

    /// A verifier that trusts the holders of these keys. Each costs time with each message.
    #[must_use]
    pub const fn new(trusted: &'k [PublicKey]) -> Self {
        const {
            assert!(N > 0, "a verifier remembers at least one channel");
            assert!(WORDS.is_power_of_two(), "WORDS is a power of two");
            assert!(WORDS <= 1 << 14, "WORDS is at most 16,384");
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
        let session = message.peer.ok_or(NotTrusted::NoSession)?.session();
        let whose = (*publisher, message.sender, session.life(), message.channel);
        let known = self.tracks.iter_mut().flatten();
        if let Some(track) = known.into_iter().find(|track| track.whose() == whose) {
            track.take(message.sequence.get())?;
            return Ok(publisher);
        }
        if let Some(place) = self.tracks.get_mut(self.next) {
            *place = Some(Track::new(whose, message.sequence.get()));
        }
        let next = self.next.saturating_add(1);
        self.next = if next < N { next } else { 0 };
        Ok(publisher)
    }
}

/// Publisher, sender, the sender's life, and channel.
type Whose = (PublicKey, MemberId, u32, Channel);

impl<const WORDS: usize> Track<WORDS> {
    /// A channel of which the first message is taken.
    fn new((publisher, sender, life, channel): Whose, sequence: u32) -> Self {
        let mut taken = Taken([0; WORDS]);
        taken.take(sequence);
        Self {
            publisher,
            sender,
            life,
            channel,
            newest: sequence,
            taken,
        }
    }

    const fn whose(&self) -> Whose {
        (self.publisher, self.sender, self.life, self.channel)
    }

    /// Takes this number, if it was not taken before.
    fn take(&mut self, sequence: u32) -> Result<(), NotTrusted> {
        let ordered = !matches!(
            self.channel.class(),
            Class::BestEffort | Class::ReliableUnordered
        );
        let ahead = sequence.wrapping_sub(self.newest);
        // Numbers wrap: half of them are newer than any (RFC 1982).
        if ahead != 0 && ahead < 1 << 31 {
            self.taken.forget(self.newest.wrapping_add(1), ahead);
            self.newest = sequence;
        } else if ordered {
            return Err(NotTrusted::Replayed);
        } else if self.newest.wrapping_sub(sequence) >= Taken::<WORDS>::BITS {
            return Err(NotTrusted::TooOld);
        }
        if self.taken.take(sequence) {
            Ok(())
        } else {
            Err(NotTrusted::Replayed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn track<const WORDS: usize>(channel: Channel, newest: u32) -> Track<WORDS> {
        let sender = MemberId::new(1).unwrap();
        let whose = (PublicKey::new([1; 32]), sender, 2, channel);
        Track::new(whose, newest)
    }

    #[test]
    fn a_track_is_small() {
        let sizes = [1, 2, 32].into_iter().zip([
            size_of::<Option<Track<1>>>(),
            size_of::<Option<Track<2>>>(),
            size_of::<Option<Track<32>>>(),
        ]);
        for (words, size) in sizes {
            std::println!("a channel with {words} words: {size}");
            assert!(size <= 72 + 8 * words, "{words} words: {size}");
        }
    }

    /// PROTOCOL P6.
    #[test]
    fn it_looks_back_as_far_as_any_memory_that_is_ready_made() {
        fn window<
            const PEERS: usize,
            const STREAMS: usize,
            const WINDOW: usize,
            const BLOCKS: usize,
            const HISTORY: usize,
            const RECEIVE: usize,
            const SENDS: u8,
        >(
            _: fn() -> crate::Storage<PEERS, STREAMS, WINDOW, BLOCKS, HISTORY, RECEIVE, SENDS>,
        ) -> u32 {
            WINDOW as u32
        }
        assert!(Verifier::<'_, 1>::REACH >= window(crate::Desktop::new));
        assert!(Verifier::<'_, 1, 1>::REACH >= window(crate::Board::new));
        assert!(Verifier::<'_, 1, 1>::REACH >= window(crate::Tiny::new));
    }

    /// PROTOCOL P6.
    #[test]
    fn what_only_goes_forward_takes_nothing_older() {
        for channel in [
            Channel::latest(1),
            Channel::state(1),
            Channel::reliable_ordered(1),
        ] {
            let mut track = track::<1>(channel, u32::MAX - 1);
            let replayed = Err(NotTrusted::Replayed);
            assert_eq!(track.take(u32::MAX - 1), replayed, "{channel:?}");
            assert_eq!(track.take(u32::MAX - 2), replayed, "{channel:?}");
            assert_eq!(track.take(3), Ok(()), "numbers wrap");
            assert_eq!(track.take(u32::MAX), replayed, "{channel:?}");
            assert_eq!(track.take(4), Ok(()), "{channel:?}");
        }
    }

    /// PROTOCOL P6.
    #[test]
    fn what_comes_in_any_order_is_taken_once_as_far_back_as_is_known() {
        fn check<const WORDS: usize>() {
            let reach = Verifier::<'_, 1, WORDS>::REACH;
            for start in [5, 63, 64, reach, u32::MAX, 0x8000_0000] {
                let mut track = track::<WORDS>(Channel::best_effort(1), start);
                let furthest = start.wrapping_sub(reach - 1);
                assert_eq!(track.take(furthest), Ok(()));
                assert_eq!(track.take(furthest), Err(NotTrusted::Replayed));
                let too_old = furthest.wrapping_sub(1);
                assert_eq!(track.take(too_old), Err(NotTrusted::TooOld));
                let ahead = start.wrapping_add(reach / 2);
                assert_eq!(track.take(ahead), Ok(()));
                assert_eq!(track.take(start), Err(NotTrusted::Replayed));
                assert_eq!(track.take(ahead.wrapping_sub(1)), Ok(()));
                let far = start.wrapping_add(10 * reach);
                assert_eq!(track.take(far), Ok(()));
                assert_eq!(track.take(start), Err(NotTrusted::TooOld));
                for behind in 1..reach {
                    assert_eq!(track.take(far.wrapping_sub(behind)), Ok(()), "{behind}");
                }
            }
        }
        check::<1>();
        check::<2>();
        check::<32>();
    }

    proptest! {
        /// Against a set that remembers all.
        #[test]
        fn what_is_new_and_within_reach_is_taken_and_nothing_twice(
            start in any::<u32>(),
            steps in proptest::collection::vec(prop_oneof![
                4 => -130i32..130,
                2 => -3_000i32..3_000,
                1 => any::<i32>(),
            ], 1..300),
        ) {
            fn check<const WORDS: usize>(start: u32, steps: &[i32]) -> Result<(), TestCaseError> {
                let mut track = track::<WORDS>(Channel::reliable_unordered(1), start);
                let mut taken = BTreeSet::from([start]);
                for step in steps {
                    let sequence = track.newest.wrapping_add_signed(*step);
                    let is_behind = *step <= 0;
                    let expected = if is_behind && step.unsigned_abs() >= Verifier::<'_, 1, WORDS>::REACH {
                        Err(NotTrusted::TooOld)
                    } else if is_behind && taken.contains(&sequence) {
                        Err(NotTrusted::Replayed)
                    } else {
                        Ok(())
                    };
                    prop_assert_eq!(track.take(sequence), expected);
                    taken.insert(sequence);
                    if !is_behind {
                        // Numbers that come again one day after all have been.
                        let newest = track.newest;
                        taken.retain(|taken| newest.wrapping_sub(*taken) < 1 << 31);
                    }
                }
                Ok(())
            }
            check::<1>(start, &steps)?;
            check::<2>(start, &steps)?;
            check::<32>(start, &steps)?;
        }
    }
}
