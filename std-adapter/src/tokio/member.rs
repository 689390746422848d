//! A member that a task owns.

use core::future::{pending, poll_fn};
use core::task::{Context, Poll};
use core::time::Duration;

use groupcast::{
    Application, Channel, Counters, Driver, Event, Instant, Node, NotQueued, OwnedEvent, SendError,
    Sequence, SequenceRange,
};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::events::Events;
use super::reactor::TokioReactor;
use super::split::{Receiver, Runner, Sender, split};
use crate::error::{Error, Operation};
use crate::leaving::Leaving;
use crate::member::{Member, MemberBuilder};
use crate::memory::ProfileMemory;
use crate::resolve::resolve_group;
use crate::stack::StdStack;

/// When to go on after the system reported something while a member leaves.
const GO_ON: Duration = Duration::from_millis(1);

/// How often what is due is sent while nobody takes events.
pub(super) const UNHEARD: Duration = Duration::from_millis(10);

/// A [`Member`] in an async program: one task owns it and loops around [`recv`](Self::recv).
///
/// Nothing happens in the background: without `recv`, nothing is received, and the others take this member for gone.
/// Tasks that share it use [`split`](Self::split), and not a mutex: whoever waits in `recv` would keep it. Every future can be
/// dropped before it is done, as `tokio::select!` and `timeout` do: nothing is lost by that. When the member is dropped it
/// says good-bye once; [`leave`](Self::leave) does it properly.
#[derive(Debug)]
pub struct AsyncMember {
    driver: Driver<TokioReactor>,
    member: Member,
}

impl MemberBuilder {
    /// As [`join`](Self::join), for a task of tokio.
    ///
    /// ```no_run
    /// # async fn show() -> Result<(), groupcast_std::Error> {
    /// use groupcast_std::Member;
    ///
    /// let group = "239.1.2.3:12345".parse().unwrap();
    /// let mut member = Member::builder(group).name("ana").join_async().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join); or there is no runtime of tokio here.
    ///
    /// # Panics
    ///
    /// The runtime was built without input, output or time.
    pub async fn join_async(self) -> Result<AsyncMember, Error> {
        AsyncMember::new(self.join()?)
    }
}

impl AsyncMember {
    /// Joins the group at this address with all settings by default: see [`join`](crate::join).
    ///
    /// # Errors
    ///
    /// What is wrong with the address, or why this machine cannot join.
    pub async fn join(group: &str) -> Result<Self, Error> {
        let group = group.to_owned();
        // A name may have to be asked for.
        let resolved = spawn_blocking(move || resolve_group(&group)).await;
        let group = resolved.map_err(|error| Error::os(Operation::Wait, error.into()))??;
        Member::builder(group).join_async().await
    }

    /// A member that has joined already.
    ///
    /// # Errors
    ///
    /// There is no runtime of tokio here, or the system refuses.
    ///
    /// # Panics
    ///
    /// The runtime was built without input, output or time.
    pub fn new(mut member: Member) -> Result<Self, Error> {
        let (_, group_socket, own_socket) = member.node.parts();
        let reactor = TokioReactor::new(member.clock, &[group_socket, own_socket])?;
        Ok(Self {
            driver: Driver::new(reactor),
            member,
        })
    }

