//! A player that nobody plays: it runs for the nearest coin, and shoots at whom it sees in line.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::field::{Direction, Point, TICKS_PER_SECOND, UNITS};
use crate::game::{Game, Input};

/// How long it waits between shots, and between looks around.
const RELOADING: u32 = TICKS_PER_SECOND / 3;
const LOOKING: u32 = 4;

#[derive(Debug)]
pub(crate) struct Bot {
    dice: Xoshiro256PlusPlus,
    loaded_in: u32,
    looks_in: u32,
}

impl Bot {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Xoshiro256PlusPlus::seed_from_u64(seed),
            loaded_in: RELOADING,
            looks_in: 0,
        }
    }

    /// What it does in this tick.
    pub(crate) fn input(&mut self, game: &Game) -> Input {
        self.loaded_in = self.loaded_in.saturating_sub(1);
        self.looks_in = self.looks_in.saturating_sub(1);
        let here = game.position().at;
        let target = (self.loaded_in == 0)
            .then(|| game.others().find_map(|other| in_line(here, other.at)))
            .flatten();
        if let Some(direction) = target {
            self.loaded_in = RELOADING;
            return Input {
                turn: Some(Some(direction)),
                shoot: true,
            };
        }
        if self.looks_in > 0 {
            return Input::default();
        }
        self.looks_in = LOOKING;
        let coin = game.coins_to_take().min_by_key(|coin| here.distance(*coin));
        // Now and then it goes astray, so that no two run beside each other for ever.
        let turn = match coin {
            Some(coin) if !self.dice.next_u32().is_multiple_of(8) => towards(here, coin),
            _ => Direction::ALL[self.dice.next_u32() as usize % Direction::ALL.len()],
        };
        Input {
            turn: Some(Some(turn)),
            shoot: false,
        }
    }
}

/// The way to shoot at somebody, if there is one.
fn in_line(here: Point, there: Point) -> Option<Direction> {
    let (dx, dy) = (there.x - here.x, there.y - here.y);
    if dy.abs() < UNITS / 2 {
        Some(if dx < 0 {
            Direction::Left
        } else {
            Direction::Right
        })
    } else if dx.abs() < UNITS / 2 {
        Some(if dy < 0 {
            Direction::Up
        } else {
            Direction::Down
        })
    } else {
        None
    }
}

/// The longer way first.
fn towards(here: Point, there: Point) -> Direction {
    let (dx, dy) = (there.x - here.x, there.y - here.y);
    match (dx.abs() > dy.abs(), dx < 0, dy < 0) {
        (true, true, _) => Direction::Left,
        (true, false, _) => Direction::Right,
        (false, _, true) => Direction::Up,
        (false, _, false) => Direction::Down,
    }
}
