//! What a seed means: the group, its network, and everything that will happen to it.

use core::time::Duration;

use groupcast::{Channel, Class, Config, MemberId, Pace};
use groupcast_sim::Link;

use super::dice::Dice;
use super::draw::{channels, cut, links, pause, player};
use super::luck::{Luck, Shape};
use super::memory::{LEAF_DATAGRAM, LEAVES, RECEIVE};
use super::oracle::is_of_stream;
use super::stranger::Forgery;

/// How long it goes on after the faults end.
pub const CALM: Duration = Duration::from_secs(12);

/// From when on, after the faults ended, the group is to work as if there had been none.
pub const RECOVERED: Duration = Duration::from_secs(4);

/// When it is asked for the last time who has what, after the faults ended.
const LAST_QUESTION: Duration = Duration::from_secs(8);

/// When the rosters agree.
const AGREED: Duration = Duration::from_secs(10);

/// When somebody leaves, after the rosters were compared.
const LAST_DEPARTURE: Duration = Duration::from_millis(11_200);

/// How long a group takes to find itself.
pub const FOUND: Duration = Duration::from_millis(2_500);

/// The largest datagram of a member without streams: it must have room for one octet more.
const STREAMLESS_DATAGRAM: usize = RECEIVE - 1;

/// Octets of a message in calm at most, three times as many in best effort.
const LARGE_IN_CALM: u64 = 300;

/// The memory of every member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Store {
    /// [`groupcast::Tiny`].
    Tiny,
    /// [`groupcast::Board`].
    Board,
    /// As much as a small desktop program might take.
    Roomy,
    /// Few peers, and wide windows.
    Wide,
}

impl Store {
    /// Peers on the roster.
    #[must_use]
    pub const fn peers(self) -> usize {
        match self {
            Self::Tiny | Self::Wide => 8,
            Self::Board => 16,
            Self::Roomy => 32,
        }
    }

    /// Octets of the largest datagram.
    #[must_use]
    pub const fn receive(self) -> usize {
        match self {
            Self::Tiny => 1_025,
            Self::Board => 1_473,
            Self::Wide | Self::Roomy => 8_192,
        }
    }

    /// Streams at one time.
    #[must_use]
    pub const fn streams(self) -> usize {
        match self {
            Self::Tiny => 2,
            Self::Board | Self::Wide => 4,
            Self::Roomy => 16,
        }
    }
}

/// What kind of run it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mood {
    /// Anything may happen.
    Wild,
    /// Some loss and no more: nothing may be lost for good, or take long.
    Mild,
}

/// One member.
#[derive(Clone, Copy, Debug)]
pub struct Player {
    /// Its settings, but for the id.
    pub config: Config,
    /// Its id in every life; `None`: it draws one.
    pub id: Option<MemberId>,
    /// How fast it may send.
    pub pace: Pace,
    /// The largest datagram it may send.
    pub max_datagram: usize,
    /// What it can do.
    pub kind: Kind,
}

/// What a member's memory has room for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Everything.
    Full,
    /// It takes no reliable streams.
    Streamless,
    /// Nor does it send messages of the reliable classes.
    Peer,
    /// A leaf, which keeps no roster and listens to so many senders.
    Leaf(usize),
}

impl Kind {
    /// Whether it takes reliable streams.
    #[must_use]
    pub fn takes_streams(self) -> bool {
        self == Self::Full
    }

    /// Whether it sends messages of this class.
    #[must_use]
    pub fn sends(self, class: Class) -> bool {
        !matches!(self, Self::Peer | Self::Leaf(_)) || !is_of_stream(class)
    }

    /// Whether it is a leaf.
    #[must_use]
    pub const fn is_leaf(self) -> bool {
        matches!(self, Self::Leaf(_))
    }
}

impl Player {
    /// Its settings.
    #[must_use]
    pub const fn settings(&self) -> Config {
        match self.id {
            Some(id) => self.config.with_id(id),
            None => self.config,
        }
    }

    /// Sets how fast it may send.
    pub(super) const fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
        self.config = self.config.with_pace(pace);
    }
}

