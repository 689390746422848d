//! A member among several tasks.

use core::time::Duration;

use groupcast::{Channel, SendError};
use groupcast_std::tokio::{Receiver, Sender};
use groupcast_std::{Error, OwnedEvent};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{SECONDS, is_message, join};

const ORDERED: Channel = Channel::reliable_ordered(1);

/// A member whose runner runs.
async fn start(group: &str, name: &str) -> (JoinHandle<()>, Sender, Receiver) {
    let (runner, sender, receiver) = join(group, name).await.split();
    let running = tokio::spawn(async { _ = runner.run().await.unwrap() });
    (running, sender, receiver)
}

async fn next(receiver: &mut Receiver, wanted: impl Fn(&OwnedEvent) -> bool) -> OwnedEvent {
    loop {
        let event = timeout(SECONDS, receiver.recv()).await.unwrap();
        let event = event.unwrap().unwrap();
        if wanted(&event) {
            return event;
        }
    }
}

#[tokio::test]
async fn several_tasks_send_and_the_member_leaves_with_the_last() {
    let group = "239.72.1.30:45230";
    let (ana, sender, mut to_ana) = start(group, "ana").await;
    let (ben, of_ben, mut to_ben) = start(group, "ben").await;
    let tasks: Vec<_> = (0..4_u8)
        .map(|task| {
            let sender = sender.clone();
            tokio::spawn(async move {
                for number in 0..1_000_u16 {
                    let [high, low] = number.to_be_bytes();
                    sender.queue(ORDERED, [task, high, low]).await.unwrap();
                }
            })
        })
        .collect();
    let mut heard = [0_u16; 4];
    while heard.iter().any(|heard| *heard < 1_000) {
        let OwnedEvent::Message(message) = next(&mut to_ben, is_message).await else {
            unreachable!()
        };
        let [task, high, low] = *message.payload else {
            panic!("{message:?}");
        };
        let heard = &mut heard[usize::from(task)];
        assert_eq!(u16::from_be_bytes([high, low]), *heard);
        *heard += 1;
    }
    let last = sender.send(ORDERED, "end").await.unwrap();
    sender.confirm(last).await.unwrap();
    next(&mut to_ana, |event| {
        matches!(event, OwnedEvent::Confirmed(_))
    })
    .await;
    drop(sender);
    for task in tasks {
        task.await.unwrap();
    }
    timeout(SECONDS, ana).await.unwrap().unwrap();
    assert!(to_ana.recv().await.is_none());
    next(&mut to_ben, |event| matches!(event, OwnedEvent::Left(_))).await;
    // Whom nobody hears goes on, and leaves.
    drop(to_ben);
    of_ben.send(ORDERED, "to nobody").await.unwrap();
    drop(of_ben);
    timeout(SECONDS, ben).await.unwrap().unwrap();
}

#[tokio::test]
async fn while_nobody_takes_events_it_still_sends_and_nothing_is_lost() {
    let group = "239.72.1.31:45231";
    let (_ana, sender, mut to_ana) = start(group, "ana").await;
    let (_ben, of_ben, mut to_ben) = start(group, "ben").await;
    next(&mut to_ana, |event| matches!(event, OwnedEvent::Joined(_))).await;
    next(&mut to_ben, |event| matches!(event, OwnedEvent::Joined(_))).await;
    let floods = tokio::spawn(async move {
        for number in 0..2_000_u32 {
            of_ben.queue(ORDERED, number.to_be_bytes()).await.unwrap();
        }
        of_ben
    });
    // Nobody listens to ana's events.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = timeout(SECONDS, sender.send(ORDERED, "still here"));
    sent.await.unwrap().unwrap();
    let heard = next(&mut to_ben, is_message).await;
    assert_eq!(heard.to_string(), "ana: still here");
    for number in 0..2_000_u32 {
        let OwnedEvent::Message(message) = next(&mut to_ana, is_message).await else {
            unreachable!()
        };
        assert_eq!(message.payload, number.to_be_bytes());
    }
    drop(floods.await.unwrap());
}

#[tokio::test]
async fn what_can_never_be_sent_is_told() {
    let (runner, sender, mut receiver) = join("239.72.1.32:45232", "ana").await.split();
    let running = tokio::spawn(runner.run());
    let long = || vec![0; 1163];
    let told = sender.send(Channel::latest(1), long()).await.unwrap_err();
    assert!(matches!(told, Error::Send(SendError::TooLong { .. })));
    sender.queue(Channel::latest(1), long()).await.unwrap();
    let told = receiver.recv().await.unwrap().unwrap_err();
    assert!(matches!(told, Error::Send(SendError::TooLong { .. })));
    running.abort();
    let _ = running.await;
    let gone = sender.queue(ORDERED, [1]).await.unwrap_err();
    assert!(matches!(gone, Error::Send(SendError::HasLeft)), "{gone}");
    assert!(receiver.recv().await.is_none());
}

#[tokio::test]
async fn what_was_received_is_told_although_the_member_has_left() {
    let group = "239.72.1.33:45233";
    let (runner, sender, mut to_ana) = join(group, "ana").await.split();
    let mut running = tokio::spawn(runner.run());
    let (_ben, of_ben, mut to_ben) = start(group, "ben").await;
    next(&mut to_ben, |event| matches!(event, OwnedEvent::Joined(_))).await;
    for number in 0..2_000_u32 {
        of_ben.queue(ORDERED, number.to_be_bytes()).await.unwrap();
    }
    // Nobody takes ana's events; as soon as no more of them may wait, it is to leave.
    let full = async {
        while to_ana.len() < 256 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(SECONDS, full).await.unwrap();
    drop(sender);
    let counters = timeout(SECONDS, &mut running).await.unwrap();
    let received = counters.unwrap().unwrap().messages_received;
    next(&mut to_ben, |event| matches!(event, OwnedEvent::Left(_))).await;
    let mut told = 0_u32;
    while let Some(event) = to_ana.recv().await {
        if let OwnedEvent::Message(message) = event.unwrap() {
            assert_eq!(message.payload, told.to_be_bytes());
            told += 1;
        }
    }
    assert_eq!(u64::from(told), received);
    assert!(told >= 255, "{told}");
}
