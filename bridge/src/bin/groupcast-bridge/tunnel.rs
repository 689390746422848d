//! `groupcast-bridge tunnel`: the core between the group and the broker.

use groupcast::Instant;
use groupcast_bridge::tunnel::{Action, EXPIRY, Life, News, Settings, Tunnel};
use groupcast_bridge::{Publication, Subscription};
use groupcast_std::{Clock, entropy, resolve_group_on};
use rustix::io::Errno;

use crate::check;
use crate::failure::Failure;
use crate::lan::Lan;
use crate::link::Happened;
use crate::log::{Level, say};
use crate::metrics::Exposition;
use crate::options;
use crate::service::{self, Count, Service};
use crate::session::{Login, Welcome};
use crate::signal;
use crate::wait::Handle;

/// Datagrams that are taken from a socket in one go, so that none keeps the others waiting.
const AT_ONCE: usize = 256;

/// Bytes of a packet with the longest datagram, a topic and properties.
const LONGEST_PACKET: u32 = 1_700;

/// All that a tunnel works with.
struct Running<'o> {
    service: Service<'o>,
    core: Tunnel,
    lan: Lan,
    buffer: Vec<u8>,
}

/// Runs until a signal ends it.
pub(crate) fn run(options: &options::Tunnel) -> Result<(), Failure> {
    let shared = &options.shared;
    let selector = shared.interface.clone().unwrap_or_default();
    let group = resolve_group_on(&shared.group, &selector)?;
    let lan = Lan::new(group, &selector, shared.hop_limit)?;
    let [a, b, c, d, e, f, g, h, ..] = entropy::seed()?;
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let core = Tunnel::new(Settings {
        site: shared.site.clone(),
        group,
        prefix: shared.prefix.clone(),
        tunnel: number,
        members: options.members as usize,
    });
    let usual = || format!("gc-{}-{number:016x}", shared.site);
    let mut client_id = shared.client_id.clone().unwrap_or_else(usual);
    if shared.operator.check {
        client_id += check::SUFFIX;
    }
    let login = Login {
        client_id,
        is_unique: shared.client_id.is_none(),
        username: shared.username.clone(),
        password: shared.password()?,
        ..Login::default()
    };
    let subscription = |filter| Subscription {
        filter,
        ..Subscription::default()
    };
    let subscriptions = core.subscriptions().map(subscription).to_vec();
    let link = service::link(shared, login, subscriptions)?;
    let text = format!(
        "site {}, group {} via {}, topics {}/… at {}",
        shared.site,
        lan.group(),
        lan.choice(),
        core.root(),
        shared.broker
    );
    say(Level::Info, "start", &text);
    if shared.operator.check {
        let topic = format!("{}/m/{}", core.root(), shared.site);
        return check::run(link, topic, shared.timeout);
    }
    say(
        Level::Info,
        "trust",
        "in an open group everybody who may publish at the broker is trusted as if on this network, and the broker, too; \
         a sealed one trusts neither",
    );
    let mut running = Running {
        service: Service::new(shared, "tunnel", link, Clock::new())?,
        core,
        lan,
        buffer: Vec::new(),
    };
    running.work()
}

