//! Each fault does what it says and no more. The seeds are fixed; the tolerances are three standard
//! deviations or less, so that a wrong model fails with almost any seed.

use core::time::Duration;

use groupcast::Instant;
use groupcast::embedded_nal::nb;
use groupcast::multicast::{UdpError, UdpErrorKind};
use groupcast_sim::{Link, Network};

use crate::{Member, PORT, TO_GROUP, run_until};

const COUNT: u32 = 10_000;
/// Between two datagrams.
const STEP: Duration = Duration::from_millis(1);

/// What a receiver got: the datagram's number, the time it took, its bytes.
type Arrival = (u32, Duration, Vec<u8>);

/// Sends `COUNT` numbered datagrams over the link, to two hosts.
fn flow(link: Link) -> [Vec<Arrival>; 2] {
    let network = Network::new(7).with_link(link);
    let mut sender = Member::new(&network);
    let (mut one, mut two) = (Member::new(&network), Member::new(&network));
    let mut arrivals = [vec![], vec![]];
    for number in 0..=COUNT {
        let step = if number < COUNT {
            STEP
        } else {
            Duration::from_secs(60)
        };
        if number < COUNT {
            sender.send(&payload(number));
        }
        let end = network.now() + step;
        run_until(
            &network,
            end,
            &mut [&mut one, &mut two],
            |index, now, bytes| {
                // Damage may hide the number; the latest is near enough for the tests of damage.
                let number = read_number(&bytes).unwrap_or(number);
                let sent = Instant::ZERO + STEP * number;
                arrivals[index].push((number, now.since(sent), bytes));
            },
        );
        sender.drain();
    }
    assert!(network.counters().is_balanced());
    arrivals
}

fn payload(number: u32) -> [u8; 20] {
    let mut payload = [0xa5; 20];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    payload
}

fn read_number(bytes: &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk()?;
    let number = u32::from_be_bytes(*number);
    (rest == [0xa5; 16] && number < COUNT).then_some(number)
}

/// Which datagrams arrived at all.
fn seen(arrivals: &[Arrival]) -> Vec<bool> {
    let mut seen = vec![false; COUNT as usize];
    arrivals
        .iter()
        .for_each(|(number, ..)| seen[*number as usize] = true);
    seen
}

/// The share of `count` in all datagrams.
fn share(count: usize) -> f64 {
    count as f64 / f64::from(COUNT)
}

#[track_caller]
fn assert_near(value: f64, expected: f64, tolerance: f64) {
    assert!(
        (value - expected).abs() <= tolerance,
        "{value} is not near {expected}"
    );
}

/// How many datagrams arrived after one that was sent later.
fn overtaken(arrivals: &[Arrival]) -> usize {
    let mut highest = 0;
    let mut count = 0;
    for (number, ..) in arrivals {
        count += usize::from(*number < highest);
        highest = highest.max(*number);
    }
    count
}

#[test]
fn a_perfect_link_brings_everything_at_once_and_in_order() {
    for arrivals in flow(Link::perfect()) {
        let numbers: Vec<u32> = arrivals.iter().map(|(number, ..)| *number).collect();
        assert_eq!(numbers, (0..COUNT).collect::<Vec<_>>());
        assert!(
            arrivals
                .iter()
                .all(|(number, _, bytes)| bytes[..] == payload(*number))
        );
    }
}

#[test]
fn loss_has_its_probability_and_strikes_receivers_independently() {
    let [one, two] = flow(Link::perfect().with_loss(0.2)).map(|arrivals| seen(&arrivals));
    assert_near(share(one.iter().filter(|seen| !**seen).count()), 0.2, 0.012);
    assert_near(share(two.iter().filter(|seen| !**seen).count()), 0.2, 0.012);
    let neither = one
        .iter()
        .zip(&two)
        .filter(|(one, two)| !**one && !**two)
        .count();
    assert_near(share(neither), 0.2 * 0.2, 0.006);
    // Nor does it strike in runs: two in a row are lost as often as any two.
    let runs = one.windows(2).filter(|pair| !pair[0] && !pair[1]).count();
    assert_near(share(runs), 0.2 * 0.2, 0.006);
}

