//! Who waits is woken, and who never has to wait lets others have their turn.

use core::cell::RefCell;
use core::future::poll_fn;
use core::task::{Context, Poll};
use std::rc::Rc;

use groupcast::{
    AnyNode, AsyncNode, Board, Channel, Config, Desktop, Event, Instant, LeafNode, Memory, Node,
    NotQueued, Pace, SendError, Tiny, TinyPeer,
};
use groupcast_sim::{Network, SimStack};

use crate::reactor::SimReactor;
use crate::tasks::Tasks;

pub(crate) const ORDERED: Channel = Channel::reliable_ordered(1);
const VALUE: Channel = Channel::state(2);
const LOOSE: Channel = Channel::best_effort(3);

pub(crate) type SimNode<const ROOM: bool = false> =
    AsyncNode<Node<SimStack, Box<dyn Memory>>, SimReactor<ROOM>>;

pub(crate) fn config(name: &str) -> Config {
    Config::new("239.1.2.3:12345".parse().unwrap()).with_name(name)
}

pub(crate) fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A member on a new host, with this memory.
pub(crate) fn member<M: Memory + Default + 'static, const ROOM: bool>(
    network: &Network,
    config: Config,
) -> SimNode<ROOM> {
    let host = network.add_host();
    let seed = [network.host_count() as u8; 32];
    let memory: Box<dyn Memory> = groupcast::boxed::<M>();
    let node = Node::new(network.stack(host), memory, config, seed).unwrap();
    AsyncNode::new(node, SimReactor::new(network, host))
}

pub(crate) fn board(network: &Network, name: &str) -> SimNode {
    member::<Board, false>(network, config(name))
}

pub(crate) fn leaf<const SENDERS: usize>(
    network: &Network,
) -> AsyncNode<LeafNode<SimStack, 512, SENDERS>, SimReactor> {
    let host = network.add_host();
    let node = LeafNode::new(network.stack(host), config("leaf"), [99; 32]).unwrap();
    let mut reactor = SimReactor::new(network, host);
    reactor.is_deaf = SENDERS == 0;
    AsyncNode::new(node, reactor)
}

/// What somebody was told, in lines.
pub(crate) type Told = Rc<RefCell<Vec<String>>>;

fn tell(told: &Told, event: &Event<'_>) {
    told.borrow_mut().push(event.to_string());
}

pub(crate) async fn listen<N: AnyNode<Stack = SimStack>>(
    mut node: AsyncNode<N, SimReactor>,
    told: Told,
) {
    loop {
        match node.recv().await {
            Ok(event) => tell(&told, &event),
            Err(error) => told.borrow_mut().push(error.to_string()),
        }
    }
}

#[test]
fn two_members_meet_talk_and_part() {
    let network = Network::new(1);
    let (mut ana, ben) = (board(&network, "ana"), board(&network, "ben"));
    let (to_ana, to_ben) = (Told::default(), Told::default());
    let mut tasks = Tasks::new(&network);
    tasks.spawn(&reactor_of(&ben), listen(ben, Rc::clone(&to_ben)));
    let reactor = reactor_of(&ana);
    tasks.spawn(&reactor, async {
        let sent = ana.send(ORDERED, b"hello", |event| tell(&to_ana, &event));
        let sent = sent.await.unwrap();
        ana.confirm(sent).unwrap();
        while !to_ana.borrow().contains(&"ben has it".to_string()) {
            let event = ana.recv().await.unwrap();
            tell(&to_ana, &event);
        }
        ana.leave().await.unwrap();
        assert!(ana.node().has_left());
    });
    assert!(!tasks.run_until(ms(5_000)));
    assert_eq!(
        *to_ben.borrow(),
        ["ana joined", "ana: hello", "ana left"],
        "{to_ana:?}"
    );
}

/// The reactor of a node, shared with it.
pub(crate) fn reactor_of<N: AnyNode<Stack = SimStack>, const ROOM: bool>(
    node: &AsyncNode<N, SimReactor<ROOM>>,
) -> SimReactor<ROOM> {
    node.reactor().clone()
}

