//! `groupcast demo`.

use std::time::Instant;

use crate::process::{PATIENCE, Running, group, run};

#[test]
fn the_demo_does_the_tutorials_job() {
    let group = group(1);
    let started = Instant::now();
    let ended = run(group, ["demo"]).expect(0);
    assert!(started.elapsed() < PATIENCE);
    let expected = [
        format!("Listening for messages from multicast group {group}"),
        "Message sent: Hello, multicast!".to_owned(),
        "Received message: Hello, multicast!".to_owned(),
    ];
    assert_eq!(ended.stdout.len(), expected.len(), "{ended:#?}");
    for (line, expected) in ended.stdout.iter().zip(expected) {
        assert!(line.starts_with(&expected), "{line}");
    }
    let start = ended.stderr.lines().next().unwrap();
    for part in ["via lo", "(127.0.0.1)", "MTU", "hop limit 1", "id "] {
        assert!(
            cfg!(not(target_os = "linux")) || start.contains(part),
            "{start}"
        );
    }
}

#[test]
fn the_demo_is_not_disturbed_by_others() {
    let group = group(2);
    let mut listener = Running::joined(group, ["listen", "--json"]);
    let demos: Vec<_> = (0..4).map(|_| Running::start(group, ["demo"])).collect();
    for demo in demos {
        let ended = demo.ended().expect(0);
        assert_eq!(ended.stdout.len(), 3, "{ended:#?}");
    }
    for _ in 0..4 {
        let message = listener.event("message");
        assert_eq!(message["text"], "Hello, multicast!");
        assert_eq!(message["from"], "sender");
    }
}
