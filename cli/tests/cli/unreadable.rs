//! Whoever is in the group and cannot be read is told of, by every command that takes part or listens.
//!
//! How many there are is told by the component's own tests: here, one may come late.

use std::process::Stdio;

use crate::process::{Running, command, group, run};
use crate::sealed::Keys;

const OTHER_KEY: &str = "another key or group name";
const HAVE_A_KEY: &str = "a key, and none is given here";

/// Waits until it says that members are there, and why they cannot be read.
fn await_told(running: &mut Running, why: &str) {
    running.wait_for_stderr_that(|line| {
        line.starts_with("groupcast: ") && line.contains("here ") && line.contains(why)
    });
}

#[test]
fn three_people_with_two_keys_and_none_are_told_of_each_other() {
    let group = group(140);
    let (ours, theirs) = (Keys::new("told-1", ""), Keys::new("told-2", ""));
    let chat = |key: Option<&Keys>| {
        let mut command = command(group);
        command.args(["chat", "--plain", "--name", "ana"]);
        if let Some(key) = key {
            command.args(["-k", key.path()]);
        }
        let mut running = Running::spawn(command.stdin(Stdio::piped()));
        running.wait_until_joined();
        running
    };
    let mut ana = chat(Some(&ours));
    let mut ben = chat(Some(&theirs));
    let mut eva = chat(None);
    await_told(&mut ana, OTHER_KEY);
    await_told(&mut ben, OTHER_KEY);
    await_told(&mut eva, HAVE_A_KEY);
    // Whoever only listens, sends, or asks is told, too.
    let start = |args: &[&str]| Running::joined(group, args);
    for args in [
        &["listen", "-k", ours.path()][..],
        &["members", "--watch", "-k", ours.path()],
        &["top", "--json", "-k", ours.path()],
    ] {
        let mut running = start(args);
        await_told(&mut running, OTHER_KEY);
        running.interrupted().expect(0);
    }
    let alone = Keys::new("told-3", "");
    let reliable = ["--class", "reliable", "--expect", "1", "--timeout", "4"];
    let args = ["send", "hello", "-k", alone.path()];
    let sent = run(group, args.iter().chain(&reliable)).expect(3);
    assert!(sent.stderr.contains(OTHER_KEY), "{sent:#?}");
    let asked = run(group, ["ping", "-k", alone.path()]).expect(3);
    assert!(asked.stderr.contains(OTHER_KEY), "{asked:#?}");
    // Once while it lasts.
    for person in [ana, ben, eva] {
        let said = person.interrupted().expect(0).stderr;
        let told = said.lines().filter(|line| line.contains(" here "));
        // A new reason, or one more: whoever has no key comes last.
        assert!(told.count() <= 2, "{said}");
    }
}

#[test]
fn another_name_is_told_and_one_that_is_the_same_is_not() {
    let group = group(141);
    let mut kitchen = Running::joined(group, ["listen", "--group-name", "kitchen"]);
    let mut cellar = Running::joined(group, ["listen", "--group-name", "cellar"]);
    await_told(&mut kitchen, "another group name");
    await_told(&mut cellar, "another group name");
    kitchen.interrupted().expect(0);
    let mut other = Running::joined(
        group,
        ["members", "--watch", "--json", "--group-name", "cellar"],
    );
    other.event("joined");
    let said = other.interrupted().expect(0).stderr;
    assert!(!said.contains("another"), "{said}");
}
