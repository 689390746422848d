//! The way to the broker: connecting, and connecting again.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;

use groupcast::Instant;
use groupcast_bridge::tunnel::EXPIRY;
use mqtt_protocol_core::mqtt::packet::v5_0::Publish;
use socket2::{Domain, Socket, Type};

use crate::broker::Broker;
use crate::failure::Failure;
use crate::retry::Retry;
use crate::session::{Heard, Login, Session};
use crate::stream::{Stream, Trouble};
use crate::tls::Tls;
use crate::wait::Handle;

/// How long connecting may take, with all that belongs to it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the broker is asked whether it is there.
const ASK: Duration = Duration::from_secs(5);

/// A broker that says nothing for so long is away.
const SILENCE: Duration = Duration::from_secs(15);

/// A connection that lasts so long was a good one.
const GOOD: Duration = Duration::from_secs(10);

/// Bytes that may wait while the way to the broker is slow.
const BACKLOG: usize = 1 << 20;

/// Bytes that are handed on in one go.
const STAGE: usize = 16 * 1024;

/// How often they are read before others have their turn.
const TURNS: u32 = 16;

/// What happened to the link.
#[derive(Debug)]
pub(crate) enum Happened {
    Up,
    /// It is away, and is tried again after this time.
    Down(Failure, Duration),
    Message(Publish),
}

/// What a link did, and what it dropped.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) connected: u64,
    /// Messages that waited for longer than they are worth, or had no room to wait.
    pub(crate) late: u64,
}

/// Something to write, and since when it waits if it is not to be late.
#[derive(Debug)]
struct Waiting(Option<Instant>, Vec<u8>);

#[derive(Debug)]
struct Live {
    stream: Stream,
    session: Session,
    queue: VecDeque<Waiting>,
    queued: usize,
    since: Instant,
    is_ready: bool,
    /// There may be more to read than was read.
    is_more: bool,
    heard: Instant,
    asked: Instant,
}

#[derive(Debug)]
enum State {
    Down {
        until: Instant,
    },
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
    tls: Option<Tls>,
    login: Login,
    filters: Vec<String>,
    state: State,
    retry: Retry,
    counted: Counted,
}

impl Link {
    pub(crate) const fn new(
        broker: Broker,
        is_insecure: bool,
        tls: Option<Tls>,
        login: Login,
        filters: Vec<String>,
    ) -> Self {
        Self {
            broker,
            is_insecure,
            tls,
            login,
            filters,
            state: State::Down {
                until: Instant::ZERO,
            },
            retry: Retry::new(),
            counted: Counted {
                connected: 0,
                late: 0,
            },
        }
    }

    pub(crate) const fn counted(&self) -> &Counted {
        &self.counted
    }