#[test]
fn shared_loss_strikes_all_receivers_alike() {
    let [one, two] = flow(Link::perfect().with_shared_loss(0.1)).map(|arrivals| seen(&arrivals));
    assert_eq!(one, two);
    assert_near(share(one.iter().filter(|seen| !**seen).count()), 0.1, 0.009);
}

#[test]
fn certain_loss_and_no_loss_are_just_that() {
    assert!(flow(Link::perfect().with_loss(1.0))[0].is_empty());
    assert_eq!(
        flow(Link::perfect().with_loss(0.0))[0].len(),
        COUNT as usize
    );
}

#[test]
fn bursts_have_their_share_and_their_mean_length() {
    let (mut lost, mut bursts, mut single) = (0, 0, 0);
    for arrivals in flow(Link::perfect().with_burst(0.2, 5.0)) {
        let seen = seen(&arrivals);
        for burst in seen.chunk_by(|a, b| a == b).filter(|run| !run[0]) {
            lost += burst.len();
            bursts += 1;
            single += usize::from(burst.len() == 1);
        }
    }
    // 4,000 losses of 20,000, in 800 bursts: the count of bursts is off by about 3 %.
    assert_near(lost as f64 / (2.0 * f64::from(COUNT)), 0.2, 0.02);
    assert_near(lost as f64 / f64::from(bursts), 5.0, 0.5);
    // Geometric: every fifth is the first and last of its burst.
    assert_near(single as f64 / f64::from(bursts), 0.2, 0.04);
}

#[test]
fn a_burst_may_be_on_when_the_first_datagram_comes() {
    let network = Network::new(1).with_link(Link::perfect().with_burst(0.2, 50.0));
    let mut sender = Member::new(&network);
    let _receivers: Vec<Member> = (0..2000).map(|_| Member::new(&network)).collect();
    sender.send(b"first");
    assert_near(network.counters().lost as f64 / 2000.0, 0.2, 0.027);
}

#[test]
fn duplicates_come_as_often_as_asked_and_only_once() {
    for arrivals in flow(Link::lan().with_duplicate(0.1)) {
        let mut times = vec![0; COUNT as usize];
        arrivals
            .iter()
            .for_each(|(number, ..)| times[*number as usize] += 1);
        assert!(times.iter().all(|times| [1, 2].contains(times)));
        assert_near(
            share(times.iter().filter(|times| **times == 2).count()),
            0.1,
            0.009,
        );
    }
}

#[test]
fn delay_is_the_least_and_jitter_the_mean_of_what_is_added() {
    let link = Link::wifi();
    for arrivals in flow(link) {
        let times = || arrivals.iter().map(|(_, time, _)| *time);
        assert_eq!(arrivals.len(), COUNT as usize);
        assert!(times().min().unwrap().abs_diff(Duration::from_millis(3)) < STEP / 100);
        let mean = times().sum::<Duration>() / COUNT;
        assert!(
            mean.abs_diff(Duration::from_millis(6)) < STEP / 10,
            "{mean:?}"
        );
        // exp(-3) of all take more than 3 + 9 ms.
        let late = times()
            .filter(|time| *time > Duration::from_millis(12))
            .count();
        assert_near(share(late), 0.0498, 0.0065);
        assert!(overtaken(&arrivals) > COUNT as usize / 4);
    }
    let in_order = flow(link.in_order());
    assert_eq!(overtaken(&in_order[0]), 0);
    assert_eq!(in_order[0].len(), COUNT as usize);
}

#[test]
fn reordering_holds_back_the_share_it_was_given() {
    let delay = Duration::from_millis(1);
    let longest = Duration::from_millis(40);
    for link in [Link::perfect(), Link::perfect().in_order()] {
        for arrivals in flow(link.with_delay(delay).with_reorder(0.05, longest)) {
            let late = || {
                arrivals
                    .iter()
                    .map(|(_, time, _)| *time)
                    .filter(|time| *time > delay)
            };
            assert_near(share(late().count()), 0.05, 0.0065);
            assert!(late().max().unwrap() <= delay + longest);
            let mean = late().sum::<Duration>() / late().count() as u32;
            assert!(
                mean.abs_diff(delay + longest / 2) < Duration::from_micros(1600),
                "{mean:?}"
            );
            // One that is held back by less than a step or two may not be overtaken.
            assert_near(share(overtaken(&arrivals)), 0.05, 0.01);
        }
    }
}

