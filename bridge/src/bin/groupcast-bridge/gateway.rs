//! `groupcast-bridge gateway`: the core between a member of the group and the broker.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use groupcast::seal::FirstContact;
use groupcast::{Instant, Join, MemberId, SendError};
use groupcast_bridge::gateway::store::{Files, NoStore, OpenError, Store};
use groupcast_bridge::gateway::{Action, CommandId, Gateway, News, Token};
use groupcast_bridge::{Incoming, Publication};
use groupcast_std::key_file::{KeyFile, KeyFileError};
use groupcast_std::{
    Clock, InterfaceSelector, Member, MemberBuilder, entropy, key_file, resolve_group_on,
};

use crate::check;
use crate::failure::Failure;
use crate::link::{Happened, Published};
use crate::log::{Level, say};
use crate::metrics::Exposition;
use crate::options;
use crate::service::{self, Count, Service};
use crate::session::{Login, Needs, Will};
use crate::signal;
use crate::wait::Handle;

/// Events that are taken from the member in one go, so that the broker is not kept waiting.
const AT_ONCE: usize = 256;

/// The broker tells of a gateway's end after so long, so that a short outage stays quiet.
const WILL_DELAY: Duration = Duration::from_secs(5);

/// For so long the broker keeps commands for a gateway that is away.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// The longest packet that the broker may send: a message of 64 KB, and what is around it.
const LONGEST_PACKET: u32 = 128 * 1024;

/// How often to tell of members of other groups.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How long to wait at the end for what the broker has not acknowledged.
const FAREWELL: Duration = Duration::from_secs(3);

/// The reason of a broker that does not take a packet of this size.
const TOO_LARGE: u8 = 0x95;

/// All that a gateway works with.
struct Running<'o> {
    service: Service<'o>,
    core: Gateway<Box<dyn Store>>,
    member: Member,
    /// What is published and not acknowledged, by the link's ticket.
    under_way: BTreeMap<u64, Token>,
    /// Messages of the broker for which the core has no room yet.
    held: VecDeque<Incoming>,
    /// Who speaks here and is of another group, and when to tell of them.
    strangers: BTreeSet<MemberId>,
    next_look: Instant,
    /// What the broker had no room for yet.
    waiting: Option<(Token, Publication)>,
}

/// Runs until a signal ends it.
pub(crate) fn run(options: &options::Gateway) -> Result<(), Failure> {
    let shared = &options.shared;
    let selector = shared.interface.clone().unwrap_or_default();
    let group = resolve_group_on(&shared.group, &selector)?;
    let file = options.key_file.as_ref().map(load).transpose();
    let file = file.map_err(|error| Failure::Settings(error.to_string()))?;
    let named = file.as_ref().map(|file| file.group_name().as_str());
    let group_name = options.group_name.as_deref().or(named).unwrap_or_default();
    let own = random_id()?;
    let settings = options.settings(group, group_name, own)?;
    let spool = options.spool(&settings.label)?;
    let owner = format!("{}/{}", settings.label, shared.site);
    let store = store(spool.as_deref(), &owner, options)?;
    let usual = || format!("gc-{}-{}-gateway", settings.label, shared.site);
    let mut client_id = shared.client_id.clone().unwrap_or_else(usual);
    let clock = Clock::new();
    let core = Gateway::new(settings, store, clock.now(), unix())
        .map_err(|error| Failure::Settings(error.to_string()))?;
    let mut login = Login {
        username: shared.username.clone(),
        password: shared.password()?,
        longest_packet: LONGEST_PACKET,
        needs: Needs {
            at_least_once: true,
            retained: true,
        },
        ..Login::default()
    };
    let root = core.root().to_owned();
    if shared.operator.check {
        client_id += check::SUFFIX;
        login.client_id = client_id;
        // Whether there is such a group, without a word in it.
        let hidden = member(options, &selector, group, group_name, own).announce(false);
        hidden.first_contact(FirstContact::TrustFirst).join()?;
        let link = service::link(shared, login, core.subscriptions())?;
        return check::run(link, format!("{root}/check"), shared.timeout);
    }
    let will = Will {
        publication: core.will(),
        delay: WILL_DELAY,
    };
    login.client_id = client_id;
    login.will = Some(will);
    login.clean_start = false;
    login.session_expiry = REMEMBERED;
    let link = service::link(shared, login, core.subscriptions())?;

    let mut builder = member(options, &selector, group, group_name, own);
    if spool.is_some() {
        // What it missed while it was away, as far as senders still have it.
        builder = builder.join_at(Join::Recent(u8::MAX));
    }
    if let Some(file) = &file {
        builder = builder.keys(file.keys().clone());
    }
    let member = builder.join()?;
    let kept = match &spool {
        Some(directory) => format!("what it lacks is kept in {}", directory.display()),
        None => "what it lacks is kept in memory alone".to_owned(),
    };
    let text = format!(
        "site {}, group {group} via {}, topics {root}/… at {}; {kept}",
        shared.site,
        member.choice(),
        shared.broker
    );
    say(Level::Info, "start", &text);
    let text = if file.is_some() {
        format!(
            "the group is sealed, and this gateway opens it: whoever may subscribe to {root}/# at the broker reads all that \
             is said in it"
        )
    } else {
        "the group is open: whoever is on this network can say what is published here, in any member's name".to_owned()
    };
    say(Level::Info, "trust", &text);
    let mut running = Running {
        service: Service::new(shared, "gateway", link, clock)?,
        core,
        member,
        under_way: BTreeMap::new(),
        held: VecDeque::new(),
        strangers: BTreeSet::new(),
        next_look: Instant::ZERO,
        waiting: None,
    };
    running.work()?;
    running.end()
}

