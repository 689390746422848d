//! The own reliable stream, as it goes out: heartbeats, repairs, fragments, questions.

use groupcast::wire::{AckRequest, Data, Frame, Hello, Nack};
use groupcast::{Channel, Destination, Group, Pace, Sequence, Storage};

use crate::hub::{Puppet, Room, address, config, data, hear, hello, member, ms, sync, watch};

const ORDERED: Channel = Channel::reliable_ordered(1);

/// A member that has been there for long, and one that it knows.
fn ana_and_ben() -> (Group<Room>, Puppet) {
    let (mut ana, mut ben) = (member(config("ana"), 1), Puppet::new(7, 1));
    watch(&mut ana, 0..2_000, |_, _, _| {});
    hear(&mut ana, ms(2_000), &ben.hello("ben"));
    (ana, ben)
}

fn send(ana: &mut Group<Room>, at: u64, len: usize) -> u32 {
    ana.queue(ms(at), ORDERED, &vec![b'x'; len]).unwrap().get()
}

/// What ana is asked for: numbers of its stream, from this one on.
fn nack(ana: &Group<Room>, base: u32, numbers: &[u32]) -> Frame<'static> {
    let mut nack = Nack::new(ana.id().get(), ana.session().life(), base);
    assert!(numbers.iter().all(|number| nack.add(*number)));
    Frame::Nack(nack)
}

/// When a SYNC went to the group without HELLO, and the number of the copy behind it.
fn heartbeats(ana: &mut Group<Room>, from: u64, to: u64) -> Vec<(u64, Option<u32>)> {
    let (mut beats, mut says_hello) = (Vec::new(), 0);
    watch(ana, from..to, |at, _, frame| match frame {
        Frame::Hello(_) => says_hello = at,
        Frame::Sync(_) if says_hello < at => beats.push((at, None)),
        Frame::Data(data) if data.copy => {
            beats.last_mut().expect("it follows a SYNC").1 = Some(data.sequence);
        }
        _ => {}
    });
    beats
}

/// PROTOCOL S1, S4.
#[test]
fn a_heartbeat_carries_the_last_message_if_it_is_short() {
    for (len, is_short) in [(256, true), (257, false)] {
        let (mut ana, _) = ana_and_ben();
        send(&mut ana, 2_000, 9);
        let last = send(&mut ana, 2_000, len);
        let beats = heartbeats(&mut ana, 2_000, 2_600);
        // A round trip of 10 ms.
        let times = [2_020, 2_060, 2_180, 2_540];
        let expected = times.map(|at| (at, is_short.then_some(last)));
        // One of them may have gone with HELLO.
        assert!(beats.len() >= 3, "{beats:?}");
        assert!(
            beats.iter().all(|beat| expected.contains(beat)),
            "{beats:?}"
        );
    }
}

/// PROTOCOL S3.
#[test]
fn what_is_queued_is_not_said_to_have_been_sent() {
    let slow = config("ana").with_pace(Pace::new(16 * 1024, 1));
    let slow = slow.with_max_datagram(512);
    let (mut ana, mut ben) = (member(slow, 1), Puppet::new(7, 1));
    watch(&mut ana, 0..2_000, |_, _, _| {});
    hear(&mut ana, ms(2_000), &ben.hello("ben"));
    // The first two empty the bucket, and the third waits.
    send(&mut ana, 2_000, 440);
    watch(&mut ana, 2_000..2_001, |_, _, _| {});
    send(&mut ana, 2_000, 380);
    send(&mut ana, 2_000, 380);
    watch(&mut ana, 2_000..2_001, |_, _, _| {});
    let (mut sent, mut told) = (2, Vec::new());
    for at in 2_001..2_200 {
        let probe = Hello {
            probe: true,
            interval: 100,
            ..hello("ben")
        };
        hear(&mut ana, ms(at), &ben.say(&[Frame::Hello(probe)]));
        watch(&mut ana, at..at + 1, |_, _, frame| match frame {
            Frame::Data(data) if !data.copy => sent = data.sequence + 1,
            Frame::Sync(sync) => told.push((sync.next, sent)),
            _ => {}
        });
    }
    assert!(told.iter().all(|(told, sent)| told == sent), "{told:?}");
    assert!(told.contains(&(2, 2)) && told.contains(&(3, 3)), "{told:?}");
}

