//! What backends say in the group.

use groupcast::{Channel, Class, Event, SendError, Sequence};

use super::broker::{Bench, ROOT, peer, settings};
use crate::gateway::store::NoStore;
use crate::gateway::{Action, CommandId, Down, Incoming, Map};
use crate::publication::Qos;

fn bench(down: Down) -> Bench<NoStore> {
    let mut settings = settings();
    settings.down = down;
    let map = "[[set]]\ntopic = \"home/target\"\nclass = \"state\"\nchannel = 2\nretained = true\n\
        [[set]]\ntopic = \"home/order\"\nclass = \"reliable-ordered\"\nchannel = 2\n";
    settings.map = Map::parse(map, "gc").unwrap();
    let mut bench = Bench::with(settings, NoStore);
    bench.connect();
    bench.joined(peer(7, "ana"));
    bench.deliver();
    bench
}

fn command<'a>(topic: &'a str, packet: u16, payload: &'a [u8]) -> Incoming<'a> {
    Incoming {
        topic,
        payload,
        retained: false,
        duplicate: false,
        packet: Some(packet),
        mid: None,
    }
}

fn set(channel: &str) -> String {
    format!("{ROOT}/set/{channel}")
}

impl Bench<NoStore> {
    /// What is to be said in the group next.
    fn offered(&mut self) -> Option<(CommandId, Channel, Vec<u8>)> {
        let at = self
            .others
            .iter()
            .position(|action| matches!(action, Action::Send { .. }))?;
        match self.others.remove(at) {
            Action::Send {
                command,
                channel,
                payload,
            } => Some((command, channel, payload)),
            _ => None,
        }
    }

    /// The group takes everything that is offered, from this number on.
    fn take(&mut self, mut number: u32) -> Vec<(Channel, Vec<u8>)> {
        let mut taken = Vec::new();
        while let Some((id, channel, payload)) = self.offered() {
            self.gateway
                .handle_sent(self.now, id, Ok(Sequence::new(number)));
            self.drain();
            taken.push((channel, payload));
            number += 1;
        }
        taken
    }

    fn acknowledged(&mut self) -> Vec<(u16, u8)> {
        let acknowledged = |action: &Action| match action {
            Action::Acknowledge { packet, reason } => Some((*packet, *reason)),
            _ => None,
        };
        let all = self.others.iter().filter_map(acknowledged).collect();
        self.others.retain(|action| acknowledged(action).is_none());
        all
    }

    fn asked(&mut self) -> Vec<(u32, u32)> {
        let asked = |action: &Action| match action {
            Action::Confirm { first, last } => Some((first.get(), last.get())),
            _ => None,
        };
        let all = self.others.iter().filter_map(asked).collect();
        self.others.retain(|action| asked(action).is_none());
        all
    }
}

#[test]
fn nothing_is_said_in_the_group_unless_it_is_allowed() {
    let filters = |down| {
        let all = bench(down).gateway.subscriptions();
        assert!(all.iter().all(|s| s.qos == Qos::AtLeastOnce));
        all.into_iter()
            .map(|s| (s.filter, s.retained))
            .collect::<Vec<_>>()
    };
    let info = (format!("{ROOT}/+/info"), true);
    let mapped = [
        ("home/target".to_owned(), true),
        ("home/order".to_owned(), false),
    ];
    let without = [&[info.clone()][..], &mapped].concat();
    assert_eq!(filters(Down::None), without);
    let with = [&[info, (format!("{ROOT}/set/+/+"), false)][..], &mapped].concat();
    assert_eq!(filters(Down::All), with);

    let only = Down::Only([(Class::State, 1)].into());
    let mut bench = bench(only);
    bench.command(command(&set("state/1"), 1, b"a"));
    bench.command(command(&set("state/2"), 2, b"b"));
    bench.command(command(&set("stat/1"), 3, b"c"));
    bench.command(command("home/target", 4, b"d"));
    bench.command(command("elsewhere", 5, b"e"));
    let said = [
        (Channel::state(1), b"a".to_vec()),
        (Channel::state(2), b"d".to_vec()),
    ];
    assert_eq!(bench.take(0), said);
    let mut acknowledged = bench.acknowledged();
    acknowledged.sort_unstable();
    assert_eq!(
        acknowledged,
        [(1, 0), (2, 0x87), (3, 0x90), (4, 0), (5, 0x90)]
    );
    assert_eq!(
        (
            bench.gateway.counters().not_allowed,
            bench.gateway.counters().bad_topic
        ),
        (1, 2)
    );
}

#[test]
fn a_retained_command_is_obeyed_only_where_the_map_says_so() {
    let mut bench = bench(Down::All);
    bench.incoming(&set("state/1"), b"old");
    bench.incoming("home/order", b"old");
    bench.incoming("home/target", b"22");
    assert_eq!(bench.take(0), [(Channel::state(2), b"22".to_vec())]);
    assert_eq!(bench.gateway.counters().retained_commands, 2);
}

