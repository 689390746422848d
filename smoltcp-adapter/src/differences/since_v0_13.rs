//! What smoltcp has otherwise since version 0.13.

use super::smoltcp::iface::Interface;
use super::smoltcp::time::Instant;
use super::smoltcp::wire::{IpProtocol, IpVersion};
use crate::answers::Query;

/// The versions of IP that a raw socket each is for: here one is for all.
pub(crate) const HEARD: [Option<IpVersion>; 1] = [None];

/// What it receives.
pub(crate) const UDP: Option<IpProtocol> = Some(IpProtocol::Udp);

/// Whether smoltcp panics when it is asked so.
pub(crate) const fn is_deadly(_: Option<Query>) -> bool {
    false
}

/// Looks after smoltcp's own timers.
pub(crate) fn maintain(interface: &mut Interface, now: Instant) {
    interface.poll_maintenance(now);
}
