//! How a member is made.

use core::net::SocketAddr;
use core::time::Duration;

use embedded_nal::{UdpClientStack, UdpFullStack};
use groupcast::seal::{Entropy, FirstContact, KeySet, Seal};
use groupcast::{Config, ConfigError, Join, MemberId, Name, Node, Pace};

use super::Member;
use crate::clock::Clock;
use crate::entropy;
use crate::error::Error;
use crate::interface::{Choice, InterfaceSelector};
use crate::memory::Profile;
use crate::stack::StdStack;
use crate::strangers::Strangers;

/// What a datagram of the usual size takes of a socket's receive buffer, with what Linux needs itself.
const OCTETS_OF_A_DATAGRAM: usize = 2_304;

impl Member {
    /// Starts to describe a member of the group at this multicast address and port.
    pub const fn builder(group: SocketAddr) -> MemberBuilder {
        MemberBuilder {
            stack: StdStack::builder().group(group),
            config: Config::new(group),
            pace: None,
            profile: Profile::Desktop,
            hop_limit: 1,
            keys: None,
            first_contact: FirstContact::Verify,
            takes_raw: false,
            group_name: Name::EMPTY,
            notes_strangers: false,
        }
    }
}

/// Settings of a [`Member`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `join`"]
pub struct MemberBuilder {
    stack: crate::Builder,
    config: Config,
    pace: Option<Pace>,
    profile: Profile,
    hop_limit: u8,
    keys: Option<KeySet>,
    first_contact: FirstContact,
    takes_raw: bool,
    group_name: Name,
    notes_strangers: bool,
}

impl MemberBuilder {
    /// The name other members see: up to 32 bytes. Default: none.
    pub fn name(mut self, name: &str) -> Self {
        self.config = self.config.with_name(name);
        self
    }

    /// A fixed id. Default: drawn at random. See [`Config::with_id`].
    pub fn id(mut self, id: MemberId) -> Self {
        self.config = self.config.with_id(id);
        self
    }

    /// A name for the group itself. Default: none. See [`Config::with_group_name`].
    pub fn group_name(mut self, name: &str) -> Self {
        self.config = self.config.with_group_name(name);
        // One that is too long keeps it from joining.
        self.group_name = Name::new(name).unwrap_or_default();
        self
    }

    /// Whether to note who speaks the protocol here and is not of the group, for
    /// [`Member::strangers`]. Default: no.
    pub const fn note_strangers(mut self, on: bool) -> Self {
        self.notes_strangers = on;
        self
    }

    /// The keys of a sealed group: whoever does not hold one can neither read nor send. Default: the group
    /// is open. [`key_file`](crate::key_file) reads them from a file.
    pub fn keys(mut self, keys: KeySet) -> Self {
        self.keys = Some(keys);
        self
    }

    /// In a sealed group: whom to believe that was not heard before. Default:
    /// [`FirstContact::Verify`].
    pub const fn first_contact(mut self, first_contact: FirstContact) -> Self {
        self.first_contact = first_contact;
        self
    }

    /// In a sealed group: whether to take and send raw datagrams, which anybody can read and forge.
    /// Default: no.
    pub const fn raw(mut self, takes_raw: bool) -> Self {
        self.takes_raw = takes_raw;
        self
    }

    /// The interface. Default: chosen.
    pub fn interface(mut self, selector: InterfaceSelector) -> Self {
        self.stack = self.stack.interface(selector);
        self
    }

    /// The hop limit. Default: 1, which stays on the link.
    pub fn hop_limit(mut self, hop_limit: u8) -> Self {
        self.hop_limit = hop_limit;
        self.stack = self.stack.hop_limit(hop_limit);
        self
    }

    /// Whether members on this machine are heard and hear this one. Default: yes.
    pub fn loopback(mut self, on: bool) -> Self {
        self.stack = self.stack.loopback(on);
        self
    }

    /// How fast to send at most. Default: [`Pace::WIRED`], and with the memory of a desktop on the loopback interface as fast as it
    /// goes.
    pub const fn pace(mut self, pace: Pace) -> Self {
        self.pace = Some(pace);
        self
    }

