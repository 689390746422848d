//! The paved path: a member of a group with clock, memory and sockets of this machine.

mod builder;
mod sending;

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::seal::KeySet;
use groupcast::{
    Application, Class, Counters, Event, Instant, MemberId, Name, Node, OwnedEvent, Pace, Session,
};

use crate::clock::Clock;
use crate::error::Error;
use crate::interface::Choice;
use crate::leaving::Departure;
use crate::memory::{Profile, ProfileMemory};
use crate::resolve::resolve_group;
use crate::stack::StdStack;
use crate::strangers::{Stranger, Strangers};
use crate::wait::wait;
use builder::pace_of;

pub use builder::MemberBuilder;

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
    profile: Profile,
    /// The application chose the pace.
    has_own_pace: bool,
    /// The changes of the interface that have been followed.
    changes: u64,
    hop_limit: u8,
    group_name: Name,
    pub(crate) departure: Option<Departure>,
}

impl Member {
    /// Sends what is due, receives what has arrived, and returns the next event. Never waits.
    ///
    /// The event is borrowed, so nothing can be sent while it is looked at. To answer it at once, take
    /// [`next_event`](Self::next_event) or [`run`](Self::run) an application.
    ///
    /// # Errors
    ///
    /// What the system reports. The member goes on: call it again.
    pub fn poll(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.follow();
        self.node.poll(self.clock.now())
    }

    /// Follows the interface, if that has changed.
    pub(crate) fn follow(&mut self) {
        if self.changes != self.node.stack().changes() {
            self.follow_interface();
        }
    }

    /// The interface is another one, or has another address: what was chosen by it is chosen again.
    #[cold]
    fn follow_interface(&mut self) {
        self.changes = self.node.stack().changes();
        if !self.has_own_pace {
            let pace = pace_of(self.profile, self.choice());
            if pace != self.node.group().config().pace() {
                // It is one for this memory.
                let _ = self.node.set_pace(pace);
            }
        }
        self.know_oneself();
    }

    /// Raw datagrams of one's own are known by the address they come from.
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
    pub fn next_event(&mut self, timeout: Duration) -> Result<Option<OwnedEvent>, Error> {
        let end = self.clock.now() + timeout;
        self.next_event_until(end)
    }

    fn next_event_until(&mut self, end: Instant) -> Result<Option<OwnedEvent>, Error> {
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

    /// The events of this much time, as they come. The member is borrowed meanwhile: to answer an event at once, take
    /// [`next_event`](Self::next_event) in a loop.
    pub fn events(&mut self, time: Duration) -> impl Iterator<Item = Result<OwnedEvent, Error>> {
        let end = self.clock.now() + time;
        core::iter::from_fn(move || self.next_event_until(end).transpose())
    }

    /// Runs an application for this much time: hands it what happens, and lets it act when it asked for that. The same
    /// application runs on a board ([`Node::run`]) and in the simulator. If it leaves, it is not called any more when
    /// that is done: see [`has_left`](Self::has_left).
    ///
    /// ```no_run
    /// # use core::time::Duration;
    /// # use groupcast::Application;
    /// # fn run(mut app: impl Application, is_over: impl Fn() -> bool) -> Result<(), groupcast_std::Error> {
    /// let mut member = groupcast_std::join("239.1.2.3:12345")?;
    /// while !is_over() {
    ///     member.run(&mut app, Duration::from_millis(100))?;
    /// }
    /// member.leave()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What the system reports. Member and application go on: call it again.
    pub fn run(&mut self, application: &mut impl Application, time: Duration) -> Result<(), Error> {
        let end = self.clock.now() + time;
        loop {
            self.follow();
            let now = self.clock.now();
            let wake = self.node.run(now, application)?;
            let left = self.clock.now().until(end);
            if left.is_zero() {
                return Ok(());
            }
            let until_wake = wake.map_or(left, |wake| self.clock.now().until(wake));
            if !until_wake.is_zero() {
                self.wait(until_wake.min(left))?;
            }
        }
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
    pub const fn hop_limit(&self) -> u8 {
        self.hop_limit
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

    /// Takes another name: up to 32 bytes. The others see it with the next HELLO, within a moment.
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

    /// Whether an application that was [run](Self::run) has left.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.node.has_left()
    }

    /// The other members that are there.
    pub fn peers(&self) -> impl Iterator<Item = &groupcast::Peer> {
        self.node.peers()
    }

    /// What happened to every datagram so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        self.node.counters()
    }

    /// The most bytes a message of this class can have now; a signed one 64 less.
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
    use crate::interface::InterfaceSelector;
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
        let joined = |event: &OwnedEvent| matches!(event, OwnedEvent::Joined(_));
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
        let said =
            |event: &OwnedEvent| matches!(event, OwnedEvent::Left(_) | OwnedEvent::Message(_));
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
    fn ones_own_raw_datagrams_are_not_heard_from_another_address_either() {
        let group = "239.72.1.9:45122";
        let mut ana = builder(group).announce(false).join().unwrap();
        let mut ben = builder(group).announce(false).join().unwrap();
        move_to(&mut ana, "127.0.0.2");
        ana.send_raw("here").unwrap();
        let heard = ben.next_event(Duration::from_secs(60)).unwrap();
        let Some(OwnedEvent::Raw(raw)) = heard else {
            panic!("{heard:?}");
        };
        assert_eq!(raw.address.ip().to_string(), "127.0.0.2");
        // The system gave it to all at once.
        assert!(ana.poll().unwrap().is_none());
        assert_eq!(ana.counters().raw, 0);
    }
}
