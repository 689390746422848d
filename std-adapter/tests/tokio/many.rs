//! Many members in one runtime.

use core::time::Duration;

use groupcast::Channel;
use groupcast_std::{OwnedEvent, Profile};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::builder;

const MEMBERS: usize = 50;

#[tokio::test]
async fn fifty_members_in_one_runtime_hear_each_other() {
    let mut tasks = JoinSet::new();
    for number in 0..MEMBERS {
        let builder = builder("239.72.1.40:45240", &number.to_string());
        let mut member = builder.memory(Profile::Board).join_async().await.unwrap();
        tasks.spawn(async move {
            let said = member.send(Channel::state(1), number.to_string(), |_| {});
            said.await.unwrap();
            // A board's roster has 16 places.
            let mut heard = std::collections::BTreeSet::new();
            while heard.len() < MEMBERS - 1 {
                if let OwnedEvent::Message(message) = member.next_event().await.unwrap() {
                    heard.insert(message.sender);
                }
            }
            member
        });
    }
    let all = timeout(Duration::from_secs(60), tasks.join_all());
    assert_eq!(all.await.expect("not all were heard").len(), MEMBERS);
}
