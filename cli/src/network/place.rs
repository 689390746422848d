//! The group and the interface that the command line asks for: waiting for them, and saying which they are.

use core::net::SocketAddr;
use core::time::Duration;
use std::time::Instant;

use groupcast_std::{Choice, Error, InterfaceSelector, StdStack, resolve_group_on};

use crate::options::Common;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::text::escape::escaped;

/// How long to wait before looking again.
const AGAIN: Duration = Duration::from_millis(250);

/// What is to be said of an interface that nobody asked for and hardly anybody wants.
pub(crate) fn fallback(choice: &Choice) -> Option<String> {
    let why = why_fallback(choice)?;
    Some(format!("{why}: `groupcast doctor` says more"))
}

/// As [`fallback`], for the doctor.
pub(crate) fn why_fallback(choice: &Choice) -> Option<String> {
    let name = choice.label();
    let what = if choice.loopback {
        "reaches nobody on other machines"
    } else {
        "looks like a network inside of this machine, or a tunnel"
    };
    choice.fallback.then(|| {
        format!("{name} {what}, and was chosen because no other interface can carry the group")
    })
}

/// The interface has changed.
pub(crate) fn changed(choice: &Choice) -> String {
    let text = format!("the interface changed: now {}", where_is(choice));
    match fallback(choice) {
        Some(fallback) => format!("{text}; {fallback}"),
        None => text,
    }
}

/// By what a member is connected.
fn where_is(choice: &Choice) -> String {
    let (name, address) = (choice.label(), choice.address);
    let mtu = choice.mtu.map(|mtu| mtu.to_string());
    let mtu = mtu.as_deref().unwrap_or("unknown");
    format!("via {name} ({address}), MTU {mtu}")
}

/// The start-up line.
pub(crate) fn say_where(common: &Common, group: SocketAddr, choice: &Choice, who: &str) {
    let place = where_is(choice);
    aside!(
        "group {group} {}, hop limit {}, {who}",
        escaped(&place),
        common.hop_limit
    );
    if let Some(text) = fallback(choice) {
        aside!("groupcast: {}", escaped(&text));
    }
    if common.verbose {
        aside!("{}: {}", escaped(choice.label()), escaped(&choice.reason));
    }
}

/// The group to use on the interface that is asked for. Waits for the interface as long as the user allows.
pub(crate) fn group(common: &Common) -> Result<SocketAddr, Failure> {
    group_on(common, &common.interface.clone().unwrap_or_default())
}

/// As [`group`], on this interface.
pub(crate) fn group_on(
    common: &Common,
    selector: &InterfaceSelector,
) -> Result<SocketAddr, Failure> {
    // Nobody has joined yet, so there is nobody to say good-bye to.
    signal::ends_at_once(|| match common.wait_interface {
        None => resolve_group_on(&common.group, selector).map_err(|error| common.failure(&error)),
        Some(limit) => wait(common, selector, limit),
    })
}

/// Looks until all is there, for so long.
fn wait(
    common: &Common,
    selector: &InterfaceSelector,
    limit: Duration,
) -> Result<SocketAddr, Failure> {
    let start = Instant::now();
    let mut said = None;
    loop {
        let missing = match look(&common.group, selector) {
            Look::Ready(group) => return Ok(group),
            Look::Fault(error) => return Err(common.failure(&error)),
            Look::Missing(missing) => missing,
        };
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            let waited = limit.as_secs_f64();
            return Err(Failure::Unmet(format!(
                "after {waited} s of waiting for the interface: {missing}"
            )));
        }
        if said.as_ref() != Some(&missing) {
            aside!(
                "groupcast: waiting for the interface: {}",
                escaped(&missing)
            );
            said = Some(missing);
        }
        std::thread::sleep(left.min(AGAIN));
    }
}

/// What a look at the group and the interfaces found.
enum Look {
    Ready(SocketAddr),
    /// What may come yet.
    Missing(String),
    /// What waiting does not mend.
    Fault(Error),
}

fn look(group: &str, selector: &InterfaceSelector) -> Look {
    let group = match resolve_group_on(group, selector) {
        Ok(group) => group,
        Err(error) => return missing(error),
    };
    let stack = StdStack::builder().group(group).interface(selector.clone());
    match stack.build() {
        // Loopback is what is left where nothing else can be used.
        Ok(stack) if stack.choice().loopback && *selector == InterfaceSelector::Auto => {
            Look::Missing("only the loopback interface is there".to_owned())
        }
        Ok(_) => Look::Ready(group),
        Err(error) => missing(error),
    }
}

/// Whether what is missing may come while the system starts.
fn missing(error: Error) -> Look {
    match error {
        // Names are looked up through a network, too.
        Error::Unresolved { .. }
        | Error::NoSuchInterface { .. }
        | Error::InterfaceDown(_)
        | Error::NoAddress { .. }
        | Error::NoUsableInterface(_)
        | Error::InterfaceGone(_) => Look::Missing(error.to_string()),
        _ => Look::Fault(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_for(group: &str, selector: &str) -> Look {
        look(group, &selector.parse().unwrap())
    }

    #[test]
    fn only_what_may_come_is_waited_for() {
        let ready = look_for("239.1.2.3:7", "127.0.0.1");
        assert!(matches!(ready, Look::Ready(_)));
        for (group, selector) in [
            ("239.1.2.3:7", "nothing0"),
            ("239.1.2.3:7", "203.0.113.77"),
            ("[ff02::1234%nothing0]:7", "auto"),
        ] {
            let found = look_for(group, selector);
            assert!(matches!(found, Look::Missing(_)), "{group} {selector}");
        }
        for (group, selector) in [
            ("192.0.2.1:7", "127.0.0.1"),
            ("239.1.2.3:0", "127.0.0.1"),
            ("nonsense", "nothing0"),
            ("[ff02::1234]:7", "127.0.0.1"),
        ] {
            // IPv6 multicast will not come to the loopback interface either.
            let found = look_for(group, selector);
            assert!(matches!(found, Look::Fault(_)), "{group} {selector}");
        }
    }
}
