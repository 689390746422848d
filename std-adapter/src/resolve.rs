//! From what a user types to a group's address.

use core::net::{IpAddr, SocketAddr, SocketAddrV6};

use embedded_nal::{AddrType, Dns, nb};

use crate::error::Error;
use crate::interface::InterfaceSelector;
use crate::interfaces;

/// Reads a group: `239.1.2.3:12345`, `[ff02::1234%eth0]:12345` or `name:12345`.
///
/// A name is looked up by the operating system, which may take seconds.
///
/// # Errors
///
/// [`Error::NotAGroup`] if it is none of these, [`Error::Unresolved`] if the name has no address.
pub fn resolve_group(text: &str) -> Result<SocketAddr, Error> {
    if let Ok(group) = text.parse() {
        return Ok(group);
    }
    if let Some(group) = with_scope_name(text) {
        return group;
    }
    let (host, port) = text
        .rsplit_once(':')
        .filter(|(host, _)| !host.is_empty() && !host.contains([':', '[', ']', '%']))
        .ok_or_else(|| Error::NotAGroup(text.to_owned()))?;
    let port = port
        .parse()
        .map_err(|_| Error::NotAGroup(text.to_owned()))?;
    // What looks like an address and is none is not a host's name either.
    if host.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(Error::NotAGroup(text.to_owned()));
    }
    let found = nb::block!(std_embedded_nal::Stack.get_host_by_name(host, AddrType::Either));
    let address = found.map_err(|error| Error::Unresolved {
        host: host.to_owned(),
        error,
    })?;
    Ok(SocketAddr::new(address, port))
}

/// `[ff02::1%eth0]:7`: std reads only numbers after the `%`.
fn with_scope_name(text: &str) -> Option<Result<SocketAddr, Error>> {
    let (address, port) = text.strip_prefix('[')?.rsplit_once("]:")?;
    let (address, scope) = address.split_once('%')?;
    let port = port.parse().ok()?;
    let IpAddr::V6(address) = address.parse().ok()? else {
        return None;
    };
    Some(interfaces::list().and_then(|all| {
        let interface = all.iter().find(|interface| interface.name == scope);
        let interface = interface.ok_or_else(|| Error::NoSuchInterface {
            selector: InterfaceSelector::Name(scope.to_owned()).to_string(),
            available: all
                .iter()
                .map(|i| i.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        Ok(SocketAddrV6::new(address, port, 0, interface.index.get()).into())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_stand() {
        let group = |text: &str| resolve_group(text).unwrap().to_string();
        assert_eq!(group("239.1.2.3:12345"), "239.1.2.3:12345");
        assert_eq!(group("[ff02::1%3]:7"), "[ff02::1%3]:7");
    }

    #[test]
    fn what_is_no_group_is_refused_without_asking_anybody() {
        for text in [
            "",
            "239.1.2.3",
            "239.1.2.3:",
            "239.1.2.3:99999",
            ":7",
            "ff02::1:7",
            "1.2.3:4",
        ] {
            assert!(
                matches!(resolve_group(text), Err(Error::NotAGroup(_))),
                "{text}"
            );
        }
        let error = resolve_group("[ff02::1%nothing0]:7")
            .unwrap_err()
            .to_string();
        assert!(error.contains("nothing0"), "{error}");
    }

    #[test]
    fn names_are_looked_up() {
        assert_eq!(resolve_group("localhost:7").unwrap().port(), 7);
    }
}
