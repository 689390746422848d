//! A roster as what first contact knows of the others.

use super::contact::Known;
use crate::group::membership::{Roster, Verdict};
use crate::ident::MemberId;
use crate::time::Tick;
use crate::wire::{Frame, Frames, Header, Hello};

impl Known for Roster {
    fn group_size(&self) -> usize {
        Self::group_size(self)
    }

    fn take_forgotten(&mut self) -> bool {
        Self::take_forgotten(self)
    }

    fn believed_with(&self, sender: MemberId) -> Option<u64> {
        Self::believed_with(self, sender)
    }

    fn judge(&self, now: Tick, header: &Header) -> Option<Verdict> {
        Self::judge(self, now, header)
    }

    fn prove(&mut self, now: Tick, header: &Header, challenge: u64) {
        Self::prove(self, now, header, challenge);
    }

    fn hello_in(frames: &[u8]) -> Option<Hello<'_>> {
        Frames::new(frames).find_map(|frame| match frame {
            Ok(Frame::Hello(hello)) => Some(hello),
            _ => None,
        })
    }

    // Whoever proves to be there and finds no place is told of.
    fn has_place_for(&mut self, _: Tick, _: &Header, _: &[u8]) -> bool {
        true
    }
}