#[test]
fn corruption_flips_one_to_eight_bits() {
    let arrivals = &flow(Link::perfect().with_corrupt(0.3))[0];
    assert_eq!(arrivals.len(), COUNT as usize);
    let mut flips = [0; 9];
    for (number, (_, _, bytes)) in (0..).zip(arrivals) {
        let differing = |(a, b): (&u8, u8)| (a ^ b).count_ones() as usize;
        flips[bytes
            .iter()
            .zip(payload(number))
            .map(differing)
            .sum::<usize>()] += 1;
    }
    assert_near(share(flips[0]), 0.7, 0.014);
    // Each of the others: an eighth of 3,000.
    assert!(
        flips[1..].iter().all(|count| (320..430).contains(count)),
        "{flips:?}"
    );
}

#[test]
fn truncation_takes_a_part_of_the_end() {
    let arrivals = &flow(Link::perfect().with_truncate(0.3))[0];
    let mut lengths = [0; 21];
    for (number, (_, _, bytes)) in (0..).zip(arrivals) {
        assert_eq!(bytes[..], payload(number)[..bytes.len()]);
        lengths[bytes.len()] += 1;
    }
    assert_near(share(lengths[20]), 0.7, 0.014);
    // Each length from 0 to 19: a twentieth of 3,000.
    assert!(
        lengths[..20].iter().all(|count| (110..190).contains(count)),
        "{lengths:?}"
    );
}

#[test]
fn damage_spares_empty_datagrams_and_later_receivers() {
    let link = Link::perfect().with_corrupt(1.0).with_truncate(1.0);
    let network = Network::new(1);
    let (mut one, mut two) = (Member::new(&network), Member::new(&network));
    let mut three = Member::new(&network);
    network.set_link(one.host(), two.host(), link);
    one.send(b"");
    one.send(b"whole");
    assert_eq!(two.drain()[0], b"");
    assert_eq!(three.drain(), [&b""[..], b"whole"]);
    let counters = network.counters();
    assert_eq!(counters.truncated, 1);
    assert!(counters.corrupted <= 1);
}

#[test]
fn loss_is_not_changed_by_other_faults_or_other_hosts() {
    let plain = flow(Link::perfect().with_loss(0.3).with_burst(0.1, 3.0));
    let link = Link::wifi().with_loss(0.3).with_burst(0.1, 3.0);
    let busy = flow(link.with_duplicate(0.2).with_reorder(0.2, STEP * 50));
    assert_eq!(
        plain.map(|arrivals| seen(&arrivals)),
        busy.map(|arrivals| seen(&arrivals))
    );

    let lossy = |bystanders: usize| {
        let network = Network::new(7).with_link(Link::perfect().with_loss(0.5));
        let (mut sender, mut receiver) = (Member::new(&network), Member::new(&network));
        let mut others: Vec<_> = (0..bystanders).map(|_| Member::new(&network)).collect();
        for number in 0..100 {
            others
                .iter_mut()
                .for_each(|other| other.send(b"noise from elsewhere"));
            sender.send(&[number]);
        }
        let mut received = receiver.drain();
        received.retain(|payload| payload.len() == 1);
        received
    };
    assert_eq!(lossy(0), lossy(1));
    assert_ne!(lossy(1).len(), 100);
}

#[test]
fn more_than_the_mtu_cannot_be_sent() {
    let network = Network::new(1).with_link(Link::perfect().with_mtu(1500));
    let (mut sender, mut receiver) = (Member::new(&network), Member::new(&network));
    sender.send(&[1; 1472]);
    let error = sender.send_to(TO_GROUP, &[1; 1473]);
    let Err(nb::Error::Other(error)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.kind(), UdpErrorKind::MessageTooLong);
    let over_ipv6 = "[ff02::1234]:1".parse().unwrap();
    assert_eq!(sender.send_to(over_ipv6, &[1; 1452]), Ok(()));
    assert!(sender.send_to(over_ipv6, &[1; 1453]).is_err());
    assert_eq!(receiver.drain(), [[1; 1472]]);

    let network = Network::new(1);
    let mut sender = Member::new(&network);
    assert_eq!(sender.send_to(TO_GROUP, &[1; 65_507]), Ok(()));
    assert!(sender.send_to(TO_GROUP, &[1; 65_508]).is_err());
}

