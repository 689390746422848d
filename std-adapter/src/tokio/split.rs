//! A member among several tasks: what runs it, who sends, who hears.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use core::time::Duration;
use std::sync::Arc;

use futures_core::Stream;
use groupcast::{
    AnyNode, Channel, Counters, Instant, Node, OwnedEvent, SendError, Sequence, SequenceRange,
};
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError, mpsc, oneshot};
use tokio::time::timeout;

use super::member::{AsyncMember, UNHEARD};
use crate::error::Error;
use crate::memory::ProfileMemory;
use crate::stack::StdStack;

/// So many messages, and so many events, wait between tasks at most.
const WAITING: usize = 256;

/// What runs a member: see [`AsyncMember::split`].
#[derive(Debug)]
#[must_use = "nothing is sent or received unless it runs"]
pub struct Runner {
    work: Work,
    events: Events,
}

/// The way of events to the receiver.
#[derive(Debug)]
struct Events {
    to: mpsc::UnboundedSender<Result<OwnedEvent, Error>>,
    /// A permit for each that may wait. Closed when there is no receiver any more.
    room: Arc<Semaphore>,
}

/// The member, and what it is to do.
#[derive(Debug)]
struct Work {
    member: AsyncMember,
    commands: mpsc::Receiver<Command>,
    /// What the member has no room for.
    waiting: Option<Message>,
    /// Why a message was not queued that nobody waits for.
    failed: Option<Error>,
}

/// Sends by a member that a [`Runner`] runs. When the last one is dropped, the member leaves.
#[derive(Clone, Debug)]
pub struct Sender(mpsc::Sender<Command>);

/// Receives the events of a member that a [`Runner`] runs: also a [`Stream`].
#[derive(Debug)]
pub struct Receiver {
    from: mpsc::UnboundedReceiver<Result<OwnedEvent, Error>>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
enum Command {
    Queue(Message),
    Confirm(SequenceRange),
}

#[derive(Debug)]
struct Message {
    channel: Channel,
    payload: Vec<u8>,
    /// Who wants to know what came of it.
    reply: Option<oneshot::Sender<Result<Sequence, SendError>>>,
}

/// What a turn of the runner came to.
enum Turn {
    /// Something was queued that had to wait.
    Queued,
    /// An event waits in the node.
    Event,
    Failed(Error),
    /// The last sender is gone.
    Over,
}

pub(super) fn split(member: AsyncMember) -> (Runner, Sender, Receiver) {
    let (to_runner, commands) = mpsc::channel(WAITING);
    let (to, from) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(WAITING));
    let work = Work {
        member,
        commands,
        waiting: None,
        failed: None,
    };
    let events = Events {
        to,
        room: Arc::clone(&room),
    };
    let runner = Runner { work, events };
    (runner, Sender(to_runner), Receiver { from, room })
}

/// Why nobody takes a command.
const GONE: Error = Error::Send(SendError::HasLeft);

impl Sender {
    /// Hands a message over, as soon as there is room for it. It returns before the message is queued, so many of them share
    /// datagrams. If it can never be sent, for its length say, the [`Receiver`] is told.
    ///
    /// Cancel safe: a message is handed over only when this is done.
    ///
    /// # Errors
    ///
    /// [`SendError::HasLeft`]: the runner is gone.
    pub async fn queue(&self, channel: Channel, payload: impl Into<Vec<u8>>) -> Result<(), Error> {
        let message = Message {
            channel,
            payload: payload.into(),
            reply: None,
        };
        let sent = self.0.send(Command::Queue(message)).await;
        sent.map_err(|_| GONE)
    }

    /// As [`queue`](Self::queue), and waits until the message is queued. Returns its sequence number.
    ///
    /// If the future is dropped before it is done, the message may be sent all the same.
    ///
    /// # Errors
    ///
    /// Why it can never be sent; [`SendError::HasLeft`] if the runner is gone.
    pub async fn send(
        &self,
        channel: Channel,
        payload: impl Into<Vec<u8>>,
    ) -> Result<Sequence, Error> {
        let (reply, result) = oneshot::channel();
        let message = Message {
            channel,
            payload: payload.into(),
            reply: Some(reply),
        };
        let sent = self.0.send(Command::Queue(message)).await;
        sent.map_err(|_| GONE)?;
        Ok(result.await.map_err(|_| GONE)??)
    }

    /// Asks the others who has these messages: see [`Member::confirm`](crate::Member::confirm).
    ///
    /// # Errors
    ///
    /// [`SendError::HasLeft`]: the runner is gone.
    pub async fn confirm(&self, messages: impl Into<SequenceRange>) -> Result<(), Error> {
        let sent = self.0.send(Command::Confirm(messages.into())).await;
        sent.map_err(|_| GONE)
    }
}

impl Receiver {
    /// Waits for the next event; `None` when the member has left. If nobody calls this, the member receives nothing
    /// after 256 events, and sends no reliable messages for which it would have to hear the others.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// What the system reports, and why a message of [`Sender::queue`] can never be sent. The member goes on.
    pub async fn recv(&mut self) -> Option<Result<OwnedEvent, Error>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// How many events wait here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.from.len()
    }

    /// Whether no event waits here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from.is_empty()
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<OwnedEvent, Error>>> {
        let event = ready!(self.from.poll_recv(cx));
        self.room.add_permits(1);
        Poll::Ready(event)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.room.close();
    }
}

