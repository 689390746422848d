//! A leaf on this machine's sockets, on the loopback interface, beside a member.

use core::time::Duration;

use groupcast::{Channel, Config, Event, Instant, LeafNode};
use groupcast_std::{Member, OwnedEvent, StdStack, wait};

const SECONDS: Duration = Duration::from_secs(60);
const VALUE: Channel = Channel::state(1);
const COMMAND: Channel = Channel::state(2);

#[test]
fn a_leaf_on_real_sockets_says_its_value_takes_a_command_and_leaves() {
    let group = "239.72.1.9:45109".parse().unwrap();
    let lo = || "127.0.0.1".parse().unwrap();
    let stack = StdStack::builder().group(group).interface(lo()).build();
    let seed = [std::process::id() as u8 | 1; 32];
    let mut leaf: LeafNode<StdStack> =
        LeafNode::new(stack.unwrap(), Config::new(group).with_name("leaf"), seed).unwrap();
    // The member runs beside it, and commands when it has heard the value.
    let member = std::thread::spawn(move || {
        let builder = Member::builder(group).name("ana").interface(lo());
        let mut ana = builder.join().unwrap();
        let mut told = Vec::new();
        while told.last().is_none_or(|last: &String| last != "leaf left") {
            let event = ana.events(Duration::from_secs(5)).next();
            let event = event
                .unwrap_or_else(|| panic!("{told:?} {:?}", ana.counters()))
                .unwrap();
            if matches!(&event, OwnedEvent::Message(_)) {
                ana.send_on(COMMAND, b"open").unwrap();
            }
            told.push(event.to_string());
        }
        ana.leave().unwrap();
        told
    });
    let (start, mut heard) = (std::time::Instant::now(), Vec::new());
    let now = || Instant::ZERO + start.elapsed();
    leaf.queue(now(), VALUE, b"21.5").unwrap();
    while !leaf.has_left() {
        assert!(start.elapsed() < SECONDS, "{heard:?}");
        while let Some(event) = leaf.poll(now()).unwrap() {
            if let Event::Message(message) = event {
                heard.push(message.text().unwrap().to_string());
            }
        }
        // By then the member knows its name, whichever of them was there first.
        if !heard.is_empty() && start.elapsed() > Duration::from_secs(3) {
            leaf.leave(now());
        }
        let due = leaf.next_deadline().map_or(SECONDS, |due| now().until(due));
        let (_, group_socket, own_socket) = leaf.parts();
        wait(
            &[group_socket.unwrap(), own_socket],
            due.min(Duration::from_millis(50)),
        )
        .unwrap();
    }
    assert_eq!(heard, ["open"]);
    let told = member.join().unwrap();
    assert!(told.contains(&"leaf joined".to_string()), "{told:?}");
    assert!(told.iter().any(|line| line.ends_with(": 21.5")), "{told:?}");
    leaf.close().unwrap();
}
