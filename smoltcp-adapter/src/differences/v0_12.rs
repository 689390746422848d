//! What smoltcp 0.12 has otherwise than later versions.

use core::time::Duration;

use super::smoltcp::iface::Interface;
use super::smoltcp::time::Instant;
use super::smoltcp::wire::{IpProtocol, IpVersion};
use crate::answers::Query;

/// The versions of IP that a raw socket each is for: here it has one only.
#[cfg(feature = "ipv6")]
pub(crate) const HEARD: [IpVersion; 2] = [IpVersion::Ipv4, IpVersion::Ipv6];
#[cfg(not(feature = "ipv6"))]
pub(crate) const HEARD: [IpVersion; 1] = [IpVersion::Ipv4];

/// What it receives.
pub(crate) const UDP: IpProtocol = IpProtocol::Udp;

/// Whether smoltcp panics when it is asked so: it divides by the time that MLD leaves for the answer.
pub(crate) const fn is_deadly(query: Option<Query>) -> bool {
    matches!(query, Some(Query::V6(Duration::ZERO)))
}

/// Looks after smoltcp's own timers, of which this version has none.
pub(crate) const fn maintain(_: &mut Interface, _: Instant) {}
