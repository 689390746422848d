//! Where settings come from, for whoever has to change one that cannot be.

use core::fmt;
use std::path::PathBuf;

use groupcast::ConfigError;
use groupcast_std::Error;

/// Where a setting comes from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Origin {
    /// The command line, where it can be seen; or nobody set it.
    #[default]
    Plain,
    /// A variable of the environment.
    Variable(String),
    /// The file of settings.
    File { path: PathBuf, line: usize },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => f.write_str("the command line"),
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
        }
    }
}

/// Where the settings come from that need not be on the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    pub(crate) group: Origin,
    pub(crate) group_name: Origin,
    pub(crate) interface: Origin,
    pub(crate) key_file: Origin,
    pub(crate) name: Origin,
}

impl Origins {
    /// What is to be said after this error: which setting is to blame, if that cannot be seen on the command line.
    pub(crate) fn blamed(&self, error: &Error) -> String {
        let (what, origin) = match error {
            Error::NotMulticast(_)
            | Error::PortZero
            | Error::NotAGroup(_)
            | Error::Unresolved { .. }
            | Error::NoGroupAddress { .. } => ("group", &self.group),
            Error::NoSuchInterface { .. }
            | Error::InterfaceDown(_)
            | Error::InterfaceWithoutMulticast(_)
            | Error::NoAddress { .. }
            | Error::LoopbackV6(_) => ("interface", &self.interface),
            Error::Setting(ConfigError::NameTooLong) => ("name", &self.name),
            Error::Setting(ConfigError::GroupNameTooLong) => ("group's name", &self.group_name),
            Error::KeyFile(_) => ("key file", &self.key_file),
            _ => return String::new(),
        };
        match origin {
            Origin::Plain => String::new(),
            origin => format!(" (the {what} is from {origin})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_seen_is_told() {
        let mut origins = Origins::default();
        assert_eq!(origins.blamed(&Error::PortZero), "");
        origins.interface = Origin::Variable("GROUPCAST_INTERFACE".to_owned());
        assert_eq!(origins.blamed(&Error::PortZero), "");
        let down = Error::InterfaceDown("eth0".to_owned());
        assert_eq!(
            origins.blamed(&down),
            " (the interface is from GROUPCAST_INTERFACE)"
        );
        origins.group = Origin::File {
            path: "/etc/x.toml".into(),
            line: 7,
        };
        assert_eq!(
            origins.blamed(&Error::PortZero),
            " (the group is from /etc/x.toml, line 7)"
        );
    }
}
