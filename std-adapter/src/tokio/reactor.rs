//! What wakes a task of tokio.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io::{Error as IoError, ErrorKind};

use groupcast::{Instant, Reactor};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::time::{Instant as TokioInstant, Sleep, sleep};

use crate::clock::Clock;
use crate::error::{Error, Operation};
use crate::socket::Socket;
use crate::stack::StdStack;

/// A stack looks at its interfaces when it is polled.
const LOOK: Duration = Duration::from_secs(2);

/// The [`Reactor`] of tokio, for a node on a [`StdStack`]. [`AsyncMember`](super::AsyncMember) has one.
///
/// tokio counts time in milliseconds, so a task is woken up to two of them late. What the stack has no room to
/// send is tried again after that time.
#[derive(Debug)]
pub struct TokioReactor {
    clock: Clock,
    /// The node's sockets, once more.
    sockets: Vec<UdpSocket>,
    timer: Pin<Box<Sleep>>,
    /// What the timer is set to.
    set: Option<Instant>,
}

impl TokioReactor {
    /// A reactor for the sockets of a node, which must be open.
    ///
    /// # Errors
    ///
    /// There is no runtime of tokio here, a socket is not open, or the system refuses.
    ///
    /// # Panics
    ///
    /// The runtime was built without input, output or time.
    pub fn new(clock: Clock, sockets: &[&Socket]) -> Result<Self, Error> {
        let wait = |error| Error::os(Operation::Wait, error);
        Handle::try_current().map_err(|error| wait(IoError::other(error)))?;
        let sockets = sockets.iter().map(|socket| {
            let again = socket.try_clone()?;
            UdpSocket::from_std(again).map_err(wait)
        });
        Ok(Self {
            clock,
            sockets: sockets.collect::<Result<_, _>>()?,
            timer: Box::pin(sleep(LOOK)),
            set: None,
        })
    }
}

impl Reactor<StdStack> for TokioReactor {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn poll_at(&mut self, cx: &mut Context<'_>, at: Option<Instant>) -> Poll<()> {
        let now = self.clock.now();
        let latest = now + LOOK;
        let at = at.map_or(latest, |at| at.min(latest));
        if at <= now {
            return Poll::Ready(());
        }
        if self.set != Some(at) {
            self.set = Some(at);
            let deadline = TokioInstant::now() + now.until(at);
            self.timer.as_mut().reset(deadline);
        }
        ready!(self.timer.as_mut().poll(cx));
        self.set = None;
        Poll::Ready(())
    }

    fn poll_readable(
        &mut self,
        cx: &mut Context<'_>,
        _: &mut StdStack,
        _: Option<&Socket>,
        _: &Socket,
    ) -> Poll<Result<(), Error>> {
        for socket in &self.sockets {
            if let Poll::Ready(ready) = socket.poll_recv_ready(cx) {
                ready.map_err(|error| Error::os(Operation::Wait, error))?;
                // tokio is to tell of what comes from now on: all that is there is going to be read.
                let nothing = || Err::<(), _>(ErrorKind::WouldBlock.into());
                let _ = socket.try_io(Interest::READABLE, nothing);
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }
}
