//! What a member is told at start.

use core::net::SocketAddr;
use core::time::Duration;

use crate::error::ConfigError;
use crate::group::{History, Pace};
use crate::ident::{MemberId, Name};
use crate::multicast::Interface;
use crate::rooms::Rooms;
use crate::time::Span;
use crate::wire::{DEFAULT_MAX_DATAGRAM, Hello, MAX_MAX_DATAGRAM, MIN_MAX_DATAGRAM};

/// The longest that a message is waited for. It is less than [`Ageing`](crate::time::Ageing) leaves of the past.
const LONGEST_WAIT: Span = Span::from_secs(15 * 60);

/// A member's settings.
///
/// It is built in constants, and checked once: by [`Node::new`](crate::Node::new) or
/// [`Group::new`](crate::Group::new), the only places where a setting can be refused.
///
/// ```
/// use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
/// use groupcast::Config;
///
/// const GROUP: SocketAddr =
///     SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(239, 1, 2, 3), 12345));
/// const CONFIG: Config = Config::new(GROUP).with_name("boiler");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    pub(crate) group: SocketAddr,
    pub(crate) group_name: Option<Name>,
    pub(crate) name: Option<Name>,
    pub(crate) id: Option<MemberId>,
    pub(crate) interface: Interface,
    pub(crate) max_datagram: Option<u16>,
    pub(crate) pace: Pace,
    pub(crate) join: Join,
    pub(crate) max_wait: Span,
    pub(crate) receive_burst: u8,
    pub(crate) announce: bool,
    pub(crate) bridge: bool,
}

impl Config {
    /// Settings for the group at this multicast address and port, everything else by default.
    #[must_use]
    pub const fn new(group: SocketAddr) -> Self {
        Self {
            group,
            group_name: Some(Name::EMPTY),
            name: Some(Name::EMPTY),
            id: None,
            interface: Interface::Default,
            max_datagram: None,
            pace: Pace::WIRED,
            join: Join::Current,
            max_wait: Span::from_secs(5),
            receive_burst: 0,
            announce: true,
            bridge: false,
        }
    }

    /// The name other members see: up to 32 bytes. Default: none.
    #[must_use]
    pub const fn with_name(mut self, name: &str) -> Self {
        self.name = Name::new(name);
        self
    }

    /// This member's id. Default: drawn from the seed, and drawn again if another member has it.
    ///
    /// A fixed id lets the others recognise a member after a restart. It must be unique in the
    /// group: of two members with one fixed id, one falls silent and both are told
    /// ([`Event::DuplicateId`](crate::Event::DuplicateId)).
    #[must_use]
    pub const fn with_id(mut self, id: MemberId) -> Self {
        self.id = Some(id);
        self
    }

    /// The interface to join on. Default: the stack's own choice.
    #[must_use]
    pub const fn with_interface(mut self, interface: Interface) -> Self {
        self.interface = interface;
        self
    }

    /// A name for the group itself, up to 32 bytes. Default: none.
    ///
    /// Members hear each other only if address, port and this name agree. It keeps groups apart
    /// that share an address by accident; it is not a password.
    #[must_use]
    pub const fn with_group_name(mut self, name: &str) -> Self {
        self.group_name = Name::new(name);
        self
    }

    /// The largest datagram to send, in bytes, 512 to 1472. Default: 1200, or what the storage
    /// holds if that is less.
    ///
    /// Larger than the path takes, and datagrams are lost or fragmented by IP, which multiplies
    /// loss. Smaller, and headers weigh more. A member that can receive less lowers the limit of all
    /// that is for it: one that takes no reliable streams does not lower theirs.
    #[must_use]
    pub const fn with_max_datagram(mut self, octets: u16) -> Self {
        self.max_datagram = Some(octets);
        self
    }

    /// How fast to send data and repairs at most. Default: [`Pace::WIRED`].
    #[must_use]
    pub const fn with_pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Where to begin with streams that began before this member. Default: [`Join::Current`].
    ///
    /// A member that is older than the sender's session begins with what the sender can still repair.
    #[must_use]
    pub const fn with_join_at(mut self, join: Join) -> Self {
        self.join = join;
        self
    }

    /// How many datagrams the stack can take at once, for those whose buffers are few. Default: 0,
    /// not stated.
    ///
    /// It is told to the others, who send no more than that at a time.
    #[must_use]
    pub const fn with_receive_burst(mut self, datagrams: u8) -> Self {
        self.receive_burst = datagrams;
        self
    }