impl Stream for Receiver {
    type Item = Result<OwnedEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}

impl Events {
    /// Whether one more may wait; it is promised then, and [`hand_over`](Self::hand_over) follows. Without a receiver there is always room.
    fn take_room(&self) -> bool {
        match self.room.try_acquire() {
            Ok(permit) => {
                permit.forget();
                true
            }
            Err(TryAcquireError::Closed) => true,
            Err(TryAcquireError::NoPermits) => false,
        }
    }

    /// Without a receiver it is dropped.
    fn hand_over(&self, event: Result<OwnedEvent, Error>) {
        let _ = self.to.send(event);
    }

    /// Hands over the event that waits in the node.
    fn hand_over_of(&self, node: &mut Node<StdStack, ProfileMemory>) {
        if let Some(event) = node.take_event() {
            self.hand_over(Ok(event.into()));
        }
    }
}

impl Runner {
    /// Runs the member until every [`Sender`] is dropped; then it leaves. All that it has received by then goes to the
    /// [`Receiver`]. Without a receiver it goes on, and its events are dropped. If this future is dropped, the member is, too.
    ///
    /// # Errors
    ///
    /// As [`AsyncMember::leave`].
    pub async fn run(mut self) -> Result<Counters, Error> {
        loop {
            let error = match poll_fn(|cx| self.work.poll_turn(cx)).await {
                Turn::Queued => continue,
                Turn::Event => None,
                Turn::Failed(error) => Some(error),
                Turn::Over => return self.leave().await,
            };
            let has_room = self.wait_for_room().await;
            match error {
                Some(error) => self.events.hand_over(Err(error)),
                None if has_room => self.events.hand_over_of(self.work.node()),
                None => {}
            }
            if !has_room {
                return self.leave().await;
            }
        }
    }

    /// Waits until the receiver has room, and sends what is due meanwhile; until then nothing is received. `false`: the last
    /// sender is gone.
    async fn wait_for_room(&mut self) -> bool {
        while !self.events.take_room() {
            let commands = self
                .work
                .poll_commands(&mut Context::from_waker(Waker::noop()));
            if commands.is_ready() {
                return false;
            }
            self.work.member.member_mut().try_flush();
            if let Ok(permit) = timeout(UNHEARD, self.events.room.acquire()).await {
                // Closed, there is no receiver any more.
                permit.into_iter().for_each(SemaphorePermit::forget);
                return true;
            }
        }
        true
    }

    /// Leaves. Meanwhile it receives as long as the receiver has room. What the node has received when it is gone is handed over
    /// although there is none: nothing comes behind it.
    async fn leave(mut self) -> Result<Counters, Error> {
        let Self { work, events } = &mut self;
        let take = |node: &mut Node<_, _>| {
            let has_room = events.take_room();
            if has_room {
                events.hand_over_of(node);
            }
            has_room
        };
        let left = work.member.leave_and(Duration::MAX, take).await;
        while work.node().find() {
            events.hand_over_of(work.node());
        }
        left.map(|_| *work.member.member().counters())
    }
}

impl Work {
    const fn node(&mut self) -> &mut Node<StdStack, ProfileMemory> {
        &mut self.member.member_mut().node
    }

    /// Takes what the senders have handed over, as long as there is room for it. Is ready when the last of them is gone.
    fn poll_commands(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.waiting.is_none() && self.failed.is_none() {
            match ready!(self.commands.poll_recv(cx)) {
                None => return Poll::Ready(()),
                Some(Command::Confirm(messages)) => self.member.confirm(messages),
                Some(Command::Queue(message)) => self.waiting = Some(message),
            }
            let member = self.member.member_mut();
            let queued = queue(&mut member.node, member.clock.now(), &mut self.waiting);
            self.failed = queued.err().map(Error::from);
        }
        Poll::Pending
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        if self.poll_commands(cx).is_ready() {
            return Poll::Ready(Turn::Over);
        }
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Turn::Failed(error));
        }
        let waiting = &mut self.waiting;
        let turn = ready!(self.member.poll_until(cx, |node, now| {
            if node.has_event() {
                return Some(Turn::Event);
            }
            let has_waited = waiting.is_some();
            match queue(node, now, waiting) {
                Err(error) => Some(Turn::Failed(error.into())),
                Ok(()) => (has_waited && waiting.is_none()).then_some(Turn::Queued),
            }
        }));
        Poll::Ready(turn.unwrap_or_else(Turn::Failed))
    }
}

/// Queues the message, if there is one and there is room for it.
fn queue(
    node: &mut Node<StdStack, ProfileMemory>,
    now: Instant,
    waiting: &mut Option<Message>,
) -> Result<(), SendError> {
    let Some(message) = waiting.take() else {
        return Ok(());
    };
    let result = node.queue(now, message.channel, &message.payload);
    if result == Err(SendError::QueueFull) {
        *waiting = Some(message);
        return Ok(());
    }
    match message.reply {
        // Whoever has asked may be gone.
        Some(reply) => _ = reply.send(result),
        None => _ = result?,
    }
    Ok(())
}
