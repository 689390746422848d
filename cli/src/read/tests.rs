use super::*;

use std::sync::LazyLock;

use clap::Parser;
use groupcast::wire::{
    Ack, AckRequest, Ask, Busy, Bye, Data, Echo, Hello, Nack, Skip, Start, Sync, Time,
};
use groupcast::{Class, Session};
use serde_json::Value;

use crate::cli::Cli;
use crate::network::framing::Framing;

const GROUP: &str = "239.1.2.3:12345";

static CLI: LazyLock<Cli> = LazyLock::new(|| Cli::parse_from(["groupcast", "demo"]));

/// A datagram of a member with these frames.
fn framed(frames: &[Frame<'_>]) -> Vec<u8> {
    let framing = Framing::new(&CLI.common, GROUP.parse().unwrap()).unwrap();
    let sender = MemberId::new(0x7f3a).unwrap();
    let counter = Header::TO_ONE | 9;
    framing
        .write(sender, Session::new(1), counter, frames)
        .unwrap()
}

fn captured(to: &str, payload: &[u8]) -> Datagram {
    Datagram {
        time: Duration::from_millis(1_764_316_800_500),
        source: "10.0.0.1:40000".parse().unwrap(),
        destination: to.parse().unwrap(),
        payload: payload.to_vec(),
    }
}

fn reader() -> Reader {
    Reader::load(&CLI.common).unwrap()
}

/// What is said of a datagram, as JSON and for people.
fn read(reader: &mut Reader, to: &str, payload: &[u8]) -> Option<(Value, String)> {
    let line = reader.line(&mut captured(to, payload), &mut Tally::default())?;
    let json = serde_json::from_str(&to_line(&line)).unwrap();
    Some((json, reader.words(&line)))
}

/// One of each kind, with all that it may have.
fn every_frame() -> Vec<Frame<'static>> {
    const OPTIONS: &[u8] = &[
        1, 12, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 8, // A challenge for member 8.
        2, 8, 0, 0, 0, 0, 0, 0, 0, 6, // One sent back.
        9, 1, 0, // What nobody knows yet.
    ];
    static ECHO: LazyLock<[u8; Echo::LEN]> = LazyLock::new(|| {
        let (member, stamp, held) = (0xb, 3, 4);
        Echo {
            member,
            stamp,
            held,
        }
        .to_bytes()
    });
    let hello = Hello {
        join: true,
        round_trip: 80,
        group_size: 8,
        options: OPTIONS,
        ..Hello::new(Name::new("ana\u{1b}").unwrap())
    };
    let data = Data {
        class: 2,
        latest: false,
        repair: true,
        copy: false,
        signed: true,
        channel: 3,
        horizon: 255,
        fragment: 0,
        last: 0,
        sequence: 7,
        payload: const { &[b'a'; 66] },
    };
    let mut nack = Nack::new(0xa, 1, 1);
    nack.add(3);
    vec![
        Frame::Hello(hello),
        Frame::Bye(Bye::GIVE_WAY),
        Frame::Busy(Busy { wait: 20 }),
        Frame::Time(Time {
            stamp: 2,
            echoes: &*ECHO,
        }),
        Frame::Data(data),
        Frame::Start(Start {
            target: 0xa,
            session: 1,
            next: 4,
        }),
        Frame::Sync(Sync {
            next: 8,
            low: 2,
            round_trip: 0,
            group_size: 0,
            states: 1,
        }),
        Frame::Nack(nack),
        Frame::Skip(Skip { first: 1, count: 2 }),
        Frame::AckRequest(AckRequest {
            sequence: 7,
            spread: 10,
        }),
        Frame::Ack(Ack {
            target: 0xa,
            session: 1,
            since: 0,
            next: 7,
        }),
        Frame::Ask(Ask {
            target: 0xa,
            session: 1,
        }),
    ]
}

