//! Two members with one seed, as copies of one image; and datagrams that say they are a member's own, with
//! counters that it has not used: for it, that is a clone, too.

use groupcast::wire::{Bye, Frame, Header};

use super::super::dice::Dice;
use super::super::plan::{Action, Mood, Plan};
use super::super::stranger::{Forgery, Who, body};
use super::super::world::LABEL;
use super::{Shape, millis};

pub(super) fn shape(shape: &mut Shape, dice: &mut Dice) {
    shape.mood = Mood::Mild;
    shape.size = dice.between(2, 5) as usize;
    shape.senders = shape.size.min(shape.store.streams());
    shape.is_troubled = false;
}

/// When the group has found itself in spite of a clone: before, nobody says anything.
const QUIET: u64 = 6_000;

pub(super) fn happen(plan: &mut Plan, dice: &mut Dice) {
    let size = plan.players.len();
    let span = plan.faulty.as_millis() as u64;
    if dice.chance(0.5) {
        // Ids that are drawn: with a fixed one, one of the two has to fall silent.
        plan.draw_ids();
        let at = dice.pick(&[0, 0, 10, 500, 1_000]);
        plan.actions
            .push((millis(at), Action::Clone { of: 0, by: 1 }));
        plan.quiet_until(millis(QUIET));
        // What is too short for a label could be either one's.
        for (_, action) in &mut plan.actions {
            if let Action::Send { size, .. } = action {
                *size = LABEL.max(*size);
            }
        }
        return;
    }
    plan.forges = true;
    let ahead = dice.pick(&[1, 100, 1_000, 1 << 40, Header::MAX_COUNTER]);
    let says_bye = dice.chance(0.5);
    let frames = if says_bye {
        body(&[Frame::Bye(Bye { reason: 0 })])
    } else {
        body(&[])
    };
    let victim = dice.place(size);
    let at = dice.between(3_000, span);
    let forgery = Forgery::to_group(Who::Member { victim, ahead }, frames);
    plan.actions.push((millis(at), Action::Forge(forgery)));
}
