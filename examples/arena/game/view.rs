//! What bots, the screen and the report see of a game.

use std::collections::BTreeMap;

use groupcast::MemberId;

use super::{Game, Phase, Shot};
use crate::field::Point;
use crate::message::{Coin, Position};
use crate::other::Other;

impl Game {
    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) const fn now(&self) -> u32 {
        self.now
    }

    pub(crate) const fn id(&self) -> MemberId {
        self.me
    }

    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    pub(crate) const fn is_safe(&self) -> bool {
        self.now < self.safe_until
    }

    pub(crate) const fn gaps(&self) -> u32 {
        self.gaps
    }

    pub(crate) fn own_coins(&self) -> &[Coin] {
        &self.coins
    }

    pub(crate) fn shots(&self) -> &[Shot] {
        &self.shots
    }

    /// Where the other players are now, as far as one can tell.
    pub(crate) fn others(&self) -> impl Iterator<Item = Position> + '_ {
        let there = self.others.values().filter(|other| !other.is_gone);
        there.filter_map(|other| other.shown(self.now))
    }

    /// Where coins are that this player has not claimed.
    pub(crate) fn coins_to_take(&self) -> impl Iterator<Item = Point> + '_ {
        self.free_coins().map(|(_, coin)| coin.at)
    }

    /// All other players of the game, those that are gone, too.
    pub(crate) const fn players(&self) -> &BTreeMap<MemberId, Other> {
        &self.others
    }

    /// A player's points, as counted from the events.
    pub(crate) fn counted(&self, id: MemberId) -> u32 {
        self.counted.get(&id).copied().unwrap_or_default()
    }
}
