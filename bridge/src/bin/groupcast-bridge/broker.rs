//! Where the broker is.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;
use std::net::ToSocketAddrs;

use crate::failure::Failure;

/// The broker: `mqtt://HOST[:PORT]`, or `mqtts://` with TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Broker {
    pub(crate) is_secure: bool,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

const FORM: &str = "a broker is mqtts://HOST[:PORT], or mqtt://HOST[:PORT] without TLS";

impl FromStr for Broker {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
        let is_secure = match scheme {
            "mqtt" => false,
            "mqtts" => true,
            _ => return Err(FORM),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err("a user's name is given by --username, and the password in a file");
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(FORM)?;
                host.parse::<core::net::Ipv6Addr>().map_err(|_| FORM)?;
                (host, port)
            }
            None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(FORM)?,
            None if port.is_empty() && is_secure => 8883,
            None if port.is_empty() => 1883,
            None => return Err(FORM),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
        if host.is_empty() || !host.chars().all(fits) {
            return Err(FORM);
        }
        Ok(Self {
            is_secure,
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "mqtts" } else { "mqtt" };
        let Self { host, port, .. } = self;
        match host.parse() {
            Ok(IpAddr::V6(_)) => write!(f, "{scheme}://[{host}]:{port}"),
            _ => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

impl Broker {
    /// Its addresses. This waits until its name is looked up.
    pub(crate) fn addresses(&self, is_insecure: bool) -> Result<Vec<SocketAddr>, Failure> {
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let found: Vec<_> = found
            .map_err(|error| Failure::Trouble(format!("cannot find {}: {error}", self.host)))?
            .collect();
        if found.is_empty() {
            return Err(Failure::Trouble(format!("{} has no address", self.host)));
        }
        let is_here = found.iter().all(|address| address.ip().is_loopback());
        if !self.is_secure && !is_here && !is_insecure {
            return Err(Failure::Settings(format!(
                "{self} is another machine, and without TLS whoever is on the way there can read and change what \
                 passes: use mqtts://, or say --insecure if that is meant"
            )));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_read_and_written() {
        for (text, written) in [
            ("mqtt://localhost", "mqtt://localhost:1883"),
            ("mqtts://broker.example", "mqtts://broker.example:8883"),
            ("mqtts://10.0.0.1:1/", "mqtts://10.0.0.1:1"),
            ("mqtt://[fd00::1]:7", "mqtt://[fd00::1]:7"),
            ("mqtt://[::1]", "mqtt://[::1]:1883"),
        ] {
            let broker: Broker = text.parse().unwrap();
            assert_eq!(broker.to_string(), written);
        }
        for bad in [
            "localhost",
            "http://x",
            "mqtt://",
            "mqtt://x:",
            "mqtt://x:0",
            "mqtt://x:99999",
            "mqtt://u:p@x",
            "mqtt://x/path",
            "mqtt://[::1",
            "mqtt://[x]",
            "mqtt://[::1]7",
            "mqtt://fd00::1",
            "mqtt://a b",
        ] {
            assert!(bad.parse::<Broker>().is_err(), "{bad}");
        }
    }

    #[test]
    fn another_machine_without_tls_must_be_meant() {
        let here: Broker = "mqtt://127.0.0.1".parse().unwrap();
        assert!(here.addresses(false).is_ok());
        let there: Broker = "mqtt://10.9.8.7".parse().unwrap();
        let refused = there.addresses(false).unwrap_err();
        assert!(matches!(refused, Failure::Settings(_)));
        assert!(there.addresses(true).is_ok());
        let secure: Broker = "mqtts://10.9.8.7".parse().unwrap();
        assert!(secure.addresses(false).is_ok());
    }
}
