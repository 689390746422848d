//! Members in tasks.

use core::cell::RefCell;
use core::net::SocketAddr;
use core::time::Duration;
use std::rc::Rc;

use embedded_nal::UdpFullStack;
use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
use groupcast::{Board, Config, Desktop, Event, Memory, Pace, Tiny, TinyPeer, boxed};
use groupcast_embassy::{EmbassyStack, LeafMember, Member};
use groupcast_tests::embassy_rig::address;
use groupcast_tests::tasks::{either, now, sleep};

use crate::bench::{Bench, COMMANDS, CONFIG, Diary, FAST_ETHERNET, GROUP_SOCKET, VALUES, bound};

const MESSAGES: u32 = 2000;

/// Boards do not send faster than others can follow.
const PACED: Config = CONFIG.with_pace(Pace::BOARD);

fn join<M: Memory + Default + 'static>(
    stack: EmbassyStack<'static>,
    seed: u8,
) -> Member<'static, Box<M>> {
    stack.join(boxed::<M>(), PACED, [seed; 32]).unwrap()
}

fn sealed<M: Memory + Default + 'static>(
    stack: EmbassyStack<'static>,
    device: u8,
) -> Member<'static, Box<M>> {
    let keys = KeySet::new(GroupKey::new([9; 32]));
    let id = [device; 6];
    stack
        .join_sealed(boxed::<M>(), PACED, seal(&keys, &id))
        .unwrap()
}

fn seal<'a>(keys: &'a KeySet, device: &'a [u8]) -> Seal<'a> {
    Seal::new(keys, Entropy::new().with_device(device).with_starts(1))
}

/// Two members send each other so many messages at once, one after the other or with a pause between them.
fn exchange<M: Memory + 'static, N: Memory + 'static>(
    bench: &Bench,
    one: Member<'static, M>,
    other: Member<'static, N>,
    (messages, pause): (u32, Duration),
) {
    bench.ether.set_rate(FAST_ETHERNET);
    let (_, one) = bench.send(one, messages, pause);
    let (_, other) = bench.send(other, messages, pause);
    let all = messages as usize;
    bench.tasks.run_until(Duration::from_secs(600), || {
        let heard = |diary: &Rc<RefCell<Diary>>| diary.borrow().messages.len() >= all;
        heard(&one) && heard(&other)
    });
    for diary in [one, other] {
        assert!(diary.borrow().is_complete(messages));
        assert_eq!(diary.borrow().gaps, 0);
    }
}

#[test]
fn two_members_exchange_reliable_messages_without_a_gap() {
    let bench = Bench::new(2);
    let one = join::<Tiny>(bench.stack(0), 1);
    let other = join::<Board>(bench.stack(1), 2);
    exchange(&bench, one, other, (MESSAGES, Duration::ZERO));
}

#[test]
fn two_members_of_a_sealed_group_exchange_reliable_messages_without_a_gap() {
    let bench = Bench::new(2);
    let one = sealed::<Tiny>(bench.stack(0), 1);
    let other = sealed::<Board>(bench.stack(1), 2);
    exchange(&bench, one, other, (MESSAGES, Duration::ZERO));
}

#[test]
fn what_an_ethernet_loses_is_repaired() {
    let bench = Bench::new(2);
    bench.ether.set_loss(0.2);
    let one = join::<Board>(bench.stack(0), 1);
    let other = join::<Board>(bench.stack(1), 2);
    exchange(&bench, one, other, (300, Duration::from_millis(10)));
}

