//! Members on a simulated network: the real [`Node`](groupcast::Node), driven on virtual time.

use core::fmt;
use core::ops::{Index, IndexMut};
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;

use groupcast::seal::{FirstContact, KeySet};
use groupcast::{Application, Board, Config, Instant, Memory};

use crate::application::{AppKey, Host};
use crate::capture::Capture;
use crate::driver::{self, Start};
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
/// let mut net = SimNet::new(42).with_link(Link::wifi());
/// let boiler = net.join(config.with_name("boiler"));
/// let panel = net.join(config.with_name("panel"));
/// net.run_for(Duration::from_secs(1));
/// assert_eq!(net[panel].peer_names(), ["boiler"]);
///
/// net[boiler].send(POSITION, b"21.5").unwrap();
/// net.run_for(Duration::from_millis(100));
/// assert_eq!(net[panel].last(POSITION), Some(&b"21.5"[..]));
/// ```
///
/// Each member has the memory [`Board`], unless [`with_memory`](Self::with_memory) or [`join_with`](Self::join_with) say
/// otherwise, or it is a [leaf](Self::join_leaf). Use the storage of your firmware to test with its limits.
///
/// An [`Application`] runs on a member with [`host_app`](Self::host_app).
///
/// # Panics
///
/// Indexing, and whatever takes a key, panics if the key is one of another, larger network.
pub struct SimNet {
    seed: u64,
    network: Network,
    /// Whether what was recorded is written when the test fails.
    keeps_capture: bool,
    /// How who joins next is started: with its kind of memory.
    start: Start,
    members: Vec<SimMember>,
    /// The members on each host.
    on_host: BTreeMap<HostId, Vec<usize>>,
    /// When each running member is to be polled next.
    deadlines: BTreeSet<(Instant, usize)>,
    /// The deadline of each member in `deadlines`.
    current: Vec<Option<Instant>>,
}

/// What [`SimNet::from_env`] asks for the seed.
const SEED: &str = "GROUPCAST_SIM_SEED";

/// Where captures of failures go.
const DIRECTORY: &str = "GROUPCAST_SIM_DIR";

/// What is wrong with a key that names nobody.
const FOREIGN: &str = "this key is of another SimNet";

/// A member that asks to be polled again at once is polled again after this time, so that virtual
/// time goes on whatever it does.
const SMALLEST_STEP: Duration = Duration::from_micros(1);

