//! Members in several sites, as one group.

use core::time::Duration;

use groupcast::Channel;

use super::world::{Who, World};
use crate::tunnel::{Counters, News};

const ORDERED: Channel = Channel::reliable_ordered(1);
const STATE: Channel = Channel::state(2);
const GROUP: &str = "239.1.2.3:12345";

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Each of them sends so many messages, every 5 ms.
fn all_send(world: &mut World, senders: &[Who], numbers: core::ops::Range<u32>) {
    for number in numbers {
        for sender in senders {
            world.send(*sender, ORDERED, number);
        }
        world.run_for(Duration::from_millis(5));
    }
}

/// Everything once and in order, and no gap.
fn has_all(world: &World, who: Who, of: Who, count: u32) {
    let (got, lost) = world.numbers(who, of, ORDERED);
    assert!(
        got.iter().copied().eq(0..count),
        "{who:?} got of {of:?}: {got:?}"
    );
    assert_eq!(lost, 0);
}

/// What was sent to one member alone came there.
fn acknowledgements_came(world: &World) {
    let of = |count: fn(&Counters) -> u64| {
        world
            .tunnels
            .iter()
            .map(|t| count(t.counters()))
            .sum::<u64>()
    };
    assert!(of(|counters| counters.sent_to_one) > 0);
    assert_eq!(of(|c| c.sent_to_one), of(|c| c.published_to_one));
}

#[test]
fn two_sites_are_one_sealed_group() {
    let mut world = World::new(GROUP, 2);
    let ana = world.join_sealed(0, "ana");
    let ben = world.join_sealed(1, "ben");
    world.run_for(seconds(3));
    all_send(&mut world, &[ana, ben], 0..300);
    let last = world.sites[0][ana.1]
        .send(ORDERED, &300u32.to_be_bytes())
        .unwrap();
    world.sites[0][ana.1].confirm(last).unwrap();
    world.run_for(seconds(2));
    has_all(&world, ben, ana, 301);
    has_all(&world, ana, ben, 300);
    let confirmed =
        |event: &groupcast::OwnedEvent| matches!(event, groupcast::OwnedEvent::Confirmed(_));
    assert!(world.sites[0][ana.1].events().iter().any(confirmed));
    acknowledgements_came(&world);
    for tunnel in &world.tunnels {
        assert_eq!(tunnel.counters().members, 1);
        assert!(!tunnel.news.contains(&News::OpenGroup), "it is sealed");
    }
}

#[test]
fn three_sites_with_a_sender_each() {
    let mut world = World::new(GROUP, 3);
    let all = [0, 1, 2].map(|site| world.join(site, "somebody"));
    world.run_for(seconds(3));
    all_send(&mut world, &all, 0..200);
    world.run_for(seconds(2));
    for who in all {
        for of in all.into_iter().filter(|of| *of != who) {
            has_all(&world, who, of, 200);
        }
    }
    for tunnel in &world.tunnels {
        let told = tunnel.news.iter().filter(|news| **news == News::OpenGroup);
        assert_eq!(told.count(), 1, "it is open");
        let met = tunnel
            .news
            .iter()
            .filter(|news| matches!(news, News::Met { .. }));
        assert_eq!(met.count(), 2);
    }
}

#[test]
fn an_ipv6_group_is_carried_too() {
    let mut world = World::new("[ff02::7701]:17702", 2);
    let [ana, ben] = [0, 1].map(|site| world.join(site, "somebody"));
    world.run_for(seconds(3));
    all_send(&mut world, &[ana, ben], 0..50);
    let last = world.sites[0][ana.1]
        .send(ORDERED, &50u32.to_be_bytes())
        .unwrap();
    world.sites[0][ana.1].confirm(last).unwrap();
    world.run_for(seconds(2));
    has_all(&world, ben, ana, 51);
    has_all(&world, ana, ben, 50);
    acknowledgements_came(&world);
}

