//! Events of a game, in real time: positions, of which only the newest counts, and events, of which none
//! may be missing, from many players to all of them in one group.
//!
//! ```text
//! cargo run --release --example events            four players in this process, on this machine alone
//! cargo run --release --example events -- ana     one player, for several terminals at once
//! ```

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::collections::HashMap;
use std::time::Instant;

use groupcast_std::{InterfaceSelector, Member, OwnedEvent, resolve_group};

use groupcast::{Channel, MemberId};

/// What all players agree on.
const GROUP: &str = "239.1.2.4:12346";
const POSITIONS: Channel = Channel::latest(1);
const EVENTS: Channel = Channel::reliable_ordered(2);

/// How long the game lasts, how long the players have to meet, and to hear the last events.
const GAME: Duration = Duration::from_secs(2);
const MEETING: Duration = Duration::from_millis(700);
const GOODBYE: Duration = Duration::from_millis(300);

/// 60 positions a second, and an event with every sixth.
const FRAME: Duration = Duration::from_micros(16_667);
const FRAMES_PER_EVENT: u32 = 6;

type Result<T> = core::result::Result<T, Box<dyn core::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names = ["ana", "ben", "eva", "kai"].map(str::to_owned).to_vec();
    }
    let players = names.into_iter().map(|name| {
        // Each player has a thread and a socket of its own, as it would have a machine of its own.
        std::thread::spawn(move || play(&name))
    });
    for player in players.collect::<Vec<_>>() {
        println!("{}", player.join().map_err(|_| "a player panicked")??);
    }
    Ok(())
}

/// What a player knows of another.
#[derive(Default)]
struct Other {
    positions: u32,
    newest: Option<u32>,
    older: u32,
    events: u32,
    next_event: Option<u32>,
    out_of_order: u32,
    missing: u32,
}

/// Plays, and says what was heard.
fn play(name: &str) -> Result<String> {
    let mut member = Member::builder(resolve_group(GROUP)?)
        .name(name)
        .interface(InterfaceSelector::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)))
        .join()?;
    let mut others = HashMap::new();
    hear(&mut member, &mut others, Instant::now() + MEETING)?;

    let begin = Instant::now();
    let (mut frames, mut events) = (0, 0);
    while begin.elapsed() < GAME {
        // The number stands for a position: of two, the higher one is the newer one.
        member.queue(POSITIONS, u32::to_be_bytes(frames))?;
        if frames % FRAMES_PER_EVENT == 0 {
            member.queue(EVENTS, u32::to_be_bytes(events))?;
            events += 1;
        }
        frames += 1;
        // What was queued goes out with the next look at the network, in one datagram.
        hear(&mut member, &mut others, begin + FRAME * frames)?;
    }
    hear(&mut member, &mut others, Instant::now() + GOODBYE)?;
    member.leave()?;
    Ok(summary(name, frames, events, &others))
}

/// Hears the others until `end`.
fn hear(member: &mut Member, others: &mut HashMap<MemberId, Other>, end: Instant) -> Result<()> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match member.next_event(left)? {
            Some(OwnedEvent::Message(message)) => {
                let other = others.entry(message.sender).or_default();
                let Ok(number) = message.payload[..].try_into().map(u32::from_be_bytes) else {
                    continue;
                };
                match message.channel {
                    POSITIONS => other.position(number),
                    EVENTS => other.event(number),
                    _ => {}
                }
            }
            Some(OwnedEvent::Gap { peer: member, lost }) => {
                let other = others.entry(member.id()).or_default();
                other.missing += lost.len() as u32;
            }
            Some(_) => {}
            None => return Ok(()),
        }
    }
}

impl Other {
    fn position(&mut self, number: u32) {
        self.positions += 1;
        self.older += u32::from(self.newest.is_some_and(|newest| number <= newest));
        self.newest = Some(number);
    }

    fn event(&mut self, number: u32) {
        self.events += 1;
        self.out_of_order += u32::from(self.next_event.is_some_and(|next| number != next));
        self.next_event = Some(number + 1);
    }
}

fn summary(name: &str, frames: u32, events: u32, others: &HashMap<MemberId, Other>) -> String {
    let sum = |what: fn(&Other) -> u32| others.values().map(what).sum::<u32>();
    format!(
        "{name} sent {frames} positions and {events} events; of {} others it heard {} positions, {} of \
         them older than one before, and {} events, {} of them out of order, {} missing",
        others.len(),
        sum(|other| other.positions),
        sum(|other| other.older),
        sum(|other| other.events),
        sum(|other| other.out_of_order),
        sum(|other| other.missing),
    )
}
