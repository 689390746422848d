//! `groupcast-bridge tunnel`: the core between the group and the broker.

use core::time::Duration;
use std::fs;
use std::io::Write;

use groupcast::Instant;
use groupcast_bridge::tunnel::{Action, EXPIRY, Life, Settings, Tunnel};
use groupcast_bridge::{Publication, Subscription};
use groupcast_std::{Clock, Error, entropy, resolve_group_on};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::lan::Lan;
use crate::link::{Happened, Link};
use crate::options;
use crate::session::Login;
use crate::signal;
use crate::tls::Tls;
use crate::wait::{Handle, wait};

/// Datagrams that are taken from a socket in one go, so that none keeps the others waiting.
const AT_ONCE: usize = 256;

/// The same trouble is told at most this often.
const AGAIN: Duration = Duration::from_secs(60);

/// All that a tunnel works with.
struct Running {
    clock: Clock,
    core: Tunnel,
    lan: Lan,
    link: Link,
    buffer: Vec<u8>,
    /// When trouble with the network was told.
    told: Option<Instant>,
    is_up: bool,
}

/// Runs until a signal ends it.
pub(crate) fn run(options: &options::Tunnel) -> Result<(), Failure> {
    let selector = options.interface.clone().unwrap_or_default();
    let group = resolve_group_on(&options.group, &selector)?;
    let lan = Lan::new(group, &selector, options.hop_limit)?;
    let [a, b, c, d, e, f, g, h, ..] = entropy::seed()?;
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let core = Tunnel::new(Settings {
        site: options.site.clone(),
        group,
        prefix: options.prefix.clone(),
        tunnel: number,
        members: options.members as usize,
    });
    let tls = options
        .broker
        .is_secure
        .then(|| Tls::new(&options.broker, options));
    let login = Login {
        client_id: options
            .client_id
            .clone()
            .unwrap_or_else(|| format!("gc-{}-{number:016x}", options.site)),
        username: options.username.clone(),
        password: password(options)?,
        ..Login::default()
    };
    let subscription = |filter| Subscription {
        filter,
        ..Subscription::default()
    };
    let link = Link::new(
        options.broker.clone(),
        options.insecure,
        tls.transpose()?,
        login,
        core.subscriptions().map(subscription).to_vec(),
    );
    say(&format!(
        "site {}, group {} via {}, topics {}/… at {}",
        options.site,
        lan.group(),
        lan.choice(),
        core.root(),
        options.broker
    ));
    say(
        "in an open group everybody who may publish at the broker is trusted as if on this network, and the broker, too; \
         a sealed one trusts neither",
    );
    let mut running = Running {
        clock: Clock::new(),
        core,
        lan,
        link,
        buffer: Vec::new(),
        told: None,
        is_up: false,
    };
    running.work(options)
}

impl Running {
    fn work(&mut self, options: &options::Tunnel) -> Result<(), Failure> {
        let mut next_stats = options.stats.map(|every| self.clock.now() + every);
        let mut ready = Vec::new();
        while !signal::end_requested() {
            let now = self.clock.now();
            self.converse(now)?;
            let is_more = self.listen(now, &mut ready) || self.link.is_more();
            if self.core.poll_timeout() <= now {
                self.core.handle_timeout(now);
                self.act(now);
            }
            // Trouble with that is met when the link is polled, and told there.
            let _ = self.link.flush(now);
            if let (Some(next), Some(every)) = (next_stats, options.stats)
                && next <= now
            {
                next_stats = Some(now + every);
                self.print_stats()?;
            }
            let limit = options.timeout.map(|limit| Instant::ZERO + limit);
            if let Some(limit) = limit.filter(|_| self.link.counted().connected == 0)
                && limit <= now
            {
                let text = format!("{} was not reached in time", options.broker);
                return Err(Failure::Unmet(text));
            }
            let deadlines = [
                Some(self.core.poll_timeout()),
                Some(self.link.deadline()),
                next_stats,
                limit,
            ];
            let next = deadlines.into_iter().flatten().min().unwrap_or(now);
            let pause = if is_more || !ready.is_empty() {
                Duration::ZERO
            } else {
                now.until(next).min(signal::LOOK)
            };
            self.wait(pause, &mut ready)?;
        }
        let now = self.clock.now();
        self.link.leave(now);
        if options.stats.is_some() {
            self.print_stats()?;
        }
        say(&format!("ended: {}", self.core.counters()));
        Ok(())
    }