/// Something that is done to the group.
#[derive(Clone, Debug)]
pub enum Action {
    /// A member sends a message on a channel.
    Send {
        /// Who.
        member: usize,
        /// The channel's place in [`Plan::channels`].
        channel: usize,
        /// Octets; as many as are possible if that is less.
        size: usize,
    },
    /// A member sends a raw datagram.
    Raw(usize),
    /// A member ends without a word.
    Crash(usize),
    /// A member starts again.
    Restart(usize),
    /// A member starts again as a copy of another: with its seed.
    Clone {
        /// The original.
        of: usize,
        /// Who becomes its copy.
        by: usize,
    },
    /// A stranger sends something.
    Forge(Forgery),
    /// Somebody who is none of the engine's says hello, and messages of so many fragments.
    Puppet(Vec<usize>),
    /// A member leaves.
    Leave(usize),
    /// A member asks who has its last messages.
    Confirm(usize),
    /// A member stands still.
    Pause(usize),
    /// It goes on.
    Resume(usize),
    /// A member's clock leaps forward.
    Leap(usize, Duration),
    /// The rosters are to agree.
    Compare,
    /// Nothing passes from the first to the second of each pair.
    Cut(Vec<(usize, usize)>),
    /// Everything passes again.
    Heal,
    /// Another network, until the faults end.
    Weather(Link),
    /// Every stack refuses to send so often, until the faults end.
    Refuse(f64),
    /// The faults end.
    Calm,
}

/// What a seed means.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// What kind of luck it has.
    pub luck: Luck,
    /// What kind of run it is.
    pub mood: Mood,
    /// The memory of every member.
    pub store: Store,
    /// The members.
    pub players: Vec<Player>,
    /// The channels.
    pub channels: Vec<Channel>,
    /// The network while there are faults.
    pub link: Link,
    /// The network afterwards.
    pub calm_link: Link,
    /// Whether octets are changed on the way.
    pub damages: bool,
    /// Datagrams that wait at a receiver at most.
    pub queue: usize,
    /// How often a stack refuses to send.
    pub refusal: f64,
    /// When the faults end.
    pub faulty: Duration,
    /// What is done, in order of time.
    pub actions: Vec<(Duration, Action)>,
    /// Whether every member has room for all others on its roster.
    pub roster_fits: bool,
    /// Whether every member can follow all senders at one time.
    pub streams_fit: bool,
    /// Whether every member can remember all values.
    pub values_fit: bool,
    /// How many senders there are, each of its ids counted, and how many of each one's values are remembered.
    pub sources: usize,
    /// Of so many channels of a sender only the newest value counts.
    pub values: usize,
    /// Whether no datagram is lost once the faults are over, and hardly one in mild weather.
    pub is_fair: bool,
    /// Whether strangers speak in members' names.
    pub forges: bool,
    /// Whether the network is so good that a BYE arrives that is repeated as it should be.
    pub hears_byes: bool,
    /// Rules that are not held against it, for whoever looks for what comes behind.
    pub ignored: Vec<String>,
    /// Whether messages are signed.
    pub signs: bool,
    /// Whether there is one more member, which is none of the engine's.
    pub has_puppet: bool,
}

