//! Which groups the interface is a member of.
//!
//! smoltcp's memberships belong to the interface and are not counted, and a membership that is reported
//! before there is an address, or from an address that is gone, is not reported again. So a group waits
//! here until there is an address, and is joined anew when the address changes.

use core::net::IpAddr;

use super::smoltcp::config::IFACE_MAX_MULTICAST_GROUP_COUNT;
use super::smoltcp::phy::Device;
#[cfg(feature = "ipv6")]
use super::smoltcp::wire::{IpCidr, Ipv6Cidr};
use heapless::Vec;

use super::family;
use super::link::Link;
use crate::error::Error;

/// A group that a socket is a member of.
struct Group {
    address: IpAddr,
    state: State,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    /// The interface has yet to join: there is no address to report it from.
    Waiting,
    /// The interface has joined.
    Joined,
    /// The interface joined with an address that is gone.
    Stale,
}

/// The groups of all sockets, each once.
#[derive(Default)]
pub(crate) struct Groups {
    groups: Vec<Group, IFACE_MAX_MULTICAST_GROUP_COUNT>,
    /// The addresses that memberships are reported from.
    v4: Option<IpAddr>,
    v6: Option<IpAddr>,
    /// How often a group was joined anew because of an address.
    pub(crate) rejoins: u32,
}

impl Groups {
    /// Whether a group is to be joined that could not be yet, though there is an address.
    pub(crate) fn wait<D: Device>(&self, link: &Link<'_, D>) -> bool {
        let joined = |group: &Group| group.state == State::Joined;
        let mut others = self.groups.iter().filter(|group| !joined(group));
        others.any(|group| reports_from(link, group.address).is_some())
    }

    /// Makes the interface a member, or notes that it must become one.
    pub(crate) fn join<D: Device>(
        &mut self,
        link: &mut Link<'_, D>,
        address: IpAddr,
    ) -> Result<(), Error> {
        if !family::is_known(address) {
            return Err(Error::NoIpv6);
        }
        if self.groups.iter().any(|group| group.address == address) {
            return Ok(());
        }
        let group = Group {
            address,
            state: State::Waiting,
        };
        self.groups.push(group).map_err(|_| Error::TooManyGroups)?;
        self.settle(link);
        let refused = self.groups.last().is_some_and(|group| {
            group.state == State::Waiting && reports_from(link, address).is_some()
        });
        if refused {
            self.groups.pop();
            return Err(Error::TooManyGroups);
        }
        link.send();
        Ok(())
    }

    /// Ends the interface's membership.
    pub(crate) fn leave<D: Device>(&mut self, link: &mut Link<'_, D>, address: IpAddr) {
        self.groups.retain(|group| group.address != address);
        link.leave_group(address);
        link.send();
    }

    /// Joins what waits for an address, and anew what was joined with another address.
    pub(crate) fn settle<D: Device>(&mut self, link: &mut Link<'_, D>) {
        self.notice_addresses(link);
        for group in &mut self.groups {
            if group.state == State::Stale {
                // Only a group that smoltcp has forgotten is reported when it is joined. It forgets it
                // once the end of the membership is sent, for which nothing else may take the room.
                link.send();
                if !link.has_room() {
                    continue;
                }
                link.leave_group(group.address);
                link.send();
                group.state = State::Waiting;
                self.rejoins = self.rejoins.saturating_add(1);
            }
            if group.state == State::Waiting
                && reports_from(link, group.address).is_some()
                && link.join_group(group.address)
            {
                group.state = State::Joined;
            }
        }
    }

    fn notice_addresses<D: Device>(&mut self, link: &Link<'_, D>) {
        for (known, family) in [(&mut self.v4, FAMILY_V4), (&mut self.v6, FAMILY_V6)] {
            let present = reports_from(link, family);
            if *known == present {
                continue;
            }
            *known = present;
            for group in &mut self.groups {
                if group.address.is_ipv4() == family.is_ipv4() && group.state == State::Joined {
                    group.state = State::Stale;
                }
            }
        }
    }
}

const FAMILY_V4: IpAddr = IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED);
const FAMILY_V6: IpAddr = IpAddr::V6(core::net::Ipv6Addr::UNSPECIFIED);

/// The address that memberships of a group of this family are reported from: with IPv4 the first.
fn reports_from<D>(link: &Link<'_, D>, family: IpAddr) -> Option<IpAddr> {
    match family {
        IpAddr::V4(_) => link.interface.ipv4_addr().map(IpAddr::V4),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(_) => reports_from_v6(link),
        #[cfg(not(feature = "ipv6"))]
        IpAddr::V6(_) => None,
    }
}

/// With IPv6 it is the first link-local one. Without a link-local one smoltcp reports from `::`; then any
/// address will do to begin with.
#[cfg(feature = "ipv6")]
fn reports_from_v6<D>(link: &Link<'_, D>) -> Option<IpAddr> {
    let addresses = link
        .interface
        .ip_addrs()
        .iter()
        .filter_map(|own| match own {
            IpCidr::Ipv6(own) => Some(Ipv6Cidr::address(own)),
            IpCidr::Ipv4(_) => None,
        });
    let link_local = addresses.clone().find(|own| own.is_unicast_link_local());
    link_local
        .or_else(|| addresses.clone().next())
        .map(IpAddr::V6)
}
