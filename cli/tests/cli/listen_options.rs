//! `groupcast listen`: what is shown, in which form, and what else becomes of it.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::Stdio;

use crate::process::{Running, command, group, run, run_with_input, stranger};
use crate::send::Temporary;
use crate::streams::terminal;

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("groupcast-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// What is in it: names and contents.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(&self.0).unwrap().map(|file| {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            (name, fs::read(file.path()).unwrap())
        });
        let mut files: Vec<_> = files.collect();
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn only_what_is_asked_for_is_shown_and_counted() {
    let group = group(27);
    let wanted = [
        (&["--channel", "3,7"][..], "anathree bobseven"),
        (&["--class", "state,latest"], "bobseven"),
        (&["--from", "ana"], "anazero anathree"),
        (&["--from", "b0b", "--channel", "7"], "bobseven"),
        (
            &["--from", "127.0.0.1", "--no-events"],
            "anazero anathree bobseven raw",
        ),
    ];
    let listeners = wanted.map(|(args, said)| {
        let count = said.split(' ').count().to_string();
        let listen = ["listen", "--json", "--timeout", "60", "--count", &count];
        (
            Running::joined(group, listen.iter().chain(args)),
            args,
            said,
        )
    });
    for send in [
        ["ana", "a", "0", "reliable", "anazero"],
        ["ana", "a", "3", "best-effort", "anathree"],
        ["bob", "b0b", "7", "state", "bobseven"],
    ] {
        let [name, id, channel, class, text] = send;
        let who = ["send", "--name", name, "--id", id];
        let what = ["--channel", channel, "--class", class, text];
        run(group, who.iter().chain(&what)).expect(0);
    }
    stranger().send_to(b"raw", group).unwrap();
    for (listener, args, said) in listeners {
        let ended = listener.ended().expect(0);
        let lines = ended.stdout.iter().map(|line| line.parse().unwrap());
        let lines: Vec<serde_json::Value> = lines.collect();
        let texts: Vec<_> = lines
            .iter()
            .filter_map(|line| line["text"].as_str())
            .collect();
        assert_eq!(texts.join(" "), said, "{args:?}");
        let has_events = lines.iter().any(|line| line["event"] == "joined");
        assert_eq!(has_events, !args.contains(&"--no-events"), "{args:?}");
        if args[..] == ["--from", "ana"] {
            assert!(lines.iter().all(|line| line["from"] == "ana"), "{lines:#?}");
        }
    }
}

#[test]
fn lines_have_the_form_that_is_asked_for() {
    let group = group(28);
    let listen = ["listen", "--count", "1"];
    let formed = listen
        .iter()
        .chain(&["--format", "{from}\\t{channel}\\t{bytes}\\t{text}"]);
    let formed = Running::joined(group, formed);
    let timed = Running::joined(group, listen.iter().chain(&["--time", "--no-events"]));
    run(group, ["send", "--name", "ana", "a\nb"]).expect(0);
    assert_eq!(formed.ended().expect(0).stdout, ["ana\t0\t3\ta\\nb"]);
    let ended = timed.ended().expect(0);
    let [line] = &ended.stdout[..] else {
        panic!("{ended:#?}");
    };
    let digits = line.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(digits, "0000-00-00 00:00:00 ana: a\\nb");
    let ended = run(group, ["listen", "--format", "{txt}"]).expect(2);
    assert!(ended.stderr.contains("there is no {txt}"), "{ended:#?}");
    run(group, ["listen", "--format", "{text}", "--json"]).expect(2);
}

#[test]
fn messages_are_saved_each_in_a_file_of_its_own() {
    let (group, folder) = (group(29), Folder::new("saved"));
    let listen = ["listen", "--json", "--count", "3", "--no-events", "--save"];
    let mut listener = Running::joined(group, listen.iter().chain(&[folder.path()]));
    let large: Vec<u8> = (0..60_000_u32).map(|n| (n % 251) as u8).collect();
    let file = Temporary::new("large.bin", &large);
    run(
        group,
        ["send", "--name", "../../../tmp/eva", "--file", file.path()],
    )
    .expect(0);
    for text in ["one", "two"] {
        run(group, ["send", "--raw", text]).expect(0);
    }
    let told = listener.message();
    // What is large is not told in digits.
    assert_eq!((&told["bytes"], told.get("hex")), (&60_000.into(), None));
    let path = PathBuf::from(told["file"].as_str().unwrap());
    assert_eq!(path.parent(), Some(folder.0.as_path()));
    assert_eq!(fs::read(path).unwrap(), large);
    assert_eq!(listener.message()["text"], "one");
    listener.ended().expect(0);
    let contents: Vec<_> = folder
        .files()
        .into_iter()
        .map(|(_, content)| content)
        .collect();
    assert_eq!(contents, [&large[..], b"one", b"two"]);
    // A file is no folder.
    let ended = run(group, ["listen", "--save", file.path()]).expect(2);
    assert!(
        ended.stderr.contains("cannot make the folder"),
        "{ended:#?}"
    );
}