    /// What to wait for, if anything.
    pub(crate) fn handle(&self) -> Option<Handle<'_>> {
        match &self.state {
            State::Down { .. } => None,
            State::Connecting { socket, .. } => Some(Handle {
                fd: socket.as_fd(),
                writes: true,
            }),
            State::Live(live) => Some(Handle {
                fd: live.stream.tcp.as_fd(),
                writes: live.stream.wants_write() || !live.queue.is_empty(),
            }),
        }
    }

    /// Whether there may be more to read, though the system says nothing of it.
    pub(crate) fn is_more(&self) -> bool {
        matches!(&self.state, State::Live(live) if live.is_more)
    }

    /// When to look again, whatever comes.
    pub(crate) fn deadline(&self) -> Instant {
        match &self.state {
            State::Down { until } => *until,
            State::Connecting { since, .. } => *since + PATIENCE,
            State::Live(live) if live.is_ready => (live.asked + ASK).min(live.heard + SILENCE),
            State::Live(live) => live.since + PATIENCE,
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
            State::Connecting { .. } => self.go_on(now),
            State::Live(_) => self.converse(now, happened),
        };
        let Err(failure) = done else {
            return Ok(());
        };
        if self.counted.connected == 0 && matches!(failure, Failure::Settings(_)) {
            return Err(self.told(failure));
        }
        if matches!(&self.state, State::Live(live) if live.is_ready && now.since(live.since) >= GOOD)
        {
            self.retry.reset();
        }
        let pause = self.retry.next();
        self.state = State::Down { until: now + pause };
        happened.push(Happened::Down(self.told(failure), pause));
        Ok(())
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
        let addresses = self.broker.addresses(self.is_insecure)?;
        self.connect(now, addresses)
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
        let session = Session::new(&self.login, &self.filters)?;
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
        }));
        self.flush(now)
    }

    fn converse(&mut self, now: Instant, happened: &mut Vec<Happened>) -> Result<(), Failure> {
        let State::Live(live) = &mut self.state else {
            return Ok(());
        };
        let mut buffer = [0; STAGE];
        // What comes faster than it can be dealt with waits in the system.
        live.is_more = false;
        for turn in 0..TURNS {
            live.is_more = turn + 1 == TURNS;
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
                    Heard::Ready => {
                        live.is_ready = true;
                        self.counted.connected += 1;
                        happened.push(Happened::Up);
                    }
                    Heard::Message(message) => happened.push(Happened::Message(message)),
                    Heard::Over(failure) => return Err(failure),
                }
            }
        }
        if live.is_ready && now.since(live.asked) >= ASK {
            live.asked = now;
            live.session.ping();
        }
        if live.is_ready && now.since(live.heard) >= SILENCE {
            return Err(Failure::Trouble("it does not answer any more".to_owned()));
        }
        if !live.is_ready && now.since(live.since) >= PATIENCE {
            return Err(Failure::Trouble("it does not answer".to_owned()));
        }
        self.flush(now)
    }

    /// Publishes, if there is room; what the way is too slow for is counted.
    pub(crate) fn publish(&mut self, now: Instant, topic: &str, payload: &[u8]) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        let Some(packet) = live.session.publish(topic, payload, EXPIRY) else {
            return;
        };
        if live.queued + packet.len() > BACKLOG {
            self.counted.late += 1;
            return;
        }
        live.queued += packet.len();
        live.queue.push_back(Waiting(Some(now), packet));
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
            (Trouble::Closed, _) => self.unanswered("it ended the connection"),
            (Trouble::Io(error), _) => self.unanswered(&error.to_string()),
        }
    }

    fn unanswered(&self, what: &str) -> Failure {
        let advice = if self.counted.connected == 0 {
            ": is this the port of a broker of MQTT 5, and is TLS right (mqtts://) or wrong (mqtt://) there?"
        } else {
            ""
        };
        Failure::Trouble(format!("it did not answer ({what}){advice}"))
    }
}