/// The keys. What systemd lets only the service read looks as if others could, too.
fn load(path: &PathBuf) -> Result<KeyFile, KeyFileError> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    if credentials.is_some_and(|directory| path.starts_with(directory)) {
        return key_file::load_of_any_mode(path);
    }
    key_file::load(path)
}

/// Where to keep what the broker does not have. A check only looks whether that works.
fn store(
    directory: Option<&Path>,
    owner: &str,
    options: &options::Gateway,
) -> Result<Box<dyn Store>, Failure> {
    let Some(directory) = directory else {
        return Ok(Box::new(NoStore));
    };
    let is_check = options.shared.operator.check;
    match Files::open(directory, owner, options.spool_size) {
        Ok(_) if is_check => Ok(Box::new(NoStore)),
        Err(error @ OpenError::InUse(_)) if is_check => {
            let text = format!("{error}; if it is this one, which runs, all is well");
            say(Level::Info, "check", &text);
            Ok(Box::new(NoStore))
        }
        Ok(files) => Ok(Box::new(files)),
        Err(error) => Err(Failure::Settings(format!(
            "cannot keep messages on disk (--spool): {error}"
        ))),
    }
}

/// What the gateway's member is told, but for its keys.
fn member(
    options: &options::Gateway,
    interface: &InterfaceSelector,
    group: SocketAddr,
    group_name: &str,
    own: MemberId,
) -> MemberBuilder {
    Member::builder(group)
        .interface(interface.clone())
        .hop_limit(options.shared.hop_limit)
        .name(&options.name)
        .group_name(group_name)
        .id(own)
        .note_strangers(true)
        .bridge(true)
}

