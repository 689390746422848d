//! The vectors of PROTOCOL §12 mean what they say, and are what this implementation writes.
//!
//! They are written by `tests/vectors/make.py`, which shares no code with the crates.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use groupcast::wire::{self, Frame, FrameError, Header, Hello, ParseError};
use groupcast::{
    Board, Channel, Config, Counters, Event, Group, Instant, MemberId, Memory, Session, Storage,
};

const FROM: &str = "10.0.0.9:40000";

/// One file of `tests/vectors`.
struct Vector {
    name: String,
    /// What is said before the first datagram.
    said: BTreeMap<String, String>,
    datagrams: Vec<Datagram>,
}

/// One of its datagrams.
#[derive(Default)]
struct Datagram {
    /// Milliseconds after the one before.
    after: u64,
    fate: String,
    header: Option<String>,
    /// Whether this implementation would write it so.
    written: bool,
    frames: Vec<String>,
    told: Vec<String>,
    octets: Vec<u8>,
}

impl Datagram {
    fn frames_are(&self, is: impl Fn(&str) -> bool) -> u64 {
        self.frames.iter().filter(|frame| is(frame)).count() as u64
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn read(name: &str) -> Vector {
    let text = std::fs::read_to_string(directory().join(name)).unwrap();
    let (mut said, mut datagrams) = (BTreeMap::new(), Vec::<Datagram>::new());
    let mut after = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((key, value)) = line.split_once(": ") else {
            let octets = line.split_whitespace();
            let octets = octets.map(|octet| u8::from_str_radix(octet, 16).unwrap());
            datagrams
                .iter_mut()
                .last()
                .into_iter()
                .for_each(|last| last.octets.extend(octets.clone()));
            continue;
        };
        match (key, datagrams.last_mut()) {
            ("after", _) => after = value.parse().unwrap(),
            ("fate", _) => datagrams.push(Datagram {
                after: core::mem::take(&mut after),
                fate: value.to_owned(),
                written: true,
                ..Datagram::default()
            }),
            (_, None) => _ = said.insert(key.to_owned(), value.to_owned()),
            ("header", Some(last)) => last.header = Some(value.to_owned()),
            ("written", Some(last)) => last.written = value != "no",
            ("frame", Some(last)) => last.frames.push(value.to_owned()),
            ("told", Some(last)) => last.told.push(value.to_owned()),
            (key, _) => panic!("{name}: what is {key}?"),
        }
    }
    Vector {
        name: name.to_owned(),
        said,
        datagrams,
    }
}

fn vectors() -> Vec<Vector> {
    let mut names: Vec<_> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".hex"))
        .collect();
    names.sort();
    names.iter().map(|name| read(name)).collect()
}

/// Every datagram that is sound, with the name of its file.
fn sound() -> impl Iterator<Item = (String, Datagram)> {
    vectors().into_iter().flat_map(|vector| {
        let datagrams = vector.datagrams.into_iter().zip(1..);
        datagrams
            .filter(|(datagram, _)| datagram.header.is_some())
            .map(move |(datagram, nth)| (format!("{} {nth}", vector.name), datagram))
    })
}

fn hex(octets: &[u8]) -> String {
    if octets.is_empty() {
        return "-".to_owned();
    }
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn listed(items: &[String], between: &str) -> String {
    match items {
        [] => "-".to_owned(),
        _ => items.join(between),
    }
}

fn challenge(hello: &Hello<'_>) -> String {
    let Some(challenge) = hello.challenge() else {
        return "-".to_owned();
    };
    match challenge.target {
        None => format!("{:016x}/all", challenge.number),
        Some(id) => format!("{:016x}/{id}", challenge.number),
    }
}

/// Whatever of the options it says is sent back.
fn sent_back(hello: &Hello<'_>) -> String {
    let anywhere = hello.options.windows(8);
    let numbers = anywhere.map(|octets| u64::from_be_bytes(octets.try_into().unwrap()));
    let sent_back: Vec<_> = numbers
        .filter(|number| hello.sends_back(*number))
        .map(|number| format!("{number:016x}"))
        .collect();
    listed(&sent_back, ",")
}

fn reason(error: ParseError) -> &'static str {
    match error {
        ParseError::Truncated { .. } => "short",
        ParseError::BadName => "name",
        ParseError::BadFragment { .. } => "fragment",
        ParseError::BadNack { .. } => "words",
        other => panic!("{other}"),
    }
}

