use super::*;

use std::sync::LazyLock;

use groupcast::wire::{Data, Frame, Hello, Nack, Sync};
use groupcast::{MemberId, Name, Session};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::Value;

use super::order::{Key, Order};
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
        let framing = &*FRAMING;
        let datagram = framing.write(self.id, Session::new(1), self.counter, frames);
        let datagram = datagram.unwrap();
        let source = "10.0.0.1:4000".parse().unwrap();
        to.heard(now, source, framing, &mut datagram.clone());
        datagram
    }
}

static FRAMING: LazyLock<Framing> = LazyLock::new(|| {
    let cli = Cli::parse_from(["groupcast", "demo"]);
    Framing::new(&cli.common, GROUP.parse().unwrap()).unwrap()
});

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
    // A duplicate counts for the group alone, and so does what is raw, foreign or damaged.
    let source = "10.0.0.1:4000".parse().unwrap();
    for datagram in [&again[..], b"raw", &[0xc1, 0x20, 0x00], &[0xc1; 40]] {
        watcher.heard(now, source, &FRAMING, &mut datagram.to_vec());
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
        Order::default(),
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
    for name in ["raw", "foreign", "damaged", "members"] {
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
        assert_eq!(watcher.members[&ana].status(now).name(), name);
    }
    watcher.tick(start + Duration::from_secs(20));
    assert!(watcher.members.is_empty());
}

/// The screen, line by line.
fn screen(watcher: &Watcher, size: (u16, u16), view: &mut View, now: Instant) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let drawn = terminal.draw(|frame| screen::draw(frame, watcher, "groupcast top", view, now));
    drawn.unwrap();
    let buffer = terminal.backend().buffer();
    let line = |row| {
        let symbols = (0..size.0).map(|column| buffer[(column, row)].symbol());
        symbols.collect::<String>().trim_end().to_owned()
    };
    (0..size.1).map(line).collect()
}

fn position(lines: &[String], text: &str) -> usize {
    let found = lines.iter().position(|line| line.contains(text));
    found.unwrap_or_else(|| panic!("no {text:?} in {lines:#?}"))
}

#[test]
fn the_screen_has_members_above_and_streams_below() {
    let start = Instant::now();
    let watcher = conversation(start);
    let lines = screen(&watcher, (110, 12), &mut View::default(), start);
    assert_eq!(lines[0], "groupcast top");
    assert!(lines[1].starts_with("2 members, 9.0 datagrams/s"));
    for pair in ["MEMBER", "0000000b", "ana", "STREAM", "reliable-ordered"].windows(2) {
        assert!(
            position(&lines, pair[0]) < position(&lines, pair[1]),
            "{pair:?} {lines:#?}"
        );
    }
    assert!(lines[11].starts_with("q quit  ? help"));
    // Whatever the size, and however far it is scrolled.
    for (width, height, scrolled) in [(1, 1, 0), (20, 3, 100), (110, 6, 1), (3, 40, 2)] {
        for is_help in [false, true] {
            let order = Order::default();
            let mut view = View {
                order,
                scrolled: [scrolled; 2],
                is_help,
                scrolls: 1,
            };
            screen(&watcher, (width, height), &mut view, start);
        }
    }
}

/// A class of 26, each of which says something more often than those before.
fn class(now: Instant) -> Watcher {
    let mut watcher = Watcher::new(now);
    let mut students: Vec<_> = (1..=26)
        .map(|number| Speaker::new(0x00b5_c000 + number))
        .collect();
    for second in 0..70 {
        for (number, student) in (0..).zip(&mut students) {
            let name = format!("student-{:02}", number + 1);
            let hello = Hello {
                interval: 100,
                round_trip: 70 + number,
                ..Hello::new(Name::new(&name).unwrap())
            };
            let now = now + Duration::from_secs(second);
            student.say(&mut watcher, now, &[Frame::Hello(hello)]);
            for _ in 0..(u64::from(number) * second) % 11 {
                let next = u32::try_from(student.counter).unwrap();
                student.say(&mut watcher, now, &[data(next, b"12345", false)]);
            }
        }
        watcher.tick(now + Duration::from_secs(second + 1));
    }
    watcher
}