impl Running<'_> {
    fn work(&mut self) -> Result<(), Failure> {
        while !signal::end_requested() {
            self.turn()?;
        }
        Ok(())
    }

    /// Does what can be done now, and waits for more.
    fn turn(&mut self) -> Result<(), Failure> {
        let now = self.service.clock.now();
        self.converse(now)?;
        let is_more = self.listen(now);
        if self.core.poll_timeout() <= now {
            self.core.handle_timeout(now);
            self.act(now);
        }
        self.take_commands(now);
        self.member.try_flush();
        self.look_for_strangers(now);
        let group = self.member.group().to_string();
        let core = &self.core;
        self.service
            .tend(now, &group, || counts(core), |text| gauges(core, text))?;
        let due = self.core.poll_timeout();
        let deadline = self.member.node().next_deadline();
        let deadline = deadline.map_or(due, |at| at.min(due));
        let (_, group_socket, own_socket) = self.member.node().parts();
        let handles = [group_socket.as_fd(), own_socket.as_fd()];
        let handles = handles.into_iter().flatten().map(Handle::to_read).collect();
        self.service.wait(now, handles, deadline, is_more)?;
        Ok(())
    }

    /// Takes what the broker has, and does what follows from it.
    fn converse(&mut self, now: Instant) -> Result<(), Failure> {
        let mut happened = Vec::new();
        self.service.link.poll(now, &mut happened)?;
        for what in happened {
            match what {
                Happened::Up(welcome) => {
                    self.service.is_up = true;
                    say(Level::Info, "up", "the broker is there");
                    self.core.set_receive_maximum(welcome.receive_maximum);
                    self.core.set_maximum_packet(welcome.maximum_packet_size);
                    self.core.handle_connected(now, welcome.session_present);
                }
                Happened::Down(failure, pause) => {
                    self.under_way.clear();
                    // The broker sends it again.
                    self.held.retain(|incoming| incoming.packet.is_none());
                    self.waiting = None;
                    self.core.handle_disconnected(now);
                    self.service.down(&failure, pause);
                }
                Happened::Message(incoming) => self.held.push_back(incoming),
                Happened::Acknowledged { ticket, reason } => {
                    if let Some(token) = self.under_way.remove(&ticket) {
                        self.core.handle_acknowledged(
                            now,
                            token,
                            (reason >= 0x80).then_some(reason),
                        );
                    }
                }
            }
            self.act(now);
        }
        // There may be room now for what waits.
        self.act(now);
        self.take_commands(now);
        Ok(())
    }

    /// Takes what the broker has sent, as far as there is room for commands; until there is, nothing more is read. A Receive
    /// Maximum says so to the broker only in theory: mosquitto sends more of them when a client comes back.
    fn take_commands(&mut self, now: Instant) {
        while self.core.takes_commands()
            && let Some(incoming) = self.held.pop_front()
        {
            self.core.handle_publish(now, (&incoming).into());
            self.act(now);
        }
        self.service.link.hold(!self.held.is_empty());
    }

    /// Takes what happened in the group. Whether there may be more.
    fn listen(&mut self, now: Instant) -> bool {
        for _ in 0..AT_ONCE {
            match self.member.poll() {
                Ok(Some(event)) => self.core.handle_event(now, unix(), &event),
                Ok(None) => return false,
                Err(error) => {
                    self.service.trouble(now, &error);
                    return false;
                }
            }
            self.act(now);
        }
        true
    }

    /// Tells of those whose messages will never be published, since they are of another group on the same address.
    fn look_for_strangers(&mut self, now: Instant) {
        let strangers = self.member.strangers().into_iter();
        self.strangers.extend(strangers.map(|it| it.sender));
        if self.strangers.is_empty() || now < self.next_look {
            return;
        }
        self.next_look = now + LOOK_AGAIN;
        let who = match self.strangers.len() {
            1 => "1 member here uses".to_owned(),
            many => format!("{many} members here use"),
        };
        self.strangers.clear();
        let text = format!(
            "{who} another key or group name, or no key where one is used here: nothing of that is published. See --key-file and \
             --group-name"
        );
        say(Level::Warning, "strangers", &text);
    }

    fn act(&mut self, now: Instant) {
        if let Some((token, publication)) = self.waiting.take() {
            self.publish(now, Some(token), publication);
        }
        while self.waiting.is_none()
            && let Some(action) = self.core.poll_action()
        {
            match action {
                Action::Publish { token, publication } => self.publish(now, token, publication),
                Action::Send {
                    command,
                    channel,
                    payload,
                } => {
                    let sent = self.member.try_queue(channel, &payload);
                    self.sent(now, command, sent);
                }
                Action::Confirm { first, last } => self.member.confirm(first.to(last)),
                Action::Acknowledge { packet, reason } => {
                    // If it is of an earlier connection, the broker sends it again.
                    self.service.link.acknowledge(packet, reason);
                }
                Action::Tell(news) => {
                    let (level, event) = kind(&news);
                    say(level, event, &news.to_string());
                }
            }
        }
    }

    fn sent(
        &mut self,
        now: Instant,
        command: CommandId,
        sent: Result<groupcast::Sequence, SendError>,
    ) {
        self.core.handle_sent(now, command, sent);
    }

    fn publish(&mut self, now: Instant, token: Option<Token>, publication: Publication) {
        match (self.service.link.publish(now, &publication), token) {
            (Published::Sent(Some(ticket)), Some(token)) => {
                self.under_way.insert(ticket, token);
            }
            (Published::NoRoom, Some(token)) if self.service.is_up => {
                self.waiting = Some((token, publication));
            }
            (Published::Never(_), Some(token)) => {
                self.core.handle_acknowledged(now, token, Some(TOO_LARGE));
            }
            // What is not acknowledged is counted by the link, and what goes down with it is the core's to send again.
            _ => {}
        }
    }

    /// Waits for what is under way, says good-bye at the broker and in the group.
    fn end(mut self) -> Result<(), Failure> {
        let limit = self.service.clock.now() + FAREWELL;
        // What the member has, others believe to be here.
        while self.service.clock.now() < limit && self.listen(self.service.clock.now()) {}
        while self.service.is_up
            && self.service.clock.now() < limit
            && self.core.queued().in_flight > 0
        {
            self.turn()?;
        }
        let now = self.service.clock.now();
        let farewell = self.core.will();
        self.service.link.publish(now, &farewell);
        let _ = self.service.link.flush(now);
        self.core.finish(now);
        self.act(now);
        let left = self.core.queued();
        let text = format!(
            "{}; {} messages and {} gap records {}",
            self.core.counters(),
            left.messages,
            left.gaps,
            if left.is_kept || left.messages == 0 && left.gaps == 0 {
                "wait for the next start"
            } else {
                "are left, and what of them is not on disk is lost with this program"
            }
        );
        self.service.end(now, counts(&self.core), &text)?;
        self.member.leave_within(Duration::from_secs(1))?;
        Ok(())
    }
}