fn describe_header(header: &Header) -> String {
    format!(
        "tag={:04x} sender={} session={} counter={}{}",
        header.tag.get(),
        header.sender,
        header.session,
        header.number(),
        if header.is_to_one() { " to_one" } else { "" }
    )
}

fn describe(frame: &Result<Frame<'_>, FrameError>) -> String {
    match frame {
        Ok(Frame::Hello(hello)) => format!(
            "hello join={} probe={} capabilities={} max_datagram={} max_message={} interval={} \
             burst={} rtt={} size={} name={} options={} challenge={} sent_back={}",
            u8::from(hello.join),
            u8::from(hello.probe),
            hello.capabilities,
            hello.max_datagram,
            hello.max_message,
            hello.interval,
            hello.receive_burst,
            hello.round_trip,
            hello.group_size,
            hex(hello.name.as_bytes()),
            hex(hello.options),
            challenge(hello),
            sent_back(hello),
        ),
        Ok(Frame::Bye(bye)) => format!("bye reason={}", bye.reason),
        Ok(Frame::Data(data)) => format!(
            "data class={} latest={} repair={} copy={} channel={} horizon={} fragment={}/{} sequence={} \
             payload={}",
            data.class,
            u8::from(data.latest),
            u8::from(data.repair),
            u8::from(data.copy),
            data.channel,
            data.horizon,
            data.fragment,
            data.last,
            data.sequence,
            hex(data.payload),
        ),
        Ok(Frame::Sync(sync)) => format!(
            "sync next={} low={} rtt={} size={} states={}",
            sync.next, sync.low, sync.round_trip, sync.group_size, sync.states
        ),
        Ok(Frame::Nack(nack)) => {
            let missing: Vec<_> = nack.iter().map(|sequence| sequence.to_string()).collect();
            let missing = listed(&missing, ",");
            format!(
                "nack target={} session={} attempt={} missing={missing}",
                nack.target, nack.session, nack.attempt
            )
        }
        Ok(Frame::Skip(skip)) => format!("skip first={} count={}", skip.first, skip.count),
        Ok(Frame::AckRequest(request)) => {
            format!(
                "ackreq sequence={} spread={}",
                request.sequence, request.spread
            )
        }
        Ok(Frame::Ack(ack)) => {
            format!(
                "ack target={} session={} since={} next={}",
                ack.target, ack.session, ack.since, ack.next
            )
        }
        Ok(Frame::Start(start)) => format!(
            "start target={} session={} next={}",
            start.target, start.session, start.next
        ),
        Ok(Frame::Ask(ask)) => format!("ask target={} session={}", ask.target, ask.session),
        Ok(Frame::Busy(busy)) => format!("busy wait={}", busy.wait),
        Ok(Frame::Time(time)) => {
            let echoes: Vec<_> = time
                .iter_echoes()
                .map(|echo| format!("{}/{}/{}", echo.member, echo.stamp, echo.held))
                .collect();
            format!("time stamp={} echoes={}", time.stamp, listed(&echoes, " "))
        }
        Ok(Frame::Unknown { kind }) => format!("skipped {kind:02x}"),
        Err(FrameError::Unknown { kind }) => format!("error {kind:02x}"),
        Err(FrameError::Malformed {
            kind: Some(kind),
            error,
        }) => format!("malformed {kind:02x} {}", reason(*error)),
        other => format!("{other:?}"),
    }
}

/// How many files there are, and datagrams in them that are read.
const FILES: usize = 53;
const SOUND: u32 = 177;

