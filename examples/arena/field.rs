//! The field, and what moves on it. A cell has 32 units in each direction; a tick is a thirtieth of a
//! second.

use rand_core::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// The size of the field in cells.
pub(crate) const COLUMNS: i16 = 60;
pub(crate) const ROWS: i16 = 20;

pub(crate) const UNITS: i16 = 32;

pub(crate) const TICKS_PER_SECOND: u32 = 30;

/// How far a player, and a shot, goes in a tick. Cells are about twice as high as they are wide.
const PACE: i16 = 12;
const SHOT_PACE: i16 = 40;

/// How near is near enough to touch.
const REACH: i16 = UNITS;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: i16,
    pub(crate) y: i16,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    Up,
    Down,
    Left,
    Right,
}

impl Direction {
    pub(crate) const ALL: [Self; 4] = [Self::Up, Self::Down, Self::Left, Self::Right];

    const fn step(self, pace: i16) -> (i16, i16) {
        match self {
            Self::Up => (0, -pace / 2),
            Self::Down => (0, pace / 2),
            Self::Left => (-pace, 0),
            Self::Right => (pace, 0),
        }
    }
}

impl Point {
    /// A random place, not too near to the edge.
    pub(crate) fn random(dice: &mut Xoshiro256PlusPlus) -> Self {
        let mut up_to =
            |cells: i16| (dice.next_u32() % (u32::from(cells.unsigned_abs()) - 2)) as i16;
        Self {
            x: (up_to(COLUMNS) + 1) * UNITS,
            y: (up_to(ROWS) + 1) * UNITS,
        }
    }

    /// Where a player is after this many ticks: at the edge it stops.
    pub(crate) fn walked(self, direction: Option<Direction>, ticks: i16) -> Self {
        let (dx, dy) = direction.map_or((0, 0), |direction| direction.step(PACE));
        Self {
            x: (self.x + dx * ticks).clamp(0, COLUMNS * UNITS - 1),
            y: (self.y + dy * ticks).clamp(0, ROWS * UNITS - 1),
        }
    }

    /// Where a shot is a tick later; `None` if it has left the field.
    pub(crate) fn flown(self, direction: Direction) -> Option<Self> {
        let (dx, dy) = direction.step(SHOT_PACE);
        let (x, y) = (self.x + dx, self.y + dy);
        let inside = (0..COLUMNS * UNITS).contains(&x) && (0..ROWS * UNITS).contains(&y);
        inside.then_some(Self { x, y })
    }

    /// The larger of the distances across and down.
    pub(crate) fn distance(self, other: Self) -> i16 {
        (self.x - other.x).abs().max((self.y - other.y).abs())
    }

    pub(crate) fn touches(self, other: Self) -> bool {
        self.distance(other) <= REACH
    }
}
