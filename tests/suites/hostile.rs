//! Whatever arrives: nothing panics, nothing damaged is delivered, everything is counted.

use core::net::SocketAddr;

use groupcast::wire::{
    self, Ack, AckRequest, Ask, Busy, Bye, Data, Echo, Frame, Header, Hello, Nack, Skip, Start,
    Suite, Sync, Time,
};
use groupcast::{Config, Event, Group, GroupTag, Instant, MemberId, Name, Session, Storage};
use proptest::prelude::*;

/// Room for datagrams of any size.
type Room = Storage<8, 2, 16, 20, 1600, 1473>;

fn group_address() -> SocketAddr {
    "239.1.2.3:12345".parse().unwrap()
}

fn sender() -> SocketAddr {
    "10.0.0.9:40000".parse().unwrap()
}

fn member() -> Group<Room> {
    Group::new(
        Room::new(),
        Config::new(group_address()).with_name("ana"),
        [1; 32],
    )
    .unwrap()
}

fn header(counter: u64) -> Header {
    Header {
        suite: Suite::Open,
        tag: wire::open_group_tag(group_address(), &Name::EMPTY),
        sender: MemberId::new(7).unwrap(),
        session: Session::new(99),
        counter,
    }
}

fn data(payload: &[u8]) -> Data<'_> {
    Data {
        class: 0,
        latest: false,
        repair: false,
        copy: false,
        signed: false,
        channel: 5,
        horizon: 0,
        fragment: 0,
        last: 0,
        sequence: 1,
        payload,
    }
}

fn hello() -> Hello<'static> {
    let name = Name::new("boiler").unwrap();
    Hello {
        join: true,
        interval: 100,
        max_datagram: 1473,
        options: &[9, 2, 1, 2],
        ..Hello::new(name)
    }
}