#[test]
fn a_narrower_link_swallows_what_does_not_fit() {
    let network = Network::new(1).with_link(Link::perfect().with_mtu(1500));
    let (mut sender, mut receiver) = (Member::new(&network), Member::new(&network));
    network.set_link(
        sender.host(),
        receiver.host(),
        Link::perfect().with_mtu(576),
    );
    sender.send(&[1; 549]);
    sender.send(&[2; 548]);
    assert_eq!(receiver.drain(), [[2; 548]]);
    assert_eq!(network.counters().oversized, 1);
}

#[test]
fn a_rate_spaces_datagrams_and_its_queue_overflows() {
    // 100 bytes with headers take 1 ms; three such may be ahead of a fourth.
    let link = Link::perfect()
        .with_rate(100_000, 300)
        .with_delay(Duration::from_millis(10));
    let network = Network::new(1).with_link(link);
    let (mut sender, mut receiver) = (Member::new(&network), Member::new(&network));
    (0..6).for_each(|number| sender.send(&[number; 72]));
    assert_eq!(network.counters().congested, 2);
    let mut arrivals = vec![];
    let end = Instant::from_millis(100);
    run_until(&network, end, &mut [&mut receiver], |_, now, payload| {
        arrivals.push((payload[0], now.as_micros()));
    });
    assert_eq!(
        arrivals,
        [(0, 11_000), (1, 12_000), (2, 13_000), (3, 14_000)]
    );
    // Idle time is not saved up.
    (6..8).for_each(|number| sender.send(&[number; 72]));
    assert_eq!(network.next_arrival(), Some(Instant::from_millis(111)));
}

#[test]
fn a_host_hears_itself_without_fault_unless_asked() {
    let hears = |network: Network| {
        let mut member = Member::new(&network);
        (0..100).for_each(|number| member.send(&[number]));
        member.drain().len()
    };
    let lossy = Link::wifi().with_loss(0.5);
    assert_eq!(hears(Network::new(1).with_link(lossy)), 100);
    let half = hears(Network::new(1).with_loopback(Some(Link::perfect().with_loss(0.5))));
    assert!((35..65).contains(&half), "{half}");
    assert_eq!(hears(Network::new(1).with_loopback(None)), 0);
}

#[test]
fn a_refused_send_may_be_tried_again() {
    let network = Network::new(1).with_send_refusal(0.25);
    let (mut sender, mut receiver) = (Member::new(&network), Member::new(&network));
    let mut refused = 0;
    for number in 0..1000_u32 {
        while let Err(error) = sender.send_to(TO_GROUP, &number.to_be_bytes()) {
            assert_eq!(error, nb::Error::WouldBlock);
            refused += 1;
        }
        assert_eq!(receiver.drain(), [number.to_be_bytes()]);
    }
    assert_eq!(network.counters().refused, refused);
    assert_eq!(network.counters().sent, 1000);
    // One refusal for three attempts that succeed: 333, give or take 3 * 21.
    assert!((270..396).contains(&refused), "{refused}");
}

#[test]
fn a_forged_source_is_what_receivers_see() {
    let network = Network::new(1);
    let [mut one, mut other] = [(); 2].map(|()| Member::new(&network));
    let stranger = network.add_host();
    let source = "10.9.9.9:99".parse().unwrap();
    network.forge(stranger, source, TO_GROUP, b"to all");
    let alone = (one.host().ipv4(), PORT).into();
    network.forge(stranger, source, alone, b"to one");
    let waiting = |member: &mut Member| core::iter::from_fn(|| member.receive().ok()).collect();
    let both: Vec<_> = waiting(&mut one);
    assert_eq!(
        both,
        [(b"to all".to_vec(), source), (b"to one".to_vec(), source)]
    );
    let first: Vec<_> = waiting(&mut other);
    assert_eq!(first, [(b"to all".to_vec(), source)]);
    assert_eq!((network.counters().sent, network.counters().forged), (0, 2));
    network.set_host_up(stranger, false);
    network.forge(stranger, source, TO_GROUP, b"cut off");
    assert!(one.receive().is_err());
}
