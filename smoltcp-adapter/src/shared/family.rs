//! smoltcp's forms of addresses. Without the feature `ipv6` it has none for those of IPv6.

use core::net::{IpAddr, SocketAddr};

use super::smoltcp::wire::{IpAddress, IpEndpoint};

/// Whether smoltcp knows addresses of this family.
pub(crate) const fn is_known(address: IpAddr) -> bool {
    address.is_ipv4() || cfg!(feature = "ipv6")
}

pub(crate) const fn address(address: IpAddr) -> Option<IpAddress> {
    match address {
        IpAddr::V4(address) => Some(IpAddress::Ipv4(address)),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(address) => Some(IpAddress::Ipv6(address)),
        #[cfg(not(feature = "ipv6"))]
        IpAddr::V6(_) => None,
    }
}

pub(crate) fn endpoint(endpoint: SocketAddr) -> Option<IpEndpoint> {
    let address = address(endpoint.ip())?;
    Some(IpEndpoint::new(address, endpoint.port()))
}

/// The other way round.
pub(crate) fn socket_address(endpoint: IpEndpoint) -> SocketAddr {
    SocketAddr::new(endpoint.addr.into(), endpoint.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_needs_the_feature() {
        let with = cfg!(feature = "ipv6");
        for (text, known) in [("239.1.2.3", true), ("ff12::1", with)] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(is_known(ip), known);
            assert_eq!(address(ip).map(IpAddr::from), known.then_some(ip));
            let socket = SocketAddr::new(ip, 12345);
            assert_eq!(
                endpoint(socket).map(socket_address),
                known.then_some(socket)
            );
        }
    }
}
