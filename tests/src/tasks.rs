//! Tasks on virtual time, for what runs on embassy: an executor, and the clock that embassy-time asks.
//!
//! Each thread has a clock of its own, and so has each test. To call a task takes a little of its time.

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Wake;

use embassy_time_driver::{Driver, TICK_HZ};

/// So many calls of tasks take a tick. embassy-net's own task spins for up to one before a deadline, which it rounds down.
const CALLS_PER_TICK: u32 = 64;

/// So often tasks may be called without a pause.
const ENDLESS: u32 = 1_000_000;

thread_local! {
    static CLOCK: RefCell<Clock> = RefCell::default();
}

#[derive(Default)]
struct Clock {
    ticks: u64,
    alarms: Vec<(u64, Waker)>,
}

impl Clock {
    /// Moves time on to the next alarm, but not beyond `end`. Whether there was one.
    fn advance(&mut self, end: u64) -> bool {
        let next = self.alarms.iter().map(|(at, _)| *at).min();
        let next = next.filter(|at| *at <= end);
        self.ticks = next.unwrap_or(end).max(self.ticks);
        let ticks = self.ticks;
        let due = self.alarms.extract_if(.., |(at, _)| *at <= ticks);
        due.for_each(|(_, waker)| waker.wake());
        next.is_some()
    }
}

struct ClockOfThread;

impl Driver for ClockOfThread {
    fn now(&self) -> u64 {
        CLOCK.with_borrow(|clock| clock.ticks)
    }

    /// As embassy's own queues, it keeps the earliest time of a task.
    fn schedule_wake(&self, at: u64, waker: &Waker) {
        CLOCK.with_borrow_mut(|clock| {
            if at <= clock.ticks {
                waker.wake_by_ref();
                return;
            }
            let mut alarms = clock.alarms.iter_mut();
            match alarms.find(|(_, other)| other.will_wake(waker)) {
                Some((earlier, _)) => *earlier = at.min(*earlier),
                None => clock.alarms.push((at, waker.clone())),
            }
        });
    }
}

embassy_time_driver::time_driver_impl!(static DRIVER: ClockOfThread = ClockOfThread);

/// Which task.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TaskId(usize);

struct Task {
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    waker: Waker,
    polls: u64,
}

/// Wakes a task, which is then called once.
struct Bell {
    task: usize,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().expect("nobody panics with it");
        if !ready.contains(&self.task) {
            ready.push_back(self.task);
        }
    }
}

/// Tasks, of which those that were woken are called in turn.
#[derive(Clone, Default)]
pub struct Tasks {
    tasks: Rc<RefCell<Vec<Task>>>,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

impl core::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tasks").finish_non_exhaustive()
    }
}

impl Tasks {
    /// No tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task, which has its first turn with the next run.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) -> TaskId {
        let mut tasks = self.tasks.borrow_mut();
        let task = tasks.len();
        let ready = self.ready.clone();
        let waker = Waker::from(Arc::new(Bell { task, ready }));
        waker.wake_by_ref();
        tasks.push(Task {
            future: Some(Box::pin(future)),
            waker,
            polls: 0,
        });
        TaskId(task)
    }

    /// How often a task was called.
    #[must_use]
    pub fn polls(&self, task: TaskId) -> u64 {
        self.tasks.borrow()[task.0].polls
    }

    /// Whether a task has ended.
    #[must_use]
    pub fn has_ended(&self, task: TaskId) -> bool {
        self.tasks.borrow()[task.0].future.is_none()
    }

    /// Runs what was woken until nothing is.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn settle(&self) {
        for call in 1..ENDLESS {
            let next = self
                .ready
                .lock()
                .expect("nobody panics with it")
                .pop_front();
            let Some(next) = next else { return };
            self.call(next);
            if call % CALLS_PER_TICK == 0 {
                CLOCK.with_borrow_mut(|clock| clock.advance(clock.ticks + 1));
            }
        }
        panic!("tasks wake each other for ever");
    }

    /// Runs the tasks for so long.
    pub fn run_for(&self, interval: Duration) {
        let end = ClockOfThread.now() + ticks(interval);
        loop {
            self.settle();
            if !CLOCK.with_borrow_mut(|clock| clock.advance(end)) {
                return;
            }
        }
    }

    /// Runs the tasks until something has happened.
    ///
    /// # Panics
    ///
    /// If it has not within `limit`.
    pub fn run_until(&self, limit: Duration, mut has_happened: impl FnMut() -> bool) {
        let end = ClockOfThread.now() + ticks(limit);
        loop {
            self.settle();
            if has_happened() {
                return;
            }
            let more = CLOCK.with_borrow_mut(|clock| clock.advance(end));
            assert!(more, "it has not happened within {limit:?}");
        }
    }

    fn call(&self, task: usize) {
        // A task may spawn others.
        let (future, waker) = {
            let task = &mut self.tasks.borrow_mut()[task];
            task.polls += 1;
            (task.future.take(), task.waker.clone())
        };
        let Some(mut future) = future else { return };
        let ended = future.as_mut().poll(&mut Context::from_waker(&waker));
        if ended.is_pending() {
            self.tasks.borrow_mut()[task].future = Some(future);
        }
    }
}

fn ticks(interval: Duration) -> u64 {
    u64::try_from(interval.as_micros()).expect("not for ever") * TICK_HZ / 1_000_000
}

/// The virtual time since this thread began.
#[must_use]
pub fn now() -> Duration {
    Duration::from_micros(embassy_time::Instant::now().as_micros())
}

/// Has a task woken at this time.
pub fn wake_at(time: Duration, waker: &Waker) {
    // A tick later if it lies between two.
    DRIVER.schedule_wake(ticks(time) + 1, waker);
}

/// Waits so long, on virtual time.
pub async fn sleep(interval: Duration) {
    let interval = embassy_time::Duration::try_from(interval).expect("not for ever");
    embassy_time::Timer::after(interval).await;
}

/// Is ready with the first that is; the other is dropped.
pub async fn either<A, B>(
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> Result<A, B> {
    let (mut first, mut second) = (core::pin::pin!(first), core::pin::pin!(second));
    poll_fn(move |cx| match first.as_mut().poll(cx) {
        Poll::Ready(first) => Poll::Ready(Ok(first)),
        Poll::Pending => second.as_mut().poll(cx).map(Err),
    })
    .await
}

/// Lets a test tell a task something.
#[derive(Debug, Default)]
pub struct Signal {
    on: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl Signal {
    /// Wakes who waits.
    pub fn set(&self) {
        self.on.set(true);
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }

    /// Waits until it is set, and resets it.
    pub async fn wait(&self) {
        poll_fn(|cx| {
            self.task.replace(Some(cx.waker().clone()));
            if self.on.replace(false) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
