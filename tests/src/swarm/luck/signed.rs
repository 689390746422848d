//! Messages are signed, and what is lost of them comes late: to whoever verifies, it is as genuine.

use core::time::Duration;

use groupcast::Channel;

use super::super::dice::Dice;
use super::super::plan::{Action, Mood, Plan, Store};
use super::{Shape, millis};

pub(super) fn shape(shape: &mut Shape, dice: &mut Dice) {
    shape.mood = Mood::Mild;
    // Its window is wider than what one might remember of numbers.
    shape.store = Store::Wide;
    shape.size = dice.between(2, 3) as usize;
    shape.senders = 1;
    shape.is_troubled = false;
    shape.is_talkative = false;
}

pub(super) fn happen(plan: &mut Plan, dice: &mut Dice) {
    plan.signs = true;
    plan.channels = vec![Channel::reliable_unordered(1), Channel::reliable_ordered(2)];
    plan.link = plan.link.with_loss(dice.fraction() * 0.3);
    for (_, action) in &mut plan.actions {
        if let Action::Send { channel, .. } = action {
            *channel %= plan.channels.len();
        }
    }
    let span = plan.faulty.as_millis() as u64;
    let mut at = 3_000;
    while at + 1_000 < span {
        for n in 0..dice.pick(&[1, 20, 300]) {
            let send = Action::Send {
                member: 0,
                channel: usize::from(dice.chance(0.1)),
                size: dice.below(20) as usize,
            };
            let at = millis(at) + Duration::from_micros(n * 200);
            plan.actions.push((at, send));
        }
        at += dice.between(2_000, 8_000);
    }
}