#[test]
fn every_profile_says_its_value_and_leaves() {
    async fn says<N: AnyNode<Stack = SimStack>>(mut node: AsyncNode<N, SimReactor>) {
        node.queue(VALUE, b"21", |_| {}).await.unwrap();
        let end = node.now() + core::time::Duration::from_secs(1);
        // Time passes while it listens.
        poll_fn(|cx| match node.poll_recv(cx) {
            _ if node.now() >= end => Poll::Ready(()),
            Poll::Ready(Ok(())) => {
                node.node_mut().take_event();
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(Err(error)) => panic!("{error}"),
            Poll::Pending => Poll::Pending,
        })
        .await;
        node.leave().await.unwrap();
    }
    fn run<N: AnyNode<Stack = SimStack>>(
        make: impl FnOnce(&Network) -> AsyncNode<N, SimReactor>,
    ) -> Vec<String> {
        let network = Network::new(2);
        let (hub, told) = (board(&network, "hub"), Told::default());
        let node = make(&network);
        let mut tasks = Tasks::new(&network);
        tasks.spawn(&reactor_of(&hub), listen(hub, Rc::clone(&told)));
        tasks.spawn(&reactor_of(&node), says(node));
        tasks.run_until(ms(10_000));
        drop(tasks);
        Rc::into_inner(told).unwrap().into_inner()
    }
    let expected = ["leaf joined", "leaf: 21", "leaf left"];
    assert_eq!(
        run(|net| member::<Tiny, false>(net, config("leaf"))),
        expected
    );
    assert_eq!(
        run(|net| member::<TinyPeer, false>(net, config("leaf"))),
        expected
    );
    assert_eq!(
        run(|net| member::<Desktop, false>(net, config("leaf"))),
        expected
    );
    assert_eq!(run(leaf::<4>), expected);
    assert_eq!(run(leaf::<0>), expected);
}

#[test]
fn at_rest_it_is_woken_a_few_times_a_second() {
    let network = Network::new(3);
    let mut tasks = Tasks::new(&network);
    for name in ["ana", "ben", "eva"] {
        let node = board(&network, name);
        tasks.spawn(&reactor_of(&node), listen(node, Told::default()));
    }
    tasks.run_until(ms(10_000));
    let before = tasks.polls();
    tasks.run_until(ms(20_000));
    let polls = tasks.polls() - before;
    assert!(polls <= 3 * 10 * 10, "{polls} in 10 s of three members");
}

/// How often a task that has something to say is polled in 50 ms in which the stack has no room.
fn polls_without_room<const ROOM: bool>() -> u64 {
    let network = Network::new(4);
    let mut ana = member::<Board, ROOM>(&network, config("ana"));
    let (reactor, told) = (reactor_of(&ana), Told::default());
    let ben = board(&network, "ben");
    let mut tasks = Tasks::new(&network);
    tasks.spawn(&reactor_of(&ben), listen(ben, Rc::clone(&told)));
    tasks.run_until(ms(1_000));
    network.set_send_refusal(1.0);
    tasks.spawn(&reactor, async move {
        ana.send(LOOSE, b"at last", |_| {}).await.unwrap();
        ana.flush().await;
        ana.leave().await.unwrap();
    });
    let before = tasks.polls();
    tasks.run_until(ms(1_050));
    let polls = tasks.polls() - before;
    assert!(told.borrow().is_empty(), "{told:?}");
    network.set_send_refusal(0.0);
    let writable = reactor.waits.borrow_mut().writable.take();
    assert_eq!(writable.is_some(), ROOM);
    writable.into_iter().for_each(|waker| waker.wake());
    tasks.run_until(ms(1_060));
    assert!(
        told.borrow().contains(&"ana: at last".to_string()),
        "{told:?}"
    );
    polls
}

#[test]
fn what_the_stack_has_no_room_for_is_tried_again_or_waited_for() {
    let (again, awaited) = (polls_without_room::<false>(), polls_without_room::<true>());
    assert!((40..130).contains(&again), "{again}");
    assert!(awaited < 70, "{awaited}");
}

#[test]
fn what_the_stack_reports_is_returned_once_and_it_goes_on() {
    let network = Network::new(5);
    let (ana, told) = (board(&network, "ana"), Told::default());
    let host = reactor_of(&ana).host;
    let mut tasks = Tasks::new(&network);
    tasks.spawn(&reactor_of(&ana), listen(ana, Rc::clone(&told)));
    let ben = board(&network, "ben");
    tasks.spawn(&reactor_of(&ben), listen(ben, Told::default()));
    network.set_host_up(host, false);
    tasks.run_until(ms(3_000));
    network.set_host_up(host, true);
    tasks.run_until(ms(9_000));
    let told = told.borrow();
    let (last, errors) = told.split_last().unwrap();
    assert_eq!(last, "ben joined");
    assert!((1..40).contains(&errors.len()), "{errors:?}");
}

#[test]
fn an_event_waits_in_the_node_until_it_is_taken() {
    let network = Network::new(6);
    let mut ana = board(&network, "ana");
    let mut tasks = Tasks::new(&network);
    let ben = board(&network, "ben");
    tasks.spawn(&reactor_of(&ben), listen(ben, Told::default()));
    tasks.run_until(ms(1));
    let cx = &mut Context::from_waker(core::task::Waker::noop());
    while ana.poll_recv(cx).is_pending() {
        tasks.run_until(network.now() + core::time::Duration::from_millis(1));
        assert!(network.now() < ms(5_000));
    }
    for _ in 0..3 {
        assert!(ana.node().has_event());
        while ana.poll_recv(cx).is_pending() {}
    }
    let event = ana.node_mut().take_event().map(|event| event.to_string());
    assert_eq!(event.as_deref(), Some("ben joined"));
    assert!(ana.node_mut().take_event().is_none());
}

#[test]
fn who_waits_for_room_hears_all_that_has_arrived() {
    const MESSAGES: usize = 20;
    let network = Network::new(9);
    let mut ana = member::<Board, false>(&network, config("ana").with_pace(Pace::BOARD));
    let mut ben = member::<Desktop, false>(&network, config("ben").with_pace(Pace::UNLIMITED));
    let told = Told::default();
    let mut tasks = Tasks::new(&network);
    tasks.spawn(&reactor_of(&ana), async {
        loop {
            let queued = ana.queue(LOOSE, &[0; 1_000], |event| tell(&told, &event));
            queued.await.unwrap();
        }
    });
    tasks.run_until(ms(1_000));
    let cx = &mut Context::from_waker(core::task::Waker::noop());
    for _ in 0..MESSAGES {
        let mut sent = core::pin::pin!(ben.send(LOOSE, b"all at once", |_| {}));
        while sent.as_mut().poll(cx).is_pending() {}
    }
    // They are all there when it is woken, once.
    let (moment, instant) = (
        core::time::Duration::from_millis(10),
        core::time::Duration::from_micros(1),
    );
    network.advance_by(moment);
    tasks.run_until(network.now() + instant);
    let told = told.borrow();
    let heard = told.iter().filter(|line| line.ends_with("all at once"));
    assert_eq!(heard.count(), MESSAGES, "{told:?}");
}

#[test]
fn who_never_has_to_wait_gives_others_their_turn() {
    let network = Network::new(7);
    let mut ana = member::<Desktop, false>(&network, config("ana").with_pace(Pace::UNLIMITED));
    let mut ready = 0;
    let cx = &mut Context::from_waker(core::task::Waker::noop());
    let mut queue = || {
        let queued = core::pin::pin!(ana.queue(LOOSE, b"more", |_| {})).poll(cx);
        queued.is_ready()
    };
    while queue() {
        ready += 1;
        assert!(ready < 1_000, "it never lets go");
    }
    assert!(ready > 30 && queue());
}

#[test]
fn what_can_never_be_sent_is_said_at_once() {
    let network = Network::new(8);
    let mut ana = board(&network, "ana");
    let cx = &mut Context::from_waker(core::task::Waker::noop());
    let mut long = core::pin::pin!(ana.queue(VALUE, &[0; 5_000], |_| {}));
    let Poll::Ready(Err(error)) = long.as_mut().poll(cx) else {
        panic!("it is not refused");
    };
    assert!(matches!(error, NotQueued::Send(SendError::TooLong { .. })));
    assert!(error.to_string().contains("5000 bytes"), "{error}");
}