    /// Waits for the next event, and does what is due meanwhile. The event is borrowed: until it is let go nothing can be
    /// sent. [`next_event`](Self::next_event) returns one that can be kept.
    ///
    /// Cancel safe: an event that was found when the future is dropped comes with the next call.
    ///
    /// # Errors
    ///
    /// What the system reports. The member goes on: call it again.
    pub async fn recv(&mut self) -> Result<Event<'_>, Error> {
        poll_fn(|cx| self.poll_recv(cx)).await?;
        match self.take_event() {
            Some(event) => Ok(event),
            // It is there, as was just found.
            None => pending().await,
        }
    }

    /// As [`recv`](Self::recv), with an event of its own.
    ///
    /// Cancel safe, as `recv`.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub async fn next_event(&mut self) -> Result<OwnedEvent, Error> {
        Ok(self.recv().await?.into())
    }

    /// As [`recv`](Self::recv), for futures that are written by hand: is ready when an event waits for
    /// [`take_event`](Self::take_event), and until that is called.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.member.follow();
        self.driver.poll_recv(cx, &mut self.member.node)
    }

    /// Takes the event that [`poll_recv`](Self::poll_recv) found, if there is one.
    pub fn take_event(&mut self) -> Option<Event<'_>> {
        self.member.node.take_event()
    }

    /// Runs an [`Application`] until it has left the group: see [`AsyncNode::run`](groupcast::AsyncNode::run).
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// What the system reports. Member and application go on: call it again.
    pub async fn run(&mut self, application: &mut impl Application) -> Result<(), Error> {
        poll_fn(|cx| {
            self.member.follow();
            self.driver.poll_run(cx, &mut self.member.node, application)
        })
        .await
    }

    /// The events as a stream, for combinators of streams. Ones that borrow nothing, so they are copied.
    pub const fn events(&mut self) -> Events<'_> {
        Events::new(self)
    }

    /// Queues a message on a channel, as soon as there is room for it; the next [`recv`](Self::recv) or
    /// [`flush`](Self::flush) sends it. Messages that are queued one after the other share datagrams. Events that come while
    /// there is no room go to `meanwhile`: the others make room by what they send.
    ///
    /// Cancel safe: a message is queued only when this is done.
    ///
    /// # Errors
    ///
    /// Why it can never be sent, such as its length; or what the system reported while it waited.
    pub async fn queue(
        &mut self,
        channel: Channel,
        payload: impl AsRef<[u8]>,
        meanwhile: impl FnMut(Event<'_>),
    ) -> Result<Sequence, Error> {
        let payload = payload.as_ref();
        self.queue_with(|node, now| node.queue(now, channel, payload), meanwhile)
            .await
    }

    /// As [`queue`](Self::queue), and sends what is due now.
    ///
    /// Cancel safe: a message is queued only when this is done.
    ///
    /// # Errors
    ///
    /// As [`queue`](Self::queue).
    pub async fn send(
        &mut self,
        channel: Channel,
        payload: impl AsRef<[u8]>,
        meanwhile: impl FnMut(Event<'_>),
    ) -> Result<Sequence, Error> {
        let sequence = self.queue(channel, payload, meanwhile).await?;
        self.member.try_flush();
        Ok(sequence)
    }

    /// As [`queue`](Self::queue), by a function of the node: for signed messages and raw datagrams.
    ///
    /// Cancel safe: `queue` has returned `Ok` only when this is done.
    ///
    /// # Errors
    ///
    /// As [`queue`](Self::queue).
    pub async fn queue_with<T>(
        &mut self,
        mut queue: impl FnMut(&mut Node<StdStack, ProfileMemory>, Instant) -> Result<T, SendError>,
        mut meanwhile: impl FnMut(Event<'_>),
    ) -> Result<T, Error> {
        let node = &mut self.member.node;
        let queued = poll_fn(|cx| self.driver.poll_queue(cx, node, &mut queue, &mut meanwhile));
        queued.await.map_err(|error| match error {
            NotQueued::Send(error) => error.into(),
            NotQueued::Stack(error) => error,
        })
    }

    /// Asks the others who has these messages: see [`Member::confirm`].
    pub fn confirm(&mut self, messages: impl Into<SequenceRange>) {
        self.member.confirm(messages);
    }

    /// Hands what is due now over to the system, as soon as that has room. It does not wait for what the pace allows only
    /// later. What the system reports comes with the next [`recv`](Self::recv).
    ///
    /// Cancel safe.
    pub async fn flush(&mut self) {
        poll_fn(|cx| self.driver.poll_flush(cx, &mut self.member.node)).await;
    }

    /// Leaves: sends what is queued, at its pace, and tells the others. See [`Member::leave`].
    ///
    /// # Errors
    ///
    /// [`Error::Unsent`] if the network takes nothing any more, for seconds.
    pub async fn leave(self) -> Result<Counters, Error> {
        self.leave_within(Duration::MAX).await
    }

    /// As [`leave`](Self::leave), but gives up what is not sent after so much time.
    ///
    /// # Errors
    ///
    /// [`Error::Unsent`] tells how much was given up.
    pub async fn leave_within(mut self, limit: Duration) -> Result<Counters, Error> {
        // What arrives while leaving is of no interest to the application.
        let forget = |node: &mut Node<_, _>| node.take_event().is_some();
        self.leave_and(limit, forget).await
    }

    /// Leaves. `take` takes the event that waits, or returns that it cannot now: then nothing is received for a moment.
    pub(super) async fn leave_and(
        &mut self,
        limit: Duration,
        mut take: impl FnMut(&mut Node<StdStack, ProfileMemory>) -> bool,
    ) -> Result<Counters, Error> {
        loop {
            match self.member.try_leave(limit) {
                Leaving::Left { unsent: 0 } => return Ok(*self.member.counters()),
                Leaving::Left { unsent } => return Err(Error::Unsent(unsent)),
                Leaving::Waiting(_) => {}
            }
            let left = self.member.left_of(limit);
            let stops = poll_fn(|cx| {
                self.poll_until(cx, |node, _| {
                    let can_go_on = !node.has_event() || take(node);
                    (!can_go_on || node.has_left()).then_some(())
                })
            });
            match timeout(left, stops).await {
                Ok(Ok(())) if !self.member.node.has_left() => {
                    self.member.try_flush();
                    sleep(UNHEARD).await;
                }
                Ok(Err(_)) => sleep(GO_ON).await,
                Ok(Ok(())) | Err(_) => {}
            }
        }
    }

    /// Divides the member among tasks: a future that runs it, for a task of its own; a sender, to be cloned; and a receiver of its
    /// events. Between them are queues of 256 messages and of 256 events.
    ///
    /// ```no_run
    /// use groupcast::Channel;
    /// use groupcast_std::tokio::AsyncMember;
    ///
    /// # async fn show() -> Result<(), Box<dyn core::error::Error>> {
    /// let member = AsyncMember::join("239.1.2.3:12345").await?;
    /// let (runner, sender, mut receiver) = member.split();
    /// let running = tokio::spawn(runner.run());
    /// let clock = tokio::spawn(async move {
    ///     for second in 0..60_u8 {
    ///         sender.queue(Channel::state(1), [second]).await?;
    ///         tokio::time::sleep(core::time::Duration::from_secs(1)).await;
    ///     }
    ///     // The last sender ends here, so the member leaves.
    ///     Ok::<(), groupcast_std::Error>(())
    /// });
    /// while let Some(event) = receiver.recv().await {
    ///     println!("{}", event?);
    /// }
    /// clock.await??;
    /// running.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn split(self) -> (Runner, Sender, Receiver) {
        split(self)
    }

    /// The member: who is there, counters, the interface.
    #[must_use]
    pub const fn member(&self) -> &Member {
        &self.member
    }

    /// The member, to change its settings, and for [`try_queue`](Member::try_queue). What waits, such as [`Member::queue`], keeps
    /// the other tasks from going on.
    pub const fn member_mut(&mut self) -> &mut Member {
        &mut self.member
    }

    /// Gives the member back.
    #[must_use]
    pub fn into_member(self) -> Member {
        self.member
    }

    /// Sends and receives until `is_done` returns something. See [`Driver::poll_until`].
    pub(super) fn poll_until<T>(
        &mut self,
        cx: &mut Context<'_>,
        is_done: impl FnMut(&mut Node<StdStack, ProfileMemory>, Instant) -> Option<T>,
    ) -> Poll<Result<T, Error>> {
        self.member.follow();
        self.driver.poll_until(cx, &mut self.member.node, is_done)
    }
}
