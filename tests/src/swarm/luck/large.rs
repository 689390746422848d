//! Somebody who knows no limits sends messages larger than anybody states to be able to receive, between small
//! ones, and repairs nothing. The large ones are in gaps, and nothing else is.

use super::super::dice::Dice;
use super::super::plan::{Action, Mood, Plan};
use super::{Shape, millis};

pub(super) fn shape(shape: &mut Shape, dice: &mut Dice) {
    shape.mood = Mood::Mild;
    shape.size = dice.between(1, 3) as usize;
    shape.senders = 1;
    shape.is_troubled = false;
    shape.is_talkative = dice.chance(0.5);
}

pub(super) fn happen(plan: &mut Plan, dice: &mut Dice) {
    plan.link = plan.link.with_loss(0.0).with_duplicate(0.0);
    plan.calm_link = plan.link;
    plan.has_puppet = true;
    let span = plan.faulty.as_millis() as u64;
    let end = span + 11_000;
    for at in (500..end).step_by(20) {
        plan.actions.push((millis(at), Action::Puppet(Vec::new())));
    }
    let mut at = 3_000;
    // Each is waited for until it is given up, one after the other.
    let mut larges = dice.between(1, 2);
    while at < span {
        let mut messages: Vec<_> = (0..dice.between(1, 6)).map(|_| 1).collect();
        if larges > 0 && dice.chance(0.7) {
            larges -= 1;
            let place = dice.place(messages.len());
            messages[place] = dice.pick(&[9, 18, 40, 90, 200]);
        }
        plan.actions.push((millis(at), Action::Puppet(messages)));
        at += dice.between(300, 3_000);
    }
}
