//! One member of a simulated group, and what it was told.

use core::time::Duration;

use embedded_nal::nb;
use groupcast::seal::{Entropy, FirstContact, KeySet, Seal};
use groupcast::{
    Channel, Config, Error, Event, Instant, Memory, Node, OwnedEvent, OwnedMessage, SendError,
};

use crate::error::SimError;
use crate::host::HostId;
use crate::network::Network;
use crate::stack::SimStack;

/// Looks at every event.
type Look = dyn FnMut(&Event<'_>);

/// Who looks, if anybody does.
struct Witness(Option<Box<Look>>);

impl core::fmt::Debug for Witness {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.0.is_some() { "there" } else { "none" })
    }
}

/// A member of a group on a simulated network.
#[derive(Debug)]
pub struct SimMember<M: Memory + Default> {
    network: Network,
    host: HostId,
    config: Config,
    /// `None` while it is not running.
    node: Option<Node<SimStack, M>>,
    starts: u64,
    /// Its keys, if the group is sealed.
    keys: Option<KeySet>,
    first_contact: FirstContact,
    /// Its clock is ahead of the network's by this much: no two members agree on the time.
    clock_ahead: Duration,
    /// For so long in all it stood.
    clock_behind: Duration,
    paused: bool,
    /// Since when its clock stands.
    asleep: Option<Instant>,
    /// What its last start was given.
    seed: [u8; 32],
    witness: Witness,
    leaving: bool,
    events: Vec<OwnedEvent>,
    /// When it was told each of them.
    times: Vec<Instant>,
    errors: Vec<SimError>,
}

impl<M: Memory + Default> SimMember<M> {
    pub(crate) const fn new(network: Network, host: HostId, config: Config) -> Self {
        Self {
            network,
            host,
            config,
            node: None,
            starts: 0,
            keys: None,
            first_contact: FirstContact::Verify,
            clock_ahead: Duration::ZERO,
            clock_behind: Duration::ZERO,
            paused: false,
            asleep: None,
            seed: [0; 32],
            witness: Witness(None),
            leaving: false,
            events: Vec::new(),
            times: Vec::new(),
            errors: Vec::new(),
        }
    }

    pub(crate) const fn starts(&self) -> u64 {
        self.starts
    }

    pub(crate) fn start(&mut self, seed: [u8; 32]) {
        self.stop();
        self.starts += 1;
        self.seed = seed;
        self.clock_ahead = Duration::from_secs(u64::from(seed[0]));
        self.clock_behind = Duration::ZERO;
        let stack = self.network.stack(self.host);
        let node = match &self.keys {
            None => Node::new(stack, M::default(), self.config, seed),
            Some(keys) => {
                let entropy = Entropy::new().with_random(&seed);
                let seal = Seal::new(keys, entropy).with_first_contact(self.first_contact);
                Node::sealed(stack, M::default(), self.config, seal)
            }
        };
        match node {
            Ok(node) => self.node = Some(node),
            Err(Error::Config(error)) => panic!("{error}"),
            Err(Error::Stack(error)) => panic!("{error}"),
        }
    }

    pub(crate) fn seal(&mut self, keys: KeySet, first_contact: FirstContact) {
        self.keys = Some(keys);
        self.first_contact = first_contact;
    }

    /// Sends at another pace, now and when it starts again: see [`Node::set_pace`].
    pub fn set_pace(&mut self, pace: groupcast::Pace) {
        if let Some(node) = &mut self.node {
            node.set_pace(pace);
        }
        self.config = self.config.with_pace(pace);
    }

    /// Takes other keys, now and when it starts again.
    ///
    /// # Errors
    ///
    /// As [`Node::set_keys`]. What is not running takes them when it starts.
    pub fn set_keys(&mut self, keys: KeySet) -> Result<(), groupcast::ConfigError> {
        let now = self.clock();
        if let Some(node) = &mut self.node {
            node.set_keys(now, &keys)?;
        }
        self.keys = Some(keys);
        Ok(())
    }

    pub(crate) fn stop(&mut self) {
        self.node = None;
        self.paused = false;
        self.asleep = None;
        self.leaving = false;
    }

    /// Lets it do what it has to do now. Returns when it wants to be polled again.
    pub(crate) fn poll(&mut self) -> Option<Instant> {
        if self.paused {
            return None;
        }
        let now = self.clock();
        let node = self.node.as_mut()?;
        // A stack that fails for ever does not stop time.
        let mut failures = 0;
        while failures < 16 {
            match node.poll(now) {
                Ok(Some(event)) => {
                    if let Some(look) = &mut self.witness.0 {
                        look(&event);
                    }
                    self.events.push(event.into());
                    self.times.push(self.network.now());
                }
                Ok(None) => break,
                Err(error) => {
                    failures += 1;
                    self.errors.push(error);
                }
            }
        }
        if self.leaving && node.has_left() {
            self.stop();
            return None;
        }
        let deadline = node.next_deadline()?;
        Some(self.network.now() + now.until(deadline))
    }

    /// The time by its own clock, which is what its node is told.
    #[must_use]
    pub fn clock(&self) -> Instant {
        let now = self.asleep.unwrap_or_else(|| self.network.now());
        let micros = self.clock_behind.as_micros() as u64;
        let ahead = now + self.clock_ahead;
        Instant::from_micros(ahead.as_micros().saturating_sub(micros))
    }

