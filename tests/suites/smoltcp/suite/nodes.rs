//! Nodes on smoltcp.

use core::time::Duration;

use groupcast::{Board, Channel, Config, Event, Instant, Node};

use groupcast_tests::ether::Ether;

use super::adapter::Stack;
use super::bench::{Bench, GROUP_SOCKET};
use super::rig::owned_host;
use super::smoltcp::phy::Loopback;

/// Nodes that share a stack hear each other, and those on other hosts.
#[test]
fn nodes_can_share_a_stack() {
    let mut bench = Bench::new(2);
    let config = Config::new(GROUP_SOCKET);
    let mut nodes: Vec<_> = [(0, 1), (0, 2), (1, 3)]
        .map(|(host, seed)| {
            Node::new(
                bench.hosts[host],
                Box::new(Board::new()),
                config,
                [seed; 32],
            )
            .unwrap()
        })
        .into();
    let start = bench.now;
    while nodes.iter().any(|node| node.peers().count() < 2) {
        bench.run_for(Duration::from_millis(1));
        assert!(bench.now.since(start) < Duration::from_secs(5));
        for node in &mut nodes {
            while node.poll(bench.now).unwrap().is_some() {}
        }
    }
    let first = nodes.remove(0);
    assert!(first.close().is_ok());
    let second = nodes.remove(0);
    assert!(second.close().is_ok());
    bench.settle();
    assert_eq!(bench.hosts[0].next_deadline(), None);
}

/// Two nodes on two hosts, one of which sends reliable messages, while frames are lost.
#[test]
fn nodes_exchange_reliable_messages_over_an_ethernet_that_loses_frames() {
    const COMMANDS: Channel = Channel::reliable_ordered(1);
    const MESSAGES: u32 = 300;
    let mut lost = 0;
    for (group, loss) in [
        ("239.1.2.3:12345", 0.0),
        ("239.1.2.3:12345", 0.2),
        ("[ff12::99]:12345", 0.2),
    ] {
        let mut bench = Bench::new(2);
        bench.ether.set_loss(loss);
        let config = Config::new(group.parse().unwrap());
        let mut nodes: Vec<_> = (0..2_u8)
            .map(|n| {
                let seed = [n + 3; 32];
                Node::new(
                    bench.hosts[usize::from(n)],
                    Box::new(Board::new()),
                    config,
                    seed,
                )
                .unwrap()
            })
            .collect();
        let (mut sent, mut heard) = (0, 0);
        while heard < MESSAGES {
            bench.run_for(Duration::from_millis(1));
            assert!(
                bench.now < Instant::from_millis(60_000),
                "{heard} of {MESSAGES} at {loss}"
            );
            // They meet first.
            let met = nodes.iter().all(|node| node.peers().count() == 1);
            if met
                && sent < MESSAGES
                && nodes[0]
                    .queue(bench.now, COMMANDS, &sent.to_be_bytes())
                    .is_ok()
            {
                sent += 1;
            }
            while let Some(event) = nodes[0].poll(bench.now).unwrap() {
                assert!(!matches!(event, Event::Message(_)));
            }
            while let Some(event) = nodes[1].poll(bench.now).unwrap() {
                match event {
                    Event::Message(message) => {
                        assert_eq!(message.payload(), heard.to_be_bytes());
                        heard += 1;
                    }
                    Event::Gap(gap) => panic!("{gap:?}"),
                    _ => {}
                }
            }
        }
        lost += u64::from(loss > 0.0) * nodes[1].counters().nacks_sent;
        for host in &bench.hosts {
            assert_eq!(host.counters().no_room, 0);
        }
    }
    assert!(lost > 0, "nothing had to be repaired");
}

/// A node that owns its stack does what one does that shares it; the stack is polled by way of the node.
#[test]
fn nodes_can_own_their_stacks() {
    const COMMANDS: Channel = Channel::reliable_ordered(1);
    let ether = Ether::new(1);
    let mut nodes = [1, 2].map(|seed| {
        let stack = owned_host(&ether);
        Node::new(
            stack,
            Box::new(Board::new()),
            Config::new(GROUP_SOCKET),
            [seed; 32],
        )
        .unwrap()
    });
    let (mut now, mut heard) = (Instant::ZERO, false);
    while !heard {
        now += Duration::from_millis(1);
        assert!(now < Instant::from_millis(5_000), "nothing was heard");
        for node in &mut nodes {
            node.stack().poll(now);
            while let Some(event) = node.poll(now).unwrap() {
                if let Event::Message(message) = event {
                    heard |= message.payload() == b"mine";
                }
            }
        }
        let met = nodes.iter().all(|node| node.peers().count() == 1);
        if met && nodes[0].counters().messages_sent == 0 {
            nodes[0].queue(now, COMMANDS, b"mine").unwrap();
        }
    }
    for node in nodes {
        let (stack, _) = node.close().unwrap();
        stack.poll(now);
        assert_eq!(stack.next_deadline(), None);
    }
}

/// What an application of RTIC asks of a resource (`tests/rtic` is one), and a thread of what it is given.
#[test]
fn a_node_that_owns_its_stack_can_be_sent() {
    fn assert_send<T: Send>() {}
    assert_send::<Node<Stack<'static, Loopback, 2>, &'static mut Board>>();
}
