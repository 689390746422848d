//! Members leave at any moment: while they say something, right after it, or while it is repaired.

use super::super::dice::Dice;
use super::super::plan::{Action, Mood, Plan};
use super::{Shape, millis};

pub(super) fn shape(shape: &mut Shape, dice: &mut Dice) {
    shape.mood = Mood::Mild;
    shape.size = dice.between(3, 6) as usize;
    shape.is_troubled = false;
    shape.is_talkative = dice.chance(0.5);
}

/// The loss at which seven BYEs are hardly ever lost together: once in half a million times.
const HEARD: f64 = 0.15;

pub(super) fn happen(plan: &mut Plan, dice: &mut Dice) {
    let loss = dice.fraction() * 0.3;
    plan.link = plan.link.with_loss(loss);
    plan.hears_byes = loss <= HEARD;
    let size = plan.players.len();
    let span = plan.faulty.as_millis() as u64;
    for member in 1..size {
        let mut at = dice.between(1_500, 2_500);
        while at + 1_500 < span {
            let channel = dice.place(plan.channels.len());
            let largest = dice.pick(&[50, 1_000, 1_000, 3_000]);
            for _ in 0..dice.pick(&[1, 1, 2, 10, 30]) {
                let size = dice.below(largest) as usize;
                let send = Action::Send {
                    member,
                    channel,
                    size,
                };
                plan.actions.push((millis(at), send));
            }
            let leaves = at + dice.pick(&[0, 0, 0, 1, 5, 20, 100, 500]);
            plan.actions.push((millis(leaves), Action::Leave(member)));
            let back = leaves + dice.between(2_500, 4_000);
            plan.actions.push((millis(back), Action::Restart(member)));
            at = back + dice.between(1_500, 4_000);
        }
    }
}