/// PROTOCOL S5.
#[test]
fn what_is_asked_for_is_sent_again_the_lowest_first_and_once_in_a_round_trip() {
    let (mut ana, mut ben) = ana_and_ben();
    for _ in 0..3 {
        send(&mut ana, 2_000, 9);
    }
    watch(&mut ana, 2_000..4_000, |_, _, _| {});
    let mut repaired = Vec::new();
    for at in 4_000..4_025 {
        let asks = ben.say(&[nack(&ana, 0, &[2, 0])]);
        hear(&mut ana, ms(at), &asks);
        watch(&mut ana, at..at + 1, |at, to, frame| {
            if let Frame::Data(data) = frame {
                assert!(data.repair && to == Destination::Group);
                repaired.push((at, data.sequence, data.horizon));
            }
        });
    }
    let both = [4_000, 4_010, 4_020].map(|at| [(at, 0, 0), (at, 2, 2)]);
    assert_eq!(repaired, both.concat());
}

/// PROTOCOL S5.
#[test]
fn of_what_is_not_kept_any_more_is_told_where_the_stream_begins() {
    let (mut ana, mut ben) = ana_and_ben();
    for n in 0..10 {
        send(&mut ana, 2_000 + n, 400);
        watch(&mut ana, 2_000 + n..2_001 + n, |_, _, _| {});
    }
    watch(&mut ana, 2_010..9_000, |_, _, _| {});
    let mut told = Vec::new();
    for at in 9_000..9_060 {
        let asks = ben.say(&[nack(&ana, 0, &[0, 1])]);
        hear(&mut ana, ms(at), &asks);
        watch(&mut ana, at..at + 1, |at, _, frame| match frame {
            Frame::Sync(sync) => told.push((at, sync.low)),
            Frame::Data(data) => panic!("{data:?}"),
            _ => {}
        });
    }
    let (times, lows): (Vec<_>, Vec<_>) = told.into_iter().unzip();
    assert!(lows.iter().all(|low| *low > 1 && *low < 10), "{lows:?}");
    assert!(
        times[0] == 9_000 && (3..=4).contains(&times.len()),
        "{times:?}"
    );
}

/// PROTOCOL F1.
#[test]
fn a_long_message_goes_in_fragments_of_one_length_with_numbers_that_follow_each_other() {
    let memory = Storage::<8, 2, 64, 80, 4_000, 4_000>::new();
    let small = config("ana").with_max_datagram(512);
    let mut ana = Group::new(memory, small, [1; 32]).unwrap();
    ana.handle_timeout(ms(0));
    for (channel, class) in [(ORDERED, 2), (Channel::best_effort(9), 0)] {
        let first = ana.queue(ms(10), channel, &[b'x'; 1_500]).unwrap().get();
        let next = ana.queue(ms(10), channel, b"x").unwrap().get();
        assert_eq!(next, first + 4);
        let mut sent = Vec::new();
        watch(&mut ana, 10..20, |_, _, frame| match frame {
            Frame::Data(data) if !data.copy && data.last > 0 => {
                assert_eq!((data.class, data.channel), (class, channel.number()));
                sent.push((
                    data.sequence - first,
                    data.fragment,
                    data.last,
                    data.payload.len(),
                ));
            }
            _ => {}
        });
        let expected = [
            (0, 0, 3, 474),
            (1, 1, 3, 474),
            (2, 2, 3, 474),
            (3, 3, 3, 78),
        ];
        assert_eq!(sent, expected);
    }
}

