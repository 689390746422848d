//! How many messages a second, beside a member that blocks:
//!
//! ```text
//! cargo test --release -p groupcast-std --features tokio --test tokio -- --ignored --nocapture rate
//! ```

use core::time::Duration;
use std::thread;
use std::time::Instant;

use groupcast::{Channel, Event};
use groupcast_std::{Member, OwnedEvent};
use tokio::runtime;

use crate::builder;

const ORDERED: Channel = Channel::reliable_ordered(1);
const MESSAGES: u64 = 1_000_000;
const LENGTH: usize = 64;

fn payload(number: u64) -> [u8; LENGTH] {
    let mut payload = [0; LENGTH];
    payload[..8].copy_from_slice(&number.to_be_bytes());
    payload
}

/// Notes a message; whether it was the last.
fn note(next: &mut u64, event: &Event<'_>) -> bool {
    match event {
        Event::Message(message) => {
            let number = message.payload().first_chunk().copied();
            assert_eq!(number.map(u64::from_be_bytes), Some(*next));
            *next += 1;
        }
        Event::Gap { .. } => panic!("{event}"),
        _ => {}
    }
    *next == MESSAGES
}

/// Runs a task in a runtime of its own, on this thread.
fn in_a_runtime(future: impl Future<Output = ()> + Send + 'static) {
    let mut runtime = runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(future).await.unwrap() });
}

/// A thread that sends as soon as somebody is there, and one that receives: messages a second.
fn rate(
    group: &'static str,
    send: impl FnOnce(Member) + Send + 'static,
    receive: impl FnOnce(Member),
) -> f64 {
    let ben = builder(group, "ben").join().unwrap();
    let mut ana = builder(group, "ana").join().unwrap();
    let sends = thread::spawn(move || {
        let joined = |event| matches!(event, Ok(OwnedEvent::Joined(_)));
        assert!(ana.events(Duration::from_secs(10)).any(joined));
        let begun = Instant::now();
        send(ana);
        begun
    });
    receive(ben);
    let end = Instant::now();
    let took = end - sends.join().unwrap();
    MESSAGES as f64 / took.as_secs_f64()
}

fn send_blocking(mut ana: Member) {
    for number in 0..MESSAGES {
        ana.queue(ORDERED, payload(number)).unwrap();
    }
    ana.leave().unwrap();
}

fn receive_blocking(mut ben: Member) {
    let mut next = 0;
    loop {
        while let Some(event) = ben.poll().unwrap() {
            if note(&mut next, &event) {
                return;
            }
        }
        ben.wait(Duration::from_secs(1)).unwrap();
    }
}

fn blocking(group: &'static str) -> f64 {
    rate(group, send_blocking, receive_blocking)
}

fn by_recv(group: &'static str) -> f64 {
    use groupcast_std::tokio::AsyncMember;

    let send = |ana| {
        in_a_runtime(async move {
            let mut ana = AsyncMember::new(ana).unwrap();
            for number in 0..MESSAGES {
                ana.queue(ORDERED, payload(number), |_| {}).await.unwrap();
            }
            ana.leave().await.unwrap();
        });
    };
    rate(group, send, |ben| {
        in_a_runtime(async move {
            let (mut ben, mut next) = (AsyncMember::new(ben).unwrap(), 0);
            while !note(&mut next, &ben.recv().await.unwrap()) {}
        });
    })
}

fn by_split(group: &'static str) -> f64 {
    use groupcast_std::tokio::AsyncMember;

    let send = |ana| {
        in_a_runtime(async move {
            let (runner, sender, _receiver) = AsyncMember::new(ana).unwrap().split();
            let running = tokio::spawn(runner.run());
            for number in 0..MESSAGES {
                sender.queue(ORDERED, payload(number)).await.unwrap();
            }
            drop(sender);
            running.await.unwrap().unwrap();
        });
    };
    rate(group, send, |ben| {
        in_a_runtime(async move {
            let (runner, _sender, mut receiver) = AsyncMember::new(ben).unwrap().split();
            tokio::spawn(runner.run());
            let mut next = 0;
            loop {
                let event = receiver.recv().await.unwrap().unwrap();
                if note(&mut next, &event.as_event()) {
                    break;
                }
            }
        });
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What else the machine does changes from one run to the next, so each is held to the one beside it.
#[test]
#[ignore = "it measures: the head of its file says how to run it"]
fn rate_by_recv_is_that_of_a_member_that_blocks() {
    let (mut of_recv, mut of_split) = (vec![], vec![]);
    for _ in 0..9 {
        let blocking = blocking("239.72.1.50:45250");
        let recv = by_recv("239.72.1.51:45251");
        let split = by_split("239.72.1.52:45252");
        println!("messages a second: blocking {blocking:.0}, recv {recv:.0}, split {split:.0}");
        of_recv.push(recv / blocking);
        of_split.push(split / blocking);
    }
    let (recv, split) = (median(of_recv), median(of_split));
    println!("beside blocking, the median: recv {recv:.2}, split {split:.2}");
    assert!(recv >= 0.9);
}
