//! What players tell each other: four channels, each of the class that suits it.

use groupcast::{Channel, MemberId};

use crate::field::{COLUMNS, Direction, Point, ROWS, UNITS};

/// Where a player is. Thirty a second, so a lost one is not worth asking for.
pub(crate) const POSITIONS: Channel = Channel::latest(1);
/// A player's own score. The newest must arrive, also at players that come late.
pub(crate) const SCORES: Channel = Channel::state(2);
/// Shots, hits and pick-ups. None may be missing, and their order matters.
pub(crate) const EVENTS: Channel = Channel::reliable_ordered(3);
/// The coins that a player has laid.
pub(crate) const COINS: Channel = Channel::state(4);

/// How many coins a player lays.
pub(crate) const COINS_EACH: usize = 2;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Position {
    pub(crate) at: Point,
    pub(crate) direction: Option<Direction>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Score {
    pub(crate) points: u32,
    /// It will not change any more.
    pub(crate) is_final: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Coin {
    pub(crate) number: u16,
    pub(crate) at: Point,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum GameEvent {
    Shot {
        number: u16,
        from: Point,
        direction: Direction,
    },
    /// The one who tells this was hit.
    Hit { by: MemberId, shot: u16 },
    /// The one who tells this wants a coin of `owner`.
    Claim { owner: MemberId, coin: u16 },
    /// The one who tells this gave its coin to `to`.
    Given { coin: u16, to: MemberId },
    /// The one who tells this has stopped: no event of it will follow.
    Over,
}

fn point(octets: [u8; 4]) -> Option<Point> {
    let [x1, x2, y1, y2] = octets;
    let (x, y) = (i16::from_be_bytes([x1, x2]), i16::from_be_bytes([y1, y2]));
    let inside = (0..COLUMNS * UNITS).contains(&x) && (0..ROWS * UNITS).contains(&y);
    inside.then_some(Point { x, y })
}

fn put_point(to: &mut Vec<u8>, point: Point) {
    to.extend(point.x.to_be_bytes());
    to.extend(point.y.to_be_bytes());
}

fn member(octets: [u8; 4]) -> Option<MemberId> {
    MemberId::new(u32::from_be_bytes(octets))
}

/// A direction as a byte: 0 is none.
fn code(direction: Option<Direction>) -> u8 {
    let place = Direction::ALL
        .iter()
        .position(|one| Some(*one) == direction);
    place.map_or(0, |place| place as u8 + 1)
}

fn direction(code: u8) -> Option<Direction> {
    Direction::ALL
        .get(usize::from(code).checked_sub(1)?)
        .copied()
}

// Others may send anything: what makes no sense is `None`.
impl Position {
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let &[x1, x2, y1, y2, to] = payload else {
            return None;
        };
        Some(Self {
            at: point([x1, x2, y1, y2])?,
            direction: direction(to),
        })
    }

    pub(crate) fn emit(self) -> Vec<u8> {
        let mut octets = Vec::new();
        put_point(&mut octets, self.at);
        octets.push(code(self.direction));
        octets
    }
}

impl Score {
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let &[a, b, c, d, is_final] = payload else {
            return None;
        };
        Some(Self {
            points: u32::from_be_bytes([a, b, c, d]),
            is_final: is_final != 0,
        })
    }

    pub(crate) fn emit(self) -> Vec<u8> {
        let mut octets = self.points.to_be_bytes().to_vec();
        octets.push(self.is_final.into());
        octets
    }
}

impl Coin {
    pub(crate) fn parse_all(payload: &[u8]) -> Option<Vec<Self>> {
        let (coins, rest) = payload.as_chunks::<6>();
        if !rest.is_empty() || coins.len() > COINS_EACH {
            return None;
        }
        let one = |&[n1, n2, x1, x2, y1, y2]: &[u8; 6]| {
            Some(Self {
                number: u16::from_be_bytes([n1, n2]),
                at: point([x1, x2, y1, y2])?,
            })
        };
        coins.iter().map(one).collect()
    }

    pub(crate) fn emit_all(coins: &[Self]) -> Vec<u8> {
        let mut octets = Vec::new();
        for coin in coins {
            octets.extend(coin.number.to_be_bytes());
            put_point(&mut octets, coin.at);
        }
        octets
    }
}

impl GameEvent {
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        Some(match *payload {
            [1, n1, n2, x1, x2, y1, y2, to] => Self::Shot {
                number: u16::from_be_bytes([n1, n2]),
                from: point([x1, x2, y1, y2])?,
                direction: direction(to)?,
            },
            [2, a, b, c, d, n1, n2] => Self::Hit {
                by: member([a, b, c, d])?,
                shot: u16::from_be_bytes([n1, n2]),
            },
            [3, a, b, c, d, n1, n2] => Self::Claim {
                owner: member([a, b, c, d])?,
                coin: u16::from_be_bytes([n1, n2]),
            },
            [4, a, b, c, d, n1, n2] => Self::Given {
                to: member([a, b, c, d])?,
                coin: u16::from_be_bytes([n1, n2]),
            },
            [5] => Self::Over,
            _ => return None,
        })
    }

    pub(crate) fn emit(self) -> Vec<u8> {
        let (kind, id, number) = match self {
            Self::Shot {
                number,
                from,
                direction,
            } => {
                let mut octets = vec![1];
                octets.extend(number.to_be_bytes());
                put_point(&mut octets, from);
                octets.push(code(Some(direction)));
                return octets;
            }
            Self::Hit { by, shot } => (2, by, shot),
            Self::Claim { owner, coin } => (3, owner, coin),
            Self::Given { coin, to } => (4, to, coin),
            Self::Over => return vec![5],
        };
        let mut octets = vec![kind];
        octets.extend(id.get().to_be_bytes());
        octets.extend(number.to_be_bytes());
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_is_heard() {
        let at = Point { x: 1919, y: 0 };
        let member = MemberId::new(0x1234_5678).unwrap();
        for direction in Direction::ALL.map(Some).into_iter().chain([None]) {
            let position = Position { at, direction };
            assert_eq!(Position::parse(&position.emit()), Some(position));
        }
        let score = Score {
            points: 70_000,
            is_final: true,
        };
        assert_eq!(Score::parse(&score.emit()), Some(score));
        for coins in [&[][..], &[Coin { number: 300, at }; COINS_EACH]] {
            assert_eq!(Coin::parse_all(&Coin::emit_all(coins)).unwrap(), coins);
        }
        for event in [
            GameEvent::Shot {
                number: 1,
                from: at,
                direction: Direction::Left,
            },
            GameEvent::Hit {
                by: member,
                shot: 2,
            },
            GameEvent::Claim {
                owner: member,
                coin: 3,
            },
            GameEvent::Given {
                coin: 4,
                to: member,
            },
            GameEvent::Over,
        ] {
            assert_eq!(GameEvent::parse(&event.emit()), Some(event));
        }
    }

    #[test]
    fn what_makes_no_sense_is_passed_over() {
        assert_eq!(Position::parse(&[0xff; 5]), None, "outside the field");
        assert_eq!(Coin::parse_all(&[0; 18]), None, "too many coins");
        assert_eq!(Coin::parse_all(&[0; 5]), None);
        for octets in [&[][..], &[9], &[1; 3], &[2, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(GameEvent::parse(octets), None, "{octets:?}");
        }
    }
}
