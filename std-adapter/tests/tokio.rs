//! Members in tasks of tokio, all on the loopback interface.

mod tokio {
    mod many;
    mod member;
    mod rate;
    mod split;
}

use core::time::Duration;

use groupcast_std::tokio::AsyncMember;
use groupcast_std::{Member, MemberBuilder, OwnedEvent};

const SECONDS: Duration = Duration::from_secs(60);

fn builder(group: &str, name: &str) -> MemberBuilder {
    let lo = "127.0.0.1".parse().unwrap();
    let builder = Member::builder(group.parse().unwrap());
    builder.name(name).interface(lo)
}

async fn join(group: &str, name: &str) -> AsyncMember {
    builder(group, name).join_async().await.unwrap()
}

/// Waits for the first event that `wanted` says yes to.
async fn wait_for(member: &mut AsyncMember, wanted: impl Fn(&OwnedEvent) -> bool) -> OwnedEvent {
    let found = async {
        loop {
            let event = member.next_event().await.unwrap();
            if wanted(&event) {
                return event;
            }
        }
    };
    let found = ::tokio::time::timeout(SECONDS, found).await;
    found.expect("the event did not come")
}

const fn is_message(event: &OwnedEvent) -> bool {
    matches!(event, OwnedEvent::Message(_))
}

/// Polls a future to its end, and counts how often.
async fn counted<T>(polls: &core::cell::Cell<u32>, future: impl Future<Output = T>) -> T {
    let mut future = core::pin::pin!(future);
    core::future::poll_fn(|cx| {
        polls.set(polls.get() + 1);
        future.as_mut().poll(cx)
    })
    .await
}
