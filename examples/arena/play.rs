//! A game over the network: the rules with a member of a group and a clock.

use core::time::Duration;
use std::time::Instant;

use groupcast_std::{Member, OwnedEvent};

use crate::Result;
use crate::field::TICKS_PER_SECOND;
use crate::game::{Game, Input, Phase};
use crate::report::Report;

const TICK: Duration = Duration::from_micros(1_000_000 / TICKS_PER_SECOND as u64);

/// How long the others are waited for at the end.
const PATIENCE: u32 = 30 * TICKS_PER_SECOND;

/// Plays to the end, and leaves. `control` is asked before each tick what to do, and ends the game with
/// `None`.
pub(crate) fn play(
    mut member: Member,
    name: &str,
    mut game: Game,
    mut control: impl FnMut(&Game) -> Result<Option<Input>>,
) -> Result<Report> {
    let mut next = Instant::now();
    let mut over_since = None;
    while let Some(input) = control(&game)? {
        game.tick(input);
        for outgoing in game.take_outbox() {
            // What is queued goes out with the next look at the network, in one datagram.
            let number = member.queue(outgoing.channel, outgoing.payload)?;
            if outgoing.confirm {
                member.confirm(number);
            }
        }
        if game.phase() == Phase::Over {
            let since = *over_since.get_or_insert_with(|| game.now());
            if game.is_settled() || game.now() > since + PATIENCE {
                break;
            }
        }
        next += TICK;
        hear(&mut member, &mut game, next)?;
    }
    member.leave()?;
    Ok(Report::new(&game, name))
}

/// Hears the others until `end`, and at least what is already there.
fn hear(member: &mut Member, game: &mut Game, end: Instant) -> Result<()> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let Some(event) = member.next_event(left)? else {
            return Ok(());
        };
        if matches!(event, OwnedEvent::DuplicateId(_)) && member.id() != game.id() {
            return Err("another player has the same id: start again".into());
        }
        note(game, &event);
    }
}

/// What an event means for the game.
pub(crate) fn note(game: &mut Game, event: &OwnedEvent) {
    match event {
        OwnedEvent::Message(message) => game.hear(
            message.sender,
            message.name(),
            message.channel.number(),
            &message.payload,
        ),
        OwnedEvent::Gap { lost, .. } => game.gap(lost.len() as u32),
        OwnedEvent::Joined(member) | OwnedEvent::Recovered(member) => game.back(member.id()),
        OwnedEvent::Left(member) | OwnedEvent::Lost(member) => game.gone(member.id()),
        OwnedEvent::Confirmed(member) => game.confirmed(member.id()),
        _ => {}
    }
}
