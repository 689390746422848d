mod using;

use super::*;

use core::fmt::Write;
use std::collections::BTreeSet;
use std::time::Instant;

use groupcast::{Channel, Config, Sequence, Session};
use groupcast_sim::{Link, SimNet};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::earlier::Line as Said;
use super::super::happening::Happening;
use super::super::people::{STAYS, Who};
use super::super::recall::Recall;
use super::super::room::{Setting, Wish};
use crate::process::clock::{Moment, Zone};

/// Eight o'clock.
const MILLIS: u64 = 1_764_316_800_000;

fn now() -> Moment {
    Moment {
        at: Instant::now(),
        millis: MILLIS,
    }
}

/// When those who came have been there for long enough to be told of.
fn later() -> Moment {
    Moment {
        at: Instant::now() + STAYS,
        ..now()
    }
}

/// A room where nothing is gathered.
fn room() -> Room {
    let mut room = new_room();
    room.end_gathering(&BTreeSet::new(), now());
    room
}

fn new_room() -> Room {
    let setting = Setting {
        id: MemberId::new(0xa).unwrap(),
        name: "ana".to_owned(),
        place: "239.1.2.3:12345 via lo".to_owned(),
        sealed: false,
        mirrored: false,
        zone: Zone::utc(),
        is_screen: true,
    };
    Room::new(setting, Recall::new(0, true), now())
}

fn who(id: u32, name: &str) -> Who {
    Who {
        id: MemberId::new(id).unwrap(),
        name: name.to_owned(),
        address: format!("10.0.0.{id}:7000").parse().unwrap(),
        takes_reliable: true,
    }
}

fn said(id: u32, name: &str, text: &str) -> Happening {
    Happening::Said(line(id, name, text))
}

fn line(id: u32, name: &str, text: &str) -> Said {
    Said {
        sender: who(id, name),
        session: Some(Session::new(u64::from(id))),
        sequence: Sequence::new(0),
        note: String::new(),
        text: text.to_owned(),
        stated: None,
        heard: MILLIS,
        teller: None,
    }
}

/// Something happens, and those who came have been there for long enough to be told of.
fn happen(room: &mut Room, happening: Happening) {
    room.happened(happening, now());
    room.tick(later());
}

/// A room with Ben and Cho in it.
fn room_of_three() -> Room {
    let mut room = room();
    happen(&mut room, Happening::Joined(who(1, "ben")));
    happen(&mut room, Happening::Joined(who(2, "초희")));
    room
}

/// What is on the screen, and a `_` for the cursor.
fn screen(room: &Room, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, room)).unwrap();
    let cursor = terminal.get_cursor_position().unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..height {
        let (mut line, mut x) = (String::new(), 0);
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            let at_cursor = cursor == Position::new(x, y) && symbol == " ";
            line += if at_cursor { "_" } else { symbol };
            x += cells(crate::text::cells::width(symbol)).max(1);
        }
        assert_eq!(x, width, "a wide character hangs over: {line}");
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    text
}

/// Compares the screen with what is expected, which is indented.
#[track_caller]
fn assert_screen(room: &Room, (width, height): (u16, u16), expected: &str) {
    let found = screen(room, width, height);
    let expected: String = expected
        .trim_start_matches('\n')
        .lines()
        .map(|line| {
            line.strip_prefix("        ")
                .unwrap_or(line)
                .trim_end()
                .to_owned()
                + "\n"
        })
        .collect();
    assert!(
        found == expected.trim_end().to_owned() + "\n",
        "found:\n{found}\nexpected:\n{expected}"
    );
}

fn press(room: &mut Room, code: KeyCode, size: (u16, u16)) -> Wish {
    let size = Size::from(size);
    let height = usize::from(Layout::of(size, room.hides_members).history.height);
    let key = KeyEvent::new(code, KeyModifiers::NONE);
    room.key(key, height, |room, number| rows_of(room, number, size))
}

