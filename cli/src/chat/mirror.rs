//! What is said, also as raw datagrams, for programs that do not speak the protocol.

use groupcast::SendError;
use groupcast_std::{Error, Member};

use super::options::Chat;
use crate::options::Common;
use crate::process::failure::Failure;
use crate::session::Session;

/// Whether to mirror, and as whom.
#[derive(Debug)]
pub(crate) struct Mirror {
    /// `None`: not mirrored.
    name: Option<String>,
}

impl Mirror {
    pub(crate) fn new(common: &Common, options: &Chat) -> Result<Self, Failure> {
        if options.mirror && common.key_file.is_some() && !common.raw {
            return Err(SendError::RawInSealed.into());
        }
        let name = options
            .mirror
            .then(|| common.name.clone().unwrap_or_default());
        Ok(Self { name })
    }

    /// From now on, under this name.
    pub(crate) fn set_name(&mut self, name: &str) {
        if let Some(before) = &mut self.name {
            *before = name.to_owned();
        }
    }

    /// Whether what is said is mirrored.
    pub(crate) const fn is_on(&self) -> bool {
        self.name.is_some()
    }

    /// Sends what was said as a raw datagram, if that is asked for.
    pub(crate) fn send(&self, session: &mut Session, said: &str) -> Result<(), Error> {
        let Some(name) = &self.name else {
            return Ok(());
        };
        let member: &mut Member = &mut session.member;
        let text = if name.is_empty() {
            format!("{}: {said}", member.id())
        } else {
            format!("{name}: {said}")
        };
        member.send_raw(text)
    }
}

/// Whether a raw datagram from the address of the member with this name mirrors what that member says in
/// a message, too.
pub(crate) fn is_mirrored(text: &str, name: &str) -> bool {
    !name.is_empty()
        && text
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirrored_message_begins_with_the_name() {
        assert!(is_mirrored("ana: hello", "ana"));
        for (text, name) in [
            ("hello", "ana"),
            ("anabel: hi", "ana"),
            (": hi", ""),
            ("ana:hi", "ana"),
        ] {
            assert!(!is_mirrored(text, name), "{text}");
        }
    }
}
