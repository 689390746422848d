//! Applications on simulated members: when they are called, and what a test that fails leaves behind.

use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use groupcast::{
    Application, Channel, Config, Desktop, Endpoint, Event, Instant, OwnedEvent, Tiny,
};
use groupcast_sim::{HostId, Link, MemberKey, Network, SimNet};

use crate::TO_GROUP;

const TICKS: Channel = Channel::reliable_ordered(1);
const PERIOD: Duration = Duration::from_millis(1_500);

/// Says something every period of its own clock, and notes when it was called.
#[derive(Debug, Default)]
struct Metronome {
    next: Option<Instant>,
    ticks: Vec<Instant>,
}

impl Application for Metronome {
    fn on_event(&mut self, _: Instant, _: &Event<'_>) {}

    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        let next = self.next.get_or_insert(now);
        if *next <= now {
            *next += PERIOD;
            self.ticks.push(now);
            let _ = endpoint.queue(TICKS, b"tick");
        }
        self.next
    }
}

/// Answers every message at once.
#[derive(Debug, Default)]
struct Echo {
    heard: u32,
    said: u32,
}

impl Application for Echo {
    fn on_event(&mut self, _: Instant, event: &Event<'_>) {
        self.heard += u32::from(matches!(event, Event::Message(_)));
    }

    fn act(&mut self, _: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        while self.said < self.heard && endpoint.queue(TICKS, b"heard").is_ok() {
            self.said += 1;
        }
        None
    }
}

fn config(name: &str) -> Config {
    Config::new(TO_GROUP).with_name(name)
}

/// When messages came, in the network's time.
fn times(net: &mut SimNet, key: MemberKey) -> Vec<Instant> {
    let events = net[key].take_timed_events();
    let messages = events
        .into_iter()
        .filter(|(_, event)| event.to_string().contains("tick"));
    messages.map(|(at, _)| at).collect()
}

#[test]
fn an_application_acts_at_the_moment_that_it_asked_for() {
    let mut net = SimNet::new(1);
    let (clock, ear) = (net.join(config("clock")), net.join(config("ear")));
    let app = net.host_app(clock, Metronome::default);
    net.run_for(Duration::from_secs(60));
    // Its clock has the same speed as the network's, from another beginning.
    let ticks = &net[app].ticks;
    assert_eq!(ticks.len(), 41);
    for pair in ticks.windows(2) {
        assert_eq!(pair[1].since(pair[0]), PERIOD);
    }
    for pair in times(&mut net, ear).windows(2) {
        let error = pair[1].since(pair[0]).abs_diff(PERIOD);
        assert!(error < Duration::from_millis(3), "{pair:?}");
    }
}

#[test]
fn a_clock_that_is_fast_makes_its_application_early() {
    let mut net = SimNet::new(2);
    let clock = net.join(config("clock"));
    let app = net.host_app(clock, Metronome::default);
    net[clock].set_clock_drift(200_000);
    // 73.2 seconds of its own.
    net.run_for(Duration::from_secs(61));
    assert_eq!(net[app].ticks.len(), 49);
}

#[test]
fn an_answer_leaves_at_once() {
    let mut net = SimNet::new(3);
    let (asker, echo) = (net.join(config("asker")), net.join(config("echo")));
    let app = net.host_app(echo, Echo::default);
    net.run_for(Duration::from_secs(2));
    net[asker].send(TICKS, b"once").unwrap();
    net.run_for(Duration::from_millis(10));
    assert_eq!(net[app].said, 1);
    assert_eq!(net[asker].last(TICKS), Some(&b"heard"[..]));
}

#[test]
fn a_member_that_starts_again_has_an_application_that_remembers_nothing() {
    let mut net = SimNet::new(4);
    let clock = net.join(config("clock"));
    let app = net.host_app(clock, Metronome::default);
    net.run_for(Duration::from_secs(10));
    assert_eq!(net[app].ticks.len(), 7);
    net.crash(clock);
    net.run_for(Duration::from_secs(10));
    assert_eq!(net[app].ticks.len(), 7, "while it is down it does nothing");
    net.restart(clock);
    net.run_for(Duration::from_secs(1));
    assert_eq!(net[app].ticks.len(), 1);
}

