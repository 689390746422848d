//! The group tag of open groups (PROTOCOL §2.2).

use core::net::{IpAddr, SocketAddr};

use super::checksum::crc32c;
use crate::ident::{GroupTag, Name};

/// The tag of the open group with this address and name.
///
/// It is the exclusive or of the two halves of the CRC-32C over the address (4 or 16 bytes), the
/// port (2) and the name. For an IPv6 group the scope does not count.
#[must_use]
pub fn open_group_tag(group: SocketAddr, name: &Name) -> GroupTag {
    let port = group.port().to_be_bytes();
    let (v4, v6);
    let address: &[u8] = match group.ip() {
        IpAddr::V4(ip) => {
            v4 = ip.octets();
            &v4
        }
        IpAddr::V6(ip) => {
            v6 = ip.octets();
            &v6
        }
    };
    let crc = crc32c(&[address, &port, name.as_bytes()]);
    // The halves of a 32-bit number: no octet is lost.
    GroupTag::new((crc >> 16) as u16 ^ crc as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROTOCOL W5.
    #[test]
    fn address_port_and_name_all_count() {
        let tag = |group: &str, name: &str| {
            open_group_tag(group.parse().unwrap(), &Name::new(name).unwrap())
        };
        let ours = tag("239.1.2.3:12345", "");
        assert_eq!(ours, GroupTag::new(0x2df2));
        assert_ne!(ours, tag("239.1.2.4:12345", ""));
        assert_ne!(ours, tag("239.1.2.3:12346", ""));
        assert_ne!(ours, tag("239.1.2.3:12345", "kitchen"));
        assert_eq!(tag("[ff02::1%3]:7", ""), tag("[ff02::1]:7", ""));
    }
}