impl SimNet {
    /// A network without members, with [perfect](Link::perfect) links.
    ///
    /// The seed decides about everything left to chance, in the network and in the members.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            network: Network::new(seed),
            keeps_capture: false,
            start: driver::node::<Board>,
            members: Vec::new(),
            on_host: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            current: Vec::new(),
        }
    }

    /// As [`new`](Self::new), with the seed that the environment variable `GROUPCAST_SIM_SEED` says, if it is set: what a test
    /// that failed said can be seen again without changing it.
    ///
    /// # Panics
    ///
    /// The variable is no number from 0 to 2^64 − 1.
    #[must_use]
    #[track_caller]
    pub fn from_env(seed: u64) -> Self {
        let Some(text) = std::env::var_os(SEED) else {
            return Self::new(seed);
        };
        match text.to_str().and_then(|text| text.parse().ok()) {
            Some(seed) => Self::new(seed),
            None => panic!("{SEED} is {text:?}, not a number from 0 to 2^64 - 1"),
        }
    }

    /// The seed.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Records all that is sent and what becomes of it from now on. When a test panics, it is written as a capture, which
    /// Wireshark opens, to the directory of `GROUPCAST_SIM_DIR`, or the system's for temporary files; where, and the seed,
    /// is on standard error. It takes memory for as long as the simulation runs.
    #[must_use]
    pub fn with_capture_of_failures(mut self) -> Self {
        self.network.record_trace();
        self.keeps_capture = true;
        self
    }

    /// Sets the link between any two hosts.
    #[must_use]
    pub fn with_link(self, link: Link) -> Self {
        self.network.set_default_link(link);
        self
    }

    /// Sets the memory of those who join from now on, such as [`Tiny`](groupcast::Tiny).
    #[must_use]
    pub fn with_memory<M: Memory + Default + 'static>(mut self) -> Self {
        self.start = driver::node::<M>;
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
    #[track_caller]
    pub fn join(&mut self, config: Config) -> MemberKey {
        let host = self.network.add_host();
        self.join_on(host, config)
    }

    /// A new member on a new host, with its own kind of memory: [`Tiny`](groupcast::Tiny) beside
    /// [`Desktop`](groupcast::Desktop).
    ///
    /// # Panics
    ///
    /// A setting cannot work.
    #[track_caller]
    pub fn join_with<M: Memory + Default + 'static>(&mut self, config: Config) -> MemberKey {
        self.join_as(driver::node::<M>, config)
    }

    /// A new member on a new host that is a [leaf](groupcast::Leaf), of the usual size: for sensors and actuators.
    ///
    /// What is done with other members is done with it, as far as a leaf does it. It keeps no roster, is told of nobody
    /// who comes or goes, and what is reliable is refused ([`SendError::NotReliable`](groupcast::SendError::NotReliable)).
    ///
    /// ```
    /// use core::time::Duration;
    /// use groupcast::{Channel, Config, SendError};
    /// use groupcast_sim::{Link, SimNet};
    ///
    /// const TEMPERATURE: Channel = Channel::state(1);
    /// const VALVE: Channel = Channel::state(2);
    /// let config = Config::new("239.1.2.3:12345".parse().unwrap());
    ///
    /// let mut net = SimNet::new(42).with_link(Link::wifi().with_loss(0.2));
    /// let boiler = net.join_leaf(config.with_name("boiler"));
    /// let panel = net.join(config.with_name("panel"));
    /// net[boiler].send(TEMPERATURE, b"21.5").unwrap();
    /// net[panel].send(VALVE, b"open").unwrap();
    /// net.run_for(Duration::from_secs(5));
    ///
    /// assert_eq!(net[panel].peer_names(), ["boiler"]);
    /// assert_eq!(net[panel].last(TEMPERATURE), Some(&b"21.5"[..]));
    /// assert_eq!(net[boiler].last(VALVE), Some(&b"open"[..]));
    /// let reliable = net[boiler].send(Channel::reliable_ordered(3), b"hello");
    /// assert_eq!(reliable, Err(SendError::NotReliable));
    /// ```
    ///
    /// # Panics
    ///
    /// A setting cannot work.
    #[track_caller]
    pub fn join_leaf(&mut self, config: Config) -> MemberKey {
        self.join_leaf_with::<512, 4, 128>(config)
    }

    /// A new member on a new host that is a leaf of the size of your firmware: see [`Leaf`](groupcast::Leaf) for what
    /// the numbers mean.
    ///
    /// # Panics
    ///
    /// A setting cannot work.
    #[track_caller]
    pub fn join_leaf_with<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize>(
        &mut self,
        config: Config,
    ) -> MemberKey {
        self.join_as(driver::leaf::<DATAGRAM, SENDERS, ROOM>, config)
    }

    /// A new leaf of the usual size on a new host, in a sealed group.
    ///
    /// # Panics
    ///
    /// A setting or a key cannot work.
    #[track_caller]
    pub fn join_leaf_sealed(
        &mut self,
        config: Config,
        keys: KeySet,
        first_contact: FirstContact,
    ) -> MemberKey {
        let others = core::mem::replace(&mut self.start, driver::sealed_leaf);
        let key = self.join_sealed(config, keys, first_contact);
        self.start = others;
        key
    }

    /// A new member on a new host that is started in this way.
    #[track_caller]
    pub(crate) fn join_as(&mut self, start: Start, config: Config) -> MemberKey {
        let others = core::mem::replace(&mut self.start, start);
        let key = self.join(config);
        self.start = others;
        key
    }

    /// A new member of a sealed group on a new host.
    ///
    /// # Panics
    ///
    /// A setting or a key cannot work.
    #[track_caller]
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
    #[track_caller]
    pub fn join_on(&mut self, host: HostId, config: Config) -> MemberKey {
        let key = self.add(host, config);
        self.restart(key);
        key
    }

    fn add(&mut self, host: HostId, config: Config) -> MemberKey {
        let key = self.members.len();
        self.members.push(SimMember::new(
            self.network.clone(),
            host,
            config,
            self.start,
        ));
        self.on_host.entry(host).or_default().push(key);
        self.current.push(None);
        MemberKey(key)
    }

    /// Runs an application on a member: what happens to the member is handed to it, and it acts, at the moment that it
    /// asked for. `make` is called now, and whenever the member starts again. Index the net with the key to look at the
    /// application.
    ///
    /// ```
    /// use core::time::Duration;
    /// use groupcast::{Application, Channel, Config, Endpoint, Event, Instant};
    /// use groupcast_sim::SimNet;
    ///
    /// /// Counts what it hears, and says so.
    /// #[derive(Default)]
    /// struct Counter {
    ///     heard: u32,
    ///     said: u32,
    /// }
    ///
    /// impl Application for Counter {
    ///     fn on_event(&mut self, _: Instant, event: &Event<'_>) {
    ///         self.heard += u32::from(matches!(event, Event::Message(_)));
    ///     }
    ///
    ///     fn act(&mut self, _: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
    ///         if self.said < self.heard && endpoint.queue(Channel::state(1), b"one more").is_ok() {
    ///             self.said = self.heard;
    ///         }
    ///         None
    ///     }
    /// }
    ///
    /// let config = Config::new("239.1.2.3:12345".parse()?);
    /// let mut net = SimNet::new(1);
    /// let ana = net.join(config.with_name("ana"));
    /// let ben = net.join(config.with_name("ben"));
    /// let counter = net.host_app(ben, Counter::default);
    /// net[ana].send(Channel::reliable_ordered(0), b"hello")?;
    /// net.run_for(Duration::from_secs(1));
    /// assert_eq!(net[counter].heard, 1);
    /// assert_eq!(net[ana].last(Channel::state(1)), Some(&b"one more"[..]));
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    #[track_caller]
    pub fn host_app<A: Application + 'static>(
        &mut self,
        key: MemberKey,
        make: impl FnMut() -> A + 'static,
    ) -> AppKey<A> {
        self.of_key(key).set_application(Box::new(Host::new(make)));
        if self.members[key.0].is_running() {
            self.touch(key.0);
        }
        AppKey::new(key)
    }

    /// Ends a member without a word, as a power cut does.
    #[track_caller]
    pub fn crash(&mut self, key: MemberKey) {
        self.of_key(key).stop();
        self.schedule(key.0, None);
    }

    /// Starts a member again after a [`crash`](Self::crash) or after it left; ends it before if it
    /// still runs. It has the same settings, another session, and remembers nothing. Unless its [`Config`] sets an id, it
    /// has another one, too: to the others one member falls silent and another one joins.
    ///
    /// # Panics
    ///
    /// A setting cannot work.
    #[track_caller]
    pub fn restart(&mut self, key: MemberKey) {
        let seed = self.seed;
        let member = self.of_key(key);
        member.start(seed_for(seed, key.0, member.starts()));
        let now = self.now();
        self.schedule(key.0, Some(now));
    }

    /// As [`restart`](Self::restart), with a seed of one's own: that of another member for a clone of it, or
    /// one as firmware would make it. Its clock begins with as many seconds as the first byte says.
    ///
    /// # Panics
    ///
    /// A setting cannot work.
    #[track_caller]
    pub fn restart_with(&mut self, key: MemberKey, seed: [u8; 32]) {
        self.of_key(key).start(seed);
        let now = self.now();
        self.schedule(key.0, Some(now));
    }

    /// All members, those that are not running too.
    pub fn keys(&self) -> impl Iterator<Item = MemberKey> + use<> {
        (0..self.members.len()).map(MemberKey)
    }

    /// A member, which is not polled for that.
    #[track_caller]
    pub(crate) fn of_key(&mut self, key: MemberKey) -> &mut SimMember {
        self.members.get_mut(key.0).expect(FOREIGN)
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now() + time;
        self.run_to(end, |_| false);
    }

    /// Lets time pass until `done`, for `limit` at most. Whether it was done in time.
    ///
    /// `done` is asked after every moment in which something happened.
    #[must_use = "it says whether it was done in time"]
    pub fn run_until(&mut self, limit: Duration, done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now() + limit;
        self.run_to(end, done)
    }

    fn run_to(&mut self, end: Instant, mut done: impl FnMut(&Self) -> bool) -> bool {
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

impl Index<MemberKey> for SimNet {
    type Output = SimMember;

    #[track_caller]
    fn index(&self, key: MemberKey) -> &SimMember {
        self.members.get(key.0).expect(FOREIGN)
    }
}

/// A member that is borrowed to be changed is polled when time goes on.
impl IndexMut<MemberKey> for SimNet {
    #[track_caller]
    fn index_mut(&mut self, key: MemberKey) -> &mut SimMember {
        if self.of_key(key).is_running() {
            self.touch(key.0);
        }
        self.of_key(key)
    }
}

/// An application that runs on a member, or ran when that crashed.
impl<A: Application + 'static> Index<AppKey<A>> for SimNet {
    type Output = A;

    #[track_caller]
    fn index(&self, key: AppKey<A>) -> &A {
        let application = self[key.member].application();
        application
            .and_then(|hosted| hosted.as_any().downcast_ref())
            .expect("another application runs on this member now")
    }
}

