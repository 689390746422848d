//! Who has what was sent, as the sender is told.

use core::time::Duration;

use groupcast::{Channel, Sequence};

use crate::hub::{Hub, config};

const COMMANDS: Channel = Channel::reliable_ordered(1);

/// A sender and two receivers that know each other.
fn three() -> Hub {
    let small = config("ana").with_max_datagram(512);
    let mut hub = Hub::new([small, config("bo"), config("cem")]);
    hub.run(Duration::from_secs(2));
    for n in 0..3 {
        hub.log(n);
    }
    hub
}

fn send(hub: &mut Hub, payload: &[u8]) -> Sequence {
    let now = hub.now;
    hub.group(0).queue(now, COMMANDS, payload).unwrap()
}

/// Who has the messages from `first` to `last`, one second later.
fn confirmed(hub: &mut Hub, first: Sequence, last: Sequence) -> Vec<String> {
    let now = hub.now;
    hub.group(0).confirm(now, first.to(last)).unwrap();
    hub.run(Duration::from_secs(1));
    let mut names: Vec<_> = hub
        .log(0)
        .into_iter()
        .filter(|line| line.starts_with("Confirmed"))
        .map(|line| if line.contains("\"bo\"") { "bo" } else { "cem" }.to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn everybody_who_has_a_message_confirms_it_once() {
    let mut hub = three();
    let sequence = send(&mut hub, b"valve 3 open");
    assert_eq!(confirmed(&mut hub, sequence, sequence), ["bo", "cem"]);
    let again = confirmed(&mut hub, sequence, sequence);
    assert_eq!(again, ["bo", "cem"], "asked again, they answer again");
}

/// PROTOCOL S13.
#[test]
fn a_message_in_fragments_is_confirmed_when_all_of_them_are_there() {
    let mut hub = three();
    let first = send(&mut hub, b"before");
    let sequence = send(&mut hub, &[7; 640]);
    let after = send(&mut hub, b"after");
    assert!(sequence.to(after).len() > 2, "it has several fragments");
    hub.cut_off = vec![2];
    // Only the first datagram, with the first fragment, reaches cem.
    let mut buffer = [0; 1472];
    let now = hub.now;
    let transmit = hub
        .group(0)
        .poll_transmit(now, &mut buffer)
        .unwrap()
        .unwrap();
    hub.cut_off.clear();
    hub.deliver(0, transmit.to, &buffer[..transmit.len]);
    hub.cut_off = vec![2];
    assert_eq!(confirmed(&mut hub, first, sequence), ["bo"]);
    hub.cut_off.clear();
    assert_eq!(confirmed(&mut hub, first, sequence), ["cem"]);
}

/// PROTOCOL S13.
#[test]
fn whoever_lost_a_message_does_not_confirm_it() {
    let mut hub = three();
    hub.cut_off = vec![2];
    let lost = send(&mut hub, b"lost");
    hub.run(Duration::from_millis(1));
    // So much that the sender cannot repair the first message any more.
    for _ in 0..10 {
        send(&mut hub, &[1; 400]);
        hub.run(Duration::from_millis(1));
    }
    hub.cut_off.clear();
    let kept = send(&mut hub, b"kept");
    hub.run(Duration::from_secs(1));
    assert!(hub.log(2).iter().any(|line| line.starts_with("Gap")));
    let lacking = |hub: &mut Hub| {
        let group = hub.group(0);
        let members = group.peers().filter(|member| group.lacks(member.id()));
        members
            .map(|member| member.name().to_string())
            .collect::<Vec<_>>()
    };
    assert!(lacking(&mut hub).is_empty(), "nobody was asked");
    assert_eq!(confirmed(&mut hub, lost, kept), ["bo"]);
    assert_eq!(lacking(&mut hub), ["cem"]);
    assert_eq!(confirmed(&mut hub, kept, kept), ["bo", "cem"]);
    // From the later to the earlier one is the same question.
    assert_eq!(confirmed(&mut hub, kept, lost), ["bo"]);
}

/// PROTOCOL S13.
#[test]
fn whoever_came_later_does_not_confirm_what_was_sent_before() {
    let mut hub = three();
    let early = send(&mut hub, b"early");
    hub.run(Duration::from_secs(1));
    hub.add(config("dee"));
    hub.run(Duration::from_secs(2));
    let late = send(&mut hub, b"late");
    let now = hub.now;
    hub.group(0).confirm(now, early.to(late)).unwrap();
    hub.run(Duration::from_secs(1));
    let log = hub.log(0);
    assert!(log.iter().any(|line| line == "dee joined"), "{log:?}");
    assert_eq!(
        log.iter()
            .filter(|line| line.starts_with("Confirmed"))
            .count(),
        2,
        "{log:?}"
    );
    hub.group(0).confirm(now, late).unwrap();
    hub.run(Duration::from_secs(1));
    let log = hub.log(0);
    assert_eq!(
        log.iter()
            .filter(|line| line.starts_with("Confirmed"))
            .count(),
        3,
        "{log:?}"
    );
}
