//! Strangers make up ids that ask for answers: by PROBE, by ACKREQ, by data of members that never said hello.
//! They ask for repairs, too, again and again. Members hear each other as badly as they may, and must not take
//! each other for lost, nor be kept from confirming.

use groupcast::wire::{AckRequest, Bye, Data, Frame, Hello, Sync};
use groupcast::{Name, Pace};

use super::super::dice::Dice;
use super::super::plan::{Action, Mood, Plan, Store};
use super::super::stranger::{Forgery, Who, body};
use super::{Shape, millis};

pub(super) fn shape(shape: &mut Shape, dice: &mut Dice) {
    shape.mood = Mood::Mild;
    shape.store = dice.pick(&[Store::Board, Store::Roomy]);
    shape.size = dice.between(2, 4) as usize;
    shape.senders = 2;
    shape.is_troubled = false;
}

pub(super) fn happen(plan: &mut Plan, dice: &mut Dice) {
    plan.link = plan.link.with_loss(0.0);
    plan.calm_link = plan.link;
    let span = plan.faulty.as_millis() as u64;
    let kinds = dice.between(1, 15);
    let mut who = 1_000;
    // It goes on when it is asked who has what, and when the rosters are compared.
    for burst in 0..3 {
        let mut at = dice.between(3_000, 4_000 + span * burst / 2);
        let end = at + dice.between(500, 3_000);
        let every = dice.pick(&[2, 5, 20]);
        while at < end {
            at += every;
            who += u32::from(dice.chance(0.95));
            let frames = match dice.below(4) {
                0 if kinds & 1 != 0 => probe(false),
                1 if kinds & 2 != 0 => ask(),
                2 if kinds & 4 != 0 => data(who),
                3 if kinds & 8 != 0 => probe(true),
                _ => continue,
            };
            let forgery = Forgery::to_group(Who::Stranger(who), frames);
            plan.actions.push((millis(at), Action::Forge(forgery)));
        }
    }
    if dice.chance(0.5) {
        let victim = dice.place(2);
        plan.players[victim].set_pace(dice.pick(&[Pace::UNLIMITED, Pace::WIFI]));
        let at = dice.between(4_000, span);
        for n in 0..200 {
            let forgery = Forgery::nacks(2_000_000, victim);
            plan.actions
                .push((millis(at + n * 2), Action::Forge(forgery)));
        }
    }
    // For a while only unicast passes: only answers to PROBEs keep members on rosters.
    if dice.chance(0.5) && span > 10_500 {
        let at = dice.between(3_500, span - 7_000);
        let deaf = plan.link.with_multicast_loss(1.0);
        plan.actions.push((millis(at), Action::Weather(deaf)));
        plan.actions
            .push((millis(at + 6_000), Action::Weather(plan.link)));
    }
}

fn hello(is_probe: bool) -> Frame<'static> {
    Frame::Hello(Hello {
        probe: is_probe,
        ..Hello::new(Name::new("flood").expect("it is short"))
    })
}

fn probe(leaves: bool) -> Vec<u8> {
    let mut frames = vec![hello(true)];
    if leaves {
        frames.insert(0, Frame::Bye(Bye { reason: 0 }));
    }
    body(&frames)
}

fn ask() -> Vec<u8> {
    let sync = Sync {
        next: 1,
        low: 1,
        round_trip: 0,
        group_size: 0,
        states: 0,
    };
    let request = AckRequest {
        sequence: 0,
        spread: 0,
    };
    body(&[hello(false), Frame::Sync(sync), Frame::AckRequest(request)])
}

fn data(who: u32) -> Vec<u8> {
    body(&[Frame::Data(Data {
        class: 0,
        latest: false,
        repair: false,
        copy: false,
        signed: false,
        channel: 9,
        horizon: 0,
        fragment: 0,
        last: 0,
        sequence: who,
        payload: b"",
    })])
}