#[test]
fn what_only_looks_leaves_no_lines() {
    let mut room = room_of_three();
    let now = now();
    // `groupcast send` from a host, `ping` and `members`.
    room.happened(Happening::Joined(who(7, "host")), now);
    happen(&mut room, Happening::Left(who(7, "host")));
    happen(&mut room, Happening::Joined(who(8, "")));
    happen(&mut room, Happening::Joined(who(9, "")));
    happen(&mut room, Happening::Left(who(9, "")));
    assert_screen(
        &room,
        (64, 8),
        "
         open  239.1.2.3:12345 via lo
        * ben joined (00000001 at               │ 3 here
          10.0.0.1:7000)                        │ ana (you)
        * 초희 joined (00000002 at              │ ben
          10.0.0.2:7000)                        │ 초희
                                                │ and 1 without a name
        ── Enter sends · /help for more · Ctrl-C leaves ────────────────
        > _
        ",
    );
    assert_eq!(room.here().len(), 2, "nobody waits for those who look");
    // Who says something is told of.
    happen(&mut room, said(8, "", "hello"));
    happen(&mut room, Happening::Left(who(8, "")));
    let screen = screen(&room, 80, 12);
    for expected in ["00000008: hello", "00000008 joined", "00000008 left"] {
        assert!(screen.contains(expected), "no {expected}:\n{screen}");
    }
}

#[test]
fn who_takes_no_reliable_messages_is_not_waited_for_and_said_to_get_nothing() {
    let mut room = room_of_three();
    let sensor = Who {
        takes_reliable: false,
        ..who(3, "boiler")
    };
    happen(&mut room, Happening::Joined(sensor));
    assert_eq!(room.here().len(), 2);
    room.say_who();
    let shown = screen(&room, 100, 20);
    let sensor = "boiler (00000003 at 10.0.0.3:7000, gets nothing of this chat)";
    assert!(shown.contains(sensor), "{shown}");
}

#[test]
fn a_second_ana_is_told_and_ids_go_with_her() {
    let mut room = room_of_three();
    happen(&mut room, said(1, "ben", "before"));
    happen(&mut room, Happening::Joined(who(4, "ben")));
    happen(&mut room, said(4, "ben", "I am another"));
    let both = screen(&room, 80, 14);
    for expected in [
        "! 2 have one name: ben#00000001, ben#00000004",
        "ben#00000001: before",
        "ben#00000004: I am another",
    ] {
        assert!(both.contains(expected), "no {expected}:\n{both}");
    }
    happen(&mut room, Happening::Left(who(4, "ben")));
    happen(&mut room, said(1, "ben", "alone"));
    let alone = screen(&room, 80, 14);
    for expected in [
        " ben: before",
        " ben: alone",
        // What was said by another one is not ben's, now or ever.
        " ben#00000004: I am another",
    ] {
        assert!(alone.contains(expected), "no {expected}:\n{alone}");
    }
    // Whoever takes the name of another one is told of, too.
    assert!(room.is_called(MemberId::new(2).unwrap(), "ana"));
    let taken = screen(&room, 80, 16);
    for expected in [
        "* 초희 is called ana#00000002 now",
        "! 2 have one name: ana (you), ana#00000002",
    ] {
        assert!(taken.contains(expected), "no {expected}:\n{taken}");
    }
    room.say_who();
    let who = screen(&room, 80, 20);
    for expected in [
        "3 here:",
        "ana (you, 0000000a)",
        "ben (00000001 at 10.0.0.1:7000)",
    ] {
        assert!(who.contains(expected), "no {expected}:\n{who}");
    }
}

