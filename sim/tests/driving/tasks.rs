//! An executor on virtual time. It fails where a task is pending that nothing would wake.

use core::cell::{Cell, RefCell};
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Wake;

use groupcast::Instant;
use groupcast_sim::{HostId, Network};

use crate::reactor::{SimReactor, Waits};

/// Set when its task is to be polled again.
#[derive(Debug)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task<'a> {
    future: Pin<Box<dyn Future<Output = ()> + 'a>>,
    flag: Arc<Flag>,
    waits: Rc<RefCell<Waits>>,
    arrived: Rc<Cell<bool>>,
    host: HostId,
    is_deaf: bool,
    polls: u64,
}

/// The tasks on a network, one for each host.
pub(crate) struct Tasks<'a> {
    network: Network,
    tasks: Vec<Task<'a>>,
}

impl<'a> Tasks<'a> {
    pub(crate) fn new(network: &Network) -> Self {
        Self {
            network: network.clone(),
            tasks: Vec::new(),
        }
    }

    /// Adds a task that waits by this reactor.
    pub(crate) fn spawn<const ROOM: bool>(
        &mut self,
        reactor: &SimReactor<ROOM>,
        future: impl Future<Output = ()> + 'a,
    ) {
        self.tasks.push(Task {
            future: Box::pin(future),
            flag: Arc::new(Flag(AtomicBool::new(true))),
            waits: Rc::clone(&reactor.waits),
            arrived: Rc::clone(&reactor.arrived),
            host: reactor.host,
            is_deaf: reactor.is_deaf,
            polls: 0,
        });
    }

    /// How often the tasks that are left were polled.
    pub(crate) fn polls(&self) -> u64 {
        self.tasks.iter().map(|task| task.polls).sum()
    }

    /// Runs all that is woken until this time, or until all tasks are done. Returns whether they are.
    pub(crate) fn run_until(&mut self, end: Instant) -> bool {
        loop {
            let now = self.network.now();
            self.tasks.retain_mut(|task| !task.run(now));
            let next = self.tasks.iter().filter_map(Task::timer);
            let next = next.chain(self.network.next_arrival()).min();
            if self.tasks.is_empty() || now >= end {
                return self.tasks.is_empty();
            }
            self.network.advance_to(next.unwrap_or(end).min(end));
            for host in self.network.take_ready() {
                for task in self.tasks.iter().filter(|task| task.host == host) {
                    task.arrived.set(true);
                    wake(task.waits.borrow_mut().readable.take());
                }
            }
            for task in &self.tasks {
                if task.timer().is_some_and(|at| at <= self.network.now()) {
                    let timer = task.waits.borrow_mut().timer.take();
                    wake(timer.map(|(_, waker)| waker));
                }
            }
        }
    }
}

fn wake(waker: Option<Waker>) {
    waker.into_iter().for_each(Waker::wake);
}

impl Task<'_> {
    fn timer(&self) -> Option<Instant> {
        self.waits.borrow().timer.as_ref().and_then(|(at, _)| *at)
    }

    /// Polls the future as long as it is woken. Whether it is done.
    fn run(&mut self, now: Instant) -> bool {
        let waker = Waker::from(Arc::clone(&self.flag));
        let mut in_a_row = 0;
        while self.flag.0.swap(false, Ordering::Relaxed) {
            *self.waits.borrow_mut() = Waits::default();
            self.polls += 1;
            in_a_row += 1;
            assert!(in_a_row < 10_000, "it wakes itself for ever");
            let poll = self.future.as_mut().poll(&mut Context::from_waker(&waker));
            if poll == Poll::Ready(()) {
                return true;
            }
            assert!(
                self.flag.0.load(Ordering::Relaxed) || self.will_be_woken(now),
                "it is pending, and nothing would wake it: {:?}",
                self.waits
            );
        }
        false
    }

    /// It waits for time and datagrams, or a moment until there is room.
    fn will_be_woken(&self, now: Instant) -> bool {
        let soon = now + Duration::from_millis(100);
        let waits = self.waits.borrow();
        let is_soon = |(at, _): &(Option<Instant>, Waker)| at.is_some_and(|at| at <= soon);
        waits
            .timer
            .as_ref()
            .is_some_and(|timer| waits.readable.is_some() || self.is_deaf || is_soon(timer))
    }
}
