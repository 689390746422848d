//! A reactor on virtual time.

use core::cell::{Cell, RefCell};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::rc::Rc;

use groupcast::{Instant, Reactor};
use groupcast_sim::{HostId, Network, SimError, SimSocket, SimStack};

/// What a task waits for.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    /// A timer was asked for, which may be for no time at all.
    pub(crate) timer: Option<(Option<Instant>, Waker)>,
    pub(crate) readable: Option<Waker>,
    pub(crate) writable: Option<Waker>,
}

/// The reactor of one host. Whether it can wait for room is its type's.
#[derive(Clone, Debug)]
pub(crate) struct SimReactor<const ROOM: bool = false> {
    pub(crate) network: Network,
    pub(crate) host: HostId,
    pub(crate) waits: Rc<RefCell<Waits>>,
    /// Something arrived since this was last told. Once is enough, as with a system that tells of edges.
    pub(crate) arrived: Rc<Cell<bool>>,
    /// Its node receives nothing.
    pub(crate) is_deaf: bool,
}

impl<const ROOM: bool> SimReactor<ROOM> {
    pub(crate) fn new(network: &Network, host: HostId) -> Self {
        Self {
            network: network.clone(),
            host,
            waits: Rc::default(),
            arrived: Rc::default(),
            is_deaf: false,
        }
    }
}

impl<const ROOM: bool> Reactor<SimStack> for SimReactor<ROOM> {
    const RETRY: Duration = Duration::from_millis(if ROOM { 100 } else { 1 });

    fn now(&self) -> Instant {
        self.network.now()
    }

    fn poll_at(&mut self, cx: &mut Context<'_>, at: Option<Instant>) -> Poll<()> {
        if at.is_some_and(|at| at <= self.network.now()) {
            return Poll::Ready(());
        }
        self.waits.borrow_mut().timer = Some((at, cx.waker().clone()));
        Poll::Pending
    }

    fn poll_readable(
        &mut self,
        cx: &mut Context<'_>,
        _: &mut SimStack,
        _: Option<&SimSocket>,
        _: &SimSocket,
    ) -> Poll<Result<(), SimError>> {
        if self.arrived.take() {
            return Poll::Ready(Ok(()));
        }
        self.waits.borrow_mut().readable = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>, _: &mut SimStack, _: &SimSocket) -> Poll<()> {
        if ROOM {
            self.waits.borrow_mut().writable = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}
