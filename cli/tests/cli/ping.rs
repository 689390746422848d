//! `groupcast ping`.

use core::time::Duration;

use groupcast::wire::{self, Frame, Header, Hello, Suite};
use groupcast::{MemberId, Name, Session};
use serde_json::Value;

use crate::process::{Ended, Running, command, group, run, stranger};
use crate::sealed::Keys;

/// The lines of `--json`.
fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.iter();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Checks what was measured of a member that was asked so often, and is there.
fn check(line: &Value, asked: u64) {
    assert_eq!(line["event"], "ping");
    assert!(line["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    for way in ["multicast", "unicast"] {
        let way = &line[way];
        assert_eq!(way["asked"], asked, "{line}");
        let answered = way["answered"].as_u64().unwrap();
        assert!((1..=asked).contains(&answered), "{line}");
        let loss = (asked - answered) as f64 * 100.0 / asked as f64;
        assert_eq!(way["loss_percent"].as_f64().unwrap(), loss, "{line}");
        let times = ["min_ms", "p50_ms", "p90_ms", "p99_ms", "max_ms"];
        let times = times.map(|name| way[name].as_f64().unwrap());
        assert!(times.is_sorted() && times[0] > 0.0, "{line}");
    }
}

#[test]
fn one_member_or_all_are_asked_and_no_message_comes_of_it() {
    let group = group(167);
    let ben = Running::joined(group, ["listen", "--name", "ben", "--id", "b"]);
    let cyd = Running::joined(group, ["listen", "--name", "cyd", "--id", "c"]);
    let arguments = ["ping", "--json", "--count", "2"];
    let all = lines(&run(group, arguments).expect(0));
    let names: Vec<_> = all.iter().map(|line| &line["from"]).collect();
    assert_eq!(names, ["ben", "cyd"]);
    all.iter().for_each(|line| check(line, 2));
    for member in ["cyd", "0000000c"] {
        let one = run(group, arguments.iter().chain(&[member])).expect(0);
        let one = lines(&one);
        assert_eq!(one.len(), 1);
        assert_eq!(one[0]["sender"], "0000000c");
        check(&one[0], 2);
    }
    for member in [ben, cyd] {
        let ended = member.interrupted().expect(0);
        let summary = ended.summary();
        for count in ["messages", "gaps", "nacks_sent", "frames_malformed"] {
            assert_eq!(summary.count(count), 0, "{ended:#?}");
        }
    }
}

#[test]
fn in_a_sealed_group_members_answer_whoever_has_the_key() {
    let group = group(168);
    let keys = Keys::new("ping", "kitchen");
    let _ben = Running::joined(group, ["listen", "--name", "ben", "-k", keys.path()]);
    let ping = ["ping", "--json", "--count", "2", "-k", keys.path()];
    let measured = lines(&run(group, ping).expect(0));
    assert_eq!(measured.len(), 1);
    check(&measured[0], 2);
}

#[test]
fn who_is_killed_no_longer_answers() {
    let group = group(169);
    let ben = Running::joined(group, ["listen", "--name", "ben"]);
    let mut ping = Running::joined(group, ["ping", "ben", "--interval", "0.5", "--count", "4"]);
    let first = ping.line();
    assert!(first.starts_with("ben: multicast "), "{first}");
    ben.killed();
    let ended = ping.ended().expect(0);
    let lost = "ben: multicast lost, unicast lost";
    assert!(ended.stdout.iter().any(|line| line == lost), "{ended:#?}");
}

#[test]
fn nobody_is_there_to_be_asked() {
    let group = group(170);
    let ended = run(group, ["ping", "--count", "1"]).expect(3);
    assert!(ended.stderr.contains("nobody is there"), "{ended:#?}");
    let mut impatient = Running::spawn(command(group).arg("ping"));
    impatient.wait_until_joined();
    let ended = impatient.terminated().expect(3);
    assert!(ended.stderr.contains("ended before"), "{ended:#?}");
    run(group, ["ping", "--hidden"]).expect(2);
    run(group, ["ping", "--interval", "0.1"]).expect(2);
}

#[test]
fn what_one_member_is_asked_says_that_it_is_for_one() {
    let group = group(209);
    let eve = stranger();
    eve.set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let ping = Running::start(group, ["ping", "--count", "3", "eve"]);
    // It is asked when it has been heard, and an answer is asked for, too, by PROBE.
    let name = Name::new("eve").unwrap();
    let (mut buffer, mut asked) = ([0; 1500], None);
    for counter in 1..100 {
        let header = Header {
            suite: Suite::Open,
            tag: wire::open_group_tag(group.into(), &Name::EMPTY),
            sender: MemberId::new(0xe).unwrap(),
            session: Session::new(7),
            counter,
        };
        let hello = [Frame::Hello(Hello::new(name))];
        let len = wire::emit(&header, &hello, &mut buffer).unwrap();
        eve.send_to(&buffer[..len], group).unwrap();
        if let Ok((len, _)) = eve.recv_from(&mut buffer) {
            let (header, frames) = wire::parse(&buffer[..len]).unwrap();
            let is_probe = |frame| matches!(frame, Ok(Frame::Hello(Hello { probe: true, .. })));
            asked = Some((header.is_to_one(), frames.into_iter().any(is_probe)));
            break;
        }
    }
    ping.killed();
    assert_eq!(asked, Some((true, true)));
}
