//! Members, as the application sees them.

use core::net::SocketAddr;

use crate::ident::{MemberId, Name, Session};

/// Another member of the group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Member {
    pub(crate) id: MemberId,
    pub(crate) session: Session,
    pub(crate) name: Name,
    pub(crate) address: SocketAddr,
    pub(crate) standing: Standing,
    pub(crate) takes_reliable: bool,
}

/// How a member stands in the group.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Standing {
    /// Something of it was heard, but not yet who it is.
    Unknown,
    /// It is there.
    Present,
    /// It has been silent for longer than it promised, and is being asked.
    Suspect,
    /// It said good-bye.
    Left,
    /// It has been silent for too long.
    Lost,
}

impl Member {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> MemberId {
        self.id
    }

    /// Its session: new at every start, and when it changes its key.
    #[must_use]
    pub const fn session(&self) -> Session {
        self.session
    }

    /// Its name; empty if it has none or it is not known yet.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Where its datagrams come from. It may change, and does not identify it.
    #[must_use]
    #[cfg_attr(target_os = "none", inline(never))]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it takes messages of the classes reliable unordered and reliable ordered, as far as it has said.
    /// One that [does not](crate::Storage#without-streams) confirms nothing, and nobody waits for it.
    #[must_use]
    pub const fn takes_reliable(&self) -> bool {
        self.takes_reliable
    }

    /// How it stands in the group.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Member {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{} {} {}", self.id, self.name, self.standing);
    }
}
