//! The vectors of PROTOCOL §12 mean what they say, and are what this implementation writes.
//!
//! They are written by `tests/vectors/make.py`, which shares no code with the crates.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use groupcast::wire::{self, Frame, FrameError};
use groupcast::{Config, Event, Group, Instant, Tiny};

/// One file of `tests/vectors`.
struct Vector {
    name: String,
    group: SocketAddr,
    fate: String,
    header: Option<String>,
    frames: Vec<String>,
    octets: Vec<u8>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn read(path: &Path) -> Vector {
    let text = std::fs::read_to_string(path).unwrap();
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut octets = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once(": ") {
            Some((key, value)) => fields.entry(key).or_default().push(value),
            None => octets.extend(
                line.split_whitespace()
                    .map(|octet| u8::from_str_radix(octet, 16).unwrap()),
            ),
        }
    }
    Vector {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        group: fields["group"][0].parse().unwrap(),
        fate: fields["fate"][0].to_owned(),
        header: fields.get("header").map(|lines| lines[0].to_owned()),
        frames: fields
            .get("frame")
            .into_iter()
            .flatten()
            .map(|&line| line.to_owned())
            .collect(),
        octets,
    }
}

fn vectors() -> Vec<Vector> {
    let mut paths: Vec<_> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "hex"))
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn hex(octets: &[u8]) -> String {
    if octets.is_empty() {
        return "-".to_owned();
    }
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn describe(frame: &Result<Frame<'_>, FrameError>) -> String {
    match frame {
        Ok(Frame::Hello(hello)) => format!(
            "hello join={} probe={} capabilities={} max_datagram={} max_message={} interval={} \
             burst={} rtt={} size={} name={:?} options={}",
            u8::from(hello.join),
            u8::from(hello.probe),
            hello.capabilities,
            hello.max_datagram,
            hello.max_message,
            hello.interval,
            hello.receive_burst,
            hello.round_trip,
            hello.group_size,
            hello.name,
            hex(hello.options),
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
            format!(
                "nack target={} session={} attempt={} missing={}",
                nack.target,
                nack.session,
                nack.attempt,
                missing.join(",")
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
            let echoes = if echoes.is_empty() {
                "-".to_owned()
            } else {
                echoes.join(" ")
            };
            format!("time stamp={} echoes={echoes}", time.stamp)
        }
        Ok(Frame::Unknown { kind }) => format!("skipped {kind:02x}"),
        Err(FrameError::Unknown { kind }) => format!("error {kind:02x}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn every_vector_means_what_it_says() {
    for vector in vectors().iter().filter(|vector| vector.fate == "accepted") {
        let (header, frames) = wire::parse(&vector.octets).unwrap();
        let described = format!(
            "tag={:04x} sender={} session={} counter={}{}",
            header.tag.get(),
            header.sender,
            header.session,
            header.number(),
            if header.is_to_one() { " to_one" } else { "" }
        );
        assert_eq!(Some(described), vector.header, "{}", vector.name);
        let described: Vec<_> = frames.map(|frame| describe(&frame)).collect();
        assert_eq!(described, vector.frames, "{}", vector.name);
    }
}

#[test]
fn every_vector_is_what_its_values_are_written_as() {
    let mut written = 0;
    for vector in vectors().iter().filter(|vector| vector.fate == "accepted") {
        let (header, frames) = wire::parse(&vector.octets).unwrap();
        let frames: Vec<_> = frames.collect();
        // Frames that are not known cannot be written.
        let known =
            |frame: &Result<Frame<'_>, _>| !matches!(frame, Err(_) | Ok(Frame::Unknown { .. }));
        if !frames.iter().all(known) {
            continue;
        }
        let frames: Vec<_> = frames.into_iter().map(Result::unwrap).collect();
        let mut buffer = [0; 1472];
        let len = wire::emit(&header, &frames, &mut buffer).unwrap();
        assert_eq!(buffer[..len], vector.octets, "{}", vector.name);
        written += 1;
    }
    assert_eq!(written, 13);
}

#[test]
fn every_vector_meets_its_fate() {
    let mut seen = 0;
    for vector in vectors() {
        let mut storage = Tiny::new();
        let mut group = Group::new(&mut storage, Config::new(vector.group), [1; 32]).unwrap();
        let from = "10.0.0.9:40000".parse().unwrap();
        group
            .handle(Instant::from_millis(1), from, &vector.octets)
            .unwrap();
        let mut messages = 0;
        while let Some(event) = group.poll_event() {
            match event {
                Event::Message(_) => messages += 1,
                Event::Joined(member) => assert_eq!(member.id().get(), 0x2a),
                other => panic!("{}: {other:?}", vector.name),
            }
        }
        let counters = group.counters();
        assert_eq!(counters.received, 1, "{}", vector.name);
        if vector.fate == "accepted" {
            assert_eq!(counters.accepted, 1, "{}", vector.name);
            // A fragment waits for the rest of its message.
            let whole = |frame: &&String| frame.starts_with("data") && frame.contains("/0 ");
            let expected = vector.frames.iter().filter(whole).count();
            assert_eq!(messages, expected, "{}", vector.name);
        } else {
            let reasons: BTreeMap<_, _> = counters.reasons().into();
            assert_eq!(reasons[vector.fate.as_str()], 1, "{}", vector.name);
            assert_eq!(counters.dropped(), 1, "{}", vector.name);
            assert_eq!(messages, 0, "{}", vector.name);
        }
        seen += 1;
    }
    assert_eq!(seen, 21, "a vector is missing, or this number is");
}
