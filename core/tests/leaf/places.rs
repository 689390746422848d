//! Who is listened to when there are more senders than places.

use groupcast::wire::{Bye, Frame};
use groupcast::{Channel, Leaf};

use crate::hub::{Hub, LOOSE, Puppet, VALUE, config, data, leaf, ms, sync, told, watch};

fn puppets(count: u32) -> Vec<Puppet> {
    (0..count).map(|n| Puppet::new(100 + n, 1)).collect()
}

fn say(puppet: &mut Puppet, channel: Channel) -> Vec<u8> {
    let sequence = puppet.counter as u32;
    puppet.say(&[Frame::Data(data(channel, sequence, "x"))])
}

#[test]
fn the_fifth_sender_is_counted_and_heard_when_somebody_leaves_or_falls_silent() {
    let mut leaf = leaf("leaf", 1);
    let mut puppets = puppets(7);
    for puppet in &mut puppets[..4] {
        assert_eq!(told(&mut leaf, ms(100), 5, &say(puppet, LOOSE)).len(), 1);
    }
    assert!(told(&mut leaf, ms(200), 5, &say(&mut puppets[4], LOOSE)).is_empty());
    assert_eq!(leaf.counters().fragments_no_stream, 1);
    // The first leaves, and the fifth has its place.
    told(
        &mut leaf,
        ms(300),
        5,
        &puppets[0].say(&[Frame::Bye(Bye { reason: 0 })]),
    );
    assert_eq!(
        told(&mut leaf, ms(400), 5, &say(&mut puppets[4], LOOSE)).len(),
        1
    );
    assert!(told(&mut leaf, ms(500), 5, &say(&mut puppets[5], LOOSE)).is_empty());
    // After 3.5 s of silence there is room for two more, and not for a third.
    for n in [1, 2] {
        assert_eq!(
            told(&mut leaf, ms(2_000), 5, &say(&mut puppets[n], LOOSE)).len(),
            1
        );
    }
    let heard: Vec<_> = [5, 6, 0]
        .into_iter()
        .map(|n| told(&mut leaf, ms(4_000), 5, &say(&mut puppets[n], LOOSE)).len())
        .collect();
    assert_eq!(heard, [1, 1, 0]);
}

#[test]
fn who_commands_has_a_place_before_those_who_only_have_values() {
    let mut leaf: Leaf = Leaf::new(config("leaf"), [1; 32]).unwrap();
    leaf.set_channels(4..=4);
    watch(&mut leaf, 10, 1_000);
    let mut puppets = puppets(20);
    // Sensors, which do not matter, and which are asked for what they have, each once.
    let mut asked = 0;
    for second in 1..5 {
        for puppet in &mut puppets[..12] {
            let at = 1_000 * second;
            told(&mut leaf, ms(at), 5, &say(puppet, VALUE));
            told(&mut leaf, ms(at), 5, &puppet.say(&[sync(9, 1)]));
        }
        let said = watch(&mut leaf, 1_000 * second, 1_000 * second + 1_000);
        let asks = said.iter().flat_map(|it| &it.2);
        asked += asks.filter(|it| it.starts_with("Ask")).count();
    }
    assert!((1..=20).contains(&asked), "{asked}");
    for puppet in &mut puppets[12..16] {
        assert_eq!(told(&mut leaf, ms(6_000), 5, &say(puppet, LOOSE)).len(), 1);
    }
    assert!(told(&mut leaf, ms(6_000), 5, &say(&mut puppets[16], LOOSE)).is_empty());
    assert_eq!(leaf.counters().fragments_no_stream, 1);
}

#[test]
fn in_a_group_of_many_sensors_commands_arrive_and_all_are_on_every_roster() {
    let mut hub = Hub::with(&["ana"]);
    let mut leaves = vec![];
    for n in 0..6 {
        let mut member = leaf(&format!("leaf {n}"), 100 + n);
        member.set_channels(4..=4);
        leaves.push(hub.join(member));
    }
    hub.run(3_000);
    assert_eq!(hub.members[1].0.peers(), 7);
    for n in &leaves {
        hub.say(*n, VALUE, "21");
    }
    hub.run(2_000);
    hub.say(1, LOOSE, "command");
    hub.run(1_000);
    for n in &leaves {
        assert_eq!(hub.log(*n), [": command"]);
    }
}

/// PROTOCOL M3, E6: where nobody has a roster, they count what they hear.
#[test]
fn a_group_of_leaves_alone_says_no_more_than_20_hellos_a_second() {
    let mut hub = Hub::new();
    for n in 0..60 {
        hub.join(leaf(&format!("leaf {n}"), n + 1));
    }
    hub.run(20_000);
    hub.record.clear();
    hub.run(30_000);
    let hellos = (0..60).map(|n| hub.count(n, "Hello")).sum::<usize>();
    assert!((300..=660).contains(&hellos), "{hellos}");
    // Most of them leave, and those who are left say it more often again.
    hub.members.truncate(4);
    hub.run(60_000);
    hub.record.clear();
    hub.run(10_000);
    let hellos = (0..4).map(|n| hub.count(n, "Hello")).sum::<usize>();
    assert!((24..=50).contains(&hellos), "{hellos}");
}
