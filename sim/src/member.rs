//! One member of a simulated group, and what it was told.

use core::time::Duration;

use groupcast::seal::{Entropy, FirstContact, KeySet, Seal};
use groupcast::{
    Channel, Class, Config, Counters, Event, Instant, MemberId, OwnedEvent, OwnedMessage,
    SendError, Sequence, SequenceRange, Session,
};

use crate::application::Hosted;
use crate::driver::{Driver, Secret, SimLeaf, SimNode, Start};
use crate::error::SimError;
use crate::host::HostId;
use crate::network::Network;

/// Parts of one, of which clocks drift.
const MILLION: i128 = 1_000_000;

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
pub struct SimMember {
    network: Network,
    host: HostId,
    config: Config,
    start: Start,
    /// `None` while it is not running.
    driver: Option<Box<dyn Driver>>,
    /// What runs on it.
    application: Option<Box<dyn Hosted>>,
    starts: u64,
    /// Its keys, if the group is sealed.
    keys: Option<KeySet>,
    first_contact: FirstContact,
    /// Its clock is ahead of the network's by this much: no two members agree on the time.
    clock_ahead: Duration,
    /// For so long in all it stood.
    clock_behind: Duration,
    /// By how many millionths its clock is faster than the network's, and since when.
    drift: i32,
    drifts_since: Instant,
    paused: bool,
    /// Since when its clock stands.
    asleep: Option<Instant>,
    /// What its last start was given.
    seed: [u8; 32],
    witness: Witness,
    events: Vec<OwnedEvent>,
    /// When it was told each of them.
    times: Vec<Instant>,
    errors: Vec<SimError>,
}

