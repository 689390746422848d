//! A group with something to do: so many members send so much over such a network.

mod latency;
mod ledger;
mod profile;
mod report;
mod run;
mod traffic;

use core::time::Duration;

use groupcast::{Class, Memory, Pace, SendError, Storage};

use crate::driver;
use crate::link::Link;
use profile::{Part, cast};
use run::Run;

pub use latency::Latency;
pub use profile::Profile;
pub use report::{Outcome, Report};

/// The HELLO interval per member of a large group: all of them send 20 a second.
const INTERVAL_PER_MEMBER: Duration = Duration::from_millis(50);

/// How long small groups are given to settle.
const SETTLING: Duration = Duration::from_secs(5);

/// Memory for members of large groups: 1,023 peers, and little for anything else, so that a thousand
/// of them fit a computer.
pub type Roomy = Storage<1023, 4, 256, 256, 32_768, 1473, { groupcast::Sends::UNLIMITED }>;

/// A group with something to do, and what comes of it.
///
/// The members join over a link without faults (delay, jitter, order and rate are as given), know
/// each other and the time things take; then the faults begin, and the senders send. After that the
/// faults end, and every message has to be accounted for at every receiver within 30 s.
///
/// Everything follows from the seed: the same scenario gives the same [`Report`].
///
/// ```
/// use core::time::Duration;
/// use groupcast::Board;
/// use groupcast_sim::{Link, Scenario};
///
/// let report = Scenario::new()
///     .with_members(5)
///     .with_link(Link::lan().with_loss(0.2))
///     .with_duration(Duration::from_secs(1))
///     .run::<Board>()?;
/// assert_eq!(report.sent, 100);
/// assert_eq!(report.delivered, 400);
/// assert!(report.keeps_promise());
/// # Ok::<(), groupcast::SendError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Scenario {
    members: usize,
    senders: usize,
    rate: f64,
    size: usize,
    class: Class,
    link: Link,
    pace: Pace,
    duration: Duration,
    seed: u64,
    one_loss: bool,
}

impl Scenario {
    /// Ten members on a [wired network](Link::lan), one of which sends 100 messages of 64 bytes a
    /// second, reliable and ordered, for one second, with seed 1.
    pub const fn new() -> Self {
        Self {
            members: 10,
            senders: 1,
            rate: 100.0,
            size: 64,
            class: Class::ReliableOrdered,
            link: Link::lan(),
            pace: Pace::WIRED,
            duration: Duration::from_secs(1),
            seed: 1,
            one_loss: false,
        }
    }

    /// How many members the group has. At least 1.
    pub const fn with_members(mut self, members: usize) -> Self {
        self.members = members;
        self
    }

    /// How many of the members send. At most all of them.
    pub const fn with_senders(mut self, senders: usize) -> Self {
        self.senders = senders;
        self
    }

    /// How many messages each sender sends in a second. With 0 the group is at rest.
    ///
    /// They are evenly spaced; the seed decides by how much the senders are out of step.
    pub const fn with_rate(mut self, messages_per_second: f64) -> Self {
        self.rate = messages_per_second;
        self
    }

    /// How many bytes a message has.
    pub const fn with_size(mut self, octets: usize) -> Self {
        self.size = octets;
        self
    }

    /// How the messages are delivered. All are sent on one channel.
    pub const fn with_class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// The link between any two members.
    pub const fn with_link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// How fast the members send at most. Default: [`Pace::WIRED`].
    pub const fn with_pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// For how long messages are sent.
    pub const fn with_duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// What everything left to chance follows from.
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The eleventh message of the first sender is lost on the way to all others at once. To see how
    /// many of them ask for it.
    pub const fn with_one_loss(mut self) -> Self {
        self.one_loss = true;
        self
    }

    /// Runs it. `M` is the memory of each member, such as `Board`, or `Roomy` for hundreds of
    /// members that are to know each other.
    ///
    /// # Errors
    ///
    /// A member cannot send the messages, because they are too long for its class or its memory.
    ///
    /// # Panics
    ///
    /// There are no members, or more senders than members, or the rate is not a number.
    pub fn run<M: Memory + Default + 'static>(&self) -> Result<Report, SendError> {
        assert!(self.senders <= self.members, "senders are members");
        self.play(vec![Part::node(driver::node::<M>); self.members])
    }

    /// Runs it in a group of different members: so many of each [`Profile`], instead of
    /// [`with_members`](Self::with_members). Those send who come first in the mix and [support](Profile::supports) the
    /// class, and messages are for all who do.
    ///
    /// A leaf listens to four senders. What others say is in [`Report::no_place`].
    ///
    /// ```
    /// use groupcast::Class;
    /// use groupcast_sim::{Profile, Scenario};
    ///
    /// let mix = [(Profile::Leaf, 5), (Profile::Tiny, 2), (Profile::Desktop, 1)];
    /// let report = Scenario::new().run_mix(&mix)?;
    /// assert_eq!((report.receivers, report.delivered), (2, 200));
    ///
    /// let report = Scenario::new().with_class(Class::State).run_mix(&mix)?;
    /// assert_eq!((report.receivers, report.delivered), (7, 700));
    /// assert_eq!(report.profiles[&Profile::Leaf].delivered, 400);
    /// # Ok::<(), groupcast::SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A member cannot send the messages, because they are too long for its class, its memory, or the smallest member.
    ///
    /// # Panics
    ///
    /// There are no members, or more senders than members that support the class, or the rate is not a number, or a
    /// pace without a limit in a group with leaves or [`TinyPeer`](groupcast::TinyPeer).
    pub fn run_mix(&self, mix: &[(Profile, usize)]) -> Result<Report, SendError> {
        let parts = cast(mix, self.class, self.senders);
        self.with_members(parts.len()).play(parts)
    }

    fn play(&self, parts: Vec<Part>) -> Result<Report, SendError> {
        assert!(self.members > 0, "a group has members");
        assert!(self.rate >= 0.0, "a rate is not negative");
        Run::start(*self, parts).play()
    }

    /// When a sender has the message that is so many intervals after the start. `None`: never.
    fn due(&self, intervals: f64) -> Option<Duration> {
        Duration::try_from_secs_f64(intervals / self.rate).ok()
    }

    /// How long to wait for the members to know each other, and then for everything to settle.
    fn patience(&self) -> (Duration, Duration) {
        let members = u32::try_from(self.members).unwrap_or(u32::MAX);
        let interval = INTERVAL_PER_MEMBER.saturating_mul(members);
        let settling = SETTLING.max(interval + interval / 4);
        (SETTLING + interval * 2, settling)
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self::new()
    }
}
