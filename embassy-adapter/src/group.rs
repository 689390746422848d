//! Which groups the interface is a member of.
//!
//! embassy-net's memberships belong to the interface and are not counted. One that is reported before there is an
//! address, or from an address that is gone, or while the link is down, is not reported again. So a group waits here
//! until it can be reported, and is joined anew when that changes.

use core::net::{IpAddr, Ipv6Addr};

use embassy_net::{IpAddress, Stack};
use embassy_time::{Duration, Instant};
use heapless::Vec;

use crate::error::Error;
use crate::family;
use crate::route;

/// Groups of all sockets together. smoltcp's own table has 4 places, if not told otherwise.
const GROUPS: usize = 8;

/// How long embassy-net's task has, to end a membership before it begins anew. What has not ended is not reported.
const ENDING: Duration = Duration::from_millis(100);

/// A group that a socket is a member of.
struct Group {
    address: IpAddress,
    state: State,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    /// The interface joins as soon as there is an address to report it from.
    Waiting,
    /// The interface has joined.
    Joined,
    /// The interface joins again, from another address, after this time.
    Ending(Instant),
}

/// The groups of all sockets, each once.
#[derive(Default)]
pub(crate) struct Groups {
    groups: Vec<Group, GROUPS>,
    /// The addresses that memberships are reported from.
    v4: Option<IpAddr>,
    v6: Option<IpAddr>,
    /// How often a group was joined anew.
    pub(crate) rejoins: u32,
}

impl Groups {
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Makes the interface a member, or notes that it must become one.
    pub(crate) fn join(&mut self, stack: Stack<'_>, address: IpAddr) -> Result<(), Error> {
        let address = family::address(address)?;
        if self.groups.iter().any(|group| group.address == address) {
            return Ok(());
        }
        let group = Group {
            address,
            state: State::Waiting,
        };
        self.groups.push(group).map_err(|_| Error::TooManyGroups)?;
        self.settle(stack);
        let refused = self.groups.last().is_some_and(|group| {
            group.state == State::Waiting && self.reports_from(address).is_some()
        });
        if refused {
            self.groups.pop();
            return Err(Error::TooManyGroups);
        }
        Ok(())
    }

    /// Ends the interface's membership.
    pub(crate) fn leave(&mut self, stack: Stack<'_>, address: IpAddr) {
        if let Ok(address) = family::address(address) {
            self.groups.retain(|group| group.address != address);
            let _ = stack.leave_multicast_group(address);
        }
    }

    /// Joins what waits for an address, anew what was joined with another one, and what somebody else has left.
    /// Whether embassy-net's task has something to report now, and when to look again if that is soon.
    pub(crate) fn settle(&mut self, stack: Stack<'_>) -> (bool, Option<Instant>) {
        let (now, (v4, v6)) = (Instant::now(), addresses(stack));
        let changed = [self.v4 != v4, self.v6 != v6];
        (self.v4, self.v6) = (v4, v6);
        let (mut changes, mut soon) = (false, None);
        for group in &mut self.groups {
            let is_v4 = matches!(group.address, IpAddress::Ipv4(_));
            let (from, changed) = if is_v4 {
                (v4, changed[0])
            } else {
                (v6, changed[1])
            };
            let is_member = stack.has_multicast_group(group.address);
            match group.state {
                State::Joined if changed => {
                    let _ = stack.leave_multicast_group(group.address);
                    group.state = State::Ending(now.saturating_add(ENDING));
                    self.rejoins = self.rejoins.saturating_add(1);
                    changes = true;
                }
                State::Joined if !is_member => {
                    group.state = State::Waiting;
                    self.rejoins = self.rejoins.saturating_add(1);
                }
                State::Ending(until) if changed => {
                    group.state = State::Ending(until.max(now.saturating_add(ENDING)));
                }
                State::Ending(until) if until <= now => group.state = State::Waiting,
                _ => {}
            }
            if let State::Ending(until) = group.state {
                soon = Some(until);
            }
            if group.state == State::Waiting
                && from.is_some()
                && stack.join_multicast_group(group.address).is_ok()
            {
                group.state = State::Joined;
                changes = true;
            }
        }
        (changes, soon)
    }

    fn reports_from(&self, group: IpAddress) -> Option<IpAddr> {
        if matches!(group, IpAddress::Ipv4(_)) {
            self.v4
        } else {
            self.v6
        }
    }
}

/// What memberships are reported from: nothing without a link. With IPv6 an address need not be known here: there
/// may be a link-local one, of which embassy-net does not tell.
fn addresses(stack: Stack<'_>) -> (Option<IpAddr>, Option<IpAddr>) {
    if !stack.is_link_up() {
        return (None, None);
    }
    let (v4, v6) = route::addresses(stack);
    (v4, v6.or(Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED))))
}
