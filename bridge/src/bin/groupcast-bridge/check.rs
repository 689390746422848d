//! `--check`: whether all is well, without doing anything.

use core::time::Duration;

use groupcast::Instant;
use groupcast_bridge::{Publication, Qos};
use groupcast_std::Clock;

use crate::failure::Failure;
use crate::link::{Happened, Link, Published};
use crate::log::{Level, say};
use crate::session::Welcome;
use crate::signal;
use crate::wait::wait;

/// How long it may take, if nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// Behind the client's name, so that the one that runs is left alone.
pub(crate) const SUFFIX: &str = "-check";

/// Connects and subscribes once, tries whether this user may publish there, and says what was found.
pub(crate) fn run(mut link: Link, topic: String, timeout: Option<Duration>) -> Result<(), Failure> {
    let clock = Clock::new();
    let limit = clock.now() + timeout.unwrap_or(PATIENCE);
    let welcome = until(&clock, &mut link, limit, |happened| match happened {
        Happened::Up(welcome) => Some(welcome),
        _ => None,
    })?;
    say(
        Level::Info,
        "check",
        &format!(
            "the broker is there, and lets this user subscribe; it {}",
            limits(&welcome)
        ),
    );
    let publication = Publication {
        topic: topic.clone(),
        qos: welcome.maximum_qos,
        expiry: Some(Duration::from_secs(1)),
        ..Publication::default()
    };
    match link.publish(clock.now(), &publication) {
        Published::Sent(Some(sent)) => {
            let reason = until(&clock, &mut link, limit, |happened| match happened {
                Happened::Acknowledged { ticket, reason } if ticket == sent => Some(reason),
                _ => None,
            })?;
            if reason >= 0x80 {
                return Err(Failure::Settings(format!(
                    "the broker does not let this user publish to {topic} (reason {reason:#04x}): what may it write?"
                )));
            }
            say(Level::Info, "check", "this user may publish, too");
        }
        // It says nothing of what it does not acknowledge.
        Published::Sent(None) => {
            say(
                Level::Info,
                "check",
                "whether this user may publish, it does not say",
            );
        }
        Published::NoRoom | Published::Never(_) => {
            let text = format!("cannot publish to {topic}");
            return Err(Failure::Trouble(text));
        }
    }
    link.leave(clock.now());
    say(Level::Info, "check", "all is well");
    Ok(())
}

/// Waits for something to happen.
fn until<T>(
    clock: &Clock,
    link: &mut Link,
    limit: Instant,
    is_it: impl Fn(Happened) -> Option<T>,
) -> Result<T, Failure> {
    let mut happened = Vec::new();
    loop {
        let now = clock.now();
        link.poll(now, &mut happened)?;
        for what in happened.drain(..) {
            if let Happened::Down(failure, _) = what {
                return Err(match failure {
                    Failure::Trouble(text) => Failure::Unmet(text),
                    failure => failure,
                });
            }
            if let Some(found) = is_it(what) {
                return Ok(found);
            }
        }
        // Trouble with that is met when the link is polled.
        let _ = link.flush(now);
        if now >= limit {
            return Err(Failure::Unmet(link.lacks()));
        }
        if signal::end_requested() {
            return Err(Failure::Unmet(
                "ended before the broker answered".to_owned(),
            ));
        }
        let pause = now.until(link.deadline().min(limit)).min(signal::LOOK);
        let handles: Vec<_> = link.handle().into_iter().collect();
        let pause = if link.is_more() {
            Duration::ZERO
        } else {
            pause
        };
        wait(&handles, pause).map_err(|error| Failure::Trouble(format!("cannot wait: {error}")))?;
    }
}

/// What a broker takes, in words.
fn limits(welcome: &Welcome) -> String {
    let acknowledges = match welcome.maximum_qos {
        Qos::AtMostOnce => "acknowledges nothing".to_owned(),
        Qos::AtLeastOnce => format!(
            "acknowledges messages, {} under way at most",
            welcome.receive_maximum
        ),
    };
    let retains = if welcome.is_retain_available {
        "retains them"
    } else {
        "does not retain them"
    };
    let longest = match welcome.maximum_packet_size {
        Some(bytes) => format!("takes packets of at most {bytes} bytes"),
        None => "takes packets of any size".to_owned(),
    };
    format!("{acknowledges}, {retains}, and {longest}")
}
