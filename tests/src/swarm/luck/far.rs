//! Strangers tell of numbers that are far apart: half of all numbers from one frame to the next.

use groupcast::Name;
use groupcast::wire::{AckRequest, Data, Frame, Hello, Skip};

use super::super::dice::Dice;
use super::super::plan::{Action, Plan};
use super::super::stranger::{Forgery, Who, body, sync};
use super::millis;

pub(super) fn happen(plan: &mut Plan, dice: &mut Dice) {
    let span = plan.faulty.as_millis() as u64;
    for who in 0..2 {
        let mut at = dice.between(200, span / 2);
        let hello = body(&[
            Frame::Hello(Hello::new(Name::new("far").expect("it is short"))),
            sync(0, 0),
        ]);
        let push = |plan: &mut Plan, at, body| {
            let forgery = Forgery::to_group(Who::Stranger(who), body);
            plan.actions.push((millis(at), Action::Forge(forgery)));
        };
        push(plan, at, hello);
        let mut number = 0;
        for _ in 0..dice.between(1, 8) {
            at += dice.between(1, 500);
            let frames: Vec<_> = (0..dice.between(2, 8))
                .map(|_| frame(dice, &mut number))
                .collect();
            push(plan, at, body(&frames));
        }
    }
}

/// A frame with a number far from the one before.
fn frame(dice: &mut Dice, number: &mut u32) -> Frame<'static> {
    let far = [
        0,
        1,
        0x4000_0000,
        0x7fff_0000,
        0x7fff_ffff,
        0x8000_0000,
        0x8001_0000,
    ];
    *number = number
        .wrapping_add(dice.pick(&far))
        .wrapping_add(dice.below(4) as u32);
    let low = number.wrapping_sub(dice.pick(&far));
    match dice.below(8) {
        0..=3 => sync(*number, low),
        4 => Frame::Skip(Skip {
            first: low,
            count: u16::MAX,
        }),
        5 => Frame::AckRequest(AckRequest {
            sequence: *number,
            spread: 0,
        }),
        _ => Frame::Data(Data {
            class: dice.between(1, 3) as u8,
            latest: false,
            repair: dice.chance(0.3),
            copy: false,
            signed: false,
            channel: 1,
            horizon: dice.pick(&[0, 3, u8::MAX]),
            fragment: 0,
            last: 0,
            sequence: *number,
            payload: b"far",
        }),
    }
}