#[test]
fn leaves_and_members_without_streams_tell_each_other_values() {
    for is_sealed in [false, true] {
        let bench = Bench::new(3);
        let keys = KeySet::new(GroupKey::new([9; 32]));
        let mut leaf: LeafMember<'static, 512, 4, 128> = if is_sealed {
            bench
                .stack(0)
                .join_leaf_sealed(CONFIG, seal(&keys, &[3; 6]))
                .unwrap()
        } else {
            bench.stack(0).join_leaf(CONFIG, [3; 32]).unwrap()
        };
        let stacks = (bench.stack(1), bench.stack(2));
        let (mut peer, mut desktop) = if is_sealed {
            (
                sealed::<TinyPeer>(stacks.0, 4),
                sealed::<Desktop>(stacks.1, 5),
            )
        } else {
            (join::<TinyPeer>(stacks.0, 4), join::<Desktop>(stacks.1, 5))
        };
        leaf.try_queue(VALUES, b"leaf").unwrap();
        peer.try_queue(VALUES, b"peer").unwrap();
        desktop.try_queue(VALUES, b"desktop").unwrap();
        let diaries = [
            bench.listen(leaf).1,
            bench.listen(peer).1,
            bench.listen(desktop).1,
        ];
        bench.run_for(Duration::from_secs(10));
        let names = [&b"leaf"[..], b"peer", b"desktop"];
        for (own, diary) in diaries.iter().enumerate() {
            for (other, name) in names.iter().enumerate() {
                let heard = diary.borrow().messages.iter().filter(|m| m == name).count();
                assert_eq!(heard, usize::from(own != other), "{own} of {other}");
            }
        }
    }
}

/// A leaf that sends only: it has one socket, and joins nothing.
#[test]
fn a_leaf_that_hears_nobody_sends() {
    let bench = Bench::new(2);
    let leaf = bench.stack(0).join_leaf::<512, 0, 128>(CONFIG, [3; 32]);
    let mut leaf = leaf.unwrap();
    leaf.try_queue(VALUES, b"21.5").unwrap();
    let (task, _) = bench.listen(leaf);
    let (_, heard) = bench.listen(join::<Tiny>(bench.stack(1), 4));
    bench.run_for(Duration::from_secs(60));
    assert_eq!(heard.borrow().messages, [b"21.5".to_vec()]);
    assert_eq!(bench.igmp(0), []);
    assert!(bench.tasks.polls(task) < 600);
}

/// Whether it is sent to the group or to the member alone.
#[test]
fn what_arrives_wakes_the_task_at_once() {
    let bench = Bench::new(2);
    let mut node = join::<Tiny>(bench.stack(0), 1);
    let (stack, _, own) = node.node_mut().parts();
    let own = SocketAddr::new(address(0).into(), stack.local_port(own).unwrap());
    let raws = Rc::<RefCell<u32>>::default();
    let heard = raws.clone();
    bench.tasks.spawn(async move {
        loop {
            let is_raw = matches!(node.recv().await.unwrap(), Event::Raw(_));
            *heard.borrow_mut() += u32::from(is_raw);
        }
    });
    let mut other = bench.stack(1);
    let mut mouth = bound(&mut other, 0);
    for round in 1..=20 {
        bench.run_for(Duration::from_millis(333));
        for to in [GROUP_SOCKET, own] {
            other.send_to(&mut mouth, to, b"now").unwrap();
        }
        bench.run_for(Duration::from_millis(1));
        assert_eq!(*raws.borrow(), 2 * round);
    }
}

/// Each has a stack, and what is sent to it alone reaches it.
#[test]
fn members_of_two_groups_live_on_one_chip() {
    let bench = Bench::new(2);
    let groups = [GROUP_SOCKET, SocketAddr::new(GROUP_SOCKET.ip(), 12346)];
    let mut ports = Vec::new();
    for (group, seed) in groups.into_iter().zip([1, 3]) {
        let config = Config::new(group).with_pace(Pace::BOARD);
        let joined = |host, seed| bench.stack(host).join(boxed::<Tiny>(), config, [seed; 32]);
        let (mut here, there) = (joined(0, seed).unwrap(), joined(1, seed + 1).unwrap());
        let (stack, _, own) = here.node_mut().parts();
        ports.push(stack.local_port(own).unwrap());
        exchange(&bench, here, there, (100, Duration::ZERO));
    }
    assert_ne!(ports[0], ports[1]);
}