/// PROTOCOL S12.
#[test]
fn who_is_asked_answers_to_where_its_asker_said_hello_once_it_is_beyond_the_number() {
    let (mut ana, mut ben) = (member(config("ana"), 1), Puppet::new(7, 1));
    ana.handle_timeout(ms(0));
    // Proven, so that it is answered each time.
    for second in 1..6 {
        hear(&mut ana, ms(1_000 * second), &ben.hello("ben"));
        watch(&mut ana, 1_000 * second..1_000 * second + 1, |_, _, _| {});
    }
    let message = |sequence| {
        Frame::Data(Data {
            class: 2,
            sequence,
            horizon: 255,
            ..data("x")
        })
    };
    let ask = |sequence, spread| Frame::AckRequest(AckRequest { sequence, spread });
    hear(&mut ana, ms(5_000), &ben.say(&[sync(0, 0)]));
    let mut answers = |at: u64, frames: &[Frame<'_>]| {
        ana.handle(ms(at), address(55), &ben.say(frames)).unwrap();
        while ana.poll_event().is_some() {}
        let mut answers = Vec::new();
        watch(&mut ana, at..at + 200, |when, to, frame| {
            if let Frame::Ack(ack) = frame {
                assert_eq!(to, Destination::Peer(address(99)));
                assert_eq!((ack.target, ack.session), (7, 1));
                answers.push((when - at, ack.since, ack.next));
            }
        });
        answers
    };
    assert_eq!(answers(5_100, &[message(0), ask(0, 0)]), [(0, 0, 1)]);
    assert_eq!(answers(5_400, &[ask(1, 0)]), [], "it does not have that");
    assert_eq!(answers(5_700, &[message(2), ask(1, 0)]), []);
    assert_eq!(answers(6_000, &[message(1), ask(1, 0)]), [(0, 0, 3)]);
    let times: Vec<_> = (0..20)
        .flat_map(|n| answers(6_300 + 300 * n, &[ask(2, 100)]))
        .map(|(after, _, next)| {
            assert!(after <= 101 && next == 3);
            after
        })
        .collect();
    assert_eq!(times.len(), 20);
    assert!(
        times.iter().max().unwrap() - times.iter().min().unwrap() > 50,
        "{times:?}"
    );
    // Something of it is a gap: it has everything since.
    assert_eq!(answers(12_600, &[sync(6, 5), message(5)]), []);
    assert_eq!(answers(12_900, &[ask(5, 0)]), [(0, 5, 6)]);
}

/// PROTOCOL S13.
#[test]
fn who_has_what_is_asked_forty_times_at_most() {
    let (mut ana, mut ben) = ana_and_ben();
    let number = send(&mut ana, 2_000, 9);
    ana.confirm(ms(2_000), Sequence::new(number)).unwrap();
    let mut asked = Vec::new();
    for at in 2_000..6_000 {
        if at % 500 == 0 {
            hear(&mut ana, ms(at), &ben.hello("ben"));
        }
        watch(&mut ana, at..at + 1, |at, to, frame| {
            if let Frame::AckRequest(request) = frame {
                // One other member.
                assert_eq!((request.sequence, request.spread), (number, 10));
                assert_eq!(to, Destination::Group);
                asked.push(at);
            }
        });
    }
    assert_eq!(asked.len(), 40);
    // The spread, and four round trips.
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| *pause == 50), "{pauses:?}");
}

/// PROTOCOL M7.
#[test]
fn a_hidden_member_says_what_it_has_and_leaves_without_a_word() {
    let mut spy = member(config("spy").with_announce(false), 1);
    let mut ben = Puppet::new(7, 1);
    spy.handle_timeout(ms(0));
    hear(&mut spy, ms(2_000), &ben.hello("ben"));
    let message = Frame::Data(Data {
        class: 2,
        ..data("x")
    });
    let ask = Frame::AckRequest(AckRequest {
        sequence: 0,
        spread: 0,
    });
    hear(&mut spy, ms(2_000), &ben.say(&[message, ask]));
    let mut said = Vec::new();
    watch(&mut spy, 2_000..2_100, |_, to, frame| {
        said.push(match frame {
            Frame::Ack(ack) => (to, ack.next),
            other => panic!("{other:?}"),
        });
    });
    assert_eq!(said, [(Destination::Peer(address(99)), 1)]);
    spy.leave(ms(2_100));
    assert!(spy.has_left());
}
