//! The rules, without network, clock or screen.
//!
//! Players must agree on who scored, although they hear of things at different times. So each question
//! has one player who decides it and tells it as an event: whoever is **hit** says by whom, and whoever laid
//! a **coin** says who got it, the first whose claim it heard. The events are reliable, so everybody counts
//! the same points. A player also publishes its own points as a State, for those who come late.

mod view;

use std::collections::{BTreeMap, BTreeSet};

use groupcast::{Channel, MemberId};
use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::field::{Direction, Point, TICKS_PER_SECOND};
use crate::message::{
    COINS, COINS_EACH, Coin, EVENTS, GameEvent, POSITIONS, Position, SCORES, Score,
};
use crate::other::Other;

/// What a coin and a hit are worth.
pub(crate) const COIN_POINTS: u32 = 1;
pub(crate) const HIT_POINTS: u32 = 3;

/// Who was hit cannot be hit again for so long.
const SAFE: u32 = TICKS_PER_SECOND;

/// From when all are there until the start. A player that is younger than a second may have missed what was
/// said before it came.
const MEETING: u32 = TICKS_PER_SECOND * 3 / 2;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How many must be there to begin.
    pub(crate) players: usize,
    /// How long it takes; `None` is until the player leaves.
    pub(crate) ticks: Option<u32>,
    /// Whether lost events are repaired. Without, one sees what that is good for.
    pub(crate) is_repaired: bool,
}

/// What a player does in a tick.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Input {
    /// Turn, or stop.
    pub(crate) turn: Option<Option<Direction>>,
    pub(crate) shoot: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Waiting for others, and for so many ticks after they have come.
    Meeting(u32),
    /// Until this tick, if there is an end.
    Playing(Option<u32>),
    /// Waiting until everybody knows everything.
    Over,
}

/// Something to send.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) channel: Channel,
    pub(crate) payload: Vec<u8>,
    /// The others shall confirm that they have it.
    pub(crate) confirm: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shot {
    pub(crate) by: MemberId,
    number: u16,
    pub(crate) at: Point,
    direction: Direction,
}

#[derive(Debug)]
pub(crate) struct Game {
    me: MemberId,
    rules: Rules,
    dice: Xoshiro256PlusPlus,
    now: u32,
    phase: Phase,
    position: Position,
    /// Where the next shot goes.
    facing: Direction,
    safe_until: u32,
    coins: Vec<Coin>,
    shots: Vec<Shot>,
    numbers: u16,
    claimed: BTreeSet<(MemberId, u16)>,
    others: BTreeMap<MemberId, Other>,
    /// Everybody's points, counted from the events.
    counted: BTreeMap<MemberId, u32>,
    published: Option<Score>,
    outbox: Vec<Outgoing>,
    gaps: u32,
}

impl Game {
    pub(crate) fn new(me: MemberId, rules: Rules, seed: u64) -> Self {
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self {
            me,
            rules,
            now: 0,
            phase: Phase::Meeting(MEETING),
            position: Position {
                at: Point::random(&mut dice),
                direction: None,
            },
            dice,
            facing: Direction::Right,
            safe_until: 0,
            coins: Vec::new(),
            shots: Vec::new(),
            numbers: 0,
            claimed: BTreeSet::new(),
            others: BTreeMap::new(),
            counted: BTreeMap::new(),
            published: None,
            outbox: Vec::new(),
            gaps: 0,
        }
    }

    /// A thirtieth of a second passes.
    pub(crate) fn tick(&mut self, input: Input) {
        self.now += 1;
        self.fly();
        match self.phase {
            Phase::Meeting(left) => {
                let there = self.others.values().filter(|other| !other.is_gone);
                if there.count() + 1 >= self.rules.players {
                    self.phase = match left.checked_sub(1) {
                        Some(left) => Phase::Meeting(left),
                        None => Phase::Playing(self.rules.ticks.map(|ticks| self.now + ticks)),
                    };
                }
            }
            Phase::Playing(end) if end.is_some_and(|end| self.now >= end) => self.stop(),
            Phase::Playing(_) => self.play(input),
            Phase::Over => {}
        }
        self.publish();
    }

    fn play(&mut self, input: Input) {
        if let Some(turn) = input.turn {
            self.position.direction = turn;
            self.facing = turn.unwrap_or(self.facing);
        }
        self.position.at = self.position.at.walked(self.position.direction, 1);
        if input.shoot {
            let number = self.number();
            self.tell(GameEvent::Shot {
                number,
                from: self.position.at,
                direction: self.facing,
            });
        }
        self.suffer();
        self.claim();
        if self.coins.len() < COINS_EACH {
            while self.coins.len() < COINS_EACH {
                let number = self.number();
                let at = Point::random(&mut self.dice);
                self.coins.push(Coin { number, at });
            }
            self.send(COINS, Coin::emit_all(&self.coins));
        }
        self.send(POSITIONS, self.position.emit());
    }

    fn fly(&mut self) {
        self.shots.retain_mut(|shot| {
            let flown = shot.at.flown(shot.direction);
            shot.at = flown.unwrap_or(shot.at);
            flown.is_some()
        });
    }

    /// Says whether this player was hit: nobody else decides that.
    fn suffer(&mut self) {
        let (me, here) = (self.me, self.position.at);
        if self.now < self.safe_until {
            return;
        }
        let hit = |shot: &&Shot| shot.by != me && shot.at.touches(here);
        if let Some(&Shot { by, number, .. }) = self.shots.iter().find(hit) {
            self.tell(GameEvent::Hit { by, shot: number });
            self.safe_until = self.now + SAFE;
            self.position.at = Point::random(&mut self.dice);
        }
    }