impl Live {
    /// Writes as much as the system takes. Returns how much was too late for it.
    fn write(&mut self, now: Instant) -> Result<u64, Trouble> {
        let mut late = 0;
        while self.stream.flush()? {
            let mut staged = 0;
            while staged < STAGE {
                let Some(Waiting(since, packet)) = self.queue.pop_front() else {
                    break;
                };
                self.queued -= packet.len();
                if since.is_some_and(|since| now.since(since) >= EXPIRY) {
                    late += 1;
                    continue;
                }
                staged += packet.len();
                self.stream.stage(&packet)?;
            }
            if staged == 0 {
                break;
            }
        }
        Ok(late)
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
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn link(port: u16) -> Link {
        let broker = format!("mqtt://127.0.0.1:{port}").parse().unwrap();
        let login = Login {
            client_id: "x".to_owned(),
            username: None,
            password: None,
        };
        Link::new(broker, false, None, login, vec!["a/+".to_owned()])
    }

    /// A link with a clock of its own, and what happened to it that was not looked at.
    struct Looked {
        link: Link,
        now: Instant,
        happened: Vec<Happened>,
    }

    impl Looked {
        fn new(listener: &TcpListener) -> Self {
            Self {
                link: link(listener.local_addr().unwrap().port()),
                now: Instant::from_secs(1),
                happened: Vec::new(),
            }
        }

        /// What happens next. Its clock is slow, so that a busy machine has time.
        fn next(&mut self) -> Happened {
            for _ in 0..6_000 {
                if !self.happened.is_empty() {
                    return self.happened.remove(0);
                }
                self.now += Duration::from_millis(2);
                self.link.poll(self.now, &mut self.happened).unwrap();
                thread::sleep(Duration::from_millis(10));
            }
            panic!("nothing happens: {:?}", self.link);
        }
    }

    /// Greets whoever connects, and says what it is told then.
    fn serve(listener: &TcpListener, then: &[u8]) -> (TcpStream, Vec<u8>) {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 512];
        stream
            .read(&mut buffer)
            .map(|length| assert!(length > 0))
            .unwrap();
        stream.write_all(&[0x20, 3, 0, 0, 0]).unwrap();
        let length = stream.read(&mut buffer).unwrap();
        stream.write_all(&[0x90, 4, 0, 1, 0, 0]).unwrap();
        stream.write_all(then).unwrap();
        (stream, buffer[..length].to_vec())
    }

    #[test]
    fn a_broker_that_goes_away_is_found_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut looked = Looked::new(&listener);
        let serving = thread::spawn(move || {
            let (stream, subscription) = serve(&listener, b"\x30\x06\0\x01b\0hi");
            assert_eq!(subscription[0], 0x82);
            drop(stream);
            let (mut stream, _) = serve(&listener, b"");
            let mut message = [0; 14];
            stream.read_exact(&mut message).unwrap();
            message
        });
        assert!(matches!(looked.next(), Happened::Up));
        assert!(
            matches!(looked.next(), Happened::Message(message) if message.payload().as_slice() == b"hi")
        );
        let Happened::Down(failure, pause) = looked.next() else {
            panic!("it goes on without its broker");
        };
        assert!(matches!(failure, Failure::Trouble(_)));
        assert!(pause >= Duration::from_secs(1));
        looked.now += pause;
        // Nothing is kept for later.
        looked.link.publish(looked.now, "a/b", b"lost");
        assert!(matches!(looked.next(), Happened::Up));
        assert_eq!(looked.link.counted().connected, 2);
        looked.link.publish(looked.now, "a/b", b"x");
        looked.link.flush(looked.now).unwrap();
        assert_eq!(
            &serving.join().unwrap(),
            b"\x30\x0c\0\x03a/b\x05\x02\0\0\0\x02x"
        );
    }

    #[test]
    fn what_waits_for_longer_than_it_is_worth_is_dropped_and_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut looked = Looked::new(&listener);
        let serving = thread::spawn(move || serve(&listener, b"").0);
        assert!(matches!(looked.next(), Happened::Up));
        let nobody_reads = serving.join().unwrap();
        let payload = [0; 1_400];
        // What the system takes, what may wait, and what has no room.
        for _ in 0..20_000 {
            looked.link.publish(looked.now, "a/b", &payload);
            looked.link.flush(looked.now).unwrap();
        }
        let without_room = looked.link.counted().late;
        assert!(without_room > 0);
        let State::Live(live) = &looked.link.state else {
            panic!("the broker is away");
        };
        assert!(live.queued <= BACKLOG && live.queue.len() > 500);
        let waiting = live.queue.len() as u64;
        drop(nobody_reads);
        looked.now += EXPIRY;
        let State::Live(live) = &mut looked.link.state else {
            panic!("the broker is away");
        };
        // As if the system had room again.
        live.stream = Stream::new(live.stream.tcp.try_clone().unwrap(), None);
        let _ = looked.link.flush(looked.now);
        assert_eq!(looked.link.counted().late, without_room + waiting);
    }
}
