//! Datagrams that are not built as they should be, outside the tag and inside it.

use groupcast::Channel;
use groupcast::wire::{
    Ack, AckRequest, Ask, Busy, Bye, Data, Echo, Frame, Header, Hello, Nack, Skip, Start, Sync,
    Time,
};
use groupcast_tests::insider::{body, sending_back};

use crate::subject::{Liar, OWN, Subject, address, data, hello, ms, own_header};

/// One datagram's frames of each kind, to a member with this session.
fn samples(own: &Header) -> Vec<Vec<u8>> {
    let low = own.session.get() as u32;
    let mut nack = Nack::new(OWN, low, 0);
    nack.add(0);
    nack.add(40);
    let echo = Echo {
        member: OWN,
        stamp: 4,
        held: 5,
    };
    let echoes = echo.to_bytes();
    let classes = (0..4).map(|class| Data {
        class,
        ..data(b"Hello, multicast!", 0)
    });
    let mut frames: Vec<Vec<Frame<'_>>> = classes.map(|data| vec![Frame::Data(data)]).collect();
    let options = [sending_back(&[1, 2]), vec![1, 12], vec![7; 12]].concat();
    frames.extend([
        vec![Frame::Hello(Hello {
            options: &options,
            ..hello()
        })],
        vec![Frame::Bye(Bye::LEFT)],
        vec![Frame::Busy(Busy { wait: 20 })],
        vec![Frame::Time(Time {
            stamp: 1,
            echoes: &echoes,
        })],
        vec![Frame::Sync(Sync {
            next: 1,
            low: 0,
            round_trip: 80,
            group_size: 4,
            states: 1,
        })],
        vec![Frame::Nack(nack)],
        vec![Frame::Skip(Skip { first: 0, count: 1 })],
        vec![Frame::AckRequest(AckRequest {
            sequence: 0,
            spread: 10,
        })],
        vec![Frame::Ack(Ack {
            target: OWN,
            session: low,
            since: 0,
            next: 1,
        })],
        vec![Frame::Ask(Ask {
            target: OWN,
            session: low,
        })],
        vec![Frame::Start(Start {
            target: OWN,
            session: low,
            next: 0,
        })],
        vec![],
    ]);
    frames.iter().map(|frames| body(own, frames)).collect()
}
/// PROTOCOL K7.
#[test]
fn every_truncation_and_every_flipped_bit_of_a_sealed_datagram_is_dropped() {
    let mut subject = Subject::new();
    let mut liar = Liar::new(3, 100);
    liar.meet(&mut subject);
    for sample in samples(&own_header(&subject)) {
        let header = liar.header();
        let genuine = liar.insider.around(&header, &sample);
        let mut bad: Vec<Vec<u8>> = (0..genuine.len())
            .map(|len| genuine[..len].to_vec())
            .collect();
        bad.push([&genuine[..], &[0]].concat());
        for bit in 0..genuine.len() * 8 {
            let mut damaged = genuine.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            bad.push(damaged);
        }
        for datagram in &bad {
            let before = subject.counters();
            assert_eq!(subject.hear(datagram), [], "{datagram:02x?}");
            let after = subject.counters();
            assert_eq!(after.dropped(), before.dropped() + 1, "{datagram:02x?}");
            assert_eq!(subject.roster(), [3]);
        }
        // None of them took its place.
        let before = subject.counters().accepted;
        subject.hear(&genuine);
        assert_eq!(subject.counters().accepted, before + 1, "{sample:02x?}");
        if subject.roster().is_empty() {
            // That was BYE.
            liar.session += 1;
            liar.meet(&mut subject);
        }
    }
    let c = subject.counters();
    let reasons = [
        c.empty,
        c.truncated,
        c.corrupt,
        c.other_group,
        c.wrong_suite,
        c.wrong_version,
        c.raw_refused,
        c.duplicate,
    ];
    assert!(reasons.iter().all(|count| *count > 0), "{c:?}");
}

#[test]
fn every_field_at_its_extremes_is_handled_when_a_member_sealed_it() {
    let mut subject = Subject::new();
    let mut liar = Liar::new(3, 100);
    liar.meet(&mut subject);
    subject
        .group
        .queue(
            subject.now,
            Channel::reliable_ordered(1),
            b"to be asked for",
        )
        .unwrap();
    let mut tried = 0;
    for sample in samples(&own_header(&subject)) {
        let mut bad: Vec<Vec<u8>> = (0..sample.len())
            .map(|len| sample[..len].to_vec())
            .collect();
        bad.extend((1..5).map(|more| [&sample[..], &vec![0; more]].concat()));
        for at in 0..sample.len() {
            for value in [0, 1, 0x7f, 0x80, 0xfe, 0xff, sample[at] ^ 1, sample[at] ^ 2] {
                let mut odd = sample.clone();
                odd[at] = value;
                bad.push(odd);
            }
            for value in [
                [0, 0],
                [0, 1],
                [0x7f, 0xff],
                [0x80, 0],
                [0xff, 0xfe],
                [0xff, 0xff],
            ] {
                let mut odd = sample.clone();
                if let Some(place) = odd.get_mut(at..at + 2) {
                    place.copy_from_slice(&value);
                    bad.push(odd);
                }
            }
        }
        for odd in bad {
            if !subject.roster().contains(&3) {
                liar.session += 1;
                subject.pass(ms(15_000));
                liar.meet(&mut subject);
            }
            let before = subject.counters();
            let header = liar.header();
            subject.hear(&liar.insider.around(&header, &odd));
            subject.pass(ms(1));
            let after = subject.counters();
            assert_eq!(after.accepted, before.accepted + 1, "{odd:02x?}");
            tried += 1;
        }
    }
    assert!(tried > 4_000, "{tried}");
    assert!(subject.counters().frames_malformed > 500);
    assert!(subject.counters().frames_unknown > 20);
}

/// PROTOCOL K7, K8.
#[test]
fn a_million_made_up_senders_change_nothing() {
    let mut subject = Subject::new();
    let mut liar = Liar::new(3, 100);
    liar.meet(&mut subject);
    let mut datagram = liar.message("as genuine as can be");
    let before = subject.counters();
    let (sent, tag) = (subject.sent.len(), datagram[2]);
    for n in 0..1_000_000_u32 {
        let id = n.wrapping_mul(2_654_435_761).wrapping_add(7);
        datagram[4..8].copy_from_slice(&id.to_be_bytes());
        datagram[8..12].copy_from_slice(&n.to_be_bytes());
        // One in ten has the group's tag: only those cost a decryption, which takes its time in a test.
        datagram[2] = tag ^ u8::from(n % 10 != 0);
        let handled = subject.group.handle(subject.now, address(6), &datagram);
        handled.unwrap();
        assert!(subject.group.poll_event().is_none());
    }
    let after = subject.counters();
    assert_eq!(after.received, before.received + 1_000_000);
    assert!(after.corrupt >= before.corrupt + 99_990, "{after:?}");
    assert_eq!(after.other_group, before.other_group + 900_000);
    assert_eq!(after.accepted, before.accepted);
    assert_eq!(subject.roster(), [3]);
    subject.settle();
    assert_eq!(subject.sent.len(), sent, "nothing is answered");
}
