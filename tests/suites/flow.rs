//! A sender without a pace goes as fast as its receivers, and nothing is lost in silence.

use core::time::Duration;

use groupcast::{Channel, Class, Config, OwnedEvent, Pace, SendError, Storage, Tiny};
use groupcast_sim::{Link, MemberKey, SimNet};

const ORDERED: Channel = Channel::reliable_ordered(1);

/// A desktop's history and windows, for few members.
type Room = Storage<8, 2, 2048, 2048, 524_288, 4096, { groupcast::Sends::UNLIMITED }>;

/// Octets a second that each receiver takes.
const RATE: u32 = 1_000_000;

/// What the network carries of messages of 64 octets at this rate: 15 in a datagram with its headers.
const MESSAGES_PER_SECOND: f64 = RATE as f64 / (22.0 + 15.0 * 76.0 + 4.0 + 28.0) * 15.0;

fn config(name: &str) -> Config {
    Config::new("239.1.2.3:12345".parse().unwrap()).with_name(name)
}

/// What came of a flood.
struct Outcome {
    /// What the slower receiver had when it ended, in parts of what its link carries.
    goodput: f64,
    /// How many messages were sent.
    sent: u64,
    /// How many each receiver had in the end, and how many are in gaps.
    delivered: [u64; 2],
    in_gaps: [u64; 2],
}

/// Sends as fast as it goes for two seconds to two receivers, and waits until all is done.
fn flood(queue: u32, burst: u8) -> Outcome {
    let link = Link::lan().with_rate(RATE, queue);
    let mut net = SimNet::new(7).with_memory::<Room>().with_link(link);
    let ana = net.join(config("ana").with_pace(Pace::UNLIMITED));
    let receivers = [
        net.join(config("ben").with_receive_burst(burst)),
        net.join(config("cho").with_receive_burst(burst)),
    ];
    net.run_for(Duration::from_secs(2));
    let (start, time) = (net.now(), Duration::from_secs(2));
    let mut sent = 0;
    while net.now().since(start) < time {
        while net[ana].send(ORDERED, &[sent as u8; 64]).is_ok() {
            sent += 1;
        }
        net.run_for(Duration::from_micros(200));
    }
    let delivered = |net: &SimNet| receivers.map(|key| net[key].messages(ORDERED).count() as u64);
    let [a, b] = delivered(&net);
    let goodput = a.min(b) as f64 / (MESSAGES_PER_SECOND * time.as_secs_f64());
    net.run_for(Duration::from_secs(8));
    let gap = |event: &OwnedEvent| match event {
        OwnedEvent::Gap { lost, .. } => lost.len(),
        _ => 0,
    };
    Outcome {
        goodput,
        sent,
        delivered: delivered(&net),
        in_gaps: receivers.map(|key| net[key].events().iter().map(gap).sum()),
    }
}

#[test]
fn what_receivers_take_at_once_is_never_exceeded() {
    let outcome = flood(65_536, 48);
    println!("{:.3} of what the links carry", outcome.goodput);
    assert!(
        outcome.goodput >= 0.8,
        "{} of what it may be",
        outcome.goodput
    );
    assert_eq!(outcome.delivered, [outcome.sent; 2]);
}

#[test]
fn a_queue_that_nobody_speaks_of_wants_a_pace_but_nothing_is_lost_in_silence() {
    let outcome = flood(65_536, 0);
    println!("{:.3} of what the links carry", outcome.goodput);
    for (delivered, in_gaps) in outcome.delivered.into_iter().zip(outcome.in_gaps) {
        assert_eq!(delivered + in_gaps, outcome.sent);
        assert!(
            delivered >= outcome.sent / 2,
            "{delivered} of {}",
            outcome.sent
        );
    }
}

/// A member that moves between a network and its own machine: the pace comes and goes under a flood.
#[test]
fn a_pace_that_comes_and_goes_holds_and_nothing_is_lost() {
    let link = Link::lan().with_rate(RATE, 65_536).with_loss(0.02);
    let mut net = SimNet::new(11).with_memory::<Room>().with_link(link);
    let ana = net.join(config("ana").with_pace(Pace::UNLIMITED));
    let ben = net.join(config("ben").with_receive_burst(48));
    net.run_for(Duration::from_secs(2));
    let mut sent = 0;
    let mut flood = |net: &mut SimNet, pace: Pace| {
        net[ana].set_pace(pace).unwrap();
        let (start, before) = (net.now(), sent);
        while net.now().since(start) < Duration::from_secs(2) {
            // So many that the queue is full, and an end where nothing holds it.
            for _ in 0..64 {
                sent += u64::from(net[ana].send(ORDERED, &[sent as u8; 64]).is_ok());
            }
            net.run_for(Duration::from_micros(200));
        }
        sent - before
    };
    let mut counts = Vec::new();
    for pace in [Pace::UNLIMITED, Pace::BOARD, Pace::UNLIMITED, Pace::BOARD] {
        counts.push(flood(&mut net, pace));
    }
    println!("{counts:?}");
    // A board's 62,500 octets a second are no more than 1,000 such messages; the links take twelve times that.
    for pair in counts.chunks(2) {
        assert!(pair[1] < 2 * 2_000, "the pace does not hold: {counts:?}");
        assert!(pair[0] > 2 * pair[1], "it keeps the old pace: {counts:?}");
    }
    net.run_for(Duration::from_secs(30));
    assert_eq!(net[ben].messages(ORDERED).count() as u64, sent);
    let gaps = net[ben].events().iter();
    assert!(
        !gaps
            .clone()
            .any(|event| matches!(event, OwnedEvent::Gap { .. }))
    );
}