/// An application that is borrowed to be changed acts when time goes on.
impl<A: Application + 'static> IndexMut<AppKey<A>> for SimNet {
    #[track_caller]
    fn index_mut(&mut self, key: AppKey<A>) -> &mut A {
        let application = self[key.member].application_mut();
        application
            .and_then(|hosted| hosted.as_any_mut().downcast_mut())
            .expect("another application runs on this member now")
    }
}

impl fmt::Debug for SimNet {
    /// Seed and time, by which a failure can be found again, and the names of the members.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.members.iter().map(SimMember::name).collect();
        f.debug_struct("SimNet")
            .field("seed", &self.seed)
            .field("now", &self.now())
            .field("members", &names)
            .finish_non_exhaustive()
    }
}

/// A test that fails says with which seed it did, and when.
impl Drop for SimNet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let now = Duration::from_micros(self.now().as_micros());
        eprintln!(
            "groupcast-sim: seed {seed}, after {now:?}; {SEED}={seed} repeats it, if the test takes its seed with from_env",
            seed = self.seed
        );
        if self.keeps_capture {
            match self.write_capture() {
                Ok(path) => eprintln!("groupcast-sim: capture {}", path.display()),
                Err((path, error)) => eprintln!(
                    "groupcast-sim: no capture could be written to {}: {error}; {DIRECTORY} says where else",
                    path.display()
                ),
            }
        }
    }
}

impl SimNet {
    /// Writes what was recorded. Returns where.
    fn write_capture(&self) -> Result<PathBuf, (PathBuf, io::Error)> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let directory = std::env::var_os(DIRECTORY).filter(|directory| !directory.is_empty());
        let directory = directory.map_or_else(std::env::temp_dir, PathBuf::from);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (process, seed) = (std::process::id(), self.seed);
        let path = directory.join(format!("groupcast-sim-{seed}-{process}-{number}.pcapng"));
        let write = || {
            let file = BufWriter::new(File::create_new(&path)?);
            let mut capture = Capture::new(file, "groupcast-sim", "sim")?;
            capture.write_trace(&self.network.take_trace())?;
            capture.flush()
        };
        match write() {
            Ok(()) => Ok(path),
            Err(error) => Err((path, error)),
        }
    }
}
