//! The paved path: a member of a group with clock, memory and sockets of this machine.

use core::net::SocketAddr;
use core::time::Duration;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::seal::{Entropy, FirstContact, KeySet, Seal};
use groupcast::sign::SigningKey;
use groupcast::{
    Channel, Class, Config, ConfigError, Counters, Instant, Join, MemberId, Name, Node, Pace,
    SendError, Session,
};

use crate::Event;
use crate::clock::Clock;
use crate::entropy;
use crate::error::Error;
use crate::interface::{Choice, InterfaceSelector};
use crate::leaving::Departure;
use crate::memory::{Profile, ProfileMemory};
use crate::resolve::resolve_group;
use crate::stack::StdStack;
use crate::strangers::{Stranger, Strangers};
use crate::wait::wait;

/// How long to wait for a socket that has no room to send.
const NO_ROOM: Duration = Duration::from_millis(1);

/// What a datagram of the usual size takes of a socket's receive buffer, with what Linux needs itself.
const OCTETS_OF_A_DATAGRAM: usize = 2_304;

/// Joins the group at this address with all settings by default.
///
/// `group` is `239.1.2.3:12345`, `[ff02::1234%eth0]:12345` or `name:12345`. The interface is chosen;
/// [`Member::choice`] says which and why.
///
/// ```no_run
/// use core::time::Duration;
///
/// let mut member = groupcast_std::join("239.1.2.3:12345")?;
/// member.send("Hello, multicast!")?;
/// for event in member.events(Duration::from_secs(2)) {
///     println!("{}", event?);
/// }
/// # Ok::<(), groupcast_std::Error>(())
/// ```
///
/// # Errors
///
/// What is wrong with the address, or why this machine cannot join.
pub fn join(group: &str) -> Result<Member, Error> {
    Member::builder(resolve_group(group)?).join()
}

/// Settings of a [`Member`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `join`"]
pub struct MemberBuilder {
    stack: crate::Builder,
    config: Config,
    pace: Option<Pace>,
    profile: Profile,
    hops: u8,
    keys: Option<KeySet>,
    first_contact: FirstContact,
    takes_bare: bool,
    group_name: Name,
    notes_strangers: bool,
}

impl MemberBuilder {
    /// The name other members see: up to 32 octets. Default: none.
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

    /// In a sealed group: whether to take and send bare datagrams, which anybody can read and forge.
    /// Default: no.
    pub const fn bare(mut self, takes_bare: bool) -> Self {
        self.takes_bare = takes_bare;
        self
    }

    /// The interface. Default: chosen.
    pub fn interface(mut self, selector: InterfaceSelector) -> Self {
        self.stack = self.stack.interface(selector);
        self
    }

    /// The hop limit. Default: 1, which stays on the link.
    pub fn hops(mut self, hops: u8) -> Self {
        self.hops = hops;
        self.stack = self.stack.hops(hops);
        self
    }

    /// Whether members on this machine are heard and hear this one. Default: yes.
    pub fn loopback(mut self, on: bool) -> Self {
        self.stack = self.stack.loopback(on);
        self
    }

    /// How fast to send at most. Default: [`Pace::WIRED`], and on the loopback interface as fast as it
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
    pub const fn join_streams(mut self, join: Join) -> Self {
        self.config = self.config.with_join(join);
        self
    }

    /// Whether to tell others of this member. Default: yes. See [`Config::with_announce`].
    pub fn announce(mut self, announce: bool) -> Self {
        self.config = self.config.with_announce(announce);
        self
    }

    /// The largest datagram to send, 512 to 1472 octets. Default: 1200.
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

    /// Joins.
    ///
    /// # Errors
    ///
    /// A setting that cannot work, or why this machine cannot join.
    pub fn join(self) -> Result<Member, Error> {
        let mut stack = self.stack.build()?;
        let choice = stack.choice().clone();
        let receive_burst = receive_burst(&mut stack)?;
        let memory = ProfileMemory::new(self.profile);
        let config = self
            .config
            .with_pace(self.pace.unwrap_or_else(|| pace_of(&choice)))
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
                    .with_bare(self.takes_bare);
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
            has_own_pace: self.pace.is_some(),
            hops: self.hops,
            group_name: self.group_name,
            departure: None,
        };
        member.know_oneself();
        Ok(member)
    }
}

