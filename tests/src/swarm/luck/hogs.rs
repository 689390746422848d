//! All streams of the receivers are taken by senders of whom something is missing and is not repaired, since
//! they hear nobody. Others say something meanwhile, and leave or crash.

use groupcast::Channel;

use super::super::dice::Dice;
use super::super::plan::{Action, Mood, Plan, Store};
use super::{Shape, millis};

pub(super) fn shape(shape: &mut Shape, dice: &mut Dice) {
    shape.mood = Mood::Wild;
    shape.store = dice.pick(&[Store::Tiny, Store::Board]);
    shape.size = shape.store.streams() + dice.between(2, 3) as usize;
    shape.senders = shape.size;
    shape.is_troubled = false;
    shape.is_talkative = dice.chance(0.3);
}

pub(super) fn happen(plan: &mut Plan, dice: &mut Dice) {
    plan.refusal = 0.0;
    plan.queue = 256;
    for player in &mut plan.players {
        // What is missing of the hogs stays so for as long as they are cut off.
        player.config = player.config.with_max_wait(millis(5_000));
    }
    plan.channels.push(Channel::reliable_ordered(201));
    plan.channels.push(Channel::reliable_unordered(202));
    let size = plan.players.len();
    let hogs = plan.store.streams();
    let span = plan.faulty.as_millis() as u64;
    let mut at = dice.between(1_500, 3_000);
    while at + 6_000 < span {
        // Nothing gets to the hogs, and much of theirs is lost.
        let to_hogs = (0..size).flat_map(|a| (0..hogs).map(move |b| (a, b)));
        let to_hogs: Vec<_> = to_hogs.filter(|(a, b)| a != b).collect();
        plan.actions.push((millis(at), Action::Cut(to_hogs)));
        let lossy = plan.link.with_loss(0.5);
        plan.actions.push((millis(at), Action::Weather(lossy)));
        for hog in 0..hogs {
            say(plan, dice, hog, at + 20, 9, 400);
        }
        plan.actions
            .push((millis(at + 100), Action::Weather(plan.calm_link)));
        for other in hogs..size {
            let begins = at + dice.between(120, 1_500);
            let count = dice.between(1, 10);
            say(plan, dice, other, begins, count, 60);
            let ends = begins + dice.pick(&[20, 200, 1_000, 2_000]);
            let end = if dice.chance(0.5) {
                Action::Leave(other)
            } else {
                Action::Crash(other)
            };
            plan.actions.push((millis(ends), end));
            let back = ends + dice.between(4_500, 6_000);
            plan.actions.push((millis(back), Action::Restart(other)));
        }
        plan.actions.push((millis(at + 5_000), Action::Heal));
        plan.actions
            .push((millis(at + 5_000), Action::Weather(plan.link)));
        at += dice.between(9_000, 11_000);
    }
}

fn say(plan: &mut Plan, dice: &mut Dice, member: usize, at: u64, count: u64, largest: u64) {
    for n in 0..count {
        let send = Action::Send {
            member,
            channel: plan.channels.len() - 1 - dice.place(2),
            size: dice.below(largest) as usize,
        };
        plan.actions.push((millis(at + n * 5), send));
    }
}
