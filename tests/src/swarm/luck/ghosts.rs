//! Strangers say hello once, and state what they like: who is silent then is gone soon, whatever it stated.

use groupcast::Name;
use groupcast::wire::{Frame, Hello, Sync};

use super::super::dice::Dice;
use super::super::plan::{Action, Mood, Plan, Store};
use super::super::stranger::{Forgery, Who, body};
use super::{Shape, millis};

pub(super) fn shape(shape: &mut Shape, dice: &mut Dice) {
    shape.mood = Mood::Mild;
    shape.store = dice.pick(&[Store::Board, Store::Roomy]);
    shape.size = dice.between(2, 6) as usize;
    shape.is_troubled = false;
}

pub(super) fn happen(plan: &mut Plan, dice: &mut Dice) {
    let span = plan.faulty.as_millis() as u64;
    for ghost in 0..dice.between(1, 4) as u32 {
        let hello = Hello {
            interval: dice.pick(&[0, 1, 100, 200, 1_000, 10_000, u16::MAX]),
            // One of them lies about the group: what most state is the usual.
            group_size: match ghost {
                0 => dice.pick(&[0, 0, 8, 40, u8::MAX]),
                _ => 0,
            },
            join: dice.chance(0.5),
            ..Hello::new(Name::new("ghost").expect("it is short"))
        };
        let sync = Sync {
            next: 0,
            low: 0,
            round_trip: 0,
            group_size: hello.group_size,
            states: 0,
        };
        let body = body(&[Frame::Hello(hello), Frame::Sync(sync)]);
        let mut at = dice.between(500, span / 2);
        for _ in 0..dice.between(1, 3) {
            let forgery = Forgery::to_group(Who::Stranger(ghost), body.clone());
            plan.actions.push((millis(at), Action::Forge(forgery)));
            at += dice.between(10, 2_000);
        }
    }
}
