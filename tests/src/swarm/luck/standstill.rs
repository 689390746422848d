//! A member stands still for seconds, as a stopped process or one that waits for a pipe, while others speak:
//! both its sockets fill, and which is read first is anybody's guess. Multicast may come later than unicast.

use super::super::dice::Dice;
use super::super::plan::{Action, Mood, Plan, Store};
use super::{Shape, millis};

pub(super) fn shape(shape: &mut Shape, dice: &mut Dice) {
    shape.mood = Mood::Mild;
    shape.store = dice.pick(&[Store::Board, Store::Roomy]);
    shape.size = dice.between(2, 5) as usize;
    shape.senders = dice.between(1, shape.size as u64) as usize;
    shape.is_troubled = false;
    shape.is_talkative = true;
}

pub(super) fn happen(plan: &mut Plan, dice: &mut Dice) {
    let later = millis(dice.pick(&[0, 0, 3, 30, 300]));
    plan.link = plan.link.with_loss(0.0).with_multicast_delay(later);
    plan.queue = 8_192;
    let size = plan.players.len();
    let span = plan.faulty.as_millis() as u64;
    let mut at = dice.between(2_000, 5_000);
    loop {
        let long = dice.pick(&[500, 2_000, 2_800, 3_200, 3_600, 5_000, 8_000]);
        if at + long > span {
            break;
        }
        let member = dice.place(size);
        plan.actions.push((millis(at), Action::Pause(member)));
        plan.actions
            .push((millis(at + long), Action::Resume(member)));
        at += long + dice.between(300, 6_000);
    }
}