impl Plan {
    /// When it ends.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.faulty + CALM
    }

    /// What this seed means, with faults for this long.
    #[must_use]
    pub fn new(seed: u64, faulty: Duration) -> Self {
        let mut dice = Dice::new(seed, 1);
        let mood = dice.pick(&[Mood::Wild, Mood::Wild, Mood::Wild, Mood::Mild]);
        let store = dice.pick(&[Store::Tiny, Store::Board, Store::Board, Store::Roomy]);
        let size = match store {
            Store::Tiny => dice.pick(&[2, 3, 4, 5, 6, 8, 10]),
            _ => dice.between(2, 12) as usize,
        };
        let luck = Luck::of(seed);
        let senders = match (mood, store) {
            (Mood::Mild, _) => dice.between(1, size.min(store.streams()) as u64) as usize,
            _ => dice.between(1, size as u64) as usize,
        };
        let mut shape = Shape {
            mood,
            store,
            size,
            senders,
            is_troubled: mood == Mood::Wild,
            is_talkative: true,
        };
        luck.shape(seed, &mut shape);
        let Shape {
            mood,
            store,
            size,
            is_troubled,
            is_talkative,
            ..
        } = shape;
        let senders = shape.senders.min(size);
        let mild = mood == Mood::Mild;
        let (calm_link, link, damages) = links(&mut dice, mild);
        let channels = channels(&mut dice);
        let players: Vec<_> = (0..size).map(|n| player(&mut dice, n, mild)).collect();
        let mut plan = Self {
            seed,
            luck,
            mood,
            store,
            players,
            channels,
            link,
            calm_link,
            damages,
            queue: if mild {
                256
            } else {
                dice.pick(&[256, 256, 8, 4, 2])
            },
            refusal: if !mild && dice.chance(0.5) {
                dice.fraction() * 0.3
            } else {
                0.0
            },
            faulty,
            actions: Vec::new(),
            roster_fits: true,
            streams_fit: true,
            values_fit: true,
            sources: 0,
            values: 0,
            is_fair: true,
            forges: false,
            hears_byes: false,
            ignored: Vec::new(),
            signs: false,
            has_puppet: false,
        };
        if is_troubled {
            plan.troubles();
            plan.standstills();
        }
        plan.actions.push((faulty, Action::Calm));
        plan.actions.push((faulty + AGREED, Action::Compare));
        plan.traffic(senders, is_talkative);
        luck.happen(&mut plan);
        if luck.may_be_mixed() {
            plan.mix();
        }
        if luck.may_have_leaves() {
            plan.add_leaves();
        }
        plan.questions(senders);
        plan.judge_room(plan.senders());
        luck.leave(&mut plan);
        plan.actions.sort_by_key(|(at, _)| *at);
        plan
    }

    /// The first so many members send something at some time.
    fn senders(&self) -> usize {
        let sender = |action: &Action| match action {
            Action::Send { member, .. } => Some(member + 1),
            _ => None,
        };
        let all = self.actions.iter().filter_map(|(_, action)| sender(action));
        all.max().unwrap_or_default()
    }

    /// So many places on rosters, and streams, may be strangers'.
    pub(super) fn has_strangers(&mut self, count: usize) {
        self.roster_fits &= self.players.len() + count < self.store.peers();
        self.streams_fit = false;
        // Nor is it counted how many values they say.
        self.values_fit = false;
        self.sources = usize::MAX;
        self.is_fair = false;
    }

    /// Nobody has an id of its own choice.
    pub(super) fn draw_ids(&mut self) {
        for player in &mut self.players {
            player.id = None;
        }
    }

    /// Whether the network changes before all is calm.
    pub(super) fn changes_weather(&self) -> bool {
        let changes = |action: &Action| matches!(action, Action::Weather(_));
        self.actions.iter().any(|(_, action)| changes(action))
    }

    /// Nobody says anything before.
    pub(super) fn quiet_until(&mut self, until: Duration) {
        let speaks = |action: &Action| matches!(action, Action::Send { .. } | Action::Confirm(_));
        self.actions
            .retain(|(at, action)| *at >= until || !speaks(action));
    }

    /// Whether members may send later, or sooner by the network's time, than they mean to: their stacks
    /// refuse to send, they stand still, or their clocks leap.
    pub(super) fn disturbs_time(&self) -> bool {
        let disturbs = |action: &Action| match action {
            Action::Refuse(share) => *share > 0.0,
            Action::Pause(_) | Action::Leap(..) => true,
            _ => false,
        };
        self.refusal > 0.0 || self.actions.iter().any(|(_, action)| disturbs(action))
    }

    /// Members that stand still for a while, and clocks that leap.
    fn standstills(&mut self) {
        let mut dice = Dice::new(self.seed, 5);
        let size = self.players.len();
        let span = self.faulty.as_millis() as u64;
        if dice.chance(0.15) {
            for _ in 0..dice.between(1, 3) {
                let at = dice.between(100, span);
                let end = (at + dice.pick(&[100, 900, 3_000, 9_000, 30_000])).min(span);
                let member = dice.place(size);
                for (at, action) in [(at, Action::Pause(member)), (end, Action::Resume(member))] {
                    self.actions.push((Duration::from_millis(at), action));
                }
            }
        }
        if dice.chance(0.15) {
            for _ in 0..dice.between(1, 3) {
                let at = Duration::from_millis(dice.between(100, span));
                let by = Duration::from_millis(dice.pick(&[30, 2_000, 60_000, 3_600_000]));
                let member = dice.place(size);
                self.actions.push((at, Action::Leap(member, by)));
            }
        }
    }

    /// Crashes, departures and partitions.
    fn troubles(&mut self) {
        let mut dice = Dice::new(self.seed, 2);
        let size = self.players.len();
        let span = self.faulty.as_millis() as u64;
        if dice.chance(0.5) {
            for _ in 0..dice.between(1, 4) {
                let at = Duration::from_millis(dice.between(500, span));
                let member = dice.place(size);
                self.actions.push((at, Action::Crash(member)));
                if dice.chance(0.8) {
                    let pause = dice.pick(&[0, 10, 300, 2_000, 6_000]);
                    let back = at + Duration::from_millis(pause);
                    self.actions.push((back, Action::Restart(member)));
                }
            }
        }
        if dice.chance(0.3) {
            let at = Duration::from_millis(dice.between(500, span));
            let member = dice.place(size);
            self.actions.push((at, Action::Leave(member)));
            if dice.chance(0.5) {
                let back = at + Duration::from_millis(dice.between(50, 5_000));
                self.actions.push((back, Action::Restart(member)));
            }
        }
        if dice.chance(0.5) {
            for _ in 0..dice.between(1, 2) {
                let at = dice.between(500, span);
                let cut = cut(&mut dice, size);
                let healed = (at + dice.between(100, 8_000)).min(span);
                self.actions
                    .push((Duration::from_millis(at), Action::Cut(cut)));
                self.actions
                    .push((Duration::from_millis(healed), Action::Heal));
            }
        }
    }

    /// What is sent.
    fn traffic(&mut self, senders: usize, is_talkative: bool) {
        let mut dice = Dice::new(self.seed, 3);
        let mild = self.mood == Mood::Mild;
        let (from, to) = if mild {
            (FOUND, self.faulty)
        } else {
            (Duration::ZERO, self.faulty)
        };
        for member in 0..senders {
            // In mild weather a second of what is sent fits the history, so that it can be repaired.
            let (mean, largest) = match (mild, self.store) {
                (true, Store::Tiny) => dice.pick(&[(100, 20), (500, 100), (1_000, 200)]),
                (true, Store::Board) => dice.pick(&[(30, 20), (50, 100), (500, 1_400)]),
                (true, Store::Roomy | Store::Wide) => {
                    dice.pick(&[(20, 100), (50, 400), (500, 4_000)])
                }
                _ => (
                    dice.pick(&[10, 20, 50, 100, 500, 2_000]) * (senders as u64).div_ceil(2),
                    dice.pick(&[20, 100, 400, 1_000, 4_000]),
                ),
            };
            let mut at = from;
            loop {
                at += pause(&mut dice, mean);
                if at >= to || !is_talkative {
                    break;
                }
                for _ in 0..dice.pick(&[1, 1, 1, 1, 2, 3]) {
                    self.one_message(&mut dice, at, member, largest);
                }
            }
            // Some more while all is calm, and then nothing: the end has to be found, too.
            let mut at = self.faulty + RECOVERED;
            while at < self.faulty + Duration::from_millis(6_500) {
                at += pause(&mut dice, 300);
                self.one_message(&mut dice, at, member, largest.min(LARGE_IN_CALM));
            }
        }
        if dice.chance(0.3) {
            for _ in 0..5 {
                let at = Duration::from_millis(dice.below(to.as_millis() as u64));
                let member = dice.place(self.players.len());
                self.actions.push((at, Action::Raw(member)));
            }
        }
    }

    /// Some members may take no reliable streams. Then there are values that are said last while there are faults:
    /// nothing asks for them one by one.
    fn mix(&mut self) {
        let mut dice = Dice::new(self.seed, 8);
        let share = dice.pick(&[0.0, 0.0, 0.2, 0.5]);
        if share == 0.0 {
            return;
        }
        let (senders, channel) = (self.senders(), self.channels.len());
        self.channels.push(Channel::state(203));
        let span = self.faulty.as_millis() as u64;
        for member in 0..senders {
            for _ in 0..dice.between(0, 3) {
                let at = Duration::from_millis(dice.between(span - 1_500, span));
                let size = dice.below(100) as usize;
                let send = Action::Send {
                    member,
                    channel,
                    size,
                };
                self.actions.push((at, send));
            }
        }
        for player in &mut self.players {
            if dice.chance(share) {
                player.kind = Kind::Streamless;
                if dice.chance(0.5) {
                    player.kind = Kind::Peer;
                    if player.pace == Pace::UNLIMITED {
                        player.set_pace(Pace::WIRED);
                    }
                }
                player.max_datagram = STREAMLESS_DATAGRAM;
                let most = STREAMLESS_DATAGRAM as u16;
                player.config = player.config.with_max_datagram(most);
            }
        }
    }

    /// Some members may be leaves. Where messages are signed, who signs them is none: leaves do not sign.
    fn add_leaves(&mut self) {
        let mut dice = Dice::new(self.seed, 9);
        let share = dice.pick(&[0.0, 0.0, 0.3, 0.6]);
        let signers = if self.signs { self.senders() } else { 0 };
        let [deaf, usual, wide] = LEAVES;
        // Who hears nothing cannot know of a clone.
        let deaf = if self.luck == Luck::Clones {
            usual
        } else {
            deaf
        };
        let draw = |dice: &mut Dice| (dice.chance(share), dice.pick(&[deaf, usual, usual, wide]));
        let mut all: Vec<_> = self.players.iter().map(|_| draw(&mut dice)).collect();
        for (_, action) in &self.actions {
            if let Action::Clone { of, by } = *action {
                all[by] = all[of];
            }
        }
        for (player, (is_leaf, senders)) in self.players.iter_mut().zip(all).skip(signers) {
            if is_leaf {
                player.kind = Kind::Leaf(senders);
                if player.pace == Pace::UNLIMITED {
                    player.set_pace(Pace::WIRED);
                }
                player.max_datagram = LEAF_DATAGRAM;
            }
        }
    }

    /// Who has it? In the end nothing is in the way of an answer; and after that somebody may leave.
    fn questions(&mut self, senders: usize) {
        let mut dice = Dice::new(self.seed, 4);
        let span = self.faulty.as_millis() as u64;
        for member in 0..senders {
            for _ in 0..dice.below(4) {
                let at = Duration::from_millis(dice.between(500, span));
                self.actions.push((at, Action::Confirm(member)));
            }
            self.actions
                .push((self.faulty + LAST_QUESTION, Action::Confirm(member)));
        }
        if dice.chance(0.5) {
            let member = dice.place(self.players.len());
            self.actions
                .push((self.faulty + LAST_DEPARTURE, Action::Leave(member)));
        }
    }

    fn one_message(&mut self, dice: &mut Dice, at: Duration, member: usize, largest: u64) {
        let channel = dice.place(self.channels.len());
        let size = match dice.below(16) {
            0 => 0,
            1 => dice.below(6),
            2 => largest,
            _ => dice.below(largest + 1),
        };
        // What need not arrive is to arrive nevertheless in calm, in several fragments, too.
        let is_calm = at >= self.faulty + RECOVERED;
        let is_best_effort = self.channels[channel].class() == Class::BestEffort;
        let size = size as usize * if is_calm && is_best_effort { 3 } else { 1 };
        self.actions.push((
            at,
            Action::Send {
                member,
                channel,
                size,
            },
        ));
    }

    /// Finds out what the promises are that hold in so much memory.
    pub fn judge_room(&mut self, senders: usize) {
        // A member that starts again with another id takes a second place for a while.
        let again = |count: &dyn Fn(usize) -> bool| {
            let restarts = self.actions.iter().filter(|(_, action)| match action {
                Action::Restart(member) => count(*member) && self.players[*member].id.is_none(),
                _ => false,
            });
            restarts.count()
        };
        let values = self
            .channels
            .iter()
            .filter(|channel| matches!(channel.class(), Class::Latest | Class::State));
        let values = values.count();
        let sources = senders + again(&|member| member < senders);
        self.roster_fits = self.players.len() - 1 + again(&|_| true) <= self.store.peers();
        self.streams_fit = sources <= self.store.streams();
        // Where few datagrams can wait, bursts are lost for ever.
        self.is_fair = self.queue >= 256 && self.streams_fit && self.roster_fits;
        self.values_fit = sources * values <= self.store.peers();
        self.sources = sources;
        self.values = values;
    }
}
