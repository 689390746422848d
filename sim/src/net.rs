//! Members on a simulated network: the real [`Node`](groupcast::Node), driven on virtual time.

use core::ops::{Index, IndexMut};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use groupcast::seal::{FirstContact, KeySet};
use groupcast::{Board, Config, Instant, Memory};

use crate::host::HostId;
use crate::link::Link;
use crate::member::SimMember;
use crate::network::Network;
use crate::random::seed_for;

/// Names a member of a [`SimNet`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MemberKey(pub(crate) usize);

/// Members of groups on a simulated network, each on a host of its own.
///
/// Nothing here knows real time or opens a port: a minute of a group takes milliseconds, and the
/// same seed gives the same run. The members run the same [`Node`](groupcast::Node) as on a board
/// or a desktop.
///
/// ```
/// use core::time::Duration;
/// use groupcast::{Channel, Config};
/// use groupcast_sim::{Link, SimNet};
///
/// const POSITION: Channel = Channel::best_effort(1);
/// let config = Config::new("239.1.2.3:12345".parse().unwrap());
///
/// let mut net: SimNet = SimNet::new(42).with_link(Link::wifi());
/// let boiler = net.join(config.with_name("boiler"));
/// let panel = net.join(config.with_name("panel"));
/// net.run_for(Duration::from_secs(1));
/// assert_eq!(net[panel].members(), ["boiler"]);
///
/// net[boiler].send(POSITION, b"21.5").unwrap();
/// net.run_for(Duration::from_millis(100));
/// assert_eq!(net[panel].last(POSITION), Some(&b"21.5"[..]));
/// ```
///
/// `M` is the memory of each member: [`Board`] by default. Use the storage type of your firmware to
/// test with its limits: `SimNet::<Box<Tiny>>::new(1)`.
///
/// # Panics
///
/// Indexing panics with the key of a member of another, larger network.
#[derive(Debug)]
pub struct SimNet<M: Memory + Default = Box<Board>> {
    seed: u64,
    network: Network,
    members: Vec<SimMember<M>>,
    /// The members on each host.
    on_host: BTreeMap<HostId, Vec<usize>>,
    /// When each running member is to be polled next.
    deadlines: BTreeSet<(Instant, usize)>,
    /// The deadline of each member in `deadlines`.
    current: Vec<Option<Instant>>,
}

/// A member that asks to be polled again at once is polled again after this time, so that virtual
/// time goes on whatever it does.
const SMALLEST_STEP: Duration = Duration::from_micros(1);