#[test]
fn what_was_said_before_one_came_stands_in_order_with_its_time() {
    let mut room = new_room();
    let said_at = |id, name: &str, text: &str, sequence, minutes: u64, teller| Said {
        sequence: Sequence::new(sequence),
        stated: Some(MILLIS - minutes * 60_000),
        teller,
        ..line(id, name, text)
    };
    let hear = |room: &mut Room, line| room.happened(Happening::Said(line), now());
    room.happened(Happening::Joined(who(1, "ben")), now());
    hear(
        &mut room,
        said_at(1, "ben", "is anybody there?", 5, 10, None),
    );
    hear(&mut room, said_at(1, "ben", "good", 6, 8, None));
    let told = said_at(3, "cho\u{1b}[2J", "I am", 0, 9, Some(who(1, "")));
    room.told(vec![told], now().at);
    assert!(!room.is_gathered(now().at));
    room.end_gathering(&BTreeSet::new(), now());
    room.tick(later());
    // What comes late goes where it belongs, and is not taken for something new.
    let late = Said {
        heard: MILLIS + 1,
        ..said_at(1, "ben", "and more", 7, 7, None)
    };
    hear(&mut room, late);
    hear(&mut room, line(1, "ben", "hello, ana"));
    assert_screen(
        &room,
        (80, 13),
        "
         open  239.1.2.3:12345 via lo
        ── earlier ──────────────────────────────────────────── │ 2 here
              * missing: what ben said before that              │ ana (you)
        07:50 ben: is anybody there?                            │ ben
        07:51 cho\\u{1b}[2J (as told by ben): I am               │
        07:52 ben: good                                         │
        07:53 ben: and more                                     │
        ── since you came ───────────────────────────────────── │
        08:00 * ben joined (00000001 at 10.0.0.1:7000)          │
        08:00 ben: hello, ana                                   │
                                                                │
        ── Enter sends · /help for more · Ctrl-C leaves ────────────────────────────────
        > _
        ",
    );
}

#[test]
fn an_empty_room() {
    assert_screen(
        &room(),
        (64, 6),
        "
         open  239.1.2.3:12345 via lo
                                                │ 1 here
                                                │ ana (you)
                                                │
        ── Enter sends · /help for more · Ctrl-C leaves ────────────────
        > _
        ",
    );
}

#[test]
fn a_conversation() {
    let mut room = room_of_three();
    room.said("hello, who is there?".to_owned(), Sequence::new(0), now());
    room.history.question(&room.here(), Instant::now());
    happen(&mut room, Happening::Has(MemberId::new(1).unwrap()));
    happen(&mut room, said(2, "초희", "안녕하세요 여러분 👋"));
    happen(
        &mut room,
        Happening::Raw {
            from: "10.0.0.9:4711".parse().unwrap(),
            text: "Hello from Python".to_owned(),
        },
    );
    happen(
        &mut room,
        Happening::Gap {
            who: who(1, "ben"),
            lost: Sequence::new(4).to(Sequence::new(6)),
        },
    );
    happen(&mut room, Happening::Lost(who(2, "초희")));
    happen(&mut room, Happening::Suspect(who(1, "ben")));
    room.input.insert("typing 한국어");
    assert_screen(
        &room,
        (72, 14),
        "
         open  239.1.2.3:12345 via lo
        * ben joined (00000001 at 10.0.0.1:7000)        │ 2 here
        * 초희 joined (00000002 at 10.0.0.2:7000)       │ ana (you)
        ana: hello, who is there? ✓ 1/2, not 초희       │ ben suspect
        초희: 안녕하세요 여러분 👋                      │ 초희 lost
        10.0.0.9:4711 (raw): Hello from Python          │
        ! ben: messages 4 to 6 are lost                 │
        * 초희 is lost (00000002 at 10.0.0.2:7000)      │
                                                        │
                                                        │
                                                        │
                                                        │
        ── Enter sends · /help for more · Ctrl-C leaves ────────────────────────
        > typing 한국어_
        ",
    );
    // Whoever returns, with another id, is called as before: the one of before is gone.
    happen(&mut room, Happening::Joined(who(3, "초희")));
    happen(&mut room, Happening::Restarted(who(1, "ben")));
    assert_screen(
        &room,
        (72, 14),
        "
         open  239.1.2.3:12345 via lo
        * ben joined (00000001 at 10.0.0.1:7000)        │ 3 here
        * 초희 joined (00000002 at 10.0.0.2:7000)       │ ana (you)
        ana: hello, who is there? ✓ 1/2, not 초희       │ ben
        초희: 안녕하세요 여러분 👋                      │ 초희
        10.0.0.9:4711 (raw): Hello from Python          │ 초희 lost
        ! ben: messages 4 to 6 are lost                 │
        * 초희 is lost (00000002 at 10.0.0.2:7000)      │
        * 초희 joined (00000003 at 10.0.0.3:7000)       │
        * ben restarted (00000001 at 10.0.0.1:7000)     │
                                                        │
                                                        │
        ── Enter sends · /help for more · Ctrl-C leaves ────────────────────────
        > typing 한국어_
        ",
    );
}

#[test]
fn a_narrow_window() {
    let mut room = room_of_three();
    room.said(
        "a message that is longer than the window is wide".to_owned(),
        Sequence::new(0),
        now(),
    );
    happen(
        &mut room,
        said(2, "초희", "대한민국의 모든 권력은 국민으로부터 나온다"),
    );
    room.input.insert("0123456789 0123456789 0123456789");
    assert_screen(
        &room,
        (30, 12),
        "
         open  3 here · 239.1.2.3:123…
        * ben joined (00000001 at
          10.0.0.1:7000)
        * 초희 joined (00000002 at
          10.0.0.2:7000)
        ana: a message that is longer
          than the window is wide
          ✓ 0/2
        초희: 대한민국의 모든 권력은
          국민으로부터 나온다
        ── Enter sends · /help for mo…
        > 56789 0123456789 0123456789_
        ",
    );
    assert_screen(
        &room,
        (9, 5),
        "
         open  3…
          로부터
          나온다
        ── Enter…
        > 456789_
        ",
    );
}

#[test]
fn no_window_is_too_small() {
    let mut room = room_of_three();
    happen(
        &mut room,
        said(1, "ben", "여보세요 👨‍👩‍👧 שלום abcdefghijklmnop"),
    );
    room.input.insert("한국어 שלום");
    for width in 0..80 {
        for height in 0..8 {
            if width > 0 && height > 0 {
                screen(&room, width, height);
            }
            for key in [KeyCode::PageUp, KeyCode::PageUp, KeyCode::PageDown] {
                press(&mut room, key, (width, height));
            }
        }
    }
}

#[test]
fn what_is_written_from_right_to_left() {
    let mut room = room_of_three();
    happen(&mut room, said(1, "ben", "שלום לכולם (abc) 12!"));
    happen(&mut room, said(1, "ben", "in English: שלום עולם."));
    happen(
        &mut room,
        said(2, "초희", "מי שקורא את זה רואה שורות שנשברות במקום הנכון"),
    );
    room.input.insert("שלום");
    assert_screen(
        &room,
        (40, 11),
        "
         open  3 here · 239.1.2.3:12345 via lo
        * ben joined (00000001 at 10.0.0.1:7000)
        * 초희 joined (00000002 at
          10.0.0.2:7000)
        ben: !12 (abc) םלוכל םולש
        ben: in English: םלוע םולש.
        초희: תורבשנש תורוש האור הז תא ארוקש ימ
          ןוכנה םוקמב

        ── Enter sends · /help for more · Ctrl-…
        > _םולש
        ",
    );
}

#[test]
fn strangers_cannot_fake_a_screen() {
    let mut room = room_of_three();
    // Somebody who calls itself like another, like this member, and like a line of the program.
    happen(&mut room, Happening::Joined(who(4, "Ben")));
    happen(&mut room, Happening::Joined(who(5, "ana")));
    happen(
        &mut room,
        Happening::Joined(who(6, "\u{1b}[2J\u{1b}[31mroot\u{202e}\n* dev joined")),
    );
    happen(&mut room, Happening::Joined(who(7, "초희#00000002")));
    happen(&mut room, Happening::Left(who(7, "초희#00000002")));
    happen(&mut room, said(4, "Ben", "it is me"));
    happen(
        &mut room,
        said(5, "ana", "a\u{1b}]0;title\u{7}b\r\nc\u{200f}"),
    );
    happen(
        &mut room,
        said(6, "\u{1b}[2J\u{1b}[31mroot\u{202e}\n* dev joined", "x"),
    );
    happen(
        &mut room,
        Happening::Raw {
            from: "10.0.0.9:4711".parse().unwrap(),
            text: "\u{1b}[1;1Hsealed".to_owned(),
        },
    );
    assert_screen(
        &room,
        (76, 22),
        "
         open  239.1.2.3:12345 via lo
        08:00 * ben joined (00000001 at 10.0.0.1:7000)      │ 6 here
        08:00 * 초희 joined (00000002 at 10.0.0.2:7000)     │ ana (you)
        08:00 * Ben#00000004 joined (00000004 at            │ \\u{1b}[2J\\u{1b}[31mro…
          10.0.0.4:7000)                                    │ ana#00000005
        08:00 ! 2 have one name: ben#00000001, Ben#00000004 │ ben#00000001
        08:00 * ana#00000005 joined (00000005 at            │ Ben#00000004
          10.0.0.5:7000)                                    │ 초희
        08:00 ! 2 have one name: ana (you), ana#00000005    │ 초희#00000002#00… left
        08:00 * \\u{1b}[2J\\u{1b}[31mroot\\u{202e}\\n* dev      │
          joined joined (00000006 at 10.0.0.6:7000)         │
        08:00 * 초희#00000002#00000007 joined (00000007 at  │
          10.0.0.7:7000)                                    │
        08:00 * 초희#00000002#00000007 left (00000007 at    │
          10.0.0.7:7000)                                    │
        08:00 Ben#00000004: it is me                        │
        08:00 ana#00000005: a\\u{1b}]0;title\\u{7}b\\r\\nc\\u{20 │
          0f}                                               │
        08:00 \\u{1b}[2J\\u{1b}[31mroot…: x                   │
        08:00 10.0.0.9:4711 (raw): \\u{1b}[1;1Hsealed        │
        ── Enter sends · /help for more · Ctrl-C leaves ────────────────────────────
        > _
        ",
    );
}

#[test]
fn a_class_that_is_there_already_is_one_line() {
    let mut room = room();
    for id in 1..=26 {
        let name = format!("student{id:02}");
        room.happened(Happening::Joined(who(id, &name)), now());
    }
    room.happened(Happening::Joined(who(27, "student26")), now());
    room.tick(later());
    assert_screen(
        &room,
        (100, 7),
        "
         open  239.1.2.3:12345 via lo
        08:00 * 27 are here: student01, student02, student03, student04, student05, │ 28 here
          student06 and 21 more                                                     │ ana (you)
        08:00 ! 2 have one name: student26#0000001a, student26#0000001b             │ student01
                                                                                    │ and 26 more
        ── Enter sends · /help for more · Ctrl-C leaves ────────────────────────────────────────────────────
        > _
        ",
    );
}

#[test]
fn accents_without_end_are_harmless() {
    let mut room = room_of_three();
    happen(
        &mut room,
        said(1, "ben", &format!("a{}b", "\u{301}".repeat(20_000))),
    );
    let screen = screen(&room, 60, 8);
    assert!(screen.len() < 4_000, "{} octets", screen.len());
}

#[test]
fn a_sealed_and_mirrored_room_says_so() {
    let mut room = room_of_three();
    room.setting.sealed = true;
    room.setting.mirrored = true;
    // What a member says twice is shown once; the same from elsewhere is somebody else's.
    for from in ["10.0.0.1:7000", "10.0.0.9:7000"] {
        happen(
            &mut room,
            Happening::Raw {
                from: from.parse().unwrap(),
                text: "ben: hi".to_owned(),
            },
        );
    }
    assert_screen(
        &room,
        (70, 7),
        "
         sealed  mirrored raw · 239.1.2.3:12345 via lo
        * ben joined (00000001 at 10.0.0.1:7000)      │ 3 here
        * 초희 joined (00000002 at 10.0.0.2:7000)     │ ana (you)
        10.0.0.9:7000 (raw): ben: hi                  │ ben
                                                      │ 초희
        ── Enter sends · /help for more · Ctrl-C leaves ──────────────────────
        > _
        ",
    );
}

/// What a real group tells, on a network that loses a fifth.
#[test]
fn a_group_that_loses_messages_and_members() {
    let channel = Channel::reliable_ordered(0);
    let config = Config::new("239.1.2.3:12345".parse().unwrap());
    let mut net = SimNet::new(5).with_link(Link::perfect().with_loss(0.2));
    let ana = net.join(config.with_name("ana"));
    let ben = net.join(config.with_name("ben"));
    let mut room = room();
    net.run_for(core::time::Duration::from_secs(2));
    let sequence = net[ana].send(channel, b"who has this?").unwrap();
    for event in net[ana].take_events() {
        room.happened(Happening::of(event, channel, None, MILLIS).unwrap(), now());
    }
    room.tick(later());
    room.said("who has this?".to_owned(), sequence, now());
    let messages = room.history.question(&room.here(), Instant::now()).unwrap();
    net[ana].confirm(messages).unwrap();
    net[ben].send(channel, b"I am here").unwrap();
    net.run_for(core::time::Duration::from_secs(2));
    net.crash(ben);
    net.run_for(core::time::Duration::from_secs(20));
    for event in net[ana].take_events() {
        if let Some(happening) = Happening::of(event, channel, None, MILLIS) {
            room.happened(happening, now());
        }
    }
    let screen = screen(&room, 80, 8);
    for expected in [
        "* ben joined (",
        "ana: who has this? ✓ 1/1",
        "ben: I am here",
        "* ben is lost (",
        "ben lost",
    ] {
        assert!(screen.contains(expected), "no {expected}:\n{screen}");
    }
}
