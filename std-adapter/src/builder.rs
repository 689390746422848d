//! How a stack is made: the one place where a setting can be wrong.

use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU32;

use crate::error::Error;
use crate::interface::{Family, InterfaceSelector};
use crate::stack::StdStack;
use crate::watch::Watch;

/// What every socket of a stack is set up with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) group: SocketAddr,
    pub(crate) hop_limit: u8,
    pub(crate) loopback: bool,
    pub(crate) receive_buffer: Option<usize>,
    pub(crate) send_buffer: Option<usize>,
}

/// Makes a [`StdStack`]. Only the [group](Self::group) has no default.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    group: Option<SocketAddr>,
    selector: InterfaceSelector,
    hop_limit: u8,
    loopback: bool,
    receive_buffer: Option<usize>,
    send_buffer: Option<usize>,
}

impl Builder {
    pub(crate) const fn new() -> Self {
        Self {
            group: None,
            selector: InterfaceSelector::Auto,
            hop_limit: 1,
            loopback: true,
            receive_buffer: None,
            send_buffer: None,
        }
    }

    /// The group that the stack is for: a multicast address and a port.
    ///
    /// It decides the family of all sockets. It is not joined by this: that is
    /// [`join_multicast`](groupcast::multicast::UdpMulticast::join_multicast)'s work, and other groups
    /// of the family can be joined too. The scope id of an IPv6 address chooses the interface if
    /// [`interface`](Self::interface) does not.
    pub const fn group(mut self, group: SocketAddr) -> Self {
        self.group = Some(group);
        self
    }

    /// The interface to send and receive groups by. Default: [`InterfaceSelector::Auto`].
    pub fn interface(mut self, selector: InterfaceSelector) -> Self {
        self.selector = selector;
        self
    }

    /// The hop limit (IPv4: TTL) of datagrams to groups. Default: 1, which stays on the link.
    ///
    /// 0 stays on this machine. More than 1 only matters where routers forward multicast.
    pub const fn hop_limit(mut self, hop_limit: u8) -> Self {
        self.hop_limit = hop_limit;
        self
    }

    /// Whether members on this machine receive what this stack sends. Default: true.
    ///
    /// On Unix this acts on the sender's side, on Windows on the receiver's. Linux ignores `false` on
    /// the loopback interface.
    pub const fn loopback(mut self, on: bool) -> Self {
        self.loopback = on;
        self
    }

    /// The size of each socket's receive buffer, in bytes. Default: 4 MiB, or as much as the system allows:
    /// on Linux 200 KB where `sysctl net.core.rmem_max` is not raised, and 4 MiB with CAP_NET_ADMIN.
    ///
    /// Too small, and bursts are lost before the program sees them. The system limits it without an
    /// error; [`Socket::receive_buffer`](crate::Socket::receive_buffer) says what it gave.
    pub const fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// The size of each socket's send buffer, in bytes. Default: 1 MiB, or as much as the system allows.
    ///
    /// Too small, and `send_to` returns `WouldBlock` more often. The system limits it without an
    /// error; [`Socket::send_buffer`](crate::Socket::send_buffer) says what it gave.
    pub const fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// Checks the settings, chooses the interface and makes the stack. Opens no socket.
    ///
    /// # Errors
    ///
    /// [`Error::NoGroup`], [`Error::NotMulticast`] and [`Error::PortZero`] for the group;
    /// [`Error::NoSuchInterface`], [`Error::InterfaceDown`], [`Error::InterfaceWithoutMulticast`],
    /// [`Error::NoAddress`], [`Error::LoopbackV6`] and [`Error::NoUsableInterface`] for the interface.
    pub fn build(self) -> Result<StdStack, Error> {
        let group = self.group.ok_or(Error::NoGroup)?;
        if !group.ip().is_multicast() {
            return Err(Error::NotMulticast(group.ip()));
        }
        if group.port() == 0 {
            return Err(Error::PortZero);
        }
        let selector = match (self.selector, group) {
            (InterfaceSelector::Auto, SocketAddr::V6(group)) => NonZeroU32::new(group.scope_id())
                .map_or(InterfaceSelector::Auto, InterfaceSelector::Index),
            (selector, _) => selector,
        };
        let settings = Settings {
            group,
            hop_limit: self.hop_limit,
            loopback: self.loopback,
            receive_buffer: self.receive_buffer,
            send_buffer: self.send_buffer,
        };
        Ok(StdStack::new(settings, Watch::new(selector, group.ip())?))
    }
}

/// Checks that `group` is a group, and of the family.
pub(crate) const fn check_group(group: IpAddr, family: Family) -> Result<(), Error> {
    if !group.is_multicast() {
        return Err(Error::NotMulticast(group));
    }
    check_family(group, family)
}

/// Checks that `address` is of the family.
pub(crate) const fn check_family(address: IpAddr, family: Family) -> Result<(), Error> {
    match (address, family) {
        (IpAddr::V4(_), Family::V4) | (IpAddr::V6(_), Family::V6) => Ok(()),
        _ => Err(Error::WrongFamily { address, family }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(group: &str) -> Result<StdStack, Error> {
        let lo = "127.0.0.1".parse().unwrap();
        StdStack::builder()
            .group(group.parse().unwrap())
            .interface(lo)
            .build()
    }

    #[test]
    fn a_group_must_be_a_group_with_a_port() {
        assert!(matches!(StdStack::builder().build(), Err(Error::NoGroup)));
        assert!(matches!(
            build("192.168.1.2:12345"),
            Err(Error::NotMulticast(_))
        ));
        assert!(matches!(
            build("[fd00::1]:12345"),
            Err(Error::NotMulticast(_))
        ));
        assert!(matches!(build("239.1.2.3:0"), Err(Error::PortZero)));
        assert!(matches!(
            build("[ff02::1234]:12345"),
            Err(Error::LoopbackV6(_))
        ));
        assert!(build("239.1.2.3:12345").unwrap().choice().loopback);
    }

    #[test]
    fn the_scope_of_an_ipv6_group_chooses_the_interface() {
        let group = "[ff02::1234%4000000000]:12345".parse().unwrap();
        let error = StdStack::builder().group(group).build().unwrap_err();
        assert!(
            error.to_string().contains("with index 4000000000"),
            "{error}"
        );
    }
}