impl<M: Memory + Default> SimNet<M> {
    /// A network without members, with [perfect](Link::perfect) links.
    ///
    /// The seed decides about everything left to chance, in the network and in the members.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            network: Network::new(seed),
            members: Vec::new(),
            on_host: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            current: Vec::new(),
        }
    }

    /// Sets the link between any two hosts.
    #[must_use]
    pub fn with_link(self, link: Link) -> Self {
        self.network.set_default_link(link);
        self
    }

    /// The network below: for links of single pairs, partitions, counters and traces.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.network.now()
    }

    /// A new member on a new host.
    ///
    /// # Panics
    ///
    /// A setting cannot work.
    pub fn join(&mut self, config: Config) -> MemberKey {
        let host = self.network.add_host();
        self.join_on(host, config)
    }

    /// A new member of a sealed group on a new host.
    ///
    /// # Panics
    ///
    /// A setting or a key cannot work.
    pub fn join_sealed(
        &mut self,
        config: Config,
        keys: KeySet,
        first_contact: FirstContact,
    ) -> MemberKey {
        let host = self.network.add_host();
        let key = self.add(host, config);
        self.members[key.0].seal(keys, first_contact);
        self.restart(key);
        key
    }

    /// A new member on a host that has others already.
    ///
    /// # Panics
    ///
    /// A setting cannot work.
    pub fn join_on(&mut self, host: HostId, config: Config) -> MemberKey {
        let key = self.add(host, config);
        self.restart(key);
        key
    }

    fn add(&mut self, host: HostId, config: Config) -> MemberKey {
        let key = self.members.len();
        self.members
            .push(SimMember::new(self.network.clone(), host, config));
        self.on_host.entry(host).or_default().push(key);
        self.current.push(None);
        MemberKey(key)
    }

    /// Ends a member without a word, as a power cut does.
    pub fn crash(&mut self, key: MemberKey) {
        self.members[key.0].stop();
        self.schedule(key.0, None);
    }

    /// Starts a member again after a [`crash`](Self::crash) or after it left; ends it before if it
    /// still runs. It has the same settings, another session, and remembers nothing.
    ///
    /// # Panics
    ///
    /// A setting cannot work.
    pub fn restart(&mut self, key: MemberKey) {
        let member = &mut self.members[key.0];
        member.start(seed_for(self.seed, key.0, member.starts()));
        let now = self.now();
        self.schedule(key.0, Some(now));
    }

    /// As [`restart`](Self::restart), with a seed of one's own: that of another member for a clone of it, or
    /// one as firmware would make it. Its clock begins with as many seconds as the first octet says.
    ///
    /// # Panics
    ///
    /// A setting cannot work.
    pub fn restart_with(&mut self, key: MemberKey, seed: [u8; 32]) {
        self.members[key.0].start(seed);
        let now = self.now();
        self.schedule(key.0, Some(now));
    }

    /// All members, those that are not running too.
    pub fn keys(&self) -> impl Iterator<Item = MemberKey> + use<M> {
        (0..self.members.len()).map(MemberKey)
    }

    /// A member, to hear what it was told: it is not polled for that.
    pub(crate) fn listener(&mut self, key: MemberKey) -> &mut SimMember<M> {
        &mut self.members[key.0]
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now() + time;
        self.run_until(end, |_| false);
    }

    /// Lets time pass until `done`, for `limit` at most. Whether it was done in time.
    ///
    /// `done` is asked after every moment in which something happened.
    pub fn run_while_not(&mut self, limit: Duration, done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now() + limit;
        self.run_until(end, done)
    }

    fn run_until(&mut self, end: Instant, mut done: impl FnMut(&Self) -> bool) -> bool {
        loop {
            self.poll_members();
            if done(self) {
                return true;
            }
            let deadline = self.deadlines.first().map(|(at, _)| *at);
            let next = [deadline, self.network.next_arrival()]
                .into_iter()
                .flatten()
                .min();
            match next.filter(|next| *next <= end) {
                Some(next) => self.network.advance_to(next),
                None => {
                    self.network.advance_to(end);
                    self.poll_members();
                    return done(self);
                }
            }
        }
    }

    /// Polls whoever has something to hear or to do now.
    fn poll_members(&mut self) {
        let now = self.now();
        let ready = self.network.take_ready();
        let mut due: BTreeSet<usize> = ready
            .iter()
            .filter_map(|host| self.on_host.get(host))
            .flatten()
            .copied()
            .collect();
        due.extend(
            self.deadlines
                .iter()
                .take_while(|(at, _)| *at <= now)
                .map(|(_, key)| *key),
        );
        for key in due {
            let deadline = self.members[key].poll();
            self.schedule(key, deadline.map(|at| at.max(now + SMALLEST_STEP)));
        }
        // What was sent just now over a link without delay has arrived already.
        let soon = now + SMALLEST_STEP;
        for host in self.network.take_ready() {
            for key in self.on_host.get(&host).cloned().unwrap_or_default() {
                if self.members[key].is_running() && self.current[key].is_none_or(|at| soon < at) {
                    self.schedule(key, Some(soon));
                }
            }
        }
    }

    fn schedule(&mut self, key: usize, deadline: Option<Instant>) {
        if let Some(before) = self.current[key].take() {
            self.deadlines.remove(&(before, key));
        }
        if let Some(at) = deadline {
            self.deadlines.insert((at, key));
            self.current[key] = Some(at);
        }
    }

    /// Polls a member now, so that what it was told to do is done.
    fn touch(&mut self, key: usize) {
        let now = self.now();
        self.schedule(key, Some(now));
    }
}

impl<M: Memory + Default> Index<MemberKey> for SimNet<M> {
    type Output = SimMember<M>;

    fn index(&self, key: MemberKey) -> &SimMember<M> {
        &self.members[key.0]
    }
}

/// A member that is borrowed to be changed is polled when time goes on.
impl<M: Memory + Default> IndexMut<MemberKey> for SimNet<M> {
    fn index_mut(&mut self, key: MemberKey) -> &mut SimMember<M> {
        if self.members[key.0].is_running() {
            self.touch(key.0);
        }
        &mut self.members[key.0]
    }
}
