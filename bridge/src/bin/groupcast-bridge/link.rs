//! The way to the broker: connecting, and connecting again.

mod ends;
mod live;
mod lookup;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;

use groupcast::Instant;
use groupcast_bridge::{Incoming, Publication, Qos, Subscription};
use socket2::{Domain, Socket, Type};

use crate::broker::Broker;
use crate::failure::Failure;
use crate::retry::Retry;
use crate::session::{Heard, Login, NotSent, Session, Welcome};
use crate::stream::{Stream, Trouble};
use crate::tls::Tls;
use crate::wait::Handle;
use ends::Ends;
use live::{ASK, Live, STAGE, Waiting, ask};
use lookup::{LookUp, Lookup};

/// How long connecting may take, with all that belongs to it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A broker that says nothing for so long is away.
const SILENCE: Duration = Duration::from_secs(15);

/// A connection that lasts so long was a good one.
const GOOD: Duration = Duration::from_secs(10);

/// Bytes that may wait while the way to the broker is slow.
const BACKLOG: usize = 1 << 20;

/// How often they are read before others have their turn.
const TURNS: u32 = 16;

/// What happened to the link.
#[derive(Debug)]
pub(crate) enum Happened {
    /// The broker is there, and subscribed to. Nothing of before is under way any more.
    Up(Welcome),
    /// It is away, and is tried again after this time.
    Down(Failure, Duration),
    Message(Incoming),
    /// The broker has a message; from 0x80 on it refuses it.
    Acknowledged {
        ticket: u64,
        reason: u8,
    },
}

/// What became of a message that was to be published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Published {
    /// It is on its way. One that is acknowledged has a ticket, which no other has until the link goes down.
    Sent(Option<u64>),
    /// Not now: the broker is away or slow, or has as much to acknowledge as it takes.
    NoRoom,
    /// This broker does not take it, however often it is offered, and why.
    Never(String),
}

/// What a link did, and what it dropped.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) connected: u64,
    /// Messages that waited for longer than they are worth, or had no room to wait.
    pub(crate) late: u64,
    /// Messages that the broker does not take.
    pub(crate) refused: u64,
}

impl Counted {
    /// All of it, by its name and with its meaning.
    pub(crate) const fn described(&self) -> [(&'static str, &'static str, u64); 3] {
        [
            (
                "connected",
                "How often the broker was reached.",
                self.connected,
            ),
            (
                "late",
                "Messages that came too late for the broker, or had no room to wait for it.",
                self.late,
            ),
            (
                "refused",
                "Messages that the broker does not take, as they are too long.",
                self.refused,
            ),
        ]
    }
}

#[derive(Debug)]
enum State {
    Down {
        until: Instant,
    },
    Looking(Lookup),
    /// To the first of these addresses; the others are tried after it.
    Connecting {
        socket: Socket,
        left: Vec<SocketAddr>,
        since: Instant,
    },
    Live(Box<Live>),
}

/// The way to the broker.
#[derive(Debug)]
pub(crate) struct Link {
    broker: Broker,
    is_insecure: bool,
    look_up: LookUp,
    tls: Option<Tls>,
    login: Login,
    subscriptions: Vec<Subscription>,
    state: State,
    retry: Retry,
    /// Nothing is read for now.
    is_held: bool,
    counted: Counted,
    ends: Ends,
}

impl Link {
    pub(crate) const fn new(
        broker: Broker,
        is_insecure: bool,
        tls: Option<Tls>,
        login: Login,
        subscriptions: Vec<Subscription>,
    ) -> Self {
        Self {
            broker,
            is_insecure,
            look_up: Broker::addresses,
            tls,
            login,
            subscriptions,
            state: State::Down {
                until: Instant::ZERO,
            },
            retry: Retry::new(),
            is_held: false,
            counted: Counted {
                connected: 0,
                late: 0,
                refused: 0,
            },
            ends: Ends::new(),
        }
    }

