//! Addresses of groups on an Ethernet.

use core::net::IpAddr;

/// The Ethernet address that datagrams to a group are sent to, `None` if it is not a group.
///
/// Many Ethernet controllers and Wi-Fi chips drop multicast frames until their filter is told this
/// address. smoltcp does not tell it; see `Stack::with_device`.
/// (RFC 1112 §6.4, RFC 2464 §7.)
#[must_use]
pub const fn hardware_address(group: IpAddr) -> Option<[u8; 6]> {
    match group {
        IpAddr::V4(group) if group.is_multicast() => {
            let [_, b, c, d] = group.octets();
            Some([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(group) if group.is_multicast() => {
            let [.., a, b, c, d] = group.octets();
            Some([0x33, 0x33, a, b, c, d])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hardware_address_of_a_group_holds_the_end_of_its_address() {
        let of = |group: &str| hardware_address(group.parse().unwrap());
        assert_eq!(of("239.1.2.3"), Some([0x01, 0x00, 0x5e, 1, 2, 3]));
        assert_eq!(of("239.129.2.3"), Some([0x01, 0x00, 0x5e, 1, 2, 3]));
        assert_eq!(of("ff12::1:2:3"), Some([0x33, 0x33, 0, 2, 0, 3]));
        assert_eq!(of("192.0.2.1"), None);
        assert_eq!(of("fd00::1"), None);
    }
}