#[test]
fn a_member_that_stands_still_does_not_act() {
    let mut net = SimNet::new(5);
    let clock = net.join(config("clock"));
    let app = net.host_app(clock, Metronome::default);
    net.run_for(Duration::from_secs(1));
    net[clock].pause();
    net.run_for(Duration::from_secs(10));
    assert_eq!(net[app].ticks.len(), 1);
    net[clock].resume();
    net.run_for(Duration::from_millis(1));
    assert_eq!(
        net[app].ticks.len(),
        8,
        "it makes up for it as soon as it can"
    );
}

/// Leaves after ten ticks.
#[derive(Default)]
struct Guest {
    ticks: u32,
}

impl Application for Guest {
    fn on_event(&mut self, _: Instant, _: &Event<'_>) {}

    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        self.ticks += 1;
        if self.ticks == 10 {
            endpoint.leave();
        }
        Some(now + PERIOD)
    }
}

#[test]
fn an_application_that_leaves_is_not_called_any_more() {
    let mut net = SimNet::new(5);
    let (guest, host) = (net.join(config("guest")), net.join(config("host")));
    let app = net.host_app(guest, Guest::default);
    assert!(net.run_until(Duration::from_secs(60), |net| !net[guest].is_running()));
    assert!(net.now() < Instant::from_secs(60));
    let ticks = net[app].ticks;
    net.run_for(Duration::from_secs(60));
    assert_eq!(net[app].ticks, ticks);
    assert!(net[host].peer_names().is_empty());
    let left = |event: &OwnedEvent| event.to_string() == "guest left";
    assert!(net[host].events().iter().any(left));
    net.restart(guest);
    net.run_for(Duration::from_secs(1));
    assert!(net[guest].is_running() && net[app].ticks < 10);
}

#[test]
fn members_of_one_net_have_memories_of_different_sizes() {
    let mut net = SimNet::new(6).with_memory::<Tiny>();
    let small = net.join(config("small"));
    let large = net.join_with::<Desktop>(config("large"));
    let again = net.join(config("again"));
    let most = |key: MemberKey| net[key].max_message(TICKS.class());
    assert_eq!(most(small), most(again));
    assert!(most(small) < most(large), "{} {}", most(small), most(large));
}

/// A test of this file that fails on purpose, in a process of its own.
fn test_that_fails(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .arg(format!("applications::{name}"))
        .args(["--exact", "--ignored", "--nocapture"])
        .env_remove("GROUPCAST_SIM_DIR")
        .env_remove("GROUPCAST_SIM_SEED");
    command
}

/// Runs it. Returns what it says.
fn said_by(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs the test below, with the variable of the seed or without. Returns what it says, and the captures that it leaves.
fn failure(name: &str, seed: Option<&OsStr>) -> (String, Vec<Vec<u8>>) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir(&directory).unwrap();
    let mut command = test_that_fails("fails_on_purpose");
    command.env("GROUPCAST_SIM_DIR", &directory);
    if let Some(seed) = seed {
        command.env("GROUPCAST_SIM_SEED", seed);
    }
    let said = said_by(command);
    let captures = std::fs::read_dir(&directory).unwrap();
    let captures = captures.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let captures = captures.collect();
    std::fs::remove_dir_all(&directory).unwrap();
    (said, captures)
}

#[test]
#[ignore = "it fails on purpose: others here run it"]
fn fails_on_purpose() {
    let mut net = SimNet::from_env(42)
        .with_link(Link::lan().with_loss(0.5))
        .with_capture_of_failures();
    let (clock, _) = (net.join(config("clock")), net.join(config("ear")));
    net.host_app(clock, Metronome::default);
    net.run_for(Duration::from_secs(20));
    panic!("on purpose");
}