#[test]
fn a_class_is_read_on_a_terminal_of_any_width() {
    let start = Instant::now();
    let now = start + Duration::from_secs(70);
    let watcher = class(start);
    for (width, members, first, streams) in [
        (
            60,
            "MEMBER      STATUS   TRIP ms    kB/s   MSG/s  MISSING  GAPS",
            "student-02  present      0.5     0.1     2.0       68     0",
            "STREAM      CHANNEL  CLASS              MSG/s    kB/s",
        ),
        (
            80,
            "MEMBER      STATUS   TRIP ms    kB/s   MSG/s  NACKS  REPAIRS  MISSING  GAPS",
            "student-02  present      0.5     0.1     2.0      0        0       68     0",
            "STREAM      CHANNEL  CLASS              MSG/s    kB/s  REPAIRS          MESSAGES",
        ),
        (
            100,
            "MEMBER      STATUS   TRIP ms  DGRAM/s    kB/s   MSG/s  NACKS  REPAIRS  MISSING  GAPS       DATAGRAMS",
            "student-02  present      0.5      3.0     0.1     2.0      0        0       68     0  ▂▂▃▄▄▅▆▆▇▇▁▂▂▃",
            "STREAM      CHANNEL  CLASS              MSG/s    kB/s  REPAIRS                              MESSAGES",
        ),
        (
            200,
            "MEMBER      ID        STATUS   TAKES           TRIP ms  DGRAM/s    kB/s   MSG/s  NACKS  REPAIRS  MISSING  GAPS                                                     DATAGRAMS",
            "student-02  00b5c002  present  all, 512 bytes      0.5      3.0     0.1     2.0      0        0       68     0  ▇▁▂▂▃▄▄▅▆▆▇▇▁▂▂▃▄▄▅▆▆▇▇▁▂▂▃▄▄▅▆▆▇▇▁▂▂▃▄▄▅▆▆▇▇▁▂▂▃▄▄▅▆▆▇▇▁▂▂▃",
            "STREAM      CHANNEL  CLASS              MSG/s    kB/s  REPAIRS                                                      MESSAGES",
        ),
    ] {
        let lines = screen(&watcher, (width, 24), &mut View::default(), now);
        let at = position(&lines, "MEMBER");
        assert_eq!(lines[at], members, "{width}");
        assert_eq!(lines[at + 2], first, "{width}");
        assert_eq!(lines[position(&lines, "STREAM")], streams, "{width}");
        assert!(lines[23].ends_with("of 26"), "{lines:#?}");
    }
}

#[test]
fn who_lost_most_stands_first_when_asked_for_and_scrolling_ends_at_the_end() {
    let start = Instant::now();
    let now = start + Duration::from_secs(70);
    let watcher = class(start);
    let mut view = View::default();
    let mut after = |code| {
        view = pressed(KeyEvent::new(code, KeyModifiers::NONE), view).unwrap();
        let lines = screen(&watcher, (80, 24), &mut view, now);
        // The first two members, and the first stream.
        let stream = position(&lines, "STREAM") + 1;
        let rows = [4, 5, stream].map(|row| lines[row][..10].to_owned());
        let place = lines[23].rsplit_once("scroll  ").unwrap().1.to_owned();
        (rows, place)
    };
    let (rows, place) = after(KeyCode::Char('m'));
    assert_eq!(rows, ["student-11", "student-22", "student-11"]);
    assert_eq!(place, "members 1-13 of 26");
    let (rows, _) = after(KeyCode::Char('m'));
    assert_eq!(rows, ["student-01", "student-12", "student-02"]);
    let (rows, _) = after(KeyCode::Char('t'));
    assert_eq!(rows, ["student-26", "student-25", "student-26"]);
    let (rows, place) = after(KeyCode::End);
    assert_eq!(rows[0], "student-13");
    assert_eq!(place, "members 14-26 of 26");
    assert_eq!(
        after(KeyCode::Up).1,
        "members 13-25 of 26",
        "not stuck behind the end"
    );
    after(KeyCode::Tab);
    let (rows, place) = after(KeyCode::Down);
    assert_eq!((&*rows[2], &*place), ("student-25", "streams 2-5 of 23"));
}

