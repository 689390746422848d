//! `groupcast chat` on a terminal: what is typed there, what it shows, and that it is as before afterwards.

use core::net::SocketAddrV4;
use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::process::{Ended, PATIENCE, Running, command, group, run, stranger};
use crate::sealed::Keys;
use crate::streams::terminal;

/// Gives the screen back.
const LEAVES_SCREEN: &str = "\u{1b}[?1049l";
const SHOWS_CURSOR: &str = "\u{1b}[?25h";

/// A terminal with a person at it.
struct Terminal {
    keyboard: File,
    /// The end that programs have.
    other: File,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn new() -> Self {
        let (master, other) = terminal();
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&other, size).unwrap();
        let keyboard = File::from(master);
        let mut from = keyboard.try_clone().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = from.read(&mut buffer) {
                if sender.send(buffer[..len].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            keyboard,
            other: File::from(other),
            output,
            seen: String::new(),
        }
    }

    /// Starts a chat on it.
    fn chat(&self, group: SocketAddrV4, name: &str, args: &[&str]) -> Running {
        let end = || Stdio::from(self.other.try_clone().unwrap());
        let mut command = command(group);
        command.args(["chat", "--name", name]).args(args);
        command.env("TERM", "xterm").stdin(end()).stdout(end());
        Running::spawn(&mut command)
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until this word was written since it was waited for last. Returns what was written before.
    fn shows(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(octets) => self.seen += &String::from_utf8_lossy(&octets),
                Err(RecvTimeoutError::Timeout) => panic!("no {text:?} in {:?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => panic!("the terminal is gone"),
            }
        }
        let at = self.seen.find(text).unwrap();
        let after = self.seen.split_off(at + text.len());
        core::mem::replace(&mut self.seen, after)
    }

    /// Whether this was written, as far as one sees now.
    fn has_shown(&mut self, text: &str) -> bool {
        while let Ok(octets) = self.output.try_recv() {
            self.seen += &String::from_utf8_lossy(&octets);
        }
        self.seen.contains(text)
    }

    /// Whether it edits lines and shows what is typed, as for a shell.
    fn is_as_before(&self) -> bool {
        let shell = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        let modes = tcgetattr(&self.other).unwrap().local_modes;
        modes.contains(shell)
    }
}

#[test]
fn a_person_chats_on_a_terminal() {
    let group = group(123);
    let mut terminal = Terminal::new();
    let ana = terminal.chat(group, "ana", &[]);
    terminal.shows("open");
    assert!(!terminal.is_as_before());
    let mut ben = Running::joined(group, ["listen", "--name", "ben"]);
    terminal.shows("joined");
    terminal.types("안녕, ben!\r");
    // It may be heard before it is known who says it.
    while !ben.line().ends_with(": 안녕, ben!") {}
    terminal.shows("✓ 1/1");
    stranger().send_to(b"anybody?", group).unwrap();
    terminal.shows("(raw): ");
    terminal.shows("anybody?");
    // Ctrl-C is a key like any other, and leaves, but not at once while something is half written.
    terminal.types("half written\u{3}");
    terminal.shows("again leaves");
    terminal.types("\u{3}");
    terminal.shows(LEAVES_SCREEN);
    terminal.shows(SHOWS_CURSOR);
    let ended = ana.ended().expect(0);
    assert!(
        ended.stderr.contains("not sent: half written"),
        "{ended:#?}"
    );
    assert!(terminal.is_as_before());
    while !ben.line().starts_with("* ana left ") {}
}

#[test]
fn lines_that_are_pasted_are_said_as_lines_and_a_mention_rings() {
    let group = group(118);
    let mut terminal = Terminal::new();
    let ana = terminal.chat(group, "ana", &[]);
    terminal.shows("open");
    let mut ben = Running::joined(group, ["listen", "--name", "ben"]);
    // What ana says before is said by a number.
    while !ben.line().starts_with("* ana joined ") {}
    let pasted = |text: &str| format!("\u{1b}[200~{text}\u{1b}[201~\r");
    terminal.types(&pasted("one\rtwo\r"));
    // Of lines that are not only said, none is.
    terminal.types(&pasted("three\r/quit\r"));
    terminal.shows("line 2 of 2");
    terminal.types("\u{15}four\r");
    let said = |ben: &mut Running| loop {
        let line = ben.line();
        if !line.starts_with('*') {
            break line;
        }
    };
    for line in ["ana: one", "ana: two", "ana: four"] {
        assert_eq!(said(&mut ben), line);
    }
    terminal.shows("four");
    // What is said as one comes may have been said before, and does not ring.
    let rings = |terminal: &mut Terminal| {
        run(group, ["send", "--name", "ben", "well, Ana?"]).expect(0);
        terminal.has_shown("\u{7}")
    };
    assert!((0..20).any(|_| rings(&mut terminal)));
    ana.interrupted().expect(0);
}

#[test]
fn the_terminal_is_given_back_whatever_ends_the_chat() {
    let ends: [fn(Running) -> Ended; 2] = [Running::interrupted, Running::terminated];
    for end in ends {
        let mut terminal = Terminal::new();
        let chat = terminal.chat(group(124), "ana", &[]);
        terminal.shows("open");
        assert!(!terminal.is_as_before());
        end(chat).expect(0);
        terminal.shows(LEAVES_SCREEN);
        terminal.shows(SHOWS_CURSOR);
        assert!(terminal.is_as_before());
    }
}

#[test]
fn what_is_said_is_mirrored_for_other_programs_if_asked_for() {
    let group = group(125);
    let (mut terminal, mut other) = (Terminal::new(), Terminal::new());
    let ana = terminal.chat(group, "ana", &["--mirror"]);
    terminal.shows("mirrored raw");
    let ben = other.chat(group, "ben", &[]);
    let mut listener = Running::joined(group, ["listen", "--name", "cho"]);
    for _ in 0..2 {
        terminal.shows("joined");
        other.shows("joined");
    }
    while !listener.line().starts_with("* ana joined ") {}
    terminal.types("hello\r");
    let mut said = Vec::new();
    while said.len() < 2 {
        let line = listener.line();
        if !line.starts_with('*') {
            said.push(line);
        }
    }
    said.sort_by_key(|line| line.contains(" (raw): ana: hello"));
    assert!(said[0].ends_with("ana: hello"), "{said:#?}");
    assert!(said[1].ends_with(" (raw): ana: hello"), "{said:#?}");
    // On the screen it is there once.
    stranger().send_to(b"finis", group).unwrap();
    let before = other.shows("finis");
    assert_eq!(before.matches("hello").count(), 1, "{before}");
    for end in [ana, ben] {
        end.interrupted().expect(0);
    }
    // In a sealed group it would give away what is said.
    let args = ["chat", "--mirror", "--key-file", "none.keys"];
    let refused = run(group, args).expect(2);
    assert!(refused.stderr.contains("raw"), "{refused:#?}");
}

#[test]
fn who_cannot_be_read_is_told_of_on_the_screen() {
    let group = group(142);
    let keys = Keys::new("screen", "");
    let sealed = Running::joined(group, ["listen", "--key-file", keys.path()]);
    let mut terminal = Terminal::new();
    let ana = terminal.chat(group, "ana", &[]);
    // Words: blanks that are there already are not drawn.
    for word in ["has", "key,", "none", "given"] {
        terminal.shows(word);
    }
    terminal.types("\u{3}");
    ana.ended().expect(0);
    sealed.interrupted().expect(0);
}
