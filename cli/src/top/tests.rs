use super::*;

use groupcast::wire::{Data, Frame, Hello, Nack, Sync};
use groupcast::{MemberId, Name, Session};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::Value;

use crate::cli::Cli;
use clap::Parser;

const GROUP: &str = "239.1.2.3:12345";

/// What one says who is watched.
struct Speaker {
    id: MemberId,
    counter: u64,
}

impl Speaker {
    const fn new(id: u32) -> Self {
        Self {
            id: MemberId::new(id).unwrap(),
            counter: 0,
        }
    }

    fn say(&mut self, to: &mut Watcher, now: Instant, frames: &[Frame<'_>]) -> Vec<u8> {
        self.counter += 1;
        let framing = framing();
        let datagram = framing.write(self.id, Session::new(1), self.counter, frames);
        let datagram = datagram.unwrap();
        let source = "10.0.0.1:4000".parse().unwrap();
        to.heard(now, source, &framing, &mut datagram.clone());
        datagram
    }
}

fn framing() -> Framing {
    let cli = Cli::parse_from(["groupcast", "demo"]);
    Framing::new(&cli.common, GROUP.parse().unwrap()).unwrap()
}

const fn data(sequence: u32, payload: &[u8], repair: bool) -> Frame<'_> {
    Frame::Data(Data {
        class: 2,
        latest: false,
        repair,
        copy: false,
        signed: false,
        channel: 3,
        horizon: 255,
        fragment: 0,
        last: 0,
        sequence,
        payload,
    })
}

/// Ana loses a message, ben asks for it, and it is repaired; another one is gone for good.
fn conversation(now: Instant) -> Watcher {
    let mut watcher = Watcher::new(now);
    let (mut ana, mut ben) = (Speaker::new(0xa), Speaker::new(0xb));
    let hello = Hello {
        interval: 100,
        // 2^(80/8) µs.
        round_trip: 80,
        ..Hello::new(Name::new("ana 여보").unwrap())
    };
    ana.say(
        &mut watcher,
        now,
        &[Frame::Hello(hello), data(0, b"12345", false)],
    );
    ana.say(&mut watcher, now, &[data(3, b"12345", false)]);
    let mut nack = Nack::new(0xa, 1, 1);
    nack.add(2);
    ben.say(&mut watcher, now, &[Frame::Nack(nack)]);
    let again = ana.say(&mut watcher, now, &[data(2, b"12345", true)]);
    // A duplicate counts for the group alone, and so does what is bare, foreign or damaged.
    let source = "10.0.0.1:4000".parse().unwrap();
    for datagram in [&again[..], b"bare", &[0xc1, 0x20, 0x00], &[0xc1; 40]] {
        watcher.heard(now, source, &framing(), &mut datagram.to_vec());
    }
    let sync = Sync {
        next: 4,
        low: 2,
        round_trip: 0,
        group_size: 0,
        states: 0,
    };
    ana.say(&mut watcher, now, &[Frame::Sync(sync)]);
    watcher.tick(now + Duration::from_secs(1));
    watcher
}

#[test]
fn what_was_lost_and_repaired_is_counted() {
    let start = Instant::now();
    let watcher = conversation(start);
    let lines = report::json(
        &watcher,
        GROUP.parse().unwrap(),
        start + Duration::from_secs(2),
    );
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [ben, ana, group] = &lines[..] else {
        panic!("{lines:#?}");
    };
    assert_eq!(ben["from"], "0000000b");
    assert_eq!(ben["nacks"], 1);
    assert_eq!(ana["from"], "ana 여보");
    for (name, expected) in [
        ("datagrams", 4),
        ("messages", 3),
        ("repairs", 1),
        ("nacks", 0),
        ("nacks_for_it", 1),
        ("missing", 0),
        ("gaps", 1),
    ] {
        assert_eq!(ana[name], expected, "{name}: {ana}");
    }
    assert_eq!(ana["round_trip_ms"], 1.024);
    assert_eq!(ana["messages_per_s"], 1.5);
    let stream = &ana["streams"][0];
    assert_eq!(stream["class"], "reliable-ordered");
    assert_eq!(stream["bytes_per_s"], 7.5);
    assert_eq!(group["datagrams"], 9);
    for name in ["bare", "foreign", "damaged", "members"] {
        let expected = if name == "members" { 2 } else { 1 };
        assert_eq!(group[name], expected, "{name}: {group}");
    }
}

#[test]
fn who_falls_silent_is_suspect_then_lost_then_forgotten() {
    let start = Instant::now();
    let mut watcher = conversation(start);
    let ana = MemberId::new(0xa).unwrap();
    for (seconds, name) in [(1, "present"), (3, "suspect"), (4, "lost")] {
        let now = start + Duration::from_secs(seconds);
        watcher.tick(now);
        assert_eq!(watcher.members[&ana].standing(now).name(), name);
    }
    watcher.tick(start + Duration::from_secs(20));
    assert!(watcher.members.is_empty());
}

#[test]
fn the_screen_has_members_above_and_streams_below() {
    let start = Instant::now();
    let watcher = conversation(start);
    let mut terminal = Terminal::new(TestBackend::new(110, 12)).unwrap();
    let drawn = terminal.draw(|frame| {
        screen::draw(frame, &watcher, "groupcast top", 0, start);
    });
    drawn.unwrap();
    let buffer = terminal.backend().buffer();
    let lines: Vec<String> = (0..12)
        .map(|row| {
            (0..110)
                .map(|column| buffer[(column, row)].symbol())
                .collect()
        })
        .collect();
    assert_eq!(lines[0].trim_end(), "groupcast top");
    assert!(
        lines[1].starts_with("2 members, 9.0 datagrams/s"),
        "{lines:#?}"
    );
    let position = |text: &str| lines.iter().position(|line| line.starts_with(text));
    assert!(position("MEMBER") < position("0000000b"));
    assert!(position("0000000b") < position("ana"));
    assert!(position("ana") < position("STREAM"), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("reliable-ordered")));
    assert!(lines[11].starts_with("q quit"));
    // Whatever the size, and however far it is scrolled.
    for (width, height, scrolled) in [(1, 1, 0), (20, 3, 100), (110, 6, 1)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let drawn = terminal.draw(|frame| screen::draw(frame, &watcher, "", scrolled, start));
        drawn.unwrap();
    }
}

#[test]
fn keys_scroll_and_end() {
    let press = |code| scroll(KeyEvent::new(code, KeyModifiers::NONE), 5);
    assert_eq!(press(KeyCode::Down), Some(6));
    assert_eq!(press(KeyCode::PageUp), Some(0));
    assert_eq!(press(KeyCode::Char('c')), Some(5));
    assert_eq!(press(KeyCode::Char('q')), None);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(scroll(interrupt, 5), None);
}