/// Everything that a gateway counts.
fn counts(core: &Gateway<Box<dyn Store>>) -> Vec<Count> {
    core.counters().described().collect()
}

fn gauges(core: &Gateway<Box<dyn Store>>, text: &mut Exposition) {
    let queued = core.queued();
    let kinds: [(&[_], _); 4] = [
        (&[("what", "reliable")], queued.messages),
        (&[("what", "gaps")], queued.gaps as u64),
        (&[("what", "values")], queued.values as u64),
        (&[("what", "under_way")], queued.in_flight as u64),
    ];
    text.gauges(
        "gateway_queue_entries",
        "What the broker does not have yet.",
        kinds,
    );
    let places: [(&[_], _); 2] = [
        (&[("where", "memory")], queued.memory as u64),
        (&[("where", "disk")], queued.store),
    ];
    text.gauges("gateway_queue_bytes", "How much that is.", places);
    text.gauge(
        "gateway_queue_oldest_seconds",
        "For how long the oldest reliable message waits for the broker.",
        queued.oldest.as_secs_f64(),
    );
}

/// How much news matters, and its word for programs.
const fn kind(news: &News) -> (Level, &'static str) {
    match news {
        News::Recovered { .. } => (Level::Info, "recovered"),
        News::StoreBack => (Level::Info, "store_back"),
        News::StoreTorn { .. }
        | News::StoreDamaged { .. }
        | News::StoreLacks { .. }
        | News::StoreFailed { .. }
        | News::StoreLost { .. } => (Level::Warning, "store"),
        News::Overflow { .. } => (Level::Warning, "overflow"),
        News::Refused { .. } => (Level::Warning, "refused"),
        News::GapsDropped { .. } => (Level::Warning, "gaps_dropped"),
        News::TooManySenders { .. } | News::TooManyValues { .. } => (Level::Warning, "full"),
        News::Command { .. } => (Level::Warning, "command"),
        News::Unconfirmed { .. } => (Level::Warning, "unconfirmed"),
        _ => (Level::Info, "news"),
    }
}

fn unix() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

fn random_id() -> Result<MemberId, Failure> {
    loop {
        let [a, b, c, d, ..] = entropy::seed()?;
        if let Some(id) = MemberId::new(u32::from_be_bytes([a, b, c, d])) {
            return Ok(id);
        }
    }
}