    /// Sends a message. It goes out when time goes on, together with what else is sent now. Returns
    /// its sequence number.
    ///
    /// # Errors
    ///
    /// As [`Node::send`]. A member that is not running has left.
    pub fn send(&mut self, channel: Channel, payload: &[u8]) -> nb::Result<u32, SendError> {
        let now = self.clock();
        let node = self
            .node
            .as_mut()
            .ok_or(nb::Error::Other(SendError::HasLeft))?;
        node.send(now, channel, payload)
    }

    /// Sends a bare datagram.
    ///
    /// # Errors
    ///
    /// As [`Node::send_raw`]. A member that is not running has left.
    pub fn send_raw(&mut self, datagram: &[u8]) -> nb::Result<(), SendError> {
        let now = self.clock();
        let node = self
            .node
            .as_mut()
            .ok_or(nb::Error::Other(SendError::HasLeft))?;
        node.send_raw(now, datagram)
    }

    /// Asks who has its messages from one sequence number to another. See [`Node::confirm`].
    pub fn confirm(&mut self, first: u32, last: u32) {
        let now = self.clock();
        if let Some(node) = &mut self.node {
            node.confirm(now, first, last);
        }
    }

    /// Leaves the group politely, and stops when that is done.
    pub fn leave(&mut self) {
        let now = self.clock();
        if let Some(node) = &mut self.node {
            node.leave(now);
            self.leaving = true;
        }
    }

    /// Does nothing until [`resume`](Self::resume), as a program that is stopped or a machine that sleeps:
    /// what arrives waits in its stack, as far as there is room. A restart ends the pause, too.
    pub const fn pause(&mut self) {
        self.paused = true;
    }

    /// As [`pause`](Self::pause), but its clock stands meanwhile, as `CLOCK_MONOTONIC` does while a laptop
    /// sleeps, or a timer that a board stops.
    pub fn sleep(&mut self) {
        self.paused = true;
        self.asleep = self.asleep.or_else(|| Some(self.network.now()));
    }

    /// Goes on after a [`pause`](Self::pause) or after it [slept](Self::sleep).
    pub fn resume(&mut self) {
        self.paused = false;
        if let Some(since) = self.asleep.take() {
            self.clock_behind += self.network.now().since(since);
        }
    }

    /// Whether it is [paused](Self::pause).
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Its clock leaps forward, for good.
    pub fn put_clock_forward(&mut self, by: Duration) {
        self.clock_ahead += by;
    }

    /// Whether it runs: it has neither left nor crashed.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.node.is_some()
    }

    /// The seed that its last start was given: with that a clone of it can be [started](crate::SimNet::restart_with).
    #[must_use]
    pub const fn seed(&self) -> [u8; 32] {
        self.seed
    }

    /// Shows every event to `look` at the moment it is told, before it is kept: a signature can be checked
    /// only then. It replaces the one before, and stays when the member starts again.
    pub fn set_witness(&mut self, look: impl FnMut(&Event<'_>) + 'static) {
        self.witness = Witness(Some(Box::new(look)));
    }

    /// The node, for what is not done often enough to have a method here. Pass [`clock`](Self::clock) as the
    /// time. `None` while it is not running.
    pub const fn node_mut(&mut self) -> Option<&mut Node<SimStack, M>> {
        self.node.as_mut()
    }

    /// The node; `None` while it is not running.
    #[must_use]
    pub const fn node(&self) -> Option<&Node<SimStack, M>> {
        self.node.as_ref()
    }

    /// Its host.
    #[must_use]
    pub const fn host(&self) -> HostId {
        self.host
    }

    /// The names of the members on its roster, in alphabetical order.
    #[must_use]
    pub fn members(&self) -> Vec<String> {
        let members = self.node.iter().flat_map(Node::members);
        let mut names: Vec<_> = members.map(|member| member.name().to_owned()).collect();
        names.sort();
        names
    }

    /// Everything it was told since it was made, or since [`take_events`](Self::take_events).
    #[must_use]
    pub fn events(&self) -> &[OwnedEvent] {
        &self.events
    }

    /// Everything it was told since the last call.
    pub fn take_events(&mut self) -> Vec<OwnedEvent> {
        self.times.clear();
        core::mem::take(&mut self.events)
    }

    /// As [`take_events`](Self::take_events), each with the network's time when it was told.
    pub fn take_timed_events(&mut self) -> Vec<(Instant, OwnedEvent)> {
        self.times
            .drain(..)
            .zip(core::mem::take(&mut self.events))
            .collect()
    }

    /// The messages among the events, on one channel.
    pub fn messages(&self, channel: Channel) -> impl DoubleEndedIterator<Item = &OwnedMessage> {
        self.events.iter().filter_map(move |event| match event {
            OwnedEvent::Message(message) if message.channel == channel => Some(message),
            _ => None,
        })
    }

    /// The last message on a channel.
    #[must_use]
    pub fn last(&self, channel: Channel) -> Option<&[u8]> {
        self.messages(channel)
            .next_back()
            .map(|message| message.payload.as_slice())
    }

    /// What its stack reported.
    #[must_use]
    pub fn errors(&self) -> &[SimError] {
        &self.errors
    }
}