    /// Takes what the broker has, and does what follows from it.
    fn converse(&mut self, now: Instant) -> Result<(), Failure> {
        let mut happened = Vec::new();
        self.link.poll(now, &mut happened)?;
        for what in happened {
            match what {
                Happened::Up(_) => {
                    self.is_up = true;
                    say("the broker is there");
                    self.core.handle_connected(now);
                }
                Happened::Down(failure, pause) => {
                    self.is_up = false;
                    self.core.handle_disconnected();
                    let seconds = pause.as_secs_f64();
                    say(&format!("{failure}; trying again in {seconds:.1} s"));
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
        for (member, address) in self.lan.moved() {
            self.core.handle_opened(member, Some(address));
            self.act(now);
        }
        is_more
    }

    /// Takes what was sent to a member of another site, or to the group. Whether there may be more.
    fn take(&mut self, now: Instant, member: Option<Life>, buffer: &mut Vec<u8>) -> bool {
        for _ in 0..AT_ONCE {
            let arrived = match member {
                None => self.lan.hear(buffer),
                Some(member) => self.lan.answer(member, buffer),
            };
            match (arrived, member) {
                (Ok(Some((from, datagram))), None) => {
                    self.core.handle_datagram(now, from, datagram)
                }
                (Ok(Some((from, datagram))), Some(member)) => {
                    self.core.handle_answer(now, member, from, datagram);
                }
                (Ok(None), _) => return false,
                (Err(error), _) => {
                    self.trouble(now, &error);
                    return false;
                }
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
                        self.trouble(now, error);
                    }
                    self.core.handle_opened(life, opened.ok());
                }
                Action::Close(life) => self.lan.close(life),
                Action::Send { from, to, datagram } => {
                    if let Err(error) = self.lan.send(from, to, &datagram) {
                        self.trouble(now, &error);
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
                    self.link.publish(now, &publication);
                }
                Action::Tell(news) => say(&news.to_string()),
            }
        }
    }

    /// Waits for something to happen, and adds the members that have something.
    fn wait(&self, pause: Duration, ready: &mut Vec<Life>) -> Result<(), Failure> {
        let (ear, members) = self.lan.handles();
        let reads = |fd| Handle { fd, writes: false };
        let (lives, mut handles): (Vec<Life>, Vec<Handle<'_>>) =
            members.map(|(life, fd)| (life, reads(fd))).unzip();
        handles.extend(ear.map(reads));
        handles.extend(self.link.handle());
        let found = wait(&handles, pause)
            .map_err(|error| Failure::Trouble(format!("cannot wait: {error}")))?;
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

    /// Trouble that may pass, or be the interface's.
    fn trouble(&mut self, now: Instant, error: &Error) {
        if self.told.is_none_or(|told| now.since(told) >= AGAIN) {
            self.told = Some(now);
            say(&error.to_string());
        }
    }

    fn print_stats(&self) -> Result<(), Failure> {
        let counted = self.link.counted();
        let more = [
            ("up", u64::from(self.is_up)),
            ("connected", counted.connected),
            ("late", counted.late),
            ("refused", counted.refused),
            ("unsent", self.lan.unsent),
        ];
        let all = self.core.counters().all().chain(more);
        let all: serde_json::Map<_, _> = all
            .map(|(name, count)| (name.to_owned(), count.into()))
            .collect();
        let mut output = std::io::stdout().lock();
        let line = serde_json::Value::from(all);
        let written = writeln!(output, "{line}").and_then(|()| output.flush());
        written
            .map_err(|error| Failure::Trouble(format!("cannot write to standard output: {error}")))
    }
}

/// The user's password, from a file or a variable.
fn password(options: &options::Tunnel) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    let Some(file) = &options.password_file else {
        let variable = std::env::var_os("GROUPCAST_MQTT_PASSWORD");
        return Ok(variable.map(|text| Zeroizing::new(text.into_encoded_bytes())));
    };
    let read = fs::read(file).map_err(|error| {
        Failure::Settings(format!(
            "cannot read the password from {}: {error}",
            file.display()
        ))
    })?;
    let mut password = Zeroizing::new(read);
    // What an editor or `echo` puts behind it.
    while matches!(password.last(), Some(b'\n' | b'\r')) {
        password.pop();
    }
    if password.is_empty() {
        return Err(Failure::Settings(format!(
            "there is no password in {}",
            file.display()
        )));
    }
    Ok(Some(password))
}

fn say(text: &str) {
    eprintln!("groupcast-bridge: {text}");
}
