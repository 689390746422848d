//! What a person does at the screen: looks for something, looks back, types.

use super::*;

#[test]
fn something_is_looked_for() {
    let mut room = room_of_three();
    for n in 0..30 {
        happen(&mut room, said(1, "ben", &format!("line {n}")));
    }
    let size = (50, 8);
    let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
    room.key(control('r'), 5, |_, _| 1);
    for c in "LINE 2".chars() {
        press(&mut room, KeyCode::Char(c), size);
    }
    let found = screen(&room, 50, 8);
    assert!(
        found.contains("── search: LINE 2 · Ctrl-R older"),
        "{found}"
    );
    assert!(
        found.contains("line 29") && room.input.text().is_empty(),
        "{found}"
    );
    for _ in 0..10 {
        room.key(control('r'), 5, |_, _| 1);
    }
    let found = screen(&room, 50, 8);
    assert!(
        found.contains("ben: line 2\n") && !found.contains("line 3"),
        "{found}"
    );
    press(&mut room, KeyCode::Down, size);
    assert!(screen(&room, 50, 8).contains("ben: line 20\n"));
    press(&mut room, KeyCode::Char('x'), size);
    assert!(
        !screen(&room, 50, 8).contains("not found"),
        "what was found stays"
    );
    press(&mut room, KeyCode::Enter, size);
    let stays = screen(&room, 50, 8);
    assert!(
        stays.contains("ben: line 20\n") && stays.contains("9 more below"),
        "{stays}"
    );
    room.key(control('r'), 5, |_, _| 1);
    press(&mut room, KeyCode::Char('?'), size);
    assert!(screen(&room, 60, 8).contains("(not found)"));
    press(&mut room, KeyCode::Esc, size);
    assert!(screen(&room, 50, 8).contains("line 29"));
}

#[test]
fn the_members_can_be_hidden() {
    let mut room = room_of_three();
    let size = (100, 8);
    assert!(screen(&room, 100, 8).contains("│ 초희"));
    press(&mut room, KeyCode::F(2), size);
    let hidden = screen(&room, 100, 8);
    assert!(
        !hidden.contains('│') && hidden.contains("3 here"),
        "{hidden}"
    );
    press(&mut room, KeyCode::F(2), size);
    assert!(screen(&room, 100, 8).contains("│ 초희"));
}

#[test]
fn a_mention_is_noticed_once_and_the_past_is_none() {
    let mut room = new_room();
    room.happened(said(1, "ben", "hello ana"), now());
    assert!(!room.take_mention(), "it is not shown yet");
    let told = Said {
        stated: Some(0),
        teller: Some(who(2, "cho")),
        ..line(3, "dev", "ana?")
    };
    room.told(vec![told], now().at);
    room.end_gathering(&BTreeSet::new(), now());
    assert!(!room.take_mention(), "all of that was said before");
    happen(&mut room, said(1, "ben", "a banana"));
    assert!(!room.take_mention());
    happen(&mut room, said(1, "ben", "Ana!"));
    assert!(room.take_mention() && !room.take_mention());
}

#[test]
fn many_lines_are_said_as_many() {
    let mut room = room();
    room.input.paste("one\ntwo\n\nthree");
    assert_screen(
        &room,
        (60, 5),
        "
         open  239.1.2.3:12345 via lo
                                            │ 1 here
                                            │ ana (you)
        ── Enter sends 3 messages · Ctrl-U deletes them ────────────
        > one␤two␤␤three_
        ",
    );
    let wish = press(&mut room, KeyCode::Enter, (60, 5));
    assert_eq!(wish, Wish::Say("one␤two␤␤three".to_owned()));
}

#[test]
fn one_looks_back_and_returns() {
    let mut room = room_of_three();
    for n in 0..20 {
        happen(&mut room, said(1, "ben", &format!("message {n}")));
    }
    let size = (40, 8);
    press(&mut room, KeyCode::PageUp, size);
    happen(&mut room, said(1, "ben", "what comes does not move it"));
    assert_screen(
        &room,
        size,
        "
         open  3 here · 239.1.2.3:12345 via lo
        ben: message 11
        ben: message 12
        ben: message 13
        ben: message 14
        ben: message 15
        ── 5 more below: PgDn ──────────────────
        > _
        ",
    );
    for _ in 0..9 {
        press(&mut room, KeyCode::PageUp, size);
    }
    assert_screen(
        &room,
        size,
        "
         open  3 here · 239.1.2.3:12345 via lo
        * ben joined (00000001 at 10.0.0.1:7000)
        * 초희 joined (00000002 at
          10.0.0.2:7000)
        ben: message 0
        ben: message 1
        ── 19 more below: PgDn ─────────────────
        > _
        ",
    );
    for _ in 0..9 {
        press(&mut room, KeyCode::PageDown, size);
    }
    assert_screen(
        &room,
        size,
        "
         open  3 here · 239.1.2.3:12345 via lo
        ben: message 16
        ben: message 17
        ben: message 18
        ben: message 19
        ben: what comes does not move it
        ── Enter sends · /help for more · Ctrl-…
        > _
        ",
    );
}

#[test]
fn what_is_typed_is_said() {
    let mut room = room();
    let size = (40, 6);
    for c in "hello 한".chars() {
        press(&mut room, KeyCode::Char(c), size);
    }
    press(&mut room, KeyCode::Backspace, size);
    press(&mut room, KeyCode::Char('👋'), size);
    assert_eq!(
        press(&mut room, KeyCode::Enter, size),
        Wish::Say("hello 👋".to_owned())
    );
    assert_eq!(
        press(&mut room, KeyCode::Enter, size),
        Wish::None,
        "nothing to say"
    );
    room.not_said("too much".to_owned(), "not sent: it is too long");
    assert_screen(
        &room,
        size,
        "
         open  1 here · 239.1.2.3:12345 via lo
        ! not sent: it is too long


        ── Enter sends · /help for more · Ctrl-…
        > too much_
        ",
    );
    let key = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
    assert_eq!(
        room.key(key('d'), 1, |_, _| 1),
        Wish::None,
        "something is typed"
    );
    // What is half written is not left by one key.
    assert_eq!(room.key(key('c'), 1, |_, _| 1), Wish::None);
    assert!(screen(&room, 60, 6).contains("Ctrl-C again leaves, without"));
    assert_eq!(room.key(key('e'), 1, |_, _| 1), Wish::None);
    assert!(screen(&room, 60, 6).contains("Enter sends"));
    assert_eq!(room.key(key('c'), 1, |_, _| 1), Wish::None);
    assert_eq!(room.key(key('c'), 1, |_, _| 1), Wish::Leave);
    assert_eq!(room.key(key('u'), 1, |_, _| 1), Wish::None);
    assert_eq!(room.key(key('d'), 1, |_, _| 1), Wish::Leave);
    assert_eq!(room.key(key('c'), 1, |_, _| 1), Wish::Leave);
}