    /// How long the first message that is missing of a sender is waited for, which holds up those after it
    /// where order counts, before it is given up as a gap. Default: 5 s.
    ///
    /// Too short, and what could have been repaired is lost; too long, and one bad moment delays all
    /// that follows. At most 15 minutes: with more, no group can be made.
    #[must_use]
    pub const fn with_max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = Span::of(wait);
        self
    }

    /// Whether to tell others of this member. Default: yes.
    ///
    /// Without, it sends neither HELLO nor BYE: it is on no roster, and programs that know only
    /// raw datagrams see none of ours unless messages are sent.
    #[must_use]
    pub const fn with_announce(mut self, announce: bool) -> Self {
        self.announce = announce;
        self
    }

    /// Whether this member is a bridge's: what it sends comes from elsewhere, a broker say. Default: no.
    ///
    /// It is told to the others (PROTOCOL E3), so that another bridge does not carry the same back again.
    #[must_use]
    pub const fn with_bridge(mut self, bridge: bool) -> Self {
        self.bridge = bridge;
        self
    }

    /// How fast to send at most.
    #[must_use]
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// The group's address and port.
    #[must_use]
    pub const fn group(&self) -> SocketAddr {
        self.group
    }

    /// The member's name. `None` if it is too long.
    #[must_use]
    pub const fn name(&self) -> Option<Name> {
        self.name
    }

    /// The group's name. `None` if it is too long.
    #[must_use]
    pub const fn group_name(&self) -> Option<Name> {
        self.group_name
    }

    /// The member's id, if it is fixed.
    #[must_use]
    pub const fn id(&self) -> Option<MemberId> {
        self.id
    }

    /// The interface to join on.
    #[must_use]
    pub const fn interface(&self) -> Interface {
        self.interface
    }

    /// Where to begin with streams that began before this member.
    #[must_use]
    pub const fn join_at(&self) -> Join {
        self.join
    }

    /// How long a message that is missing is waited for.
    #[must_use]
    pub const fn max_wait(&self) -> Duration {
        Duration::from_micros(self.max_wait.as_micros() as u64)
    }

    /// How many datagrams the stack can take at once; 0: not stated.
    #[must_use]
    pub const fn receive_burst(&self) -> u8 {
        self.receive_burst
    }

    /// Whether others are told of this member.
    #[must_use]
    pub const fn announces(&self) -> bool {
        self.announce
    }

    /// Whether this member is a bridge's.
    #[must_use]
    pub const fn is_bridge(&self) -> bool {
        self.bridge
    }

    /// What its HELLO says of it: it takes reliable streams or not, and is a bridge's or not.
    pub(crate) const fn capabilities(&self, takes_streams: bool) -> u16 {
        let streams = if takes_streams { 0 } else { Hello::NO_STREAMS };
        let bridge = if self.bridge { Hello::BRIDGE } else { 0 };
        streams | bridge
    }

    /// Checks what tells which group it is, and who the member.
    pub(crate) fn check_group(&self) -> Result<(), ConfigError> {
        if !self.group.ip().is_multicast() {
            return Err(ConfigError::NotMulticast);
        }
        if self.group.port() == 0 {
            return Err(ConfigError::PortZero);
        }
        if self.name.is_none() {
            return Err(ConfigError::NameTooLong);
        }
        if self.group_name.is_none() {
            return Err(ConfigError::GroupNameTooLong);
        }
        Ok(())
    }

    /// Checks what can be checked without a stack.
    pub(crate) fn check(
        &self,
        rooms: Rooms,
        receive_buffer: usize,
        history: usize,
    ) -> Result<(), ConfigError> {
        self.check_group()?;
        if self.max_wait > LONGEST_WAIT {
            return Err(ConfigError::MaxWaitTooLong);
        }
        let octets = self.max_datagram(receive_buffer);
        if !(MIN_MAX_DATAGRAM..=MAX_MAX_DATAGRAM).contains(&octets) {
            return Err(ConfigError::MaxDatagram(octets));
        }
        check_memory(octets, receive_buffer, history)?;
        if self.pace.is_unlimited() && !rooms.follow_receivers() {
            return Err(ConfigError::NeedsPace);
        }
        Ok(())
    }

    /// The largest datagram to send, with this much room to receive.
    pub(crate) fn max_datagram(&self, receive_buffer: usize) -> u16 {
        self.max_datagram
            .unwrap_or_else(|| default_max_datagram(receive_buffer))
    }
}

/// The largest datagram to send if nobody says, with this much room to receive.
pub(crate) const fn default_max_datagram(receive_buffer: usize) -> u16 {
    let most = receive_buffer.saturating_sub(1);
    if most < MIN_MAX_DATAGRAM as usize {
        MIN_MAX_DATAGRAM
    } else if most < DEFAULT_MAX_DATAGRAM as usize {
        most as u16
    } else {
        DEFAULT_MAX_DATAGRAM
    }
}

/// Whether there is room for datagrams of so many bytes.
pub(crate) const fn check_memory(
    datagram: u16,
    receive_buffer: usize,
    history: usize,
) -> Result<(), ConfigError> {
    let needed = datagram as usize;
    if receive_buffer <= needed {
        return Err(ConfigError::ReceiveBufferTooSmall {
            needed: needed.saturating_add(1),
        });
    }
    let needed = History::space_for(needed);
    if history < needed {
        return Err(ConfigError::HistoryTooSmall { needed });
    }
    Ok(())
}

/// Where a member begins to take part in a stream that began before it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Join {
    /// With what is sent from now on. For games and measurements.
    #[default]
    Current,
    /// With at most this many fragments of the past, as far as their sender can still repair them.
    /// For chats.
    Recent(u8),
}
