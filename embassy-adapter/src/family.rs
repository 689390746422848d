//! embassy-net's forms of addresses. Without the feature `ipv6` it may have none for those of IPv6.

use core::net::{IpAddr, SocketAddr};

use embassy_net::{IpAddress, IpEndpoint};

use crate::error::Error;

pub(crate) const fn address(address: IpAddr) -> Result<IpAddress, Error> {
    match address {
        IpAddr::V4(address) => Ok(IpAddress::Ipv4(address)),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(address) => Ok(IpAddress::Ipv6(address)),
        #[cfg(not(feature = "ipv6"))]
        IpAddr::V6(_) => Err(Error::NoIpv6),
    }
}

pub(crate) fn endpoint(endpoint: SocketAddr) -> Result<IpEndpoint, Error> {
    Ok(IpEndpoint::new(address(endpoint.ip())?, endpoint.port()))
}