#[test]
fn two_tunnels_a_site_and_one_of_each_ends() {
    let mut world = World::new(GROUP, 2);
    let others = [world.add_tunnel(0), world.add_tunnel(1)];
    let ana = world.join_sealed(0, "ana");
    let ben = world.join_sealed(1, "ben");
    world.run_for(seconds(3));
    all_send(&mut world, &[ana, ben], 0..100);
    world.tunnels[0].is_running = false;
    all_send(&mut world, &[ana, ben], 100..200);
    world.tunnels[others[1]].is_running = false;
    all_send(&mut world, &[ana, ben], 200..300);
    world.run_for(seconds(2));
    has_all(&world, ben, ana, 300);
    has_all(&world, ana, ben, 300);
    for tunnel in &world.tunnels {
        let counters = tunnel.counters();
        assert!(tunnel.news.contains(&News::Companion));
        assert!(
            counters.duplicate > 0 && counters.of_other_tunnel > 0,
            "{counters}"
        );
        // None of them took a member of the other site for one of its own for long.
        assert!(counters.of_wrong_site + counters.at_home < 20, "{counters}");
    }
}

#[test]
fn while_the_broker_is_away_there_is_an_exact_gap_and_nothing_comes_twice() {
    let mut world = World::new(GROUP, 2);
    // So small a history cannot repair what is sent in five seconds.
    let ana = (
        0,
        world.sites[0].join_with::<groupcast::Board>(
            groupcast::Config::new(GROUP.parse().unwrap()).with_name("ana"),
        ),
    );
    let ben = world.join(1, "ben");
    world.run_for(seconds(3));
    let mut sent = 0;
    for (is_up, count) in [(true, 200), (false, 1000), (true, 400)] {
        world.is_broker_up = is_up;
        all_send(&mut world, &[ana], sent..sent + count);
        sent += count;
    }
    world.run_for(seconds(3));
    let (got, lost) = world.numbers(ben, ana, ORDERED);
    assert!(got.is_sorted_by(|one, other| one < other), "{got:?}");
    assert_eq!(got.len() as u64 + lost, u64::from(sent));
    assert!(lost > 0, "the history was to be too small");
    assert_eq!(got.last(), Some(&(sent - 1)));
    assert!(world.tunnels[0].counters().offline > 0);
}

#[test]
fn a_late_joiner_in_another_site_has_the_state() {
    let mut world = World::new(GROUP, 2);
    let ana = world.join_sealed(0, "ana");
    world.run_for(seconds(3));
    world.send(ana, STATE, 21);
    world.rest_for(seconds(60));
    let ben = world.join_sealed(1, "ben");
    world.run_for(seconds(5));
    assert_eq!(
        world.sites[1][ben.1].last(STATE),
        Some(&21u32.to_be_bytes()[..])
    );
}

#[test]
fn a_member_that_restarts_or_moves_is_carried_on() {
    let mut world = World::new(GROUP, 2);
    let ana = world.join(0, "ana");
    let ben = world.join(1, "ben");
    world.run_for(seconds(3));
    world.sites[0].restart(ana.1);
    world.run_for(seconds(3));
    all_send(&mut world, &[ana], 0..50);
    world.run_for(seconds(2));
    has_all(&world, ben, ana, 50);
    // The first life is forgotten at last, with its socket.
    assert_eq!(world.tunnels[1].counters().members, 2);
    world.rest_for(seconds(200));
    assert_eq!(world.tunnels[1].core.elsewhere.entries.len(), 1);
    assert_eq!(world.tunnels[1].core.own.len(), 1);
}

#[test]
fn a_site_that_is_seconds_away_is_told() {
    let mut world = World::new(GROUP, 2);
    world.delay = vec![Duration::from_millis(150), Duration::from_millis(150)];
    world.rest_for(seconds(30));
    let slow = |news: &News| matches!(news, News::Slow { .. });
    assert!(!world.tunnels[0].news.iter().any(slow));
    world.delay[1] = Duration::from_secs(3);
    world.rest_for(seconds(60));
    for tunnel in &world.tunnels {
        assert_eq!(tunnel.news.iter().filter(|news| slow(news)).count(), 1);
    }
    world.tunnels[1].is_running = false;
    world.rest_for(seconds(60));
    let lost = News::Lost("site1".parse().unwrap());
    assert!(world.tunnels[0].news.contains(&lost));
}