impl SimMember {
    pub(crate) const fn new(network: Network, host: HostId, config: Config, start: Start) -> Self {
        Self {
            network,
            host,
            config,
            start,
            driver: None,
            application: None,
            starts: 0,
            keys: None,
            first_contact: FirstContact::Verify,
            clock_ahead: Duration::ZERO,
            clock_behind: Duration::ZERO,
            drift: 0,
            drifts_since: Instant::ZERO,
            paused: false,
            asleep: None,
            seed: [0; 32],
            witness: Witness(None),
            events: Vec::new(),
            times: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// As it is configured.
    pub(crate) fn name(&self) -> groupcast::Name {
        self.config.name().unwrap_or_default()
    }

    pub(crate) const fn starts(&self) -> u64 {
        self.starts
    }

    /// Runs this application from now on.
    pub(crate) fn set_application(&mut self, application: Box<dyn Hosted>) {
        self.application = Some(application);
    }

    pub(crate) fn application(&self) -> Option<&dyn Hosted> {
        self.application.as_deref()
    }

    pub(crate) fn application_mut(&mut self) -> Option<&mut (dyn Hosted + 'static)> {
        self.application.as_deref_mut()
    }

    #[track_caller]
    pub(crate) fn start(&mut self, seed: [u8; 32]) {
        self.stop();
        if self.starts > 0
            && let Some(application) = &mut self.application
        {
            application.begin();
        }
        self.starts += 1;
        self.seed = seed;
        self.clock_ahead = Duration::from_secs(u64::from(seed[0]));
        self.clock_behind = Duration::ZERO;
        self.drifts_since = self.network.now();
        let stack = self.network.stack(self.host);
        let secret = match &self.keys {
            None => Secret::Seed(seed),
            Some(keys) => {
                let entropy = Entropy::new().with_random(&seed);
                Secret::Seal(Seal::new(keys, entropy).with_first_contact(self.first_contact))
            }
        };
        match (self.start)(stack, self.config, secret) {
            Ok(driver) => self.driver = Some(driver),
            Err(failed) => panic!("{failed}"),
        }
    }

    pub(crate) fn seal(&mut self, keys: KeySet, first_contact: FirstContact) {
        self.keys = Some(keys);
        self.first_contact = first_contact;
    }

    /// Sends at another pace, now and when it starts again: see [`Node::set_pace`](groupcast::Node::set_pace). What is
    /// not running takes it when it starts, and so does a leaf.
    ///
    /// # Errors
    ///
    /// As [`Node::set_pace`](groupcast::Node::set_pace).
    pub fn set_pace(&mut self, pace: groupcast::Pace) -> Result<(), groupcast::ConfigError> {
        if let Some(node) = self.node_mut() {
            node.set_pace(pace)?;
        }
        self.config = self.config.with_pace(pace);
        Ok(())
    }

    /// Takes other keys, now and when it starts again.
    ///
    /// # Errors
    ///
    /// As [`Node::set_keys`](groupcast::Node::set_keys). What is not running takes them when it starts.
    pub fn set_keys(&mut self, keys: KeySet) -> Result<(), groupcast::ConfigError> {
        let now = self.clock();
        if let Some(driver) = &mut self.driver {
            driver.set_keys(now, &keys)?;
        }
        self.keys = Some(keys);
        Ok(())
    }

    pub(crate) fn stop(&mut self) {
        self.driver = None;
        self.paused = false;
        self.asleep = None;
    }

    /// Lets it do what it has to do now. Returns when it wants to be polled again.
    pub(crate) fn poll(&mut self) -> Option<Instant> {
        if self.paused {
            return None;
        }
        let now = self.clock();
        let driver = self.driver.as_deref_mut()?;
        // A stack that fails for ever does not stop time.
        let mut failures = 0;
        while failures < 16 {
            match driver.poll(now) {
                Ok(Some(event)) => {
                    if let Some(look) = &mut self.witness.0 {
                        look(&event);
                    }
                    if let Some(application) = &mut self.application {
                        application.on_event(now, &event);
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
        let application = self.application.as_mut();
        let wake = application.and_then(|application| application.act(now, driver));
        if driver.has_left() {
            self.stop();
            return None;
        }
        let deadlines = [wake, driver.next_deadline()];
        let deadline = deadlines.into_iter().flatten().min()?;
        Some(self.network_time(deadline))
    }

    /// The time by its own clock, which is what its node or leaf is told.
    #[must_use]
    pub fn clock(&self) -> Instant {
        let now = self.asleep.unwrap_or_else(|| self.network.now());
        let ran = now + self.clock_ahead - self.clock_behind;
        let micros = i128::from(ran.as_micros()) + self.drifted(now);
        Instant::from_micros(u64::try_from(micros).unwrap_or_default())
    }

    /// How far its clock has drifted at `now`, in microseconds.
    fn drifted(&self, now: Instant) -> i128 {
        let millionths = now.since(self.drifts_since).as_micros() as i128 * i128::from(self.drift);
        millionths.div_euclid(MILLION)
    }

    /// When its clock will show `time`, by the network's.
    fn network_time(&self, time: Instant) -> Instant {
        let left = self.clock().until(time).as_micros() as i128;
        // Rounded up: a moment too early it would have nothing to do.
        let left = (left * MILLION).div_euclid(MILLION + i128::from(self.drift))
            + i128::from(self.drift != 0);
        self.network.now() + Duration::from_micros(u64::try_from(left).unwrap_or(u64::MAX))
    }

    /// Lets its clock run faster than the network's by so many millionths from now on, or slower: -100 for a cheap
    /// crystal that loses nine seconds a day. At most 500,000 either way. A restart leaves it as it is.
    pub fn set_clock_drift(&mut self, millionths: i32) {
        let now = self.network.now();
        let micros = self.drifted(now);
        let by = Duration::from_micros(u64::try_from(micros.abs()).unwrap_or(u64::MAX));
        if micros < 0 {
            self.clock_behind += by;
        } else {
            self.clock_ahead += by;
        }
        self.drifts_since = now;
        self.drift = millionths.clamp(-500_000, 500_000);
    }

    /// Queues a message, as [`Node::queue`](groupcast::Node::queue): it goes out when time goes on, together with what else is sent now.
    /// Returns its sequence number.
    ///
    /// # Errors
    ///
    /// As [`Node::queue`](groupcast::Node::queue); of a leaf, as [`Leaf::queue`](groupcast::Leaf::queue): it sends nothing
    /// reliably. A member that is not running has left.
    pub fn send(&mut self, channel: Channel, payload: &[u8]) -> Result<Sequence, SendError> {
        let now = self.clock();
        let driver = self.driver.as_mut().ok_or(SendError::HasLeft)?;
        driver.queue(now, channel, payload)
    }

    /// Sends a message with a signature.
    ///
    /// # Errors
    ///
    /// As [`Node::queue_signed`](groupcast::Node::queue_signed); [`SendError::NotReliable`] of a leaf, which does not sign. A member that is not running has left.
    #[cfg(feature = "sign")]
    pub fn send_signed(
        &mut self,
        channel: Channel,
        payload: &[u8],
        key: &groupcast::sign::SigningKey,
    ) -> Result<Sequence, SendError> {
        let now = self.clock();
        let driver = self.driver.as_mut().ok_or(SendError::HasLeft)?;
        driver.reliable()?.queue_signed(now, channel, payload, key)
    }

    /// Sends a raw datagram.
    ///
    /// # Errors
    ///
    /// As [`Node::queue_raw`](groupcast::Node::queue_raw). A member that is not running has left.
    pub fn send_raw(&mut self, datagram: &[u8]) -> Result<(), SendError> {
        let now = self.clock();
        let driver = self.driver.as_mut().ok_or(SendError::HasLeft)?;
        driver.queue_raw(now, datagram)
    }

    /// Asks who has these of its messages. See [`Node::confirm`](groupcast::Node::confirm).
    ///
    /// # Errors
    ///
    /// As [`Node::confirm`](groupcast::Node::confirm); [`SendError::NotReliable`] of a leaf. A member that is not running has left.
    pub fn confirm(&mut self, messages: impl Into<SequenceRange>) -> Result<(), SendError> {
        let now = self.clock();
        let driver = self.driver.as_mut().ok_or(SendError::HasLeft)?;
        driver.reliable()?.confirm(now, messages)
    }

    /// Leaves the group politely, and stops when that is done.
    pub fn leave(&mut self) {
        let now = self.clock();
        if let Some(driver) = &mut self.driver {
            driver.leave(now);
        }
    }

    /// Does nothing until [`resume`](Self::resume), as a program that is stopped or a machine that sleeps:
    /// what arrives waits in its stack, as far as there is room. A restart ends the pause, too.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use groupcast::{Channel, Config};
    /// # use groupcast_sim::SimNet;
    /// # let config = Config::new("239.1.2.3:12345".parse().unwrap());
    /// let mut net = SimNet::new(7);
    /// let sensor = net.join(config.with_name("sensor"));
    /// let panel = net.join(config.with_name("panel"));
    /// net.run_for(Duration::from_secs(1));
    ///
    /// net[panel].pause();
    /// net[sensor].send(Channel::reliable_ordered(1), b"21.5").unwrap();
    /// net.run_for(Duration::from_secs(2));
    /// assert_eq!(net[panel].last(Channel::reliable_ordered(1)), None);
    ///
    /// net[panel].resume();
    /// net.run_for(Duration::from_secs(1));
    /// assert_eq!(net[panel].last(Channel::reliable_ordered(1)), Some(&b"21.5"[..]));
    /// ```
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
        self.driver.is_some()
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
    /// time. `None` while it is not running, and of a [leaf](Self::leaf_mut).
    pub fn node_mut(&mut self) -> Option<&mut SimNode> {
        self.driver.as_deref_mut()?.is_mut()
    }

    /// The node; `None` while it is not running, and of a [leaf](Self::leaf).
    #[must_use]
    pub fn node(&self) -> Option<&SimNode> {
        self.driver.as_deref()?.is()
    }

    /// As [`node_mut`](Self::node_mut), of a leaf of this size. `None` while it is not running, and of what is no leaf,
    /// or one of another size.
    ///
    /// ```
    /// # use groupcast::Config;
    /// # use groupcast_sim::{SimLeaf, SimNet};
    /// # let config = Config::new("239.1.2.3:12345".parse().unwrap());
    /// let mut net = SimNet::new(7);
    /// let valve = net.join_leaf(config.with_name("valve"));
    /// let leaf: &mut SimLeaf = net[valve].leaf_mut().unwrap();
    /// leaf.set_channels(2..=2);
    /// ```
    pub fn leaf_mut<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize>(
        &mut self,
    ) -> Option<&mut SimLeaf<DATAGRAM, SENDERS, ROOM>> {
        self.driver.as_deref_mut()?.is_mut()
    }

    /// The leaf; `None` while it is not running, and of what is no leaf, or one of another size.
    #[must_use]
    pub fn leaf<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize>(
        &self,
    ) -> Option<&SimLeaf<DATAGRAM, SENDERS, ROOM>> {
        self.driver.as_deref()?.is()
    }

    /// Its host.
    #[must_use]
    pub const fn host(&self) -> HostId {
        self.host
    }

    /// Its id; `None` while it is not running.
    #[must_use]
    pub fn id(&self) -> Option<MemberId> {
        self.driver.as_ref().map(|driver| driver.id())
    }

    /// Its present session; `None` while it is not running.
    #[must_use]
    pub fn session(&self) -> Option<Session> {
        self.driver.as_ref().map(|driver| driver.session())
    }

    /// What happened to every datagram since it started; all 0 while it is not running.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let driver = self.driver.as_ref();
        driver.map_or_else(Counters::default, |driver| *driver.counters())
    }

    /// The most bytes a message of this class can have now; 0 while it is not running.
    #[must_use]
    pub fn max_message(&self, class: Class) -> usize {
        let driver = self.driver.as_ref();
        driver.map_or(0, |driver| driver.max_message(class))
    }

    /// The names of the members on its roster, in alphabetical order. A leaf keeps none.
    #[must_use]
    pub fn peer_names(&self) -> Vec<String> {
        let members = self.driver.iter().flat_map(|driver| driver.peers());
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
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use groupcast::{Channel, Config};
    /// # use groupcast_sim::SimNet;
    /// # let config = Config::new("239.1.2.3:12345".parse().unwrap());
    /// let mut net = SimNet::new(7);
    /// let sensor = net.join(config.with_name("sensor"));
    /// let panel = net.join(config.with_name("panel"));
    /// net.run_for(Duration::from_secs(1));
    /// let sent = net.now();
    /// net[sensor].send(Channel::best_effort(1), b"21.5").unwrap();
    /// net.run_for(Duration::from_secs(1));
    ///
    /// let (at, _) = net[panel].take_timed_events().pop().unwrap();
    /// assert!(at.since(sent) < Duration::from_millis(20));
    /// ```
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

    /// The messages among the events that this member sent, on one channel.
    pub fn messages_of(
        &self,
        sender: MemberId,
        channel: Channel,
    ) -> impl DoubleEndedIterator<Item = &OwnedMessage> {
        self.messages(channel)
            .filter(move |message| message.sender == sender)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimNet;

    #[test]
    fn a_clock_drifts_by_millionths_and_its_member_is_called_by_it() {
        let mut net = SimNet::new(1);
        let ana = net.join(Config::new("239.1.2.3:12345".parse().unwrap()));
        let start = net[ana].clock();
        let passes = |net: &mut SimNet, seconds: u64| {
            let before = net[ana].clock();
            net.run_for(Duration::from_secs(seconds));
            net[ana].clock().since(before)
        };
        net[ana].set_clock_drift(500_000);
        assert_eq!(passes(&mut net, 10), Duration::from_secs(15));
        net[ana].set_clock_drift(-100);
        assert_eq!(passes(&mut net, 10_000), Duration::from_secs(9_999));
        net[ana].set_clock_drift(0);
        assert_eq!(passes(&mut net, 1), Duration::from_secs(1));
        assert_eq!(net[ana].clock().since(start), Duration::from_secs(10_015));
        let later = net[ana].clock() + Duration::from_secs(30);
        net[ana].set_clock_drift(250_000);
        let expected = net.now() + Duration::from_secs(24);
        let when = net[ana].network_time(later);
        assert!(when.since(expected) <= Duration::from_micros(1), "{when:?}");
    }
}
