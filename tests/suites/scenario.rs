//! Scenarios as a whole: that they add up, come out the same each time, and notice what is planted.

use core::time::Duration;

use groupcast::{Board, Channel, Class, Config, OwnedEvent, Pace, SendError, Tiny};
use groupcast_sim::{Link, Report, Scenario, SimNet};

const CLASSES: [Class; 5] = [
    Class::BestEffort,
    Class::Latest,
    Class::State,
    Class::ReliableUnordered,
    Class::ReliableOrdered,
];

fn bad_link() -> Link {
    Link::lan()
        .with_loss(0.1)
        .with_burst(0.05, 4.0)
        .with_duplicate(0.05)
        .with_reorder(0.05, Duration::from_millis(20))
}

fn adds_up(report: &Report) {
    let sum = report.delivered + report.gap_messages + report.lost + report.unaccounted;
    assert_eq!(report.sent * report.receivers, sum, "{report:#?}");
}

#[test]
fn every_class_adds_up_on_a_bad_link() {
    for class in CLASSES {
        let scenario = Scenario::new()
            .with_members(4)
            .with_senders(2)
            .with_class(class)
            .with_link(bad_link());
        let report = scenario.run::<Board>().unwrap();
        adds_up(&report);
        assert_eq!((report.sent, report.receivers), (200, 3), "{class:?}");
        assert!(report.keeps_promise(), "{class:?}: {report:#?}");
        assert!(report.delivered > 400, "{class:?}: {report:#?}");
        let reliable = matches!(class, Class::ReliableUnordered | Class::ReliableOrdered);
        assert_eq!(report.lost == 0, reliable, "{class:?}: {report:#?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_report_and_another_one_another() {
    let scenario = Scenario::new().with_members(4).with_link(bad_link());
    let report = |seed| scenario.with_seed(seed).run::<Board>().unwrap();
    assert_eq!(report(7), report(7));
    assert_ne!(report(7).latency, report(8).latency);
}

#[test]
fn a_link_that_loses_everything_is_noticed_and_its_end_too() {
    let link = Link::lan().with_loss(1.0);
    let scenario = Scenario::new().with_members(3).with_link(link);
    let report = scenario
        .with_class(Class::BestEffort)
        .run::<Board>()
        .unwrap();
    assert_eq!((report.delivered, report.lost), (0, 200));
    // The faults end after a second: what can still be repaired comes then, the rest is reported.
    let report = scenario.run::<Board>().unwrap();
    adds_up(&report);
    assert!(report.keeps_promise(), "{report:#?}");
    assert!(
        report.delivered > 0 && report.gap_messages > 0,
        "{report:#?}"
    );
}

#[test]
fn latency_is_that_of_the_link_where_nothing_is_lost() {
    let link = Link::perfect().with_delay(Duration::from_millis(7));
    let report = Scenario::new().with_link(link).run::<Board>().unwrap();
    for share in [0.0, 0.5, 1.0] {
        assert_eq!(report.latency_ms(share), Some(7.0));
    }
    assert_eq!((report.nacks, report.repairs), (0, 0));
}

#[test]
fn one_loss_is_one_loss() {
    let scenario = Scenario::new().with_one_loss();
    let report = scenario.run::<Board>().unwrap();
    assert_eq!((report.losses, report.delivered), (1, 900));
    assert!((1..9).contains(&report.nacks), "{report:#?}");
    assert_eq!(report.nacks_per_loss(), Some(report.nacks as f64));
}

#[test]
fn a_group_at_rest_sends_nothing_but_its_presence() {
    let scenario = Scenario::new().with_rate(0.0).with_members(5);
    let scenario = scenario.with_duration(Duration::from_secs(20));
    let report = scenario.run::<Board>().unwrap();
    assert_eq!((report.sent, report.nacks_per_message()), (0, None));
    assert_eq!(report.control_datagrams, report.datagrams);
    // Five members, one HELLO a second each.
    let rate = report.control_datagrams_per_second().unwrap();
    assert!((4.5..5.5).contains(&rate), "{rate}");
}

#[test]
fn members_without_room_for_each_other_are_told_of() {
    let scenario = Scenario::new().with_members(11);
    let report = scenario.run::<Tiny>().unwrap();
    // Each of eleven knows eight of ten.
    assert_eq!(report.strangers, 22);
}

#[test]
fn what_the_class_cannot_carry_is_refused() {
    let scenario = Scenario::new().with_class(Class::State).with_size(5000);
    let refused = scenario.run::<Board>();
    assert!(
        matches!(refused, Err(SendError::TooLong { len: 5000, .. })),
        "{refused:?}"
    );
}

#[test]
fn messages_beyond_the_pace_are_held_back_and_not_lost() {
    let scenario = Scenario::new()
        .with_members(3)
        .with_size(1000)
        .with_pace(Pace::BOARD)
        .with_rate(1000.0);
    let report = scenario.run::<Board>().unwrap();
    adds_up(&report);
    assert_eq!(report.sent + report.refused, 1000);
    assert!(
        report.refused > 500 && report.keeps_promise(),
        "{report:#?}"
    );
}

#[test]
fn who_always_has_more_to_say_can_still_repair_what_was_lost() {
    // What waits in the queue leaves room for what was sent, which the receivers ask for.
    let scenario = Scenario::new()
        .with_members(3)
        .with_rate(2_000.0)
        .with_pace(Pace::BOARD)
        .with_link(Link::lan().with_loss(0.05));
    let report = scenario.run::<Board>().unwrap();
    adds_up(&report);
    assert!(report.refused > 1_000, "{report:#?}");
    assert!(report.repairs > 20, "{report:#?}");
    assert_eq!(report.gap_messages, 0, "{report:#?}");
}

#[test]
fn one_receiver_that_loses_much_does_not_slow_the_others() {
    const NUMBERS: Channel = Channel::reliable_ordered(1);
    let delays = |bad: bool| {
        let mut net: SimNet = SimNet::new(5).with_link(Link::lan().with_loss(0.05));
        let config = Config::new("239.1.2.3:12345".parse().unwrap());
        let keys: Vec<_> = (0..6).map(|_| net.join(config)).collect();
        if bad {
            let (sender, worst) = (net[keys[0]].host(), net[keys[5]].host());
            let link = Link::lan().with_loss(0.6);
            net.network().set_link(sender, worst, link);
        }
        net.run_for(Duration::from_secs(2));
        let mut sent = Vec::new();
        for n in 0..1_000_u32 {
            sent.push(net.now());
            net[keys[0]].send(NUMBERS, &n.to_be_bytes()).unwrap();
            net.run_for(Duration::from_millis(10));
        }
        net.run_for(Duration::from_secs(3));
        let mut delays = Vec::new();
        for key in &keys[1..5] {
            let mut came = 0;
            for (at, event) in net[*key].take_timed_events() {
                if let OwnedEvent::Message(_) = event {
                    delays.push(sent[came].until(at));
                    came += 1;
                }
            }
            assert_eq!(came, 1_000);
        }
        delays.sort();
        delays[delays.len() * 99 / 100]
    };
    let (without, with) = (delays(false), delays(true));
    assert!(with < without * 2, "{without:?}, {with:?}");
}