/// Nothing is sent or received by looking: at rest a member's task and the network's are called a few times a second.
#[test]
fn at_rest_the_tasks_sleep() {
    let bench = Bench::new(2);
    let (one, diary) = bench.listen(join::<Tiny>(bench.stack(0), 1));
    let (other, _) = bench.listen(sealed::<Tiny>(bench.stack(1), 2));
    bench.run_for(Duration::from_secs(10));
    let tasks = [bench.network_task(0), bench.network_task(1), one, other];
    let before = tasks.map(|task| bench.tasks.polls(task));
    const SECONDS: u64 = 100;
    bench.run_for(Duration::from_secs(SECONDS));
    for (task, before) in tasks.into_iter().zip(before) {
        let polls = bench.tasks.polls(task) - before;
        println!("{task:?}: {polls} calls in {SECONDS} s");
        assert!((1..=10 * SECONDS).contains(&polls), "{polls}");
    }
    assert_eq!(diary.borrow().peers, 0, "one is sealed, the other is not");
}

/// Nor are they called again and again while the device takes nothing.
#[test]
fn without_a_link_the_tasks_sleep() {
    let bench = Bench::new(1);
    let (task, _) = bench.listen(join::<Tiny>(bench.stack(0), 1));
    bench.run_for(Duration::from_secs(10));
    bench.ether.set_plugged(0, false);
    bench.ether.set_room(0, Some(0));
    bench.run_for(Duration::from_secs(10));
    let before = bench.tasks.polls(task);
    bench.run_for(Duration::from_secs(100));
    let polls = bench.tasks.polls(task) - before;
    assert!(polls <= 1000, "{polls}");
    bench.ether.set_plugged(0, true);
    bench.ether.set_room(0, None);
    let _ = bench.ether.take_sent(0);
    bench.run_for(Duration::from_secs(10));
    assert!(!bench.hop_limits(0).is_empty(), "it goes on");
}

#[test]
fn futures_that_are_dropped_while_they_wait_lose_nothing() {
    let bench = Bench::new(2);
    let mut node = join::<Tiny>(bench.stack(0), 1);
    let diary = Rc::<RefCell<Diary>>::default();
    let (notes, dropped) = (diary.clone(), Rc::<RefCell<u32>>::default());
    let drops = dropped.clone();
    bench.tasks.spawn(async move {
        loop {
            match either(node.recv(), sleep(Duration::from_micros(700))).await {
                Ok(event) => notes.borrow_mut().note(&event.unwrap()),
                Err(()) => *drops.borrow_mut() += 1,
            }
        }
    });
    let sender = join::<Tiny>(bench.stack(1), 2);
    let (_, _) = bench.send(sender, MESSAGES, Duration::ZERO);
    let all = MESSAGES as usize;
    let limit = Duration::from_secs(600);
    bench
        .tasks
        .run_until(limit, || diary.borrow().messages.len() >= all);
    assert!(diary.borrow().is_complete(MESSAGES));
    assert_eq!(diary.borrow().gaps, 0);
    let dropped = *dropped.borrow();
    println!("{dropped} futures were dropped while they waited");
    assert!(dropped > 100);
}

#[test]
fn who_leaves_says_so_before_the_stack_is_gone() {
    let bench = Bench::new(2);
    let (_, heard) = bench.listen(join::<Tiny>(bench.stack(1), 2));
    let mut node = join::<Tiny>(bench.stack(0), 1);
    let task = bench.tasks.spawn(async move {
        while !matches!(node.recv().await.unwrap(), Event::Joined(_)) {}
        node.send(COMMANDS, b"the last", |_| {}).await.unwrap();
        node.leave().await.unwrap();
        let (node, _) = node.into_parts();
        let (mut stack, _) = node.close().unwrap();
        stack.flush().await;
    });
    let limit = Duration::from_secs(5);
    bench.tasks.run_until(limit, || bench.tasks.has_ended(task));
    bench.run_for(Duration::from_millis(100));
    assert_eq!(heard.borrow().messages, [b"the last".to_vec()]);
    assert_eq!(heard.borrow().peers, 0);
    assert!(now() < limit);
}
