//! What the interface's settings say of an address.

use core::net::IpAddr;

use embassy_net::Stack;
use groupcast::multicast::Interface;

use crate::error::Error;

/// Whether this is the stack's interface: it has but one.
pub(crate) fn check_interface(stack: Stack<'_>, interface: Interface) -> Result<(), Error> {
    match interface {
        Interface::Default => Ok(()),
        Interface::Address(address) if is_own(stack, address) => Ok(()),
        _ => Err(Error::NoInterface(interface)),
    }
}

/// The interface's addresses, as far as embassy-net tells: not one that is link-local beside another.
pub(crate) fn addresses(stack: Stack<'_>) -> (Option<IpAddr>, Option<IpAddr>) {
    let v4 = stack.config_v4();
    #[cfg(feature = "ipv6")]
    let v6 = stack.config_v6();
    #[cfg(feature = "ipv6")]
    let v6 = v6.map(|v6| IpAddr::V6(v6.address.address()));
    #[cfg(not(feature = "ipv6"))]
    let v6 = None;
    (v4.map(|v4| IpAddr::V4(v4.address.address())), v6)
}

fn is_own(stack: Stack<'_>, address: IpAddr) -> bool {
    let (v4, v6) = addresses(stack);
    v4 == Some(address) || v6 == Some(address)
}

/// Whether there is a way to this address. embassy-net would keep a datagram without one for ever, or drop it.
pub(crate) fn reaches(stack: Stack<'_>, to: IpAddr) -> bool {
    if to.is_unspecified() || is_own(stack, to) {
        return false;
    }
    match to {
        IpAddr::V4(to) => stack.config_v4().is_some_and(|v4| {
            let on_link = to.is_multicast() || to.is_broadcast();
            on_link || v4.gateway.is_some() || v4.address.contains_addr(&to)
        }),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(to) => stack.config_v6().is_some_and(|v6| {
            let on_link = to.is_multicast() || to.is_unicast_link_local();
            on_link || v6.gateway.is_some() || v6.address.contains_addr(&to)
        }),
        #[cfg(not(feature = "ipv6"))]
        IpAddr::V6(_) => false,
    }
}