#[test]
fn a_reliable_command_is_acknowledged_when_all_have_it() {
    let mut bench = bench(Down::All);
    let (ana, ben) = (peer(7, "ana"), peer(8, "ben"));
    bench.joined(ben);
    let topic = set("reliable-ordered/1");
    for packet in 1..=3 {
        bench.command(command(&topic, packet, &[packet as u8]));
    }
    let said: Vec<_> = bench
        .take(10)
        .into_iter()
        .map(|(_, payload)| payload[0])
        .collect();
    assert_eq!(said, [1, 2, 3]);
    assert_eq!(
        bench.asked(),
        [(10, 10)],
        "the others wait for the next question"
    );
    bench.event(&Event::Confirmed(&ana));
    assert_eq!(bench.acknowledged(), []);
    bench.event(&Event::Confirmed(&ben));
    assert_eq!(bench.acknowledged(), [(1, 0)]);
    assert_eq!(bench.asked(), [(11, 12)]);
    bench.event(&Event::Confirmed(&ben));
    bench.event(&Event::Lost(&ana));
    assert_eq!(
        bench.acknowledged(),
        [(2, 0), (3, 0)],
        "who is gone is not waited for"
    );
    assert_eq!(bench.gateway.counters().confirmed, 3);
}

#[test]
fn a_command_that_nobody_confirms_is_acknowledged_in_the_end_and_counted() {
    let mut bench = bench(Down::All);
    bench.command(command(&set("reliable-unordered/1"), 1, b"x"));
    bench.take(0);
    bench.run(4);
    assert_eq!(bench.acknowledged(), []);
    bench.run(2);
    assert_eq!(bench.acknowledged(), [(1, 0)]);
    assert_eq!(bench.gateway.counters().unconfirmed, 1);
}

#[test]
fn a_command_waits_while_the_group_has_no_room_and_none_overtakes_it() {
    let mut bench = bench(Down::All);
    for packet in 1..=2 {
        bench.command(command(&set("state/1"), packet, &[packet as u8]));
    }
    let (id, ..) = bench.offered().unwrap();
    bench
        .gateway
        .handle_sent(bench.now, id, Err(SendError::QueueFull));
    bench.drain();
    assert!(bench.offered().is_none());
    bench.run(1);
    let said: Vec<_> = bench
        .take(0)
        .into_iter()
        .map(|(_, payload)| payload[0])
        .collect();
    assert_eq!(said, [1, 2]);
}

#[test]
fn a_command_that_is_too_long_is_refused() {
    let mut bench = bench(Down::All);
    bench.command(command(&set("state/1"), 1, &[0; 5000]));
    let (id, ..) = bench.offered().unwrap();
    let error = SendError::TooLong {
        len: 5000,
        limit: 1100,
    };
    bench.gateway.handle_sent(bench.now, id, Err(error));
    bench.gateway.handle_sent(bench.now, id, Err(error));
    bench.drain();
    assert_eq!(bench.acknowledged(), [(1, 0x83)]);
    assert_eq!(bench.gateway.counters().too_long, 1);
    assert!(
        bench
            .news
            .iter()
            .any(|news| news.to_string().contains("too long"))
    );
}

#[test]
fn what_the_broker_sends_again_is_not_said_again() {
    let mut bench = bench(Down::All);
    let topic = set("reliable-ordered/1");
    let first = command(&topic, 1, b"first");
    let second = command(&set("state/1"), 2, b"second").topic.to_owned();
    let second = command(&second, 2, b"second");
    bench.command(first);
    bench.command(second);
    bench.take(0);
    assert_eq!(bench.acknowledged(), [(2, 0)]);
    bench.disconnect();
    bench.gateway.handle_connected(bench.now, true);
    bench.drain();
    // The acknowledgement was lost with the connection.
    bench.command(Incoming {
        duplicate: true,
        ..first
    });
    bench.command(Incoming {
        duplicate: true,
        ..second
    });
    assert_eq!(bench.take(2), []);
    assert_eq!(bench.acknowledged(), [(2, 0)]);
    bench.event(&Event::Confirmed(&peer(7, "ana")));
    assert_eq!(bench.acknowledged(), [(1, 0)]);
    assert_eq!(bench.gateway.counters().duplicate_commands, 2);
    // Without a session, the same numbers mean something else.
    bench.disconnect();
    bench.connect();
    bench.command(Incoming {
        duplicate: true,
        ..second
    });
    assert_eq!(bench.take(3).len(), 1);
}

#[test]
fn what_has_an_id_is_said_once() {
    let mut bench = bench(Down::All);
    let topic = set("state/1");
    let mut said = command(&topic, 1, b"x");
    said.mid = Some("00000007-0000000000000001-r-5");
    bench.command(said);
    said.packet = Some(2);
    bench.command(said);
    assert_eq!(bench.take(0).len(), 1);
    let mut acknowledged = bench.acknowledged();
    acknowledged.sort_unstable();
    assert_eq!(acknowledged, [(1, 0), (2, 0)]);
}

#[test]
fn only_so_many_commands_wait() {
    let mut bench = bench(Down::All);
    let topic = set("reliable-ordered/1");
    for packet in 1..=70 {
        bench.command(command(&topic, packet, &packet.to_be_bytes()));
        bench.take(u32::from(packet));
    }
    let refused = bench.acknowledged();
    assert_eq!(
        refused,
        (65..=70).map(|packet| (packet, 0x97)).collect::<Vec<_>>()
    );
}