fn told(event: &Event<'_>) -> String {
    match event {
        Event::Message(message) => format!(
            "message channel={} sequence={} payload={}",
            message.channel().number(),
            message.sequence(),
            hex(message.payload())
        ),
        Event::Raw(raw) => format!("raw payload={}", hex(raw.payload())),
        Event::Gap(gap) => format!(
            "gap first={} last={}",
            gap.lost().first(),
            gap.lost().last()
        ),
        Event::Joined(_) => "joined".to_owned(),
        Event::Left(_) => "left".to_owned(),
        Event::Restarted(_) => "restarted".to_owned(),
        Event::DuplicateId(_) => "duplicate_id".to_owned(),
        Event::ReliableDropped { .. } => "reliable_dropped".to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_vector_means_what_it_says() {
    let mut seen = 0;
    for (name, datagram) in sound() {
        let (header, frames) = wire::parse(&datagram.octets).unwrap();
        assert_eq!(Some(describe_header(&header)), datagram.header, "{name}");
        let described: Vec<_> = frames.map(|frame| describe(&frame)).collect();
        assert_eq!(described, datagram.frames, "{name}");
        seen += 1;
    }
    assert_eq!(seen, SOUND, "a vector is missing, or this number is");
}

#[test]
fn every_vector_is_what_its_values_are_written_as() {
    let mut written = 0;
    for (name, datagram) in sound() {
        let (header, frames) = wire::parse(&datagram.octets).unwrap();
        let frames: Vec<_> = frames.flatten().collect();
        let mut buffer = [0; 1472];
        let len = wire::emit(&header, &frames, &mut buffer).unwrap();
        let is_same = buffer[..len] == datagram.octets;
        assert_eq!(is_same, datagram.written, "{name}: {:02x?}", &buffer[..len]);
        written += u32::from(is_same);
    }
    assert!(written > SOUND / 2, "{written}");
}

/// Whatever a datagram can be counted as, as the vectors call it.
fn fates(counters: &Counters) -> Vec<(&'static str, u64)> {
    let taken = [
        ("accepted", counters.accepted),
        ("raw", counters.raw),
        ("own", counters.own),
    ];
    // An open group takes raw datagrams.
    let dropped = counters.reasons();
    let dropped = dropped.filter(|(reason, _)| *reason != "raw");
    taken.into_iter().chain(dropped).collect()
}

/// A member that has just started, and what it makes of the datagrams.
fn run<M: Memory>(memory: M, vector: &Vector) {
    let own = vector
        .said
        .get("receiver")
        .map(|own| own.split([' ', '=']).collect::<Vec<_>>());
    let own = own.as_deref().map(|own| match own {
        ["sender", sender, "session", session, "sent", sent] => (
            MemberId::new(u32::from_str_radix(sender, 16).unwrap()).unwrap(),
            Session::new(u64::from_str_radix(session, 16).unwrap()),
            sent.parse().unwrap(),
        ),
        _ => panic!("{}: {own:?}", vector.name),
    });
    let mut config = Config::new(vector.said["group"].parse().unwrap()).with_max_datagram(512);
    if let Some((sender, ..)) = own {
        config = config.with_id(sender);
    }
    let mut group = Group::new(memory, config, [1; 32]).unwrap();
    let mut now = Instant::from_millis(1);
    let mut buffer = [0; 1472];
    for _ in 0..own.map_or(0, |(_, _, sent)| sent) {
        group.queue(now, Channel::best_effort(0), b"own").unwrap();
        group.poll_transmit(now, &mut buffer).unwrap().unwrap();
    }
    let session = group.session();
    let from: SocketAddr = FROM.parse().unwrap();
    for (datagram, nth) in vector.datagrams.iter().zip(1..) {
        let name = format!("{} {nth}", vector.name);
        let end = now + core::time::Duration::from_millis(datagram.after);
        while now < end {
            now += core::time::Duration::from_millis(50);
            while group.poll_transmit(now, &mut buffer).unwrap().is_some() {}
            assert!(group.poll_event().is_none(), "{name}");
        }
        let mut octets = datagram.octets.clone();
        if let Some((sender, of, _)) = own {
            // Its session is its own choice: what the vector says of its session is said of that one.
            let (mut header, frames) = wire::parse(&datagram.octets).unwrap();
            let frames: Vec<_> = frames.flatten().collect();
            if (header.sender, header.session) == (sender, of) {
                header.session = session;
            }
            let len = wire::emit(&header, &frames, &mut buffer).unwrap();
            octets = buffer[..len].to_vec();
        }
        let before = *group.counters();
        group.handle(now, from, &octets).unwrap();
        let mut said = Vec::new();
        while let Some(event) = group.poll_event() {
            said.push(told(&event));
        }
        let mut expected = datagram.told.clone();
        said.sort();
        expected.sort();
        assert_eq!(said, expected, "{name}");
        let after = *group.counters();
        for ((fate, before), (_, after)) in fates(&before).into_iter().zip(fates(&after)) {
            assert_eq!(
                after - before,
                u64::from(fate == datagram.fate),
                "{name}: {fate}"
            );
        }
        assert_eq!(after.received - before.received, 1, "{name}");
        // What is dropped is not looked at.
        let is_read = datagram.fate == "accepted";
        let counted = |count| if is_read { count } else { 0 };
        let in_fragments = |frame: &str| {
            let is_value = frame.starts_with("data class=3") || frame.contains(" latest=1 ");
            is_value && !frame.contains("/0 ")
        };
        let malformed =
            datagram.frames_are(|frame| frame.starts_with("malformed") || in_fragments(frame));
        let unknown =
            datagram.frames_are(|frame| frame.starts_with("skipped") || frame.starts_with("error"));
        let frames = [
            after.frames_malformed - before.frames_malformed,
            after.frames_unknown - before.frames_unknown,
        ];
        assert_eq!(frames, [counted(malformed), counted(unknown)], "{name}");
    }
}

#[test]
fn every_vector_meets_its_fate() {
    let vectors = vectors();
    for vector in &vectors {
        let said = |key| vector.said.get(key).map(String::as_str);
        match (said("buffer"), said("streams")) {
            (None, None) => run(Box::new(Board::new()), vector),
            (Some("600"), None) => run(Box::new(Storage::<8, 2, 16, 16, 1600, 600>::new()), vector),
            (None, Some("none")) => run(Box::new(Storage::<8, 0, 0, 4, 1600, 1473>::new()), vector),
            other => panic!("{}: {other:?}", vector.name),
        }
    }
    assert_eq!(
        vectors.len(),
        FILES,
        "a vector is missing, or this number is"
    );
}

/// PROTOCOL M1, M2, M4, E3: what a member really sends first, and one without reliable streams.
#[test]
fn the_first_datagram_is_that_of_the_vector() {
    check_first("first.hex", "boiler", Box::new(Board::new()));
    let streamless = Box::new(Storage::<8, 0, 0, 4, 1600, 1472>::new());
    check_first("first-streamless.hex", "dart", streamless);
}

fn check_first<M: Memory>(vector: &str, name: &str, memory: M) {
    let vector = read(vector);
    let config = Config::new(vector.said["group"].parse().unwrap()).with_name(name);
    let mut group = Group::new(memory, config, [1; 32]).unwrap();
    let mut buffer = [0; 1472];
    let now = Instant::from_millis(7);
    assert_eq!(group.poll_transmit(now, &mut buffer).unwrap(), None);
    let now = group.next_deadline().unwrap();
    let len = group.poll_transmit(now, &mut buffer).unwrap().unwrap().len;
    let (mut header, frames) = wire::parse(&buffer[..len]).unwrap();
    let mut frames: Vec<_> = frames.map(Result::unwrap).collect();
    // Its id, its session and its clock are its own.
    let (said, _) = wire::parse(&vector.datagrams[0].octets).unwrap();
    (header.sender, header.session) = (said.sender, said.session);
    for frame in &mut frames {
        if let Frame::Time(time) = frame {
            time.stamp = 1_000;
        }
    }
    let mut again = [0; 1472];
    let len = wire::emit(&header, &frames, &mut again).unwrap();
    assert_eq!(again[..len], vector.datagrams[0].octets);
}