/// What one receiver lacks of so many lines, each of which is to be confirmed, if it hears nothing for so long; or, if
/// that is `mild`, no multicast, while unicast arrives. Another one hears all of it.
fn missed(mild: bool, deaf: Duration, lines: u32) -> u32 {
    let mut net = SimNet::new(9)
        .with_memory::<Room>()
        .with_link(Link::lan().with_loss(0.02));
    let [ana, ben, cho] = ["ana", "ben", "cho"].map(|name| net.join(config(name)));
    net.run_for(Duration::from_secs(5));
    let [sender, receiver, other] = [ana, ben, cho].map(|key| net[key].host());
    for from in [sender, other] {
        if mild {
            let link = Link::lan().with_multicast_loss(1.0);
            net.network().set_link(from, receiver, link);
        } else {
            net.network().partition(&[from], &[receiver]);
        }
    }
    let say = |net: &mut SimNet, lines: u32, within: Duration| {
        for _ in 0..lines {
            let number = net[ana].send(ORDERED, b"a line").unwrap();
            net[ana].confirm(number).unwrap();
            net.run_for(within / lines);
        }
    };
    say(&mut net, lines, deaf);
    net.network().heal();
    for from in [sender, other] {
        net.network().reset_link(from, receiver);
    }
    say(&mut net, 10, Duration::from_secs(5));
    net.run_for(Duration::from_secs(10));
    let [lacks, heard] = [ben, cho].map(|key| {
        let messages = net[key].messages(ORDERED).count();
        lines + 10 - u32::try_from(messages).unwrap()
    });
    assert_eq!(heard, 0, "{mild} {deaf:?} {lines}");
    lacks
}

#[test]
fn whoever_hears_no_multicast_for_a_while_misses_no_more_than_with_the_cable_out() {
    for (seconds, lines) in [(4, 300), (8, 300), (8, 30), (8, 3), (60, 600)] {
        let deaf = Duration::from_secs(seconds);
        for mild in [true, false] {
            assert_eq!(missed(mild, deaf, lines), 0, "{mild} {deaf:?} {lines}");
        }
    }
}

/// PROTOCOL R12. A sender whose pace is slow, and which keeps everything, has much to repair, and repairs it late.
#[test]
fn what_a_slow_sender_repairs_late_is_not_given_up_before() {
    let mut net = SimNet::new(1)
        .with_memory::<Room>()
        .with_link(Link::perfect());
    let ana = net.join(config("ana").with_pace(Pace::new(5_000, 4)));
    let ben = net.join(config("ben"));
    net.run_for(Duration::from_secs(2));
    let send = |net: &mut SimNet, numbers: core::ops::Range<u8>| {
        for n in numbers {
            net[ana].send(ORDERED, &[n; 1_000]).expect("room for all");
        }
    };
    let [from, to] = [ana, ben].map(|key| net[key].host());
    let deaf = Link::perfect().with_multicast_loss(1.0);
    net.network().set_link(from, to, deaf);
    send(&mut net, 0..120);
    net.run_for(Duration::from_secs(25));
    net.network().reset_link(from, to);
    send(&mut net, 120..160);
    net.run_for(Duration::from_secs(60));
    let told: Vec<_> = net[ben]
        .messages(ORDERED)
        .map(|message| message.payload[0])
        .collect();
    assert_eq!(told, (0..160).collect::<Vec<_>>());
}

/// What a member has said that it can receive has room beside its own values.
#[test]
fn own_values_leave_room_for_the_messages_of_others() {
    let mut net = SimNet::new(3).with_memory::<Tiny>().with_link(Link::lan());
    let [ana, ben] = ["ana", "ben"].map(|name| net.join(config(name).with_max_datagram(512)));
    net.run_for(Duration::from_secs(2));
    let limit = |net: &SimNet, key: MemberKey, class| net[key].max_message(class);
    let value = limit(&net, ben, Class::State).min(474);
    let mut kept = 0;
    for channel in 0..8 {
        kept += usize::from(
            net[ben]
                .send(Channel::state(channel), &vec![0; value])
                .is_ok(),
        );
        net.run_for(Duration::from_millis(100));
    }
    assert!((1..8).contains(&kept), "{kept}");
    let size = limit(&net, ana, Class::ReliableOrdered);
    for number in 0..20 {
        net[ana].send(ORDERED, &vec![number; size]).unwrap();
        net.run_for(Duration::from_millis(100));
    }
    let sizes = net[ben]
        .messages(ORDERED)
        .map(|message| message.payload.len());
    assert!(sizes.eq([size; 20]), "{:?}", net[ben].events());
}

/// A value that would leave no such room is too long, and that is said.
#[test]
fn a_value_takes_half_the_blocks_at_most() {
    type Half = Storage<8, 2, 16, 8, 1600, 1473>;
    let mut net = SimNet::new(4).with_memory::<Half>();
    let ana = net.join(config("ana"));
    let limit = net[ana].node().unwrap().max_message(Class::State);
    assert_eq!(limit, 4 * 78 - 12);
    let refused = net[ana].send(Channel::state(1), &vec![0; limit + 1]);
    let len = limit + 1;
    let expected = SendError::TooLong { len, limit };
    assert_eq!(refused, Err(expected));
    assert!(net[ana].send(Channel::state(1), &vec![0; limit]).is_ok());
    let refused = net[ana].send(Channel::state(2), b"");
    assert_eq!(refused, Err(SendError::TooManyStates));
}