    /// How much memory to live in. Default: [`Profile::Desktop`].
    pub const fn memory(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Where to begin with streams that began before. Default: with what is sent from now on.
    pub const fn join_at(mut self, join: Join) -> Self {
        self.config = self.config.with_join_at(join);
        self
    }

    /// Whether this member is a bridge's. Default: no. See [`Config::with_bridge`].
    pub fn bridge(mut self, bridge: bool) -> Self {
        self.config = self.config.with_bridge(bridge);
        self
    }

    /// Whether to tell others of this member. Default: yes. See [`Config::with_announce`].
    pub fn announce(mut self, announce: bool) -> Self {
        self.config = self.config.with_announce(announce);
        self
    }

    /// The largest datagram to send, 512 to 1472 bytes. Default: 1200.
    pub fn max_datagram(mut self, octets: u16) -> Self {
        self.config = self.config.with_max_datagram(octets);
        self
    }

    /// The size of each socket's receive buffer, in bytes. Default: 4 MiB, or what the system allows. See
    /// [`Builder::receive_buffer`](crate::Builder::receive_buffer).
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.stack = self.stack.receive_buffer(bytes);
        self
    }

    /// The size of each socket's send buffer, in bytes. Default: 1 MiB, or what the system allows. See
    /// [`Builder::send_buffer`](crate::Builder::send_buffer).
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.stack = self.stack.send_buffer(bytes);
        self
    }

    /// How long a message that is missing is waited for before it is given up as a gap: at most 15 minutes. Default:
    /// 5 s. See [`Config::with_max_wait`].
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.config = self.config.with_max_wait(wait);
        self
    }

    /// Joins.
    ///
    /// # Errors
    ///
    /// A setting that cannot work, or why this machine cannot join.
    pub fn join(self) -> Result<Member, Error> {
        let mut stack = self.stack.build()?;
        let choice = stack.choice().clone();
        let receive_burst = receive_burst(&mut stack)?;
        let memory = self.profile.memory();
        let config = self
            .config
            .with_pace(self.pace.unwrap_or_else(|| pace_of(self.profile, &choice)))
            .with_receive_burst(receive_burst);
        if self.notes_strangers {
            let group = stack.group();
            let strangers = Strangers::new(group, &self.group_name, self.keys.as_ref());
            stack.strangers = Some(strangers.map_err(ConfigError::Keys)?);
        }
        let seed = entropy::seed()?;
        let mut node = match &self.keys {
            None => Node::new(stack, memory, config, seed)?,
            Some(keys) => {
                let seal = Seal::new(keys, Entropy::new().with_random(&seed))
                    .with_first_contact(self.first_contact)
                    .with_raw(self.takes_raw);
                Node::sealed(stack, memory, config, seal)?
            }
        };
        let (_, _, own_socket) = node.parts();
        let port = own_socket.local_address()?.port();
        let mut member = Member {
            changes: node.stack().changes(),
            node,
            clock: Clock::new(),
            port,
            profile: self.profile,
            has_own_pace: self.pace.is_some(),
            hop_limit: self.hop_limit,
            group_name: self.group_name,
            departure: None,
        };
        member.know_oneself();
        Ok(member)
    }
}

/// The pace by default.
pub(super) const fn pace_of(profile: Profile, choice: &Choice) -> Pace {
    if choice.loopback && profile.can_be_unlimited() {
        Pace::UNLIMITED
    } else {
        Pace::WIRED
    }
}

/// How many datagrams a socket takes at once: what the others may send before they wait for this member.
fn receive_burst(stack: &mut StdStack) -> Result<u8, Error> {
    let mut socket = stack.socket()?;
    stack.bind(&mut socket, 0)?;
    let octets = socket.receive_buffer()?;
    stack.close(socket)?;
    let datagrams = (octets / OCTETS_OF_A_DATAGRAM).max(1);
    Ok(u8::try_from(datagrams).unwrap_or(u8::MAX))
}
