//! One member in one task.

use core::cell::Cell;
use core::future::poll_fn;
use core::time::Duration;
use std::time::Instant;

use futures_core::Stream;
use groupcast::{Application, Channel, Endpoint, Event, SendError};
use groupcast_std::tokio::AsyncMember;
use groupcast_std::{Error, OwnedEvent};
use tokio::time::timeout;

use crate::{SECONDS, builder, counted, is_message, join, wait_for};

const ORDERED: Channel = Channel::reliable_ordered(1);

#[tokio::test]
async fn two_members_meet_talk_and_part() {
    let group = "239.72.1.20:45220";
    let (mut ana, mut ben) = (join(group, "ana").await, join(group, "ben").await);
    let hears = tokio::spawn(async move {
        let mut told = Vec::new();
        while told.last().is_none_or(|last| last != "ana left") {
            told.push(ben.recv().await.unwrap().to_string());
        }
        told
    });
    let sent = ana.send(ORDERED, "hello", |_| {}).await.unwrap();
    ana.confirm(sent);
    wait_for(&mut ana, |event| matches!(event, OwnedEvent::Confirmed(_))).await;
    let counters = ana.leave().await.unwrap();
    assert_eq!(counters.messages_sent, 1);
    let told = timeout(SECONDS, hears).await.unwrap().unwrap();
    assert_eq!(told, ["ana joined", "ana: hello", "ana left"]);
}

#[tokio::test]
async fn futures_that_are_dropped_lose_nothing() {
    const MESSAGES: u32 = 20_000;
    let group = "239.72.1.21:45221";
    let (mut ana, mut ben) = (join(group, "ana").await, join(group, "ben").await);
    let sends = tokio::spawn(async move {
        for number in 0..MESSAGES {
            let payload = number.to_be_bytes();
            while timeout(
                Duration::from_micros(300),
                ana.queue(ORDERED, payload, |_| {}),
            )
            .await
            .is_err()
            {}
        }
        ana.leave().await.unwrap();
    });
    let (mut next, mut dropped) = (0, 0);
    while next < MESSAGES {
        match timeout(Duration::from_micros(300), ben.next_event()).await {
            Ok(event) => match event.unwrap() {
                OwnedEvent::Message(message) => {
                    assert_eq!(message.payload, u32::to_be_bytes(next));
                    next += 1;
                }
                OwnedEvent::Joined(_) => {}
                other => panic!("{other}"),
            },
            Err(_) => dropped += 1,
        }
    }
    assert!(dropped > 0);
    sends.await.unwrap();
}

#[tokio::test]
async fn events_are_a_stream() {
    let group = "239.72.1.22:45222";
    let (mut ana, mut ben) = (join(group, "ana").await, join(group, "ben").await);
    ana.send(ORDERED, "hello", |_| {}).await.unwrap();
    let others = tokio::spawn(async move { wait_for(&mut ana, |_| false).await });
    let mut events = core::pin::pin!(ben.events());
    let heard = async {
        loop {
            let event = poll_fn(|cx| events.as_mut().poll_next(cx)).await;
            let event = event.unwrap().unwrap();
            if is_message(&event) {
                return event.to_string();
            }
        }
    };
    assert_eq!(timeout(SECONDS, heard).await.unwrap(), "ana: hello");
    others.abort();
}

/// Ten times a second it may look, and no more.
#[tokio::test]
async fn at_rest_it_is_polled_a_few_times_a_second() {
    let group = "239.72.1.23:45223";
    let (mut ana, mut ben) = (join(group, "ana").await, join(group, "ben").await);
    let (polls, second) = (Cell::new(0), Duration::from_secs(1));
    let others = tokio::spawn(async move { wait_for(&mut ana, |_| false).await });
    let _ = timeout(3 * second, wait_for(&mut ben, |_| false)).await;
    let begun = Instant::now();
    while begun.elapsed() < 4 * second {
        let left = (4 * second).saturating_sub(begun.elapsed());
        let _ = timeout(left, counted(&polls, ben.next_event())).await;
    }
    println!("{} polls in 4 s", polls.get());
    assert!(polls.get() <= 40, "{} polls in 4 s", polls.get());
    others.abort();
}

#[tokio::test]
async fn what_can_never_be_sent_is_said() {
    let mut ana = join("239.72.1.24:45224", "ana").await;
    let error = ana.send(Channel::latest(1), vec![0; 1163], |_| {}).await;
    let Err(Error::Send(SendError::TooLong { len: 1163, .. })) = error else {
        panic!("{error:?}");
    };
    assert!(ana.member().group().ip().is_multicast());
    ana.flush().await;
    ana.into_member().leave().unwrap();
}

#[test]
fn without_a_runtime_it_says_so() {
    let member = builder("239.72.1.25:45225", "ana").join().unwrap();
    let error = AsyncMember::new(member).unwrap_err();
    assert!(error.to_string().contains("wait for sockets"), "{error}");
}

/// A runtime with several threads takes its futures.
#[test]
fn its_futures_can_go_to_another_thread() {
    fn assert_send<T: Send>(_: T) {}
    fn check(mut member: AsyncMember) {
        assert_send(AsyncMember::join("239.1.2.3:12345"));
        assert_send(builder("239.1.2.3:12345", "ana").join_async());
        assert_send(member.recv());
        assert_send(member.next_event());
        assert_send(member.events());
        assert_send(member.send(ORDERED, [1], |_| {}));
        assert_send(member.flush());
        assert_send(member.leave());
    }
    fn check_split(member: AsyncMember) {
        let (runner, sender, mut receiver) = member.split();
        assert_send(sender.send(ORDERED, [1]));
        assert_send(sender.queue(ORDERED, [1]));
        assert_send(receiver.recv());
        assert_send((runner.run(), sender.clone(), receiver));
    }
    // That they compile is all.
    let _ = (check, check_split);
}

/// Answers the first that is there, and leaves.
#[derive(Default)]
struct Porter {
    has_seen: bool,
}

impl Application for Porter {
    fn on_event(&mut self, _: groupcast::Instant, event: &Event<'_>) {
        self.has_seen |= matches!(event, Event::Joined(_));
    }

    fn act(
        &mut self,
        _: groupcast::Instant,
        endpoint: &mut impl Endpoint,
    ) -> Option<groupcast::Instant> {
        if core::mem::take(&mut self.has_seen) {
            endpoint.queue(ORDERED, b"hello").unwrap();
            endpoint.leave();
        }
        None
    }
}

#[tokio::test]
async fn an_application_runs_until_it_has_left() {
    let group = "239.72.1.24:45224";
    let (mut ana, mut ben) = (join(group, "ana").await, join(group, "ben").await);
    let runs = tokio::spawn(async move { ana.run(&mut Porter::default()).await });
    let heard = wait_for(&mut ben, is_message).await;
    assert_eq!(heard.to_string(), "ana: hello");
    wait_for(&mut ben, |event| matches!(event, OwnedEvent::Left(_))).await;
    timeout(SECONDS, runs).await.unwrap().unwrap().unwrap();
}