impl Running<'_> {
    fn work(&mut self) -> Result<(), Failure> {
        let group = self.lan.group().to_string();
        let mut ready = Vec::new();
        while !signal::end_requested() {
            let now = self.service.clock.now();
            self.converse(now)?;
            let is_more = self.listen(now, &mut ready) || !ready.is_empty();
            if self.core.poll_timeout() <= now {
                self.core.handle_timeout(now);
                self.act(now);
            }
            let (core, lan) = (&self.core, &self.lan);
            let counts = || counts(core, lan);
            self.service
                .tend(now, &group, counts, |text| gauges(core, text))?;
            self.wait(now, is_more, &mut ready)?;
        }
        let now = self.service.clock.now();
        let counts = counts(&self.core, &self.lan);
        let text = self.core.counters().to_string();
        self.service.end(now, counts, &text)
    }

    /// Takes what the broker has, and does what follows from it.
    fn converse(&mut self, now: Instant) -> Result<(), Failure> {
        let mut happened = Vec::new();
        self.service.link.poll(now, &mut happened)?;
        for what in happened {
            match what {
                Happened::Up(welcome) => {
                    self.service.is_up = true;
                    say(Level::Info, "up", &there(&welcome));
                    self.core.handle_connected(now);
                }
                Happened::Down(failure, pause) => {
                    self.core.handle_disconnected();
                    self.service.down(&failure, pause);
                }
                Happened::Message(message) => {
                    let (topic, payload) = (&message.topic, &message.payload);
                    self.core.handle_publish(now, topic, payload);
                }
                // Nothing of a tunnel's is acknowledged.
                Happened::Acknowledged { .. } => {}
            }
            self.act(now);
        }
        Ok(())
    }

    /// Takes what was sent in this site: to the group, and to the members that are ready. They stay ready if they may have
    /// more. Whether the group may have.
    fn listen(&mut self, now: Instant, ready: &mut Vec<Life>) -> bool {
        let mut buffer = core::mem::take(&mut self.buffer);
        let is_more = self.take(now, None, &mut buffer);
        ready.retain(|member| self.take(now, Some(*member), &mut buffer));
        self.buffer = buffer;
        match self.lan.moved() {
            Ok(moved) => {
                for (member, address) in moved {
                    self.core.handle_opened(member, Some(address));
                    self.act(now);
                }
            }
            Err(error) => self.service.trouble(now, &error),
        }
        is_more
    }

    /// Takes what was sent to a member of another site, or to the group. Whether there may be more.
    fn take(&mut self, now: Instant, member: Option<Life>, buffer: &mut Vec<u8>) -> bool {
        for _ in 0..AT_ONCE {
            // Each is passed on before the next is taken: the buffer is the same.
            let taken = match member {
                None => match self.lan.hear(buffer) {
                    Ok(Some((from, datagram))) => {
                        self.core.handle_datagram(now, from, datagram);
                        true
                    }
                    Ok(None) => false,
                    Err(error) => {
                        self.service.trouble(now, &error);
                        false
                    }
                },
                Some(member) => match self.lan.answer(member, buffer) {
                    Ok(Some((from, datagram))) => {
                        self.core.handle_answer(now, member, from, datagram);
                        true
                    }
                    Ok(None) => false,
                    Err(error) => {
                        self.service.trouble(now, &error);
                        false
                    }
                },
            };
            if !taken {
                return false;
            }
            self.act(now);
        }
        true
    }

    fn act(&mut self, now: Instant) {
        while let Some(action) = self.core.poll_action() {
            match action {
                Action::Open(life) => {
                    let opened = self.lan.open(life);
                    if let Err(error) = &opened {
                        self.service.trouble(now, &no_socket(error));
                    }
                    self.core.handle_opened(life, opened.ok());
                }
                Action::Close(life) => self.lan.close(life),
                Action::Send { from, to, datagram } => {
                    if let Err(error) = self.lan.send(from, to, &datagram) {
                        let text = format!("cannot send in this site's network: {error}");
                        self.service.trouble(now, &text);
                    }
                }
                Action::Publish { topic, payload } => {
                    let publication = Publication {
                        topic,
                        payload,
                        expiry: Some(EXPIRY),
                        ..Publication::default()
                    };
                    // What does not go is counted there, as lost on the way.
                    self.service.link.publish(now, &publication);
                }
                Action::Tell(news) => {
                    let (level, event) = kind(&news);
                    say(level, event, &news.to_string());
                }
            }
        }
    }

    /// Waits for something to happen, and adds the members that have something.
    fn wait(&self, now: Instant, is_more: bool, ready: &mut Vec<Life>) -> Result<(), Failure> {
        let (ear, members) = self.lan.handles();
        let (lives, mut handles): (Vec<Life>, Vec<Handle<'_>>) = members
            .map(|(life, fd)| (life, Handle::to_read(fd)))
            .unzip();
        handles.extend(ear.map(Handle::to_read));
        let deadline = self.core.poll_timeout();
        let found = self.service.wait(now, handles, deadline, is_more)?;
        let found = lives.into_iter().zip(found);
        ready.extend(
            found
                .filter(|(_, is_ready)| *is_ready)
                .map(|(life, _)| life),
        );
        ready.sort_unstable();
        ready.dedup();
        Ok(())
    }
}

/// Everything that a tunnel counts.
fn counts(core: &Tunnel, lan: &Lan) -> Vec<Count> {
    let unsent = (
        "unsent",
        "Datagrams that this site's network did not take.",
        lan.unsent,
    );
    core.counters().described().chain([unsent]).collect()
}

fn gauges(core: &Tunnel, text: &mut Exposition) {
    let (here, elsewhere) = core.members();
    let places: [(&[_], _); 2] = [
        (&[("where", "here")], here),
        (&[("where", "elsewhere")], elsewhere),
    ];
    text.gauges(
        "tunnel_members",
        "Members that were heard in the last three minutes.",
        places,
    );
}

/// Why a member of another site has no socket, and what to do.
fn no_socket(error: &std::io::Error) -> String {
    let advice = match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => {
            ": raise the limit of open files (ulimit -n, LimitNOFILE=)"
        }
        _ => "",
    };
    format!("there is no socket for a member of another site: {error}{advice}")
}

/// That the broker is there, and what it does not take.
fn there(welcome: &Welcome) -> String {
    let mut text = "the broker is there".to_owned();
    let most = welcome.maximum_packet_size;
    if let Some(most) = most.filter(|most| *most < LONGEST_PACKET) {
        text += &format!(
            ", but takes packets of at most {most} bytes: datagrams that do not fit are not carried, so raise its limit to \
             {LONGEST_PACKET}, or have members send smaller ones"
        );
    }
    text
}

/// How much news matters, and its word for programs.
const fn kind(news: &News) -> (Level, &'static str) {
    match news {
        News::OpenGroup => (Level::Warning, "open_group"),
        News::Met { .. } => (Level::Info, "site_met"),
        News::Lost(_) => (Level::Warning, "site_lost"),
        News::Companion => (Level::Info, "companion"),
        News::Slow { .. } => (Level::Warning, "site_slow"),
        News::Full { .. } => (Level::Warning, "full"),
        _ => (Level::Info, "news"),
    }
}
