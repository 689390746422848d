//! A small device in the group that takes no reliable messages, as it says in HELLO (PROTOCOL E3).

use core::net::SocketAddrV4;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use groupcast::wire::{Frame, Header, Hello, Suite, emit, open_group_tag};
use groupcast::{MemberId, Name, Session};
use serde_json::{Value, json};

use crate::process::{Running, group, run, run_with_input, stranger};

/// A lamp, which says that it is there and nothing else, until it is dropped.
struct Lamp {
    is_off: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Lamp {
    fn in_group(group: SocketAddrV4) -> Self {
        let is_off = Arc::new(AtomicBool::new(false));
        let ends = is_off.clone();
        let socket = stranger();
        let thread = thread::spawn(move || {
            let hello = Frame::Hello(Hello {
                capabilities: Hello::NO_STREAMS,
                max_datagram: 513,
                interval: 6_000,
                ..Hello::new(Name::new("lamp").unwrap())
            });
            for counter in 1.. {
                let header = Header {
                    suite: Suite::Open,
                    tag: open_group_tag(group.into(), &Name::EMPTY),
                    sender: MemberId::new(0x1a39).unwrap(),
                    session: Session::new(7),
                    counter,
                };
                let mut datagram = [0; 512];
                let len = emit(&header, &[hello], &mut datagram).unwrap();
                socket.send_to(&datagram[..len], group).unwrap();
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                thread::sleep(Duration::from_millis(50));
            }
        });
        Self {
            is_off,
            thread: Some(thread),
        }
    }
}

impl Drop for Lamp {
    fn drop(&mut self) {
        self.is_off.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

fn last(lines: &[String]) -> Value {
    serde_json::from_str(lines.last().unwrap()).unwrap()
}

fn names(who: &Value) -> Vec<&str> {
    let who = who.as_array().unwrap().iter();
    who.map(|it| it["from"].as_str().unwrap()).collect()
}

#[test]
fn nobody_waits_for_a_member_that_takes_no_reliable_messages() {
    let group = group(82);
    let _lamp = Lamp::in_group(group);
    let send = |class: &str| {
        let began = Instant::now();
        let sent = run(group, ["send", "--json", "--class", class, "on"]).expect(0);
        // It would be given four seconds, and silent ones two.
        assert!(began.elapsed() < Duration::from_secs(3), "{sent:#?}");
        sent
    };
    // Nobody takes it, and that is said.
    let sent = send("reliable-ordered");
    assert_eq!(names(&last(&sent.stdout)["takes_none"]), ["lamp"]);
    let said = "sent; nobody confirms it here; lamp takes no reliable messages";
    assert!(sent.stderr.contains(said), "{sent:#?}");
    let _ana = Running::joined(group, ["listen", "--name", "ana"]);
    for class in ["reliable-ordered", "state"] {
        let sent = send(class);
        let line = last(&sent.stdout);
        assert_eq!(names(&line["confirmed"]), ["ana"], "{line}");
        assert_eq!(names(&line["takes_none"]), ["lamp"]);
        assert_eq!(
            (&line["silent"], &line["lacking"]),
            (&json!([]), &json!([]))
        );
    }
    // Who is expected is one who takes it.
    run(
        group,
        ["send", "--class", "reliable-ordered", "--expect", "1", "on"],
    )
    .expect(0);
    let line = br#"{"text":"on","class":"reliable","confirm":true}"#;
    let piped = run_with_input(group, &["pipe", "--json"], line).expect(0);
    let is_confirmed = |line: &String| line.contains(r#""event":"confirmed""#);
    assert!(piped.stdout.iter().any(is_confirmed), "{piped:#?}");
}

#[test]
fn the_roster_says_who_takes_no_reliable_messages() {
    let group = group(83);
    let _lamp = Lamp::in_group(group);
    let _ana = Running::joined(group, ["listen", "--name", "ana"]);
    for command in ["members", "top"] {
        let ended = run(group, [command, "--json", "--timeout", "2"]).expect(0);
        let lines = ended
            .stdout
            .iter()
            .map(|line| serde_json::from_str(line).unwrap());
        let members = lines.filter(|line: &Value| line["event"] == "member");
        let mut said: Vec<_> = members
            .map(|line| (line["from"].to_string(), line["takes_reliable"].clone()))
            .collect();
        said.sort_by_key(|(from, _)| from.clone());
        said.dedup();
        let ana_and_lamp = [r#""ana""#, r#""lamp""#].map(str::to_owned);
        let takes = [json!(true), json!(false)];
        let expected: Vec<_> = ana_and_lamp.into_iter().zip(takes).collect();
        assert_eq!(said, expected, "{command}: {ended:#?}");
    }
    // A member with the memory of such a device is one.
    let small = ["listen", "--name", "small", "--storage", "tiny-peer"];
    let _small = Running::joined(group, small);
    let ended = run(group, ["members", "--timeout", "2"]).expect(0);
    let of = |name: &str| {
        let line = ended.stdout.iter().find(|line| line.starts_with(name));
        line.and_then(|line| line.split("present").nth(1)).unwrap()
    };
    assert_eq!(of("ana").trim(), "all");
    assert_eq!(of("small").trim(), "values, 513 bytes");
    let lamp = ended.stdout.iter().find(|line| line.starts_with("lamp"));
    let lamp = lamp.map(|line| line.trim_end());
    assert!(lamp.unwrap().ends_with("present  values, 513 bytes"));
}
