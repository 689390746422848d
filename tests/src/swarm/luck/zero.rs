//! The clocks of all members begin with zero, which is what everybody writes in a first test.

use core::time::Duration;

use super::super::dice::Dice;
use super::super::plan::{Action, Plan};
use super::Shape;

pub(super) const fn shape(shape: &mut Shape, _: &mut Dice) {
    shape.is_troubled = false;
}

/// The first octet is what the simulated clock begins with.
pub(super) fn seed(seed: u64, member: usize, start: u64) -> [u8; 32] {
    let mut dice = Dice::new(seed, 1_000 * (1 + member as u64) + start);
    let mut octets = [0; 32];
    for octet in &mut octets[1..] {
        *octet = dice.roll() as u8;
    }
    octets
}

/// Something is said at once.
pub(super) fn happen(plan: &mut Plan, dice: &mut Dice) {
    for member in 0..plan.players.len() {
        let channel = dice.place(plan.channels.len());
        let size = dice.below(60) as usize;
        let send = Action::Send {
            member,
            channel,
            size,
        };
        plan.actions.push((Duration::ZERO, send));
    }
}