#[test]
fn a_test_that_fails_says_seed_and_time_and_leaves_a_capture() {
    let (said, captures) = failure("failure", None);
    assert!(said.contains("on purpose"), "{said}");
    assert!(said.contains("seed 42, after 20s"), "{said}");
    assert!(said.contains("groupcast-sim-42-"), "{said}");
    let [capture] = &captures[..] else {
        panic!("{} captures", captures.len());
    };
    assert_eq!(
        capture[..4],
        [0x0a, 0x0d, 0x0d, 0x0a],
        "it is a pcapng file"
    );
    let has = |text: &[u8]| capture.windows(text.len()).any(|part| part == text);
    assert!(has(b"tick") && has(b"lost"), "what was lost is marked");
}

#[test]
fn the_seed_may_come_from_the_environment() {
    let (said, _) = failure("seed", Some(OsStr::new("7")));
    assert!(said.contains("seed 7, after 20s"), "{said}");
    let (said, captures) = failure("no-seed", Some(OsStr::new("seven")));
    assert!(said.contains("GROUPCAST_SIM_SEED is \"seven\""), "{said}");
    assert!(captures.is_empty());
}

#[cfg(unix)]
#[test]
fn a_seed_that_is_no_text_is_refused_too() {
    use std::os::unix::ffi::OsStrExt as _;
    let (said, _) = failure("odd-seed", Some(OsStr::from_bytes(b"7\xff")));
    assert!(said.contains("GROUPCAST_SIM_SEED is \"7"), "{said}");
}

#[test]
fn where_no_capture_can_be_written_is_said() {
    let nowhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-there");
    let mut command = test_that_fails("fails_on_purpose");
    command.env("GROUPCAST_SIM_DIR", &nowhere);
    let said = said_by(command);
    let path = nowhere.join("groupcast-sim-42-");
    assert!(said.contains(path.to_str().unwrap()), "{said}");
    assert!(said.contains("GROUPCAST_SIM_DIR"), "{said}");
}

/// What nobody should do.
type Misuse = (&'static str, fn(&mut SimNet));

const MISUSES: [Misuse; 11] = [
    ("another SimNet", |net| net.crash(foreign())),
    ("another SimNet", |net| net.restart(foreign())),
    ("another SimNet", |net| drop(net[foreign()].peer_names())),
    ("another SimNet", |net| net[foreign()].leave()),
    ("another SimNet", |net| {
        net.host_app(foreign(), Echo::default);
    }),
    ("another network", |net| {
        net.join_on(foreign_host(), config("x"));
    }),
    ("another network", |net| {
        net.network().set_host_up(foreign_host(), false)
    }),
    ("another network", |net| {
        net.network().block(foreign_host(), foreign_host())
    }),
    ("20 % is 0.2", |net| {
        net.network().set_default_link(Link::lan().with_loss(20.0))
    }),
    ("20 % is 0.2", |net| {
        net.network()
            .set_default_link(Link::lan().with_burst(f64::NAN, 2.0))
    }),
    ("20 % is 0.2", |net| net.network().set_send_refusal(-0.1)),
];

/// The third member of another net.
fn foreign() -> MemberKey {
    let mut other = SimNet::new(1);
    [(); 3].map(|()| other.join(config("other")))[2]
}

fn foreign_host() -> HostId {
    let other = Network::new(1);
    [(); 9].map(|()| other.add_host())[8]
}

#[test]
#[ignore = "it fails on purpose: others here run it"]
fn misuses() {
    let mut net = SimNet::new(1);
    net.join(config("only"));
    for (_, misuse) in MISUSES {
        let run = AssertUnwindSafe(|| misuse(&mut net));
        assert!(std::panic::catch_unwind(run).is_err());
    }
    panic!("on purpose");
}

/// A test that does what cannot be is told in which of its own lines.
#[test]
fn what_cannot_be_fails_where_it_is_asked_for() {
    let said = said_by(test_that_fails("misuses"));
    let panics: Vec<_> = said.split("panicked at ").skip(1).collect();
    assert_eq!(panics.len(), MISUSES.len() + 1, "{said}");
    for (panic, (expected, _)) in panics.iter().zip(MISUSES) {
        assert!(panic.starts_with(file!()), "{panic}");
        assert!(panic.contains(expected), "{panic}");
    }
}