#[test]
fn every_frame_is_shown_with_the_fields_of_the_page() {
    let (json, words) = read(&mut reader(), GROUP, &framed(&every_frame())).unwrap();
    assert_eq!(
        words,
        "    0.000000  10.0.0.1:40000 > 239.1.2.3:12345  ana\\u{1b} 00007f3a  HELLO JOIN \"ana\\u{1b}\", \
         BYE the id is another member's, BUSY 20 ms, TIME, echoes: 1, DATA reliable-ordered, channel 3, #7, repair, \
         signed: \"aa\", START for 0000000a, from #4, SYNC next 8, low 2, NACK of 0000000a, 1 missing from #1, \
         SKIP 2 from #1, ACKREQ #7, ACK of 0000000a, #0 to before #7, ASK for the values of 0000000a"
    );
    assert_eq!(json["time"], 1_764_316_800.5);
    assert_eq!(
        (&json["to_one"], &json["counter"]),
        (&true.into(), &9.into())
    );
    let frames = json["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 12);
    let page = include_str!("../../JSON.md");
    let is_row = |line: &str, name: &str| {
        let cell = line
            .strip_prefix("| ")
            .and_then(|line| line.split(" |").next());
        cell.is_some_and(|cell| cell.contains(&format!("`{name}`")))
    };
    let row = |name: &str| {
        let mut rows = page.lines().filter(|line| is_row(line, name));
        rows.next()
            .unwrap_or_else(|| panic!("no row for {name}"))
            .to_owned()
    };
    for frame in frames {
        let row = row(frame["type"].as_str().unwrap());
        for field in frame
            .as_object()
            .unwrap()
            .keys()
            .filter(|field| *field != "type")
        {
            assert!(
                row.contains(&format!("`{field}`")),
                "{field} is not in {row}"
            );
        }
    }
    let shown = page
        .lines()
        .find(|line| line.starts_with("{\"event\":\"datagram\""));
    let shown: Value = serde_json::from_str(shown.unwrap()).unwrap();
    let fields = |line: &Value| {
        line.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(fields(&json), fields(&shown));
    for field in fields(&json) {
        // The first two are those of every line.
        if !matches!(&*field, "event" | "time") {
            row(&field);
        }
    }
}

#[test]
fn what_is_not_of_a_group_is_told_as_what_it_is() {
    let mut reader = reader();
    let mut said = |to: &str, payload: &[u8]| {
        let (json, words) = read(&mut reader, to, payload)?;
        let words = words.rsplit_once("  ").unwrap().1.to_owned();
        Some((
            json["event"].as_str()?.to_owned(),
            json["flaw"].clone(),
            words,
        ))
    };
    let mut sound = framed(&[Frame::Bye(Bye::LEFT)]);
    let (event, flaw, words) = said(GROUP, b"Hello\n").unwrap();
    assert_eq!((&*event, flaw), ("raw", Value::Null));
    assert_eq!(words, "raw: \"Hello\\n\"");
    assert_eq!(said("10.0.0.2:53", b"Hello"), None, "another program's");
    assert!(said("10.0.0.2:40000", &sound).is_some(), "to one member");
    let cut = sound.len() - 1;
    assert_eq!(said(GROUP, &sound[..9]).unwrap().1, "truncated");
    assert_eq!(said(GROUP, &sound[..cut]).unwrap().1, "corrupt");
    sound[1] = 0x20;
    assert_eq!(said(GROUP, &sound).unwrap().1, "version");
    sound[1] = 0x1f;
    assert_eq!(said(GROUP, &sound).unwrap().1, "suite");
}

#[test]
fn whatever_stands_in_a_datagram_reading_it_ends() {
    let datagram = framed(&every_frame());
    let (start, end) = (Header::LEN, datagram.len() - 4);
    let frames = &datagram[start..end];
    let show = |octets: &[u8]| {
        let shown = Shown::all(wire::Frames::new(octets));
        assert!(shown.len() <= octets.len());
        shown
            .iter()
            .for_each(|frame| assert!(!frame.words().is_empty()));
        shown
    };
    for at in 0..frames.len() {
        show(&frames[..at]);
        for change in [0x01, 0x80, 0xff] {
            let mut damaged = frames.to_vec();
            damaged[at] ^= change;
            show(&damaged);
            // And whole, with a checksum that does not fit.
            let mut damaged = datagram.clone();
            damaged[start + at] ^= change;
            assert_eq!(
                read(&mut reader(), GROUP, &damaged).unwrap().0["flaw"],
                "corrupt"
            );
        }
    }
    // One that may be skipped, and one that may not.
    let [skipped, unknown] = [0x90, 0x33].map(|kind| show(&[kind, 0, 0, 0, 0x02, 0, 0, 1, 0]));
    assert_eq!(skipped.len(), 2);
    assert_eq!(skipped[0].words(), "type 90 (skipped)");
    assert_eq!(unknown.len(), 1);
    assert!(unknown[0].words().contains("not known"));
}

#[test]
fn classes_are_called_as_everywhere() {
    for (class, latest, expected) in [
        (0, false, Class::BestEffort),
        (0, true, Class::Latest),
        (1, false, Class::ReliableUnordered),
        (2, false, Class::ReliableOrdered),
        (3, false, Class::State),
    ] {
        let Frame::Data(data) = every_frame()[4] else {
            panic!("no DATA");
        };
        let frame = Frame::Data(Data {
            class,
            latest,
            ..data
        });
        let (json, _) = read(&mut reader(), GROUP, &framed(&[frame])).unwrap();
        let channel = groupcast::Channel::new(3, expected);
        assert_eq!(json["frames"][0]["class"], channel.class().name());
    }
}
