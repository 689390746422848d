//! Applications that run in a task.

use core::time::Duration;
use std::rc::Rc;

use groupcast::{AnyNode, Application, AsyncNode, Board, Channel, Endpoint, Event, Instant};
use groupcast_sim::{Network, SimStack};

use crate::reactor::SimReactor;
use crate::tasks::Tasks;
use crate::waking::{Told, board, config, leaf, listen, member, ms, reactor_of};

const BEAT: Duration = Duration::from_millis(100);
const BEATS: Channel = Channel::best_effort(3);

/// Says so many beats, one each 100 ms from the second second on, and leaves. It knows when it was called, and what it was told.
#[derive(Debug)]
struct Metronome {
    beats: u64,
    next: Instant,
    called: Vec<Instant>,
    told: Vec<String>,
}

impl Metronome {
    const fn new(beats: u64) -> Self {
        Self {
            beats,
            next: Instant::from_secs(1),
            called: Vec::new(),
            told: Vec::new(),
        }
    }
}

impl Application for Metronome {
    fn on_event(&mut self, _: Instant, event: &Event<'_>) {
        self.told.push(event.to_string());
    }

    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        if now < self.next {
            return Some(self.next);
        }
        if self.beats == 0 {
            endpoint.leave();
            return None;
        }
        self.called.push(now);
        self.next += BEAT;
        self.beats -= 1;
        endpoint.queue(BEATS, b"beat").unwrap();
        Some(self.next)
    }
}

/// Runs three beats on this node. What the others were told, and the application.
fn run<N: AnyNode<Stack = SimStack>>(
    make: impl FnOnce(&Network) -> AsyncNode<N, SimReactor>,
) -> (Vec<String>, Metronome) {
    let network = Network::new(11);
    let (hub, told) = (board(&network, "hub"), Told::default());
    let (mut node, mut metronome) = (make(&network), Metronome::new(3));
    let mut tasks = Tasks::new(&network);
    tasks.spawn(&reactor_of(&hub), listen(hub, Rc::clone(&told)));
    tasks.spawn(&reactor_of(&node), async {
        node.run(&mut metronome).await.unwrap();
        assert!(node.node_mut().take_event().is_none());
        // It has left, so there is nothing to run.
        node.run(&mut metronome).await.unwrap();
    });
    tasks.run_until(ms(10_000));
    drop(tasks);
    (Rc::into_inner(told).unwrap().into_inner(), metronome)
}

#[test]
fn an_application_acts_when_it_asked_for_it_and_ends_when_it_has_left() {
    let expected = [
        "leaf joined",
        "leaf: beat",
        "leaf: beat",
        "leaf: beat",
        "leaf left",
    ];
    let (told, metronome) = run(|net| member::<Board, false>(net, config("leaf")));
    assert_eq!(told, expected);
    assert_eq!(metronome.called, [1_000, 1_100, 1_200].map(ms));
    assert_eq!(metronome.told, ["hub joined"]);
    let (told, metronome) = run(leaf::<4>);
    assert_eq!(told, expected);
    assert_eq!(metronome.called, [1_000, 1_100, 1_200].map(ms));
}

/// When an application acts that wants to each 100 ms, while the stack has no room.
fn beats_without_room<const ROOM: bool>() -> Vec<Instant> {
    let network = Network::new(12);
    let mut ana = member::<Board, ROOM>(&network, config("ana"));
    let mut metronome = Metronome::new(3);
    network.set_send_refusal(1.0);
    let mut tasks = Tasks::new(&network);
    tasks.spawn(&reactor_of(&ana), async {
        ana.run(&mut metronome).await.unwrap();
    });
    tasks.run_until(ms(1_150));
    drop(tasks);
    metronome.called
}

#[test]
fn an_application_acts_in_time_while_the_stack_has_no_room() {
    let expected = [1_000, 1_100].map(ms);
    assert_eq!(beats_without_room::<false>(), expected);
    assert_eq!(beats_without_room::<true>(), expected);
}
