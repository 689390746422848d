//! Challenges that were heard and are to be sent back (PROTOCOL K10).

use crate::group::random::Random;
use crate::ident::MemberId;
use crate::wire::Hello;

/// A challenge, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Echo {
    /// 0: the place is free.
    sender: u32,
    /// Whether it is on the roster.
    known: bool,
    /// In two halves, the high one first: 64 bits at once would want more room for alignment.
    challenge: [u32; 2],
}

impl Echo {
    const FREE: Self = Self {
        sender: 0,
        known: false,
        challenge: [0; 2],
    };
}

/// Challenges over any storage; code is written for the unsized [`Echoes`].
#[derive(Debug)]
pub(crate) struct Echoes<B: ?Sized = [Echo]> {
    count: u32,
    /// How many strangers came since some were sent back for whom there was no place.
    refused: u32,
    echoes: B,
}

impl<const N: usize> Echoes<[Echo; N]> {
    pub(crate) const fn new() -> Self {
        Self {
            count: 0,
            refused: 0,
            echoes: [Echo::FREE; N],
        }
    }
}

impl Echoes {
    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.refused = 0;
        self.echoes.fill(Echo::FREE);
    }

    /// How many are to be sent back.
    pub(crate) const fn len(&self) -> usize {
        // Never more than there are places.
        self.count as usize
    }

    /// Notes a challenge: one of each known member, and of strangers each one, since any of them may be from
    /// a life that is over. If there is no room, a known member takes the place of a stranger; among strangers
    /// it is drawn who stays, and all have the same chance, however often old ones are played back. Returns
    /// whether it was noted, and was not there before.
    pub(crate) fn note(
        &mut self,
        sender: MemberId,
        known: bool,
        challenge: u64,
        random: &mut Random,
    ) -> bool {
        // The two halves of 64 bits.
        let echo = Echo {
            sender: sender.get(),
            known,
            challenge: [(challenge >> 32) as u32, challenge as u32],
        };
        let is_it = |other: &Echo| {
            let same = other.challenge == echo.challenge;
            other.sender == echo.sender && (same || (known && other.known))
        };
        let find = |is_it: &dyn Fn(&Echo) -> bool| self.echoes.iter().position(is_it);
        let at = if let Some(at) = find(&is_it) {
            Some(at)
        } else if let Some(at) = find(&|echo| echo.sender == 0) {
            self.count = self.count.saturating_add(1);
            Some(at)
        } else {
            self.victim(known, random)
        };
        let Some(place) = at.and_then(|at| self.echoes.get_mut(at)) else {
            return false;
        };
        let is_new = (place.sender, place.challenge) != (echo.sender, echo.challenge);
        *place = echo;
        is_new
    }

    /// The place of a stranger that gives way, if one does: always for a known member, and for another stranger
    /// so seldom that all have had the same chance.
    fn victim(&mut self, for_known: bool, random: &mut Random) -> Option<usize> {
        let strangers = self.echoes.iter().filter(|echo| !echo.known).count();
        let strangers = u32::try_from(strangers).unwrap_or(u32::MAX);
        let drawn = if for_known {
            random.below(strangers)
        } else {
            self.refused = self.refused.saturating_add(1);
            random.below(strangers.saturating_add(self.refused))
        };
        let drawn = usize::try_from(drawn).unwrap_or(usize::MAX);
        let places = self.echoes.iter().enumerate();
        let mut strangers = places.filter(|(_, echo)| !echo.known);
        strangers.nth(drawn).map(|(at, _)| at)
    }

    /// Takes a challenge that is to be sent back, as bytes.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn take(&mut self) -> Option<[u8; Hello::CHALLENGE_LEN]> {
        self.refused = 0;
        let echo = self.echoes.iter_mut().find(|echo| echo.sender != 0)?;
        let [high, low] = echo.challenge;
        *echo = Echo::FREE;
        self.count = self.count.saturating_sub(1);
        let [a, b, c, d] = high.to_be_bytes();
        let [e, f, g, h] = low.to_be_bytes();
        Some([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn id(number: u32) -> MemberId {
        MemberId::new(number).unwrap()
    }

    fn taken(echoes: &mut Echoes, room: usize) -> Vec<u64> {
        let taken = (0..room / 8).map_while(|_| echoes.take());
        taken.map(u64::from_be_bytes).collect()
    }

    /// PROTOCOL K10.
    #[test]
    fn each_sender_has_one_place_and_known_ones_give_way_to_nobody() {
        let random = &mut Random::new(&[1; 32].into());
        let echoes: &mut Echoes = &mut Echoes::<[Echo; 3]>::new();
        assert!(echoes.note(id(1), true, 10, random));
        assert!(!echoes.note(id(1), true, 10, random));
        assert!(echoes.note(id(1), true, 11, random), "another challenge");
        for stranger in 2..200 {
            echoes.note(id(stranger), false, u64::from(stranger), random);
        }
        assert_eq!(echoes.len(), 3);
        for member in 1_000..1_002 {
            assert!(echoes.note(id(member), true, 1 << 40, random));
        }
        assert!(!echoes.note(id(5), false, 5, random), "all are known");
        let mut all = taken(echoes, 100);
        all.sort_unstable();
        assert_eq!(all, [11, 1 << 40, 1 << 40]);
        assert_eq!(echoes.len(), 0);
    }

    /// PROTOCOL K10.
    #[test]
    fn whichever_stranger_gives_way_is_drawn() {
        let mut survivors = [0; 4];
        for seed in 1..=200 {
            let random = &mut Random::new(&[seed; 32].into());
            let echoes: &mut Echoes = &mut Echoes::<[Echo; 3]>::new();
            for stranger in 0..4 {
                echoes.note(id(stranger + 1), false, u64::from(stranger), random);
            }
            for challenge in taken(echoes, 100) {
                survivors[challenge as usize] += 1;
            }
        }
        assert!(survivors.iter().all(|n| *n > 120), "{survivors:?}");
    }

    /// PROTOCOL K10.
    #[test]
    fn lives_long_past_crowd_out_neither_each_other_nor_the_present_one() {
        let (mut present, mut past) = (0, 0);
        for seed in 1..=200 {
            let random = &mut Random::new(&[seed; 32].into());
            let echoes: &mut Echoes = &mut Echoes::<[Echo; 4]>::new();
            for round in 0..10 {
                for life in 0..8 {
                    echoes.note(id(1), false, life, random);
                }
                if round == 0 {
                    echoes.note(id(1), false, 99, random);
                }
            }
            let taken = taken(echoes, 100);
            present += u32::from(taken.contains(&99));
            past += u32::from(taken.contains(&7));
        }
        // Said once, against 80 that were played back: 4 of 81 is what nobody could undo.
        assert!(present > 10, "{present}");
        assert!(past > 60, "{past}");
    }

    #[test]
    fn what_has_no_room_is_sent_the_next_time() {
        let random = &mut Random::new(&[1; 32].into());
        let echoes: &mut Echoes = &mut Echoes::<[Echo; 4]>::new();
        for sender in 1..=4 {
            echoes.note(id(sender), true, u64::from(sender), random);
        }
        assert_eq!(taken(echoes, 20), [1, 2]);
        assert_eq!(taken(echoes, 100), [3, 4]);
        assert_eq!(taken(echoes, 100), [] as [u64; 0]);
    }
}
