//! The groups that a socket joined, and how to keep them joined.

use core::net::IpAddr;
use std::io;
use std::net::UdpSocket;

use groupcast::multicast::Interface;
use socket2::SockRef;

use crate::cause::Cause;
use crate::error::{Error, Operation};
use crate::sys;
use crate::watch::{Link, Watch};

#[derive(Clone, Copy, Debug)]
struct Membership {
    group: IpAddr,
    wanted: Interface,
    /// The link the group was last joined on.
    link: Link,
    /// The link went away since, so the system may have forgotten the membership.
    lapsed: bool,
}

/// What a socket is a member of.
#[derive(Debug, Default)]
pub(crate) struct Memberships(Vec<Membership>);

impl Memberships {
    /// Joins, unless that is done already.
    pub(crate) fn join(
        &mut self,
        socket: &UdpSocket,
        group: IpAddr,
        wanted: Interface,
        watch: &Watch,
    ) -> Result<(), Error> {
        if self
            .0
            .iter()
            .any(|m| m.group == group && m.wanted == wanted && !m.lapsed)
        {
            return Ok(());
        }
        let link = watch
            .locate(wanted)
            .ok_or_else(|| Error::InterfaceGone(watch.family()))?;
        if let Some(position) = self.position(group, wanted) {
            let lapsed = self.0.swap_remove(position);
            let _ = leave(socket, group, lapsed.link);
        }
        self.0.push(Membership {
            group,
            wanted,
            link,
            // Without a link nobody heard of it, so it is announced again when there is one.
            lapsed: watch.link(wanted).is_none(),
        });
        // The filter first, so that no datagram comes between.
        let result = self
            .filter(socket, group)
            .and_then(|()| join(socket, group, link));
        if result.is_err() {
            self.0.pop();
            let _ = self.filter(socket, group);
        }
        result.map_err(|error| Error::os(Operation::Join(group), error))
    }

    fn position(&self, group: IpAddr, wanted: Interface) -> Option<usize> {
        let same = |m: &Membership| m.group == group && m.wanted == wanted;
        self.0.iter().position(same)
    }

    /// Leaves, if the socket is a member. The record is gone even if the system objects.
    pub(crate) fn leave(
        &mut self,
        socket: &UdpSocket,
        group: IpAddr,
        wanted: Interface,
    ) -> Result<(), Error> {
        let Some(position) = self.position(group, wanted) else {
            return Ok(());
        };
        let left = self.0.swap_remove(position);
        // The same interface may have been named in two ways; the system knows one membership.
        let same = |m: &Membership| m.group == group && m.link.index == left.link.index;
        if self.0.iter().any(same) {
            return Ok(());
        }
        let _ = self.filter(socket, group);
        match leave(socket, group, left.link) {
            // The interface may have taken the membership with it.
            Err(error) if !left.lapsed && Cause::of(&error) != Some(Cause::AddressNotAvailable) => {
                Err(Error::os(Operation::Leave(group), error))
            }
            _ => Ok(()),
        }
    }

    /// Joins again wherever the link changed or came back. Returns how many memberships were made anew.
    pub(crate) fn renew(&mut self, socket: &UdpSocket, watch: &Watch) -> u64 {
        let mut renewed = 0;
        for membership in &mut self.0 {
            let Some(link) = watch.link(membership.wanted) else {
                membership.lapsed = true;
                continue;
            };
            if link == membership.link && !membership.lapsed {
                continue;
            }
            // The old membership may or may not be left to leave: the interface may be gone. If it is
            // still there, leaving and joining also makes the system announce it to the network again.
            let _ = leave(socket, membership.group, membership.link);
            membership.lapsed = join(socket, membership.group, link).is_err();
            if !membership.lapsed {
                membership.link = link;
                renewed += 1;
            }
        }
        if let (Some(membership), true) = (self.0.first(), renewed > 0) {
            // It is as long as before, so it is accepted as before.
            let _ = self.filter(socket, membership.group);
        }
        renewed
    }

    /// Ties memberships to their interfaces where the system itself does not, for `group`'s family.
    fn filter(&self, socket: &UdpSocket, group: IpAddr) -> io::Result<()> {
        if group.is_ipv4() {
            return Ok(());
        }
        let memberships = self.0.iter().filter_map(|m| match m.group {
            IpAddr::V6(group) => Some((group, m.link.index)),
            IpAddr::V4(_) => None,
        });
        sys::hear_only(socket, memberships)
    }
}

fn join(socket: &UdpSocket, group: IpAddr, link: Link) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let result = match group {
        IpAddr::V4(group) => v4::join(&socket, group, link),
        IpAddr::V6(group) => socket.join_multicast_v6(&group, link.index.get()),
    };
    match result {
        // The socket is a member already, through another name of the interface.
        Err(error) if matches!(Cause::of(&error), Some(Cause::AddressInUse)) => Ok(()),
        result => result,
    }
}

fn leave(socket: &UdpSocket, group: IpAddr, link: Link) -> io::Result<()> {
    let socket = SockRef::from(socket);
    match group {
        IpAddr::V4(group) => v4::leave(&socket, group, link),
        IpAddr::V6(group) => socket.leave_multicast_v6(&group, link.index.get()),
    }
}

/// IPv4 by index, where the system can.
#[cfg(not(any(
    target_os = "aix",
    target_os = "haiku",
    target_os = "illumos",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "redox",
    target_os = "solaris",
    target_os = "nto",
    target_os = "espidf",
    target_os = "vita",
    target_os = "cygwin",
    target_os = "wasi",
    target_os = "horizon",
)))]
mod v4 {
    use core::net::Ipv4Addr;
    use std::io;

    use socket2::{InterfaceIndexOrAddress, Socket};

    use super::Link;

    pub(super) fn join(socket: &Socket, group: Ipv4Addr, link: Link) -> io::Result<()> {
        let interface = InterfaceIndexOrAddress::Index(link.index.get());
        socket.join_multicast_v4_n(&group, &interface)
    }

    pub(super) fn leave(socket: &Socket, group: Ipv4Addr, link: Link) -> io::Result<()> {
        let interface = InterfaceIndexOrAddress::Index(link.index.get());
        socket.leave_multicast_v4_n(&group, &interface)
    }
}

/// IPv4 by address, where the system knows no other way.
#[cfg(any(
    target_os = "aix",
    target_os = "haiku",
    target_os = "illumos",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "redox",
    target_os = "solaris",
    target_os = "nto",
    target_os = "espidf",
    target_os = "vita",
    target_os = "cygwin",
    target_os = "wasi",
    target_os = "horizon",
))]
mod v4 {
    use core::net::{IpAddr, Ipv4Addr};
    use std::io;

    use socket2::Socket;

    use super::Link;

    pub(super) fn join(socket: &Socket, group: Ipv4Addr, link: Link) -> io::Result<()> {
        socket.join_multicast_v4(&group, &address(link)?)
    }

    pub(super) fn leave(socket: &Socket, group: Ipv4Addr, link: Link) -> io::Result<()> {
        socket.leave_multicast_v4(&group, &address(link)?)
    }

    fn address(link: Link) -> io::Result<Ipv4Addr> {
        match link.address {
            Some(IpAddr::V4(address)) => Ok(address),
            _ => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }
}