/// The pace by default.
const fn pace_of(choice: &Choice) -> Pace {
    if choice.loopback {
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

/// A member of a group on this machine.
///
/// It owns a [`Node`] on a [`StdStack`], its memory and a clock, and can wait. Poll it, or wait for
/// events, at least once a second: nothing happens in the background. When it is dropped it says
/// good-bye once, and what it has not sent yet is lost; [`leave`](Self::leave) does it properly.
///
/// It is of the process that made it. After a `fork` the other process must make one of its own: this one sends
/// nothing there, and says so ([`Error::Forked`]). In a virtual machine that was copied, or put back to a snapshot,
/// members are what they were, and nothing can tell: end such a process, and start another (`core/docs/SECURITY.md`).
#[derive(Debug)]
pub struct Member {
    pub(crate) node: Node<StdStack, ProfileMemory>,
    pub(crate) clock: Clock,
    /// The port that it sends from.
    port: u16,
    /// The application chose the pace.
    has_own_pace: bool,
    /// The changes of the interface that have been followed.
    changes: u64,
    hops: u8,
    group_name: Name,
    pub(crate) departure: Option<Departure>,
}

impl Member {
    /// Starts to describe a member of the group at this multicast address and port.
    pub const fn builder(group: SocketAddr) -> MemberBuilder {
        MemberBuilder {
            stack: StdStack::builder().group(group),
            config: Config::new(group),
            pace: None,
            profile: Profile::Desktop,
            hops: 1,
            keys: None,
            first_contact: FirstContact::Verify,
            takes_bare: false,
            group_name: Name::EMPTY,
            notes_strangers: false,
        }
    }

    /// Sends what is due, receives what has arrived, and returns the next event. Never waits.
    ///
    /// # Errors
    ///
    /// What the system reports. The member goes on: call it again.
    pub fn poll(&mut self) -> Result<Option<groupcast::Event<'_>>, Error> {
        if self.changes != self.node.stack().changes() {
            self.follow_interface();
        }
        self.node.poll(self.clock.now())
    }

    /// The interface is another one, or has another address: what was chosen by it is chosen again.
    #[cold]
    fn follow_interface(&mut self) {
        self.changes = self.node.stack().changes();
        if !self.has_own_pace {
            let pace = pace_of(self.choice());
            if pace != self.node.group().config().pace() {
                self.node.set_pace(pace);
            }
        }
        self.know_oneself();
    }

    /// Bare datagrams of one's own are known by the address they come from.
    fn know_oneself(&mut self) {
        let address = SocketAddr::new(self.choice().address, self.port);
        let (_, group_socket, _) = self.node.parts();
        group_socket.pass_over(address);
        self.node.set_local_address(address);
    }

    /// Waits for the next event, for `timeout` at most.
    ///
    /// # Errors
    ///
    /// What the system reports. The member goes on: call it again.
    pub fn next_event(&mut self, timeout: Duration) -> Result<Option<Event>, Error> {
        let end = self.clock.now() + timeout;
        self.next_event_until(end)
    }

    fn next_event_until(&mut self, end: Instant) -> Result<Option<Event>, Error> {
        loop {
            if let Some(event) = self.poll()? {
                return Ok(Some(event.into()));
            }
            let left = self.clock.now().until(end);
            if left.is_zero() {
                return Ok(None);
            }
            self.wait(left)?;
        }
    }

    /// The events of this much time, as they come.
    pub fn events(&mut self, time: Duration) -> impl Iterator<Item = Result<Event, Error>> {
        let end = self.clock.now() + time;
        core::iter::from_fn(move || self.next_event_until(end).transpose())
    }

    /// Waits until something arrived, until something is due, or until `limit` has passed.
    ///
    /// # Errors
    ///
    /// The system cannot wait.
    pub fn wait(&mut self, limit: Duration) -> Result<(), Error> {
        let now = self.clock.now();
        let due = self
            .node
            .next_deadline()
            .map_or(limit, |deadline| now.until(deadline));
        let (_, group_socket, own_socket) = self.node.parts();
        wait(&[group_socket, own_socket], due.min(limit)).map(|_| ())
    }

    /// Sends a message on channel 0, best effort, now. Returns its sequence number.
    ///
    /// # Errors
    ///
    /// Why the message can never be sent, such as its length.
    pub fn send(&mut self, payload: impl AsRef<[u8]>) -> Result<u32, Error> {
        self.send_on(Channel::default(), payload)
    }

    /// Sends a message on a channel, now, or as soon as the pace allows. Returns its sequence number.
    ///
    /// # Errors
    ///
    /// Why the message can never be sent, such as its length.
    pub fn send_on(&mut self, channel: Channel, payload: impl AsRef<[u8]>) -> Result<u32, Error> {
        let sequence = self.queue(channel, payload)?;
        self.flush();
        Ok(sequence)
    }

    /// Sends a bare datagram, for programs that do not speak the protocol, now.
    ///
    /// # Errors
    ///
    /// Why it can never be sent, such as its length.
    pub fn send_raw(&mut self, datagram: impl AsRef<[u8]>) -> Result<(), Error> {
        self.when_there_is_room(|node, now| node.send_raw(now, datagram.as_ref()))?;
        self.flush();
        Ok(())
    }

    /// Queues a message on a channel; the next [`poll`](Self::poll) sends it. Messages that are queued
    /// together share datagrams. Waits while the queue is full, and hears others meanwhile until there is
    /// an event for [`poll`](Self::poll): those who send more than the pace allows, and hear much, use
    /// [`try_queue`](Self::try_queue).
    ///
    /// # Errors
    ///
    /// Why the message can never be sent, such as its length.
    pub fn queue(&mut self, channel: Channel, payload: impl AsRef<[u8]>) -> Result<u32, Error> {
        self.when_there_is_room(|node, now| node.send(now, channel, payload.as_ref()))
    }

    /// As [`queue`](Self::queue), but never waits.
    ///
    /// # Errors
    ///
    /// `WouldBlock` while the queue is full: [`poll`](Self::poll), [`wait`](Self::wait), and try again.
    /// Other errors tell why the message can never be sent.
    pub fn try_queue(
        &mut self,
        channel: Channel,
        payload: impl AsRef<[u8]>,
    ) -> nb::Result<u32, SendError> {
        self.node.send(self.clock.now(), channel, payload.as_ref())
    }

    /// As [`send_on`](Self::send_on), with a signature: see [`Group::send_signed`](groupcast::Group::send_signed).
    /// [`sign_file`](crate::sign_file) reads keys from files.
    ///
    /// # Errors
    ///
    /// Why the message can never be sent, such as its length.
    pub fn send_signed(
        &mut self,
        channel: Channel,
        payload: impl AsRef<[u8]>,
        key: &SigningKey,
    ) -> Result<u32, Error> {
        let sequence = self.when_there_is_room(|node, now| {
            node.send_signed(now, channel, payload.as_ref(), key)
        })?;
        self.flush();
        Ok(sequence)
    }

    /// As [`try_queue`](Self::try_queue), with a signature.
    ///
    /// # Errors
    ///
    /// As [`try_queue`](Self::try_queue).
    pub fn try_queue_signed(
        &mut self,
        channel: Channel,
        payload: impl AsRef<[u8]>,
        key: &SigningKey,
    ) -> nb::Result<u32, SendError> {
        self.node
            .send_signed(self.clock.now(), channel, payload.as_ref(), key)
    }

    fn when_there_is_room<T>(
        &mut self,
        mut send: impl FnMut(&mut Node<StdStack, ProfileMemory>, Instant) -> nb::Result<T, SendError>,
    ) -> Result<T, Error> {
        loop {
            match send(&mut self.node, self.clock.now()) {
                Ok(sent) => return Ok(sent),
                Err(nb::Error::WouldBlock) => self.wait_for_room()?,
                Err(nb::Error::Other(error)) => return Err(error.into()),
            }
        }
    }

    /// Lets receivers say how far they are, or time pass.
    fn wait_for_room(&mut self) -> Result<(), Error> {
        let now = self.clock.now();
        self.node.attend(now)?;
        if self.node.has_event() {
            std::thread::sleep(NO_ROOM);
            return Ok(());
        }
        self.wait(NO_ROOM)
    }

    /// Asks the others who has every message from the one with the sequence number `first` to that
    /// with the number `last`, of the reliable classes and of State. [`Event::Confirmed`] tells of each
    /// that has. A later call takes the place of an earlier one.
    pub fn confirm(&mut self, first: u32, last: u32) {
        self.node.confirm(self.clock.now(), first, last);
    }

    /// Whether this member said that it will never have all of what is to be
    /// [confirmed](Self::confirm): it came too late, or lost a message that could not be repaired.
    #[must_use]
    pub fn lacks(&self, member: MemberId) -> bool {
        self.node.group().lacks(member)
    }

    /// Sends what is queued, as far as the system has room, without receiving; `false` if it had no room
    /// for all of it. What it reports comes with the next [`poll`](Self::poll), which does this too.
    pub fn try_flush(&mut self) -> bool {
        self.node.flush(self.clock.now())
    }

    /// Sends what is queued. What the system reports comes with the next [`poll`](Self::poll).
    fn flush(&mut self) {
        while !self.try_flush() {
            std::thread::sleep(NO_ROOM);
        }
    }

    /// How many messages are queued and not sent yet, or not wholly, since the pace is slower.
    #[must_use]
    pub fn unsent(&mut self) -> usize {
        self.node.unsent()
    }

    /// Leaves: sends what is queued, tells the others, and closes. It takes as long as what is queued needs
    /// at its pace, and then a fifth of a second; in a sealed group up to a second more for a member that has
    /// just started and has something to say. [`leave_within`](Self::leave_within) has a limit, and
    /// [`try_leave`](Self::try_leave) tells how far it is.
    ///
    /// # Errors
    ///
    /// [`Error::Unsent`] if the network takes nothing any more, for seconds; or the system cannot wait.
    pub fn leave(self) -> Result<Counters, Error> {
        self.leave_within(Duration::MAX)
    }

    /// As [`leave`](Self::leave), but gives up what is not sent after so much time. Members hear of what they
    /// lack of the reliable classes.
    ///
    /// # Errors
    ///
    /// [`Error::Unsent`] tells how much was given up; or the system cannot wait.
    pub fn leave_within(mut self, limit: Duration) -> Result<Counters, Error> {
        self.leave_within_limit(limit)?;
        Ok(*self.counters())
    }

    /// The group's address and port.
    #[must_use]
    pub const fn group(&self) -> SocketAddr {
        self.node.group().config().group()
    }

    /// The interface in use, and why this one. It may change while the program runs.
    #[must_use]
    pub const fn choice(&self) -> &Choice {
        self.node.stack().choice()
    }

    /// How often [`choice`](Self::choice) became another one, or something that it says: for a line that tells
    /// of it. The member has then chosen its pace again, if the application did not choose it.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// How fast this member sends at most.
    #[must_use]
    pub const fn pace(&self) -> Pace {
        self.node.group().config().pace()
    }

    /// The hop limit.
    #[must_use]
    pub const fn hops(&self) -> u8 {
        self.hops
    }

    /// This member's id.
    #[must_use]
    pub const fn id(&self) -> MemberId {
        self.node.id()
    }

    /// This member's session.
    #[must_use]
    pub const fn session(&self) -> Session {
        self.node.session()
    }

    /// Whether the group is sealed.
    #[must_use]
    pub const fn is_sealed(&self) -> bool {
        self.node.group().is_sealed()
    }

    /// Takes another name: up to 32 octets. The others see it with the next HELLO, within a moment.
    ///
    /// # Errors
    ///
    /// The name is too long. Nothing was done.
    pub fn set_name(&mut self, name: &str) -> Result<(), Error> {
        Ok(self.node.set_name(name)?)
    }

    /// Takes other keys. If the one to send with is another, this member restarts for the others.
    ///
    /// # Errors
    ///
    /// A key that cannot be used, or the group is not sealed. Nothing was done.
    pub fn set_keys(&mut self, keys: &KeySet) -> Result<(), Error> {
        let now = self.clock.now();
        self.node.set_keys(now, keys)?;
        let group = self.group();
        let strangers = &mut self.node.parts().0.strangers;
        // The keys can be used: they are.
        if let Some(known) = strangers
            && let Ok(new) = Strangers::new(group, &self.group_name, Some(keys))
        {
            *known = new;
        }
        Ok(())
    }

    /// Who was heard since the last call that speaks the protocol on the group's address and port and is not of
    /// the group: with another key, another group name, or none. 64 at most. Nobody without
    /// [`MemberBuilder::note_strangers`].
    pub fn strangers(&mut self) -> Vec<Stranger> {
        let strangers = &mut self.node.parts().0.strangers;
        strangers.as_mut().map(Strangers::take).unwrap_or_default()
    }

    /// The other members that are there.
    pub fn members(&self) -> impl Iterator<Item = &groupcast::Member> {
        self.node.members()
    }

    /// What happened to every datagram so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        self.node.counters()
    }

    /// The most octets a message of this class can have now; a signed one 64 less.
    #[must_use]
    pub fn max_message(&self, class: Class) -> usize {
        self.node.max_message(class)
    }

    /// The node below, for event loops of one's own.
    pub const fn node(&mut self) -> &mut Node<StdStack, ProfileMemory> {
        &mut self.node
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if !self.node.has_left() {
            let now = self.clock.now();
            self.node.leave(now);
            self.node.flush(now);
            // What the pace does not allow now will never be sent, and must not hold back the good-bye.
            if self.node.unsent() > 0 {
                self.node.forget_unsent();
                self.node.flush(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interfaces::tests::made_up;

    fn lo() -> String {
        let all = crate::interfaces::list().unwrap();
        let lo = all.into_iter().find(|interface| interface.loopback);
        lo.unwrap().name
    }

    fn builder(group: &str) -> MemberBuilder {
        let builder = Member::builder(group.parse().unwrap());
        builder.interface(InterfaceSelector::Name(lo()))
    }

    /// The interface becomes one that leads to others, by this address.
    fn move_to(member: &mut Member, address: &str) {
        let index = member.choice().index.get();
        let mut moved = made_up(&lo(), index, &[address]);
        (moved.loopback, moved.multicast, moved.mtu) = (false, true, Some(1280));
        member.node.parts().0.pretend(vec![moved]);
        while let Ok(Some(_)) = member.poll() {}
    }

    #[test]
    fn what_was_chosen_at_joining_is_chosen_again_when_the_interface_changes() {
        let mut member = builder("239.72.1.7:45120").join().unwrap();
        assert_eq!(member.pace(), Pace::UNLIMITED);
        move_to(&mut member, "127.0.0.1");
        assert_eq!(member.choice().mtu, Some(1280));
        assert_eq!((member.pace(), member.changes()), (Pace::WIRED, 1));
    }

    #[test]
    fn a_copy_in_another_process_says_nothing_not_even_good_bye() {
        let mut ana = builder("239.72.1.10:45123").name("ana").join().unwrap();
        let mut ben = builder("239.72.1.10:45123").join().unwrap();
        let joined = |event: &Event| matches!(event, Event::Joined(_));
        while !ben
            .next_event(Duration::from_millis(20))
            .unwrap()
            .is_some_and(|event| joined(&event))
        {
            let _ = ana.next_event(Duration::from_millis(20)).unwrap();
        }
        ana.node.parts().0.pretend_to_be_forked();
        ana.send("hello").unwrap();
        assert!(matches!(ana.poll(), Err(Error::Forked)));
        drop(ana);
        let heard: Vec<_> = ben
            .events(Duration::from_secs(1))
            .map(Result::unwrap)
            .collect();
        let said = |event: &Event| matches!(event, Event::Left(_) | Event::Message(_));
        assert!(!heard.iter().any(said), "{heard:?}");
    }

    #[test]
    fn a_pace_that_the_application_chose_stays() {
        let builder = builder("239.72.1.8:45121").pace(Pace::BOARD);
        let mut member = builder.join().unwrap();
        move_to(&mut member, "127.0.0.1");
        assert_eq!((member.pace(), member.changes()), (Pace::BOARD, 1));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn ones_own_bare_datagrams_are_not_heard_from_another_address_either() {
        let group = "239.72.1.9:45122";
        let mut ana = builder(group).announce(false).join().unwrap();
        let mut ben = builder(group).announce(false).join().unwrap();
        move_to(&mut ana, "127.0.0.2");
        ana.send_raw("here").unwrap();
        let heard = ben.next_event(Duration::from_secs(60)).unwrap();
        let Some(Event::Raw(raw)) = heard else {
            panic!("{heard:?}");
        };
        assert_eq!(raw.address.ip().to_string(), "127.0.0.2");
        // The system gave it to all at once.
        assert!(ana.poll().unwrap().is_none());
        assert_eq!(ana.counters().raw, 0);
    }
}