    /// Asks for the coins within reach, each once.
    fn claim(&mut self) {
        let here = self.position.at;
        let near: Vec<_> = self
            .free_coins()
            .filter(|(_, c)| c.at.touches(here))
            .collect();
        for (owner, coin) in near {
            self.claimed.insert((owner, coin.number));
            let coin = coin.number;
            self.tell(GameEvent::Claim { owner, coin });
        }
    }

    fn free_coins(&self) -> impl Iterator<Item = (MemberId, Coin)> + '_ {
        let there = self.others.iter().filter(|(_, other)| !other.is_gone);
        there
            .flat_map(|(id, other)| other.coins.iter().map(|coin| (*id, *coin)))
            .filter(|(id, coin)| !self.claimed.contains(&(*id, coin.number)))
    }

    /// Stops: after this, no event of this player follows.
    pub(crate) fn stop(&mut self) {
        if self.phase != Phase::Over {
            self.tell(GameEvent::Over);
            self.coins.clear();
            self.send(COINS, Vec::new());
            self.phase = Phase::Over;
        }
    }

    /// Publishes this player's points when they have changed, and when they will not change any more: when
    /// everybody who is there has stopped.
    fn publish(&mut self) {
        let mut there = self.others.values().filter(|other| !other.is_gone);
        let score = Score {
            points: self.counted(self.me),
            is_final: self.phase == Phase::Over && there.all(|other| other.is_over),
        };
        if self.published != Some(score) {
            self.published = Some(score);
            self.outbox.push(Outgoing {
                channel: SCORES,
                payload: score.emit(),
                confirm: score.is_final,
            });
        }
    }

    fn send(&mut self, channel: Channel, payload: Vec<u8>) {
        self.outbox.push(Outgoing {
            channel,
            payload,
            confirm: false,
        });
    }

    /// Tells an event to the others, and to this player itself, which does not hear what it sends.
    fn tell(&mut self, event: GameEvent) {
        let channel = if self.rules.is_repaired {
            EVENTS
        } else {
            Channel::best_effort(EVENTS.number())
        };
        self.send(channel, event.emit());
        self.happen(self.me, event);
    }

    /// An event, in the order in which `from` told its events.
    fn happen(&mut self, from: MemberId, event: GameEvent) {
        match event {
            GameEvent::Shot {
                number,
                from: at,
                direction,
            } => self.shots.push(Shot {
                by: from,
                number,
                at,
                direction,
            }),
            GameEvent::Hit { by, shot } => {
                self.shots.retain(|s| (s.by, s.number) != (by, shot));
                *self.counted.entry(by).or_default() += HIT_POINTS;
            }
            GameEvent::Claim { owner, coin } if owner == self.me => self.give(coin, from),
            GameEvent::Claim { .. } => {}
            GameEvent::Given { to, .. } => *self.counted.entry(to).or_default() += COIN_POINTS,
            GameEvent::Over => {
                if let Some(other) = self.others.get_mut(&from) {
                    other.is_over = true;
                }
            }
        }
    }

    /// Gives a coin to the first who claims it.
    fn give(&mut self, coin: u16, to: MemberId) {
        let before = self.coins.len();
        self.coins.retain(|one| one.number != coin);
        if self.coins.len() < before {
            self.tell(GameEvent::Given { coin, to });
        }
    }

    fn number(&mut self) -> u16 {
        self.numbers = self.numbers.wrapping_add(1);
        self.numbers
    }

    /// A message of another player. What makes no sense is passed over.
    pub(crate) fn hear(&mut self, from: MemberId, name: &str, channel: u8, payload: &[u8]) {
        let now = self.now;
        if channel == POSITIONS.number() {
            if let Some(position) = Position::parse(payload) {
                self.other(from, name).place(position, now);
            }
        } else if channel == SCORES.number() {
            if let Some(score) = Score::parse(payload) {
                self.other(from, name).score = Some(score);
            }
        } else if channel == COINS.number() {
            if let Some(coins) = Coin::parse_all(payload) {
                self.other(from, name).coins = coins;
            }
        } else if channel == EVENTS.number()
            && let Some(event) = GameEvent::parse(payload)
        {
            self.other(from, name);
            self.happen(from, event);
        }
    }

    fn other(&mut self, id: MemberId, name: &str) -> &mut Other {
        let other = self.others.entry(id).or_default();
        if !name.is_empty() {
            name.clone_into(&mut other.name);
        }
        other
    }

    /// A player left, or fell silent for too long.
    pub(crate) fn gone(&mut self, id: MemberId) {
        if let Some(other) = self.others.get_mut(&id) {
            other.is_gone = true;
        }
    }

    /// A player is there again that was gone.
    pub(crate) fn back(&mut self, id: MemberId) {
        if let Some(other) = self.others.get_mut(&id) {
            other.is_gone = false;
        }
    }

    /// A player has this one's final points.
    pub(crate) fn confirmed(&mut self, id: MemberId) {
        if let Some(other) = self.others.get_mut(&id) {
            other.has_mine = true;
        }
    }

    /// Events of a player are missing for ever.
    pub(crate) fn gap(&mut self, messages: u32) {
        self.gaps += messages;
    }

    /// What is to be sent, in this order.
    pub(crate) fn take_outbox(&mut self) -> Vec<Outgoing> {
        core::mem::take(&mut self.outbox)
    }

    /// Whether everybody who is there, and this player, has everybody's final points.
    pub(crate) fn is_settled(&self) -> bool {
        let mut there = self.others.values().filter(|other| !other.is_gone);
        self.published.is_some_and(|score| score.is_final)
            && there.all(|other| other.has_mine && other.is_final())
    }
}