    pub(crate) const fn counted(&self) -> &Counted {
        &self.counted
    }

    /// What to wait for, if anything.
    pub(crate) fn handle(&self) -> Option<Handle<'_>> {
        match &self.state {
            State::Down { .. } | State::Looking(_) => None,
            State::Connecting { socket, .. } => Some(Handle {
                fd: socket.as_fd(),
                reads: true,
                writes: true,
            }),
            State::Live(live) => {
                let handle = Handle {
                    fd: live.stream.tcp.as_fd(),
                    reads: !self.is_held,
                    writes: live.stream.wants_write() || !live.queue.is_empty(),
                };
                // Of one that waits for nothing the system would say again and again that it is at its end.
                (handle.reads || handle.writes).then_some(handle)
            }
        }
    }

    /// Whether there may be more to read, though the system says nothing of it.
    pub(crate) fn is_more(&self) -> bool {
        !self.is_held && matches!(&self.state, State::Live(live) if live.is_more)
    }

    /// Whether what the broker sends is to wait in the system for now. It takes no longer than the broker is believed to be
    /// there without a word.
    pub(crate) const fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// When to look again, whatever comes.
    pub(crate) fn deadline(&self) -> Instant {
        match &self.state {
            State::Down { until } => *until,
            State::Looking(lookup) => lookup.deadline(),
            State::Connecting { since, .. } => *since + PATIENCE,
            State::Live(live) if live.is_ready => (live.asked + live.ask).min(live.heard + SILENCE),
            State::Live(live) => live.since + PATIENCE,
        }
    }

    /// What is waited for, as long as the broker is not there.
    pub(crate) fn lacks(&self) -> String {
        match &self.state {
            State::Down { .. } => format!("{} was not reached in time", self.broker),
            State::Looking(_) => format!("the name {} was not found in time", self.broker.host),
            State::Connecting { .. } => format!("{} was not connected to in time", self.broker),
            State::Live(_) => self.told(self.unanswered("in time")).to_string(),
        }
    }

    /// Does what can be done now. What is an error cannot be mended by trying again.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        happened: &mut Vec<Happened>,
    ) -> Result<(), Failure> {
        let done = match &mut self.state {
            State::Down { until } if now < *until => return Ok(()),
            State::Down { .. } => self.start(now),
            State::Looking(lookup) => match lookup.poll(now) {
                Some(found) => found.and_then(|addresses| self.connect(now, addresses)),
                None => return Ok(()),
            },
            State::Connecting { .. } => self.go_on(now),
            State::Live(_) => self.converse(now, happened),
        };
        let Err(failure) = done else {
            return Ok(());
        };
        if self.counted.connected == 0 && matches!(failure, Failure::Settings(_)) {
            return Err(self.told(failure));
        }
        let failure = self.rivalry(now, failure)?;
        if matches!(&self.state, State::Live(live) if live.is_ready && now.since(live.since) >= GOOD)
        {
            self.retry.reset();
        }
        let pause = self.retry.next();
        self.state = State::Down { until: now + pause };
        happened.push(Happened::Down(self.told(failure), pause));
        Ok(())
    }

    /// What became of it if another client takes this one's name again and again: an error if the broker says so, and
    /// otherwise a guess.
    fn rivalry(&mut self, now: Instant, failure: Failure) -> Result<Failure, Failure> {
        let State::Live(live) = &self.state else {
            return Ok(failure);
        };
        if !live.is_ready {
            return Ok(failure);
        }
        self.ends
            .judge(now, &live.session, failure, &self.login)
            .map_err(|failure| self.told(failure))
    }

    /// With whom it is.
    fn told(&self, failure: Failure) -> Failure {
        let with = |text: String| {
            if text.contains(&self.broker.host) {
                text
            } else {
                format!("{}: {text}", self.broker)
            }
        };
        match failure {
            Failure::Trouble(text) => Failure::Trouble(with(text)),
            Failure::Settings(text) => Failure::Settings(with(text)),
            Failure::Unmet(text) => Failure::Unmet(with(text)),
        }
    }

    fn start(&mut self, now: Instant) -> Result<(), Failure> {
        let lookup = Lookup::begin(self.look_up, &self.broker, self.is_insecure, now)?;
        self.state = State::Looking(lookup);
        Ok(())
    }

    /// Connects to the first of these that can be tried.
    fn connect(&mut self, now: Instant, addresses: Vec<SocketAddr>) -> Result<(), Failure> {
        let mut left = addresses.into_iter();
        let mut trouble = Failure::Trouble("it has no address".to_owned());
        while let Some(address) = left.next() {
            match begin(address) {
                Ok(socket) => {
                    let left = left.collect();
                    self.state = State::Connecting {
                        socket,
                        left,
                        since: now,
                    };
                    return Ok(());
                }
                Err(error) => trouble = unreachable(&error),
            }
        }
        Err(trouble)
    }

    /// Looks whether it is connected.
    fn go_on(&mut self, now: Instant) -> Result<(), Failure> {
        let State::Connecting {
            socket,
            left,
            since,
        } = &self.state
        else {
            return Ok(());
        };
        let error = match socket.take_error() {
            Ok(error) => error,
            Err(error) => Some(error),
        };
        let is_late = now.since(*since) >= PATIENCE;
        let is_connected = error.is_none() && socket.peer_addr().is_ok();
        if !is_connected && error.is_none() && !is_late {
            return Ok(());
        }
        if !is_connected {
            let error = error.unwrap_or_else(|| io::ErrorKind::TimedOut.into());
            let left = left.clone();
            if left.is_empty() {
                return Err(unreachable(&error));
            }
            return self.connect(now, left);
        }
        let tcp = socket.try_clone().map_err(|error| unreachable(&error))?;
        let tcp = TcpStream::from(tcp);
        let prepared = tcp.set_nodelay(true);
        prepared.map_err(|error| unreachable(&error))?;
        let tls = self.tls.as_ref().map(Tls::start).transpose()?;
        let session = Session::new(&self.login, &self.subscriptions)?;
        self.state = State::Live(Box::new(Live {
            stream: Stream::new(tcp, tls),
            session,
            queue: VecDeque::new(),
            queued: 0,
            since: now,
            is_ready: false,
            is_more: false,
            heard: now,
            asked: now,
            ask: ASK,
        }));
        self.flush(now)
    }

    fn converse(&mut self, now: Instant, happened: &mut Vec<Happened>) -> Result<(), Failure> {
        let State::Live(live) = &mut self.state else {
            return Ok(());
        };
        if self.is_held {
            live.heard = now;
        }
        let mut buffer = [0; STAGE];
        // What comes faster than it can be dealt with waits in the system.
        live.is_more = false;
        let turns = if self.is_held { 0 } else { TURNS };
        for turn in 0..turns {
            live.is_more = turn + 1 == turns;
            let read = live.stream.read(&mut buffer);
            let length = match read {
                Ok(0) => {
                    live.is_more = false;
                    break;
                }
                Ok(length) => length,
                Err(trouble) => return Err(self.explain(trouble)),
            };
            live.heard = now;
            for heard in live.session.receive(&buffer[..length]) {
                match heard {
                    Heard::Ready(welcome) => {
                        live.is_ready = true;
                        live.ask = ask(&welcome);
                        self.counted.connected += 1;
                        happened.push(Happened::Up(welcome));
                    }
                    Heard::Acknowledged { ticket, reason } => {
                        happened.push(Happened::Acknowledged { ticket, reason });
                    }
                    Heard::Message(message) => happened.push(Happened::Message(message)),
                    Heard::Over(failure) => return Err(failure),
                }
            }
        }
        if live.is_ready && now.since(live.asked) >= live.ask {
            live.asked = now;
            live.session.ping();
        }
        if live.is_ready && now.since(live.heard) >= SILENCE {
            return Err(Failure::Trouble("it does not answer any more".to_owned()));
        }
        if !live.is_ready && now.since(live.since) >= PATIENCE {
            return Err(self.unanswered("in time"));
        }
        self.flush(now)
    }

    /// Publishes, if there is room. What is to be acknowledged is not kept: once the link was down, nothing of before is
    /// under way any more.
    pub(crate) fn publish(&mut self, now: Instant, publication: &Publication) -> Published {
        let State::Live(live) = &mut self.state else {
            return Published::NoRoom;
        };
        let length = publication.topic.len() + publication.payload.len();
        if live.queued > 0 && live.queued + length > BACKLOG {
            self.counted.late += u64::from(publication.qos == Qos::AtMostOnce);
            return Published::NoRoom;
        }
        match live.session.publish(publication) {
            Ok((ticket, written)) => {
                // One that is to be acknowledged must not vanish here.
                let until = publication.expiry.filter(|_| ticket.is_none());
                live.queued += written.len();
                let waiting = Waiting(until.map(|expiry| now + expiry), written);
                live.queue.push_back(waiting);
                Published::Sent(ticket)
            }
            Err(NotSent::NoRoom) => Published::NoRoom,
            Err(NotSent::Never(why)) => {
                self.counted.refused += 1;
                Published::Never(why)
            }
        }
    }

    /// Acknowledges a message of the broker; from 0x80 on the reason is a refusal. `false`: that message is of an earlier
    /// connection, or none. The broker sends it again, or has forgotten it.
    pub(crate) fn acknowledge(&mut self, packet: u16, reason: u8) -> bool {
        match &mut self.state {
            State::Live(live) => live.session.acknowledge(packet, reason),
            State::Down { .. } | State::Looking(_) | State::Connecting { .. } => false,
        }
    }

    /// Writes as much as the system takes.
    pub(crate) fn flush(&mut self, now: Instant) -> Result<(), Failure> {
        let State::Live(live) = &mut self.state else {
            return Ok(());
        };
        for packet in live.session.take_output() {
            live.queued += packet.len();
            live.queue.push_back(Waiting(None, packet));
        }
        match live.write(now) {
            Ok(late) => {
                self.counted.late += late;
                Ok(())
            }
            Err(trouble) => Err(self.explain(trouble)),
        }
    }

    /// Says good-bye, as far as that goes without waiting.
    pub(crate) fn leave(&mut self, now: Instant) {
        if let State::Live(live) = &mut self.state {
            live.session.leave();
            let _ = self.flush(now);
        }
    }

    fn explain(&self, trouble: Trouble) -> Failure {
        let is_ready = matches!(&self.state, State::Live(live) if live.is_ready);
        match (trouble, &self.tls) {
            (Trouble::Tls(error), Some(tls)) => tls.explain(&self.broker, &error),
            (Trouble::Tls(error), None) => Failure::Trouble(error.to_string()),
            (Trouble::Closed, _) if is_ready => {
                Failure::Trouble("it ended the connection".to_owned())
            }
            (Trouble::Io(error), _) if is_ready => {
                Failure::Trouble(format!("the connection broke: {error}"))
            }
            (Trouble::Closed, _) => self.unanswered("(it ended the connection)"),
            (Trouble::Io(error), _) => self.unanswered(&format!("({error})")),
        }
    }

    fn unanswered(&self, what: &str) -> Failure {
        let advice = if self.counted.connected == 0 {
            ": is this the port of a broker of MQTT 5, and is TLS right (mqtts://) or wrong (mqtt://) there?"
        } else {
            ""
        };
        Failure::Trouble(format!("it did not answer {what}{advice}"))
    }
}

/// Begins to connect.
fn begin(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => Ok(socket),
        Err(error)
            if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) =>
        {
            Ok(socket)
        }
        Err(error) => Err(error),
    }
}

fn unreachable(error: &io::Error) -> Failure {
    Failure::Trouble(format!("cannot connect: {error}"))
}

#[cfg(test)]
mod tests;
