//! A day of two sites: much loss, several outages of the broker, and nothing that is not accounted for.

use core::time::Duration;
use std::collections::BTreeMap;

use groupcast::{Channel, MemberId, OwnedEvent};
use groupcast_sim::Link;

use super::world::{Who, World};

const READING: Channel = Channel::reliable_ordered(1);

/// Each member says something so often.
const EVERY: u64 = 60;

/// What a member knows of another one's readings.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    last: Option<u32>,
    /// Told as lost since the last that came.
    gaps: u64,
    /// It was told since the last that came that the other one is not there any more.
    was_away: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Tally {
    came: u64,
    in_gaps: u64,
    /// Sent while the other one was told to be away.
    while_away: u64,
    twice: u64,
    unaccounted: u64,
}

/// A simulated stretch of time in two sites.
struct Day {
    world: World,
    members: Vec<Who>,
    ids: Vec<MemberId>,
    sent: Vec<u32>,
    tracks: BTreeMap<(usize, MemberId), Track>,
    tally: Tally,
}

impl Day {
    fn new(members: usize) -> Self {
        let mut world = World::new("239.1.2.3:12345", 2);
        let link = Link::lan().with_loss(0.01);
        let mut joined = Vec::new();
        for site in 0..2 {
            world.sites[site].network().set_default_link(link);
            for n in 0..members {
                joined.push(world.join(site, &format!("member {site} {n}")));
            }
        }
        // Until all know each other.
        world.rest_for(Duration::from_secs(120));
        let id = |(site, key): &Who| world.sites[*site][*key].id().unwrap();
        let ids = joined.iter().map(id).collect();
        let mut day = Self {
            sent: vec![0; joined.len()],
            members: joined,
            ids,
            world,
            tracks: BTreeMap::new(),
            tally: Tally::default(),
        };
        day.look();
        day
    }

    /// Lets so many seconds pass, while all say their readings.
    fn run(&mut self, seconds: u64) {
        for second in 0..seconds {
            for n in 0..self.members.len() {
                if second % EVERY == n as u64 * EVERY / self.members.len() as u64 {
                    self.world.send(self.members[n], READING, self.sent[n]);
                    self.sent[n] += 1;
                }
            }
            self.world.rest_for(Duration::from_secs(1));
            if second % EVERY == 0 {
                self.look();
            }
        }
        self.look();
    }

    /// The broker is away for so many seconds.
    fn outage(&mut self, seconds: u64) {
        self.world.is_broker_up = false;
        self.run(seconds);
        self.world.is_broker_up = true;
    }

    fn look(&mut self) {
        for (n, (site, key)) in self.members.iter().enumerate() {
            for event in self.world.sites[*site][*key].take_events() {
                let (tally, tracks) = (&mut self.tally, &mut self.tracks);
                match event {
                    OwnedEvent::Message(message) if message.channel == READING => {
                        let number = u32::from_be_bytes(message.payload[..].try_into().unwrap());
                        let track = tracks.entry((n, message.sender)).or_default();
                        track.came(number, tally);
                    }
                    OwnedEvent::Gap { peer, lost } => {
                        tracks.entry((n, peer.id())).or_default().gaps += lost.len();
                    }
                    OwnedEvent::Lost(peer) | OwnedEvent::Left(peer) => {
                        tracks.entry((n, peer.id())).or_default().was_away = true;
                    }
                    OwnedEvent::Restarted(peer) => panic!("{} restarted", peer.name()),
                    _ => {}
                }
            }
        }
    }

    /// All that was sent is with everybody, or told to be lost.
    fn check(&mut self) {
        for n in 0..self.members.len() {
            for (of, id) in self.ids.iter().enumerate().filter(|(of, _)| *of != n) {
                let track = self.tracks.entry((n, *id)).or_default();
                let last = self.sent[of] - 1;
                if track.last != Some(last) {
                    self.tally.unaccounted += 1;
                    eprintln!("{n} has of {of} {track:?}, not {last}");
                }
            }
        }
    }
}

impl Track {
    fn came(&mut self, number: u32, tally: &mut Tally) {
        let next = self.last.map_or(0, |last| last + 1);
        if number < next {
            tally.twice += 1;
            return;
        }
        let missing = u64::from(number - next);
        tally.came += 1;
        if self.was_away {
            tally.in_gaps += self.gaps.min(missing);
            tally.while_away += missing.saturating_sub(self.gaps);
            tally.unaccounted += self.gaps.saturating_sub(missing);
        } else {
            tally.in_gaps += self.gaps;
            tally.unaccounted += missing.abs_diff(self.gaps);
        }
        *self = Self {
            last: Some(number),
            ..Self::default()
        };
    }
}

/// The memory of this process, in MiB.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4 / 1024
}

#[test]
fn nothing_is_unaccounted_for_after_two_outages() {
    let mut day = Day::new(8);
    day.run(120);
    day.outage(3);
    day.run(120);
    day.outage(300);
    day.run(240);
    day.check();
    let Tally {
        came,
        twice,
        unaccounted,
        ..
    } = day.tally;
    assert_eq!((twice, unaccounted), (0, 0), "{:?}", day.tally);
    assert!(came > 1_000, "{:?}", day.tally);
}

/// Run by the lab `bridge --long`, since it takes many minutes.
#[test]
#[cfg(target_os = "linux")]
#[ignore = "it takes many minutes, in release"]
fn a_day_of_fifty_members_a_site() {
    let mut day = Day::new(50);
    let hour = 3_600;
    // The broker's outages, by hours: one of an hour in each half of the day, since what it takes to come back from that
    // is the most that is ever needed.
    let outages = [(3, 3), (7, hour), (13, 60), (19, hour)];
    let mut after_half = 0;
    for n in 0..24 {
        let away = outages.iter().find(|(hour, _)| *hour == n);
        let away = away.map_or(0, |(_, seconds)| *seconds);
        day.outage(away);
        day.run(hour - away);
        let memory = resident();
        if n == 11 {
            after_half = memory;
        }
        eprintln!("hour {n}: {memory} MiB, {:?}", day.tally);
    }
    let memory = resident();
    assert!(
        memory <= after_half + after_half / 10,
        "it grows: {after_half} MiB, then {memory}"
    );
    // An hour without the broker ends with the last hour's readings on their way.
    day.run(hour);
    day.check();
    assert_eq!((day.tally.twice, day.tally.unaccounted), (0, 0));
    for tunnel in &day.world.tunnels {
        eprintln!("{}", tunnel.counters());
    }
}
