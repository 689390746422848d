//! A group of three to which anything happens, and the swarm's judge.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::{Channel, Config, Join, MemberId, Pace};
use groupcast_sim::Link;

use super::Reached;
use super::script::Script;
use crate::swarm::drive::{Outcome, drive};
use crate::swarm::luck::Luck;
use crate::swarm::plan::{Action, Kind, Mood, Plan, Player, RECOVERED, Store};
use crate::swarm::{Board, Tiny};

/// How many members there are.
const MEMBERS: usize = 3;

/// What one input does at most, and how long it takes at most before the faults end.
const STEPS: usize = 300;
const LONGEST: Duration = Duration::from_secs(20);

/// One of each class, and some more.
const CHANNELS: [Channel; 7] = [
    Channel::best_effort(0),
    Channel::latest(1),
    Channel::state(2),
    Channel::state(3),
    Channel::reliable_unordered(4),
    Channel::reliable_ordered(5),
    Channel::reliable_ordered(6),
];

/// Does to a group what the octets say.
///
/// # Panics
///
/// A promise was broken.
#[must_use]
pub fn operations(octets: &[u8]) -> Reached {
    let (plan, outcome) = run(octets, false);
    if let Some(violation) = outcome.violation {
        panic!("{violation}\n{plan:#?}");
    }
    let totals = outcome.totals;
    [
        ("sent", totals.sent),
        ("blocked", totals.blocked),
        ("delivered", totals.delivered),
        ("gap", totals.gaps),
        ("restart", totals.restarts),
        ("nack", totals.nacks),
        ("lost", totals.lost),
        ("confirmed", totals.confirmed),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(name, _)| name)
    .collect()
}

/// What the octets mean, and what came of it. `prints`: everything that happens.
#[must_use]
pub fn run(octets: &[u8], prints: bool) -> (Plan, Outcome) {
    let plan = plan(&mut Script::new(octets));
    let outcome = match plan.store {
        Store::Tiny => drive::<Tiny>(&plan, prints),
        Store::Board => drive::<Board>(&plan, prints),
        Store::Roomy | Store::Wide => drive::<crate::swarm::Roomy>(&plan, prints),
    };
    (plan, outcome)
}

fn plan(script: &mut Script<'_>) -> Plan {
    let seed = u64::from(script.octet());
    let store = script.pick(&[Store::Tiny, Store::Board]);
    let players = (0..MEMBERS as u32).map(|n| player(script, n)).collect();
    let queue = script.pick(&[256, 256, 8, 2]);
    let mut plan = Plan {
        seed,
        luck: Luck::Plain,
        mood: Mood::Wild,
        store,
        players,
        channels: CHANNELS.to_vec(),
        link: Link::lan(),
        calm_link: script.pick(&[Link::perfect(), Link::lan(), Link::wifi()]),
        damages: false,
        queue,
        refusal: 0.0,
        faulty: Duration::ZERO,
        actions: Vec::new(),
        roster_fits: true,
        streams_fit: true,
        values_fit: true,
        sources: 0,
        values: 0,
        is_fair: true,
        forges: false,
        hears_byes: false,
        ignored: Vec::new(),
        signs: false,
        has_puppet: false,
    };
    for _ in 0..STEPS {
        if script.is_over() || plan.faulty > LONGEST {
            break;
        }
        step(script, &mut plan);
    }
    plan.actions.push((plan.faulty, Action::Calm));
    // Something is sent when all is calm, and has to arrive soon.
    for (n, channel) in [(0, 5), (1, 4), (2, 2), (0, 2)] {
        let at = plan.faulty + RECOVERED + Duration::from_millis(300 * n as u64);
        let size = 40;
        let send = Action::Send {
            member: n,
            channel,
            size,
        };
        plan.actions.push((at, send));
    }
    plan.judge_room(MEMBERS);
    plan.actions.sort_by_key(|(at, _)| *at);
    plan
}

fn player(script: &mut Script<'_>, n: u32) -> Player {
    let octet = script.octet();
    let group: SocketAddr = SocketAddr::from(([239, 1, 2, 3], 12345));
    let fixed = octet & 1 == 0;
    let paces = [Pace::WIRED, Pace::WIFI, Pace::BOARD, Pace::WIRED];
    let pace = paces[usize::from(octet >> 1 & 3)];
    let max_datagram = [1_000_u16, 512][usize::from(octet >> 4 & 1)];
    let config = Config::new(group)
        .with_name(["ana", "ben", "cleo"][n as usize])
        .with_pace(pace)
        .with_join_at([Join::Current, Join::Recent(20)][usize::from(octet >> 3 & 1)])
        .with_max_datagram(max_datagram)
        .with_receive_burst([0, 2][usize::from(octet >> 5 & 1)])
        .with_max_wait(Duration::from_millis(
            [5_000, 200][usize::from(octet >> 6 & 1)],
        ));
    Player {
        config,
        id: MemberId::new(1 + n).filter(|_| fixed),
        pace,
        max_datagram: usize::from(max_datagram),
        kind: Kind::Full,
    }
}

fn step(script: &mut Script<'_>, plan: &mut Plan) {
    let octet = script.octet();
    let member = usize::from(octet >> 4) % MEMBERS;
    let action = match octet % 16 {
        0..=5 => Action::Send {
            member,
            channel: script.below(CHANNELS.len()),
            size: usize::from(script.octet()) * [1, 1, 1, 4, 4, 16][usize::from(octet % 16)],
        },
        6 | 7 => {
            plan.faulty += script.time();
            return;
        }
        8 => Action::Weather(weather(script, plan)),
        9 => {
            let pairs = script.octet();
            let all = (0..MEMBERS).flat_map(|a| (0..MEMBERS).map(move |b| (a, b)));
            let cut = all.filter(|(a, b)| a != b).enumerate();
            let cut = cut.filter(|(bit, _)| pairs & 1 << bit != 0);
            Action::Cut(cut.map(|(_, pair)| pair).collect())
        }
        10 => Action::Heal,
        11 => Action::Crash(member),
        12 => {
            // Of the life before nothing may still be on its way: who never heard of that one would take
            // it for the next.
            plan.actions.push((plan.faulty, Action::Crash(member)));
            plan.faulty += Duration::from_secs(1);
            Action::Restart(member)
        }
        13 => match script.octet() % 4 {
            0 => Action::Leave(member),
            _ => Action::Raw(member),
        },
        14 => Action::Confirm(member),
        _ => Action::Refuse(f64::from(script.octet()) / 255.0),
    };
    plan.actions.push((plan.faulty, action));
}

/// The network from now on.
fn weather(script: &mut Script<'_>, plan: &mut Plan) -> Link {
    let kinds = script.octet();
    let mut link = script.pick(&[Link::perfect(), Link::lan(), Link::wifi()]);
    let mut chance = || f64::from(script.octet()) / 255.0;
    if kinds & 1 != 0 {
        link = link.with_loss(chance());
    }
    if kinds & 2 != 0 {
        link = link.with_duplicate(chance());
    }
    if kinds & 4 != 0 {
        let probability = chance();
        let by = Duration::from_millis(1 + (chance() * 200.0) as u64);
        link = link.with_reorder(probability, by);
    }
    if kinds & 8 != 0 {
        link = link.with_corrupt(chance());
        plan.damages = true;
    }
    if kinds & 16 != 0 {
        link = link.with_truncate(chance());
        plan.damages = true;
    }
    if kinds & 32 != 0 {
        link = link.with_shared_loss(chance());
    }
    if kinds & 64 != 0 {
        link = link.with_delay(Duration::from_millis((chance() * 255.0) as u64));
    }
    link
}
