//! Draws of the parts of a plan: links, channels, members, partitions.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::{Channel, Class, Config, Join, MemberId, Pace};
use groupcast_sim::Link;

use super::dice::Dice;
use super::plan::{Kind, Player};

/// About this many milliseconds.
pub(super) fn pause(dice: &mut Dice, mean: u64) -> Duration {
    // Exponential would be nicer; half to one and a half is as good here.
    Duration::from_micros(dice.between(mean * 500, mean * 1_500))
}

/// The network in calm, the one with faults, and whether that one damages datagrams.
pub(super) fn links(dice: &mut Dice, mild: bool) -> (Link, Link, bool) {
    let millis = Duration::from_millis;
    let calm = dice.pick(&[Link::perfect(), Link::lan(), Link::lan(), Link::wifi()]);
    let mut link = calm;
    if mild {
        link = link.with_loss(dice.fraction() * 0.1);
        if dice.chance(0.5) {
            link = link.with_duplicate(dice.fraction() * 0.2);
        }
        return (calm, link, false);
    }
    let mut damages = false;
    if dice.chance(0.5) {
        link = link.with_loss(dice.fraction() * 0.3);
    }
    if dice.chance(0.5) {
        let length = 1.0 + dice.fraction() * 50.0;
        link = link.with_burst(dice.fraction() * 0.2, length);
    }
    if dice.chance(0.3) {
        link = link.with_shared_loss(dice.fraction() * 0.2);
    }
    if dice.chance(0.5) {
        link = link.with_duplicate(dice.fraction() * 0.3);
    }
    if dice.chance(0.5) {
        link = link.with_reorder(dice.fraction() * 0.3, millis(dice.between(1, 200)));
    }
    if dice.chance(0.5) {
        link = link.with_corrupt(dice.fraction() * 0.1);
        damages = true;
    }
    if dice.chance(0.5) {
        link = link.with_truncate(dice.fraction() * 0.05);
        damages = true;
    }
    if dice.chance(0.5) {
        link = link.with_delay(millis(dice.below(60)));
        link = link.with_jitter(Duration::from_micros(dice.below(20_000)));
    }
    (calm, link, damages)
}

/// A channel of each of some classes.
pub(super) fn channels(dice: &mut Dice) -> Vec<Channel> {
    let classes = [
        Class::BestEffort,
        Class::Latest,
        Class::State,
        Class::ReliableUnordered,
        Class::ReliableOrdered,
    ];
    let mut channels = Vec::new();
    for number in 0..dice.between(1, 5) as u8 {
        channels.push(Channel::new(number, dice.pick(&classes)));
    }
    if dice.chance(0.7) {
        channels.push(Channel::reliable_ordered(200));
    }
    channels
}

/// A member's settings.
pub(super) fn player(dice: &mut Dice, n: usize, mild: bool) -> Player {
    let group: SocketAddr = SocketAddr::from(([239, 1, 2, 3], 12345));
    let fixed = dice.chance(0.6);
    let mut config = Config::new(group).with_name(NAMES[n % NAMES.len()]);
    let max_datagram = dice.pick(&[0, 0, 512, 600, 1_000]);
    if max_datagram != 0 {
        config = config.with_max_datagram(max_datagram);
    }
    let mut pace = Pace::WIRED;
    if !mild {
        config = config.with_join_at(dice.pick(&[
            Join::Current,
            Join::Current,
            Join::Recent(5),
            Join::Recent(60),
        ]));
        pace = dice.pick(&[Pace::WIRED, Pace::UNLIMITED, Pace::WIFI, Pace::BOARD]);
        config = config.with_receive_burst(dice.pick(&[0, 0, 2, 4]));
        let wait = dice.pick(&[5_000, 5_000, 1_000, 200]);
        config = config.with_max_wait(Duration::from_millis(wait));
    }
    Player {
        config: config.with_pace(pace),
        pace,
        id: MemberId::new(1 + n as u32).filter(|_| fixed),
        max_datagram: if max_datagram == 0 {
            1_200
        } else {
            usize::from(max_datagram)
        },
        kind: Kind::Full,
    }
}

const NAMES: [&str; 12] = [
    "ana", "ben", "cleo", "dan", "eva", "finn", "gina", "hal", "ida", "jon", "kim", "leo",
];

/// A partition: symmetric, one way, or of one member.
pub(super) fn cut(dice: &mut Dice, size: usize) -> Vec<(usize, usize)> {
    let two_ways = dice.chance(0.6);
    let alone = dice.chance(0.4).then(|| dice.place(size));
    let side: Vec<bool> = (0..size)
        .map(|n| alone.map_or_else(|| dice.chance(0.5), |alone| alone == n))
        .collect();
    let mut pairs = Vec::new();
    for a in 0..size {
        for b in 0..size {
            if side[a] != side[b] && (two_ways || side[a]) {
                pairs.push((a, b));
            }
        }
    }
    pairs
}
