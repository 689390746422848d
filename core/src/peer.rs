//! Members, as the application sees them.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::ident::{MemberId, Name, Session};
use crate::wire::MAX_MAX_DATAGRAM;

/// Another member of the group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer {
    pub(crate) id: MemberId,
    pub(crate) session: Session,
    pub(crate) name: Name,
    pub(crate) address: SocketAddr,
    pub(crate) status: PeerStatus,
    pub(crate) takes_reliable: bool,
    pub(crate) is_bridge: bool,
    /// In bytes, and in units of 64 bytes.
    pub(crate) max_datagram: u16,
    pub(crate) max_message: u16,
}

/// How a member stands in the group.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PeerStatus {
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

impl Peer {
    /// A peer as a roster might have it, for tests of what is done with events. It is
    /// [present](PeerStatus::Present), takes reliable messages and the largest datagrams, and sends from `10.0.0.1:40000`.
    #[must_use]
    pub const fn new(id: MemberId, name: Name) -> Self {
        Self {
            id,
            session: Session::new(1),
            name,
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 40_000),
            status: PeerStatus::Present,
            takes_reliable: true,
            is_bridge: false,
            max_datagram: MAX_MAX_DATAGRAM,
            max_message: u16::MAX,
        }
    }

    /// The same in another session.
    #[must_use]
    pub const fn with_session(mut self, session: Session) -> Self {
        self.session = session;
        self
    }

    /// The same at another address.
    #[must_use]
    pub const fn with_address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// The same as a [bridge's](crate::Config::with_bridge), or not.
    #[must_use]
    pub const fn with_bridge(mut self, bridge: bool) -> Self {
        self.is_bridge = bridge;
        self
    }

    /// The same with another status.
    #[must_use]
    pub const fn with_status(mut self, status: PeerStatus) -> Self {
        self.status = status;
        self
    }

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

    /// Whether it is a [bridge's](crate::Config::with_bridge), as far as it has said: what it sends comes from elsewhere.
    #[must_use]
    pub const fn is_bridge(&self) -> bool {
        self.is_bridge
    }

    /// The largest datagram that it takes, in bytes, from 512 to 1472: the most until it has said so. What is sent to
    /// everybody keeps to the smallest of all members.
    #[must_use]
    pub const fn max_datagram(&self) -> u16 {
        self.max_datagram
    }

    /// The largest message that it takes, in bytes: a multiple of 64, and 4,194,240 until it has said so. A message that
    /// fits one [datagram](Self::max_datagram) it always takes; 0: no other.
    #[must_use]
    pub const fn max_message(&self) -> u32 {
        (self.max_message as u32).saturating_mul(64)
    }

    /// How it stands in the group.
    #[must_use]
    pub const fn status(&self) -> PeerStatus {
        self.status
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Peer {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{} {} {}", self.id, self.name, self.status);
    }
}
