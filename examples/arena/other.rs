//! What a player knows of another.

use crate::message::{Coin, Position, Score};

/// For how long a player is thought to go on as it did when nothing is heard of it.
const FORESIGHT: u32 = 10;

#[derive(Debug, Default)]
pub(crate) struct Other {
    pub(crate) name: String,
    /// It left, or fell silent for too long.
    pub(crate) is_gone: bool,
    pub(crate) is_over: bool,
    /// It has this player's final points.
    pub(crate) has_mine: bool,
    pub(crate) score: Option<Score>,
    pub(crate) coins: Vec<Coin>,
    /// The newest position, and when it was heard.
    position: Option<(Position, u32)>,
    pub(crate) positions: u32,
    /// How far it jumped on the screen with each position, in units.
    pub(crate) jumps: Vec<u16>,
}

impl Other {
    /// Takes a position that was just heard.
    pub(crate) fn place(&mut self, position: Position, now: u32) {
        self.positions += 1;
        if let Some(shown) = self.shown(now) {
            self.jumps
                .push(shown.at.distance(position.at).unsigned_abs());
        }
        self.position = Some((position, now));
    }

    /// Where it is now, if it went on as it did: so a lost position shows only where it turned.
    pub(crate) fn shown(&self, now: u32) -> Option<Position> {
        let (position, since) = self.position?;
        let ticks = (now - since).min(FORESIGHT) as i16;
        Some(Position {
            at: position.at.walked(position.direction, ticks),
            direction: position.direction,
        })
    }

    pub(crate) fn points(&self) -> u32 {
        self.score.map_or(0, |score| score.points)
    }

    pub(crate) fn is_final(&self) -> bool {
        self.score.is_some_and(|score| score.is_final)
    }
}