#[test]
fn it_is_shown_what_a_member_takes_as_soon_as_it_has_said_so() {
    let now = Instant::now();
    let mut watcher = Watcher::new(now);
    let mut leaf = Speaker::new(0xf);
    let shown = |watcher: &Watcher| {
        let table = report::members(watcher, Order::default(), None, now).table;
        (table.rows[0][3].clone(), table.rows[1][3].clone())
    };
    leaf.say(&mut watcher, now, &[data(0, b"1", false)]);
    assert_eq!(shown(&watcher).1.trim(), "-");
    let hello = Hello {
        capabilities: Hello::NO_STREAMS,
        max_datagram: 512,
        max_message: 8,
        ..Hello::new(Name::new("leaf").unwrap())
    };
    leaf.say(&mut watcher, now, &[Frame::Hello(hello)]);
    let (heading, cell) = shown(&watcher);
    assert_eq!(
        (heading.trim(), cell.as_str()),
        ("TAKES", "values, 512 bytes")
    );
    let group = GROUP.parse().unwrap();
    let line: Value =
        serde_json::from_str(&report::json(&watcher, group, Order::default(), now)[0]).unwrap();
    assert_eq!(line["max_datagram"], 512);
    assert_eq!(line["max_message"], 512);
    assert_eq!(line["takes_reliable"], false);
}

#[test]
fn a_question_mark_tells_the_keys_and_what_the_columns_mean() {
    let start = Instant::now();
    let watcher = class(start);
    let mut view = View::default();
    let press = |code, view| pressed(KeyEvent::new(code, KeyModifiers::NONE), view);
    view = press(KeyCode::Char('?'), view).unwrap();
    let lines = screen(&watcher, (60, 24), &mut view, start);
    for (column, key, what) in report::MEMBERS {
        let letter = key.map_or(' ', Key::letter);
        let line = &lines[position(&lines, &format!(" {letter}   {}", column.heading))];
        assert!(line.ends_with(what), "{line}");
    }
    let wide = screen(&watcher, (200, 24), &mut view, start);
    let [narrow, wide] = [&lines, &wide].map(|l| &l[position(l, "MEMBER")..]);
    assert_eq!(narrow[..18], wide[..18], "nothing of it is cut");
    // It ends with any key, and only then does the program.
    view = press(KeyCode::Esc, view).unwrap();
    assert!(!view.is_help);
    assert_eq!(press(KeyCode::Esc, view), None);
}

#[test]
fn two_of_one_name_are_told_apart_by_their_ids_before_all_else() {
    let start = Instant::now();
    let mut watcher = Watcher::new(start);
    for id in [7, 8] {
        let hello = Hello::new(Name::new("ana").unwrap());
        Speaker::new(id).say(&mut watcher, start, &[Frame::Hello(hello)]);
    }
    let lines = report::lines(&watcher, Order::default(), Some(40), start);
    assert_eq!(lines[2], "MEMBER  ID        STATUS    MSG/s");
    assert!(
        lines[3].starts_with("ana     00000007  present"),
        "{lines:#?}"
    );
}

#[test]
fn keys_scroll_and_end() {
    let view = View {
        scrolled: [5, 0],
        ..View::default()
    };
    let press = |code| pressed(KeyEvent::new(code, KeyModifiers::NONE), view);
    let scrolled = |code| press(code).map(|view| view.scrolled[0]);
    assert_eq!(scrolled(KeyCode::Down), Some(6));
    assert_eq!(scrolled(KeyCode::PageUp), Some(0));
    assert_eq!(scrolled(KeyCode::Char('c')), Some(5));
    assert_eq!(press(KeyCode::Char('q')), None);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(pressed(interrupt, view), None);
}

#[test]
fn who_cannot_be_read_stands_above_the_tables() {
    let start = Instant::now();
    let mut watcher = Watcher::new(start);
    let text = "2 members here use another key or group name";
    watcher.unreadable = Some(text.to_owned());
    for columns in [60, 200] {
        let lines = screen(&watcher, (columns, 12), &mut View::default(), start);
        assert!(lines[1..].join(" ").contains(text), "{lines:#?}");
    }
}
