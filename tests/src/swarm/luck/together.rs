//! All start at one moment, as the boards of a hall that are switched on together, and say little: one
//! message that is lost is not told of by the next.

use groupcast::Channel;

use super::super::dice::Dice;
use super::super::plan::{Action, Mood, Plan};
use super::{Shape, millis};

pub(super) fn shape(shape: &mut Shape, dice: &mut Dice) {
    shape.mood = Mood::Mild;
    shape.size = dice.between(2, 6) as usize;
    shape.senders = shape.size.min(shape.store.streams());
    shape.is_troubled = false;
    shape.is_talkative = false;
}

pub(super) fn happen(plan: &mut Plan, dice: &mut Dice) {
    plan.link = plan.link.with_loss(dice.fraction() * 0.3);
    let reliable = plan.channels.len();
    plan.channels.push(Channel::reliable_ordered(201));
    plan.channels.push(Channel::reliable_unordered(202));
    let size = plan.players.len();
    let span = plan.faulty.as_millis() as u64;
    let say = |plan: &mut Plan, dice: &mut Dice, from: u64| {
        for member in 0..size {
            // Seldom enough that what is lost is not always told of before anybody asks.
            let mut at = from + dice.between(20, 800);
            let mean = dice.pick(&[30, 100, 400]);
            for _ in 0..dice.between(1, 1_600 / mean) {
                let send = Action::Send {
                    member,
                    channel: reliable + dice.place(2),
                    size: dice.below(100) as usize,
                };
                plan.actions.push((millis(at), send));
                at += dice.between(mean / 2, mean * 3 / 2);
            }
        }
    };
    say(plan, dice, 0);
    // And again: one or all are switched off and on.
    let mut at = 5_000;
    while at + 4_000 < span {
        let all = dice.chance(0.5);
        let one = dice.place(size);
        for member in (0..size).filter(|member| all || *member == one) {
            let jitter = dice.pick(&[0, 1, 50]);
            plan.actions
                .push((millis(at + dice.below(jitter + 1)), Action::Restart(member)));
        }
        say(plan, dice, at + 60);
        at += dice.between(4_000, 6_000);
    }
}