fn emit(header: &Header, frames: &[Frame<'_>]) -> Vec<u8> {
    let mut buffer = vec![0; 4096];
    let len = wire::emit(header, frames, &mut buffer).unwrap();
    buffer.truncate(len);
    buffer
}

/// One datagram of each kind.
fn samples() -> Vec<Vec<u8>> {
    vec![
        emit(&header(1), &[Frame::Hello(hello())]),
        emit(&header(2), &[Frame::Data(data(b"Hello, multicast!"))]),
        emit(
            &header(3),
            &[
                Frame::Hello(hello()),
                Frame::Data(data(b"a")),
                Frame::Data(data(b"")),
            ],
        ),
        emit(&header(4), &[Frame::Bye(Bye::LEFT)]),
        emit(&header(5), &[]),
        emit(&header(6), &stream_frames(&echo().to_bytes())),
    ]
}

fn echo() -> Echo {
    Echo {
        member: 7,
        stamp: 8,
        held: 9,
    }
}

/// Every frame of and about a stream, each of which the member could take.
fn stream_frames(echoes: &[u8]) -> [Frame<'_>; 10] {
    let member = member();
    let (target, session) = (member.id().get(), member.session().get() as u32);
    let mut nack = Nack::new(target, session, 0);
    assert!(nack.add(0) && nack.add(40));
    [
        Frame::Data(Data {
            class: 2,
            sequence: 0,
            ..data(b"")
        }),
        Frame::Sync(Sync {
            next: 1,
            low: 0,
            round_trip: 80,
            group_size: 4,
            states: 1,
        }),
        Frame::Nack(nack),
        Frame::Skip(Skip { first: 0, count: 1 }),
        Frame::AckRequest(AckRequest {
            sequence: 0,
            spread: 10,
        }),
        Frame::Ack(Ack {
            target,
            session,
            since: 0,
            next: 1,
        }),
        Frame::Ask(Ask { target, session }),
        Frame::Start(Start {
            target,
            session,
            next: 0,
        }),
        Frame::Busy(Busy { wait: 20 }),
        Frame::Time(Time { stamp: 1, echoes }),
    ]
}

/// Feeds a datagram and returns (messages, raw datagrams) that came of it.
fn feed(group: &mut Group<Room>, datagram: &[u8]) -> (usize, usize) {
    let before = *group.counters();
    group
        .handle(Instant::from_millis(1), sender(), datagram)
        .unwrap();
    let (mut messages, mut raws) = (0, 0);
    while let Some(event) = group.poll_event() {
        match event {
            Event::Message(_) => messages += 1,
            Event::Raw(raw) => {
                assert_eq!(raw.payload(), datagram);
                raws += 1;
            }
            _ => {}
        }
    }
    let after = group.counters();
    assert_eq!(after.received, before.received + 1);
    assert_eq!(
        after.received,
        after.accepted + after.raw + after.own + after.dropped()
    );
    (messages, raws)
}

/// PROTOCOL W6, W7, W18.
#[test]
fn every_truncation_and_every_flipped_bit_is_dropped() {
    for sample in samples() {
        for len in 0..sample.len() {
            assert_eq!(feed(&mut member(), &sample[..len]), (0, 0), "cut to {len}");
        }
        for bit in 0..sample.len() * 8 {
            let mut damaged = sample.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let mut group = member();
            let (messages, raws) = feed(&mut group, &damaged);
            assert_eq!(messages, 0, "bit {bit}");
            // Only without the magic octet is it a raw datagram.
            assert_eq!(raws, usize::from(bit < 8), "bit {bit}");
            assert_eq!(group.peers().count(), 0, "bit {bit}");
        }
    }
}

#[test]
fn every_length_field_at_its_extremes_is_handled() {
    // The checksum is right: these come from a member that is wrong in the head.
    for sample in samples() {
        let end = sample.len() - 4;
        for at in Header::LEN..end {
            for value in [0, 1, 0x7f, 0x80, 0xfe, 0xff] {
                let mut odd = sample.clone();
                odd[at] = value;
                let checksum = crc32c(&odd[..end]).to_be_bytes();
                odd[end..].copy_from_slice(&checksum);
                let mut group = member();
                feed(&mut group, &odd);
                assert_eq!(group.counters().accepted, 1);
            }
        }
    }
}

/// PROTOCOL W12, W14.
#[test]
fn a_frame_that_is_cut_short_is_not_taken() {
    // What comes before it stands.
    let frames = [Frame::Data(data(b"one")), Frame::Data(data(b"two"))];
    let mut odd = emit(&header(1), &frames);
    let end = odd.len() - 4;
    // The length of the second frame.
    odd[Header::LEN + 12 + 3 + 3] += 1;
    let checksum = crc32c(&odd[..end]).to_be_bytes();
    odd[end..].copy_from_slice(&checksum);
    let mut group = member();
    assert_eq!(feed(&mut group, &odd), (1, 0));
    assert_eq!(group.counters().frames_malformed, 1);
}

/// Bit by bit, unlike the core's.
fn crc32c(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 }
        })
    })
}

fn name() -> impl Strategy<Value = Name> {
    "[a-zä-ü안녕]{0,10}".prop_map(|name| Name::new(&name).unwrap_or_default())
}

fn any_header() -> impl Strategy<Value = Header> {
    (any::<u16>(), 1u32.., any::<u64>(), 0..=Header::MAX_COUNTER).prop_map(
        |(tag, sender, session, counter)| Header {
            suite: Suite::Open,
            tag: GroupTag::new(tag),
            sender: MemberId::new(sender).unwrap(),
            session: Session::new(session),
            counter,
        },
    )
}