#[test]
fn a_terminal_is_not_flooded() {
    let group = group(38);
    let (person, programs) = terminal();
    let mut listen = command(group);
    listen.args(["listen", "--count", "2", "--no-events"]);
    let mut listener = Running::spawn(listen.stdout(Stdio::from(programs)));
    // The terminal ends with the last program that has it.
    drop(listen);
    listener.wait_until_joined();
    for (name, content) in [("bin", vec![0xff; 60_000]), ("txt", vec![b'x'; 60_000])] {
        let file = Temporary::new(name, &content);
        run(group, ["send", "--name", "eva", "--file", file.path()]).expect(0);
    }
    listener.ended().expect(0);
    let mut said = Vec::new();
    let _ = fs::File::from(person).read_to_end(&mut said);
    let said = String::from_utf8(said).unwrap();
    assert!(said.starts_with("eva: ffff"), "{said}");
    assert_eq!(
        said.matches("… (60000 bytes; --save DIR keeps them)")
            .count(),
        2
    );
    assert!(said.len() < 5_000, "{} bytes", said.len());
}

#[test]
fn a_command_is_run_for_each_message_and_obeys_nobody_else() {
    let (group, folder) = (group(39), Folder::new("exec"));
    fs::create_dir(&folder.0).unwrap();
    let note = r#"cd "$NOTES" && printf '%s|%s|%s|%s|%s|' "$MESSAGE_FROM" "$MESSAGE_CHANNEL" "$MESSAGE_CLASS" \
                  "$MESSAGE_BYTES" "${MESSAGE_SIGNED_BY-none}" >>notes && cat >>notes && echo >>notes"#;
    let mut listener = command(group);
    listener
        .env("NOTES", folder.path())
        .env("MESSAGE_SIGNED_BY", "from before");
    listener.args(["listen", "--count", "3", "--exec", note]);
    let mut listener = Running::spawn(&mut listener);
    listener.wait_until_joined();
    // What others choose: a name and a text.
    let name = "$(touch a) `touch b`; touch c";
    let text = "$(touch d) '; touch e; '";
    run(group, ["send", "--name", name, "--channel", "3", text]).expect(0);
    run_with_input(group, &["send", "--name", "ana"], b"one\ntwo").expect(0);
    listener.ended().expect(0);
    let said = format!(
        "{name}|3|reliable-ordered|{}|none|{text}\nana|0|reliable-ordered|3|none|one\nana|0|reliable-ordered|3|none|two\n",
        text.len()
    );
    assert_eq!(folder.files(), [("notes".to_owned(), said.into_bytes())]);
}

#[test]
fn a_command_that_fails_is_told_and_those_that_take_long_are_waited_for() {
    let group = group(40);
    let listen = ["listen", "--json", "--count", "4", "--jobs", "4", "--exec"];
    // What it prints does not go between the lines of JSON.
    let command = r#"text=$(cat); sleep 1; echo "done $text"; [ "$text" != two ]"#;
    let mut listener = Running::joined(group, listen.iter().chain(&[command]));
    run_with_input(group, &["send", "--lines"], b"one\ntwo\nthree\nfour").expect(0);
    for text in ["one", "two", "three", "four"] {
        assert_eq!(listener.message()["text"], text);
    }
    let ended = listener.ended().expect(3);
    for told in [
        "done one",
        "done four",
        "1 of 4 commands failed",
        "failed: exit status: 1",
    ] {
        assert!(ended.stderr.contains(told), "{told}: {ended:#?}");
    }
    assert!(
        !ended.stdout.iter().any(|line| line.contains("done")),
        "{ended:#?}"
    );
}