/// A frame with its octets kept apart, since frames borrow.
#[derive(Clone, Debug)]
enum Owned {
    Hello(Hello<'static>, Vec<u8>),
    Bye(u8),
    Data(Data<'static>, Vec<u8>),
}

impl Owned {
    fn frame(&self) -> Frame<'_> {
        match self {
            Self::Hello(hello, options) => Frame::Hello(Hello { options, ..*hello }),
            Self::Bye(reason) => Frame::Bye(Bye { reason: *reason }),
            Self::Data(data, payload) => Frame::Data(Data { payload, ..*data }),
        }
    }
}

fn any_frame() -> impl Strategy<Value = Owned> {
    let option = proptest::collection::vec(any::<u8>(), 0..10);
    let hello = (
        any::<[bool; 2]>(),
        any::<[u16; 4]>(),
        any::<[u8; 3]>(),
        name(),
        option,
    )
        .prop_map(
            |(
                [join, probe],
                [capabilities, max_datagram, max_message, interval],
                bytes,
                name,
                value,
            )| {
                let [receive_burst, round_trip, group_size] = bytes;
                let mut options = vec![1, value.len() as u8];
                options.extend(value);
                let hello = Hello {
                    join,
                    probe,
                    capabilities,
                    max_datagram,
                    max_message,
                    interval,
                    receive_burst,
                    round_trip,
                    group_size,
                    name,
                    options: &[],
                };
                Owned::Hello(hello, options)
            },
        );
    let payload = proptest::collection::vec(any::<u8>(), 0..200);
    let data = (
        0u8..4,
        any::<[bool; 4]>(),
        any::<[u8; 4]>(),
        any::<u32>(),
        payload,
    )
        .prop_map(
            |(
                class,
                [repair, copy, latest, signed],
                [channel, horizon, a, b],
                sequence,
                payload,
            )| {
                let (fragment, last) = (a.min(b), a.max(b));
                let data = Data {
                    class,
                    latest,
                    repair,
                    copy,
                    signed,
                    channel,
                    horizon,
                    fragment,
                    last,
                    sequence,
                    payload: &[],
                };
                Owned::Data(data, payload)
            },
        );
    prop_oneof![hello, any::<u8>().prop_map(Owned::Bye), data]
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(
        header in any_header(),
        frames in proptest::collection::vec(any_frame(), 0..8),
    ) {
        let frames: Vec<_> = frames.iter().map(Owned::frame).collect();
        let datagram = emit(&header, &frames);
        let (read_header, read_frames) = wire::parse(&datagram).unwrap();
        prop_assert_eq!(read_header, header);
        let read: Vec<_> = read_frames.map(Result::unwrap).collect();
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn what_is_read_is_written_as_it_was(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        // Any octets as frames: those that can be read are written as the same octets, but for
        // undefined flags and trailing octets, so write twice.
        let frames: Vec<_> = wire::Frames::new(&octets).map_while(Result::ok).collect();
        let once = emit(&header(1), &frames);
        let (_, again) = wire::parse(&once).unwrap();
        let known: Vec<_> =
            frames.into_iter().filter(|frame| !matches!(frame, Frame::Unknown { .. })).collect();
        prop_assert_eq!(again.map(Result::unwrap).collect::<Vec<_>>(), known);
    }

    /// PROTOCOL W7.
    #[test]
    fn any_octets_are_counted_and_never_become_a_message(
        octets in proptest::collection::vec(any::<u8>(), 0..1600),
        framed in any::<bool>(),
    ) {
        let mut octets = octets;
        if let Some(first) = octets.first_mut().filter(|_| framed) {
            *first = wire::MAGIC;
        }
        let (messages, raws) = feed(&mut member(), &octets);
        prop_assert_eq!(messages, 0);
        let raw = !octets.is_empty() && octets[0] != wire::MAGIC && octets.len() <= 1473;
        prop_assert_eq!(raws, usize::from(raw));
    }

    #[test]
    fn any_frames_of_a_member_are_handled(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        // A sound checksum over anything: what a broken or hostile member can send.
        let mut datagram = emit(&header(1), &[]);
        datagram.truncate(Header::LEN);
        datagram.extend(octets);
        let checksum = crc32c(&datagram).to_be_bytes();
        datagram.extend(checksum);
        let mut group = member();
        feed(&mut group, &datagram);
        prop_assert_eq!(group.counters().accepted, 1);
        // The member still works.
        let next = emit(&header(2), &[Frame::Data(data(b"next"))]);
        let left = octets_say_bye(&group);
        let (messages, _) = feed(&mut group, &next);
        prop_assert!(messages == 1 || left);
    }

    #[test]
    fn a_buffer_of_any_size_is_enough_or_an_error(
        size in 0usize..200,
        payload in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut buffer = vec![0; size];
        let need = Header::LEN + 12 + payload.len() + 4;
        let written = wire::emit(&header(1), &[Frame::Data(data(&payload))], &mut buffer);
        prop_assert_eq!(written.is_ok(), size >= need);
    }
}

/// Whether the member took a BYE from the random frames: then later datagrams are late.
fn octets_say_bye(group: &Group<Room>) -> bool {
    group.peers().count() == 0
}
