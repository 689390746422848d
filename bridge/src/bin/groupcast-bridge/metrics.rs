//! Answers Prometheus: the counters as text over HTTP, in the thread that does everything else. Whoever is slow or asks for
//! something else is bounded in number, bytes and time.

mod exposition;
mod request;

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;

use groupcast::Instant;

use crate::failure::Failure;
use crate::wait::Handle;
pub(crate) use exposition::Exposition;
use request::Request;

/// How many may ask at once. One more, and the one that came first is dropped.
const MOST_CLIENTS: usize = 8;

/// How long one may take for its question and our answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of a question.
const LONGEST_REQUEST: usize = 4096;

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    since: Instant,
    request: Vec<u8>,
    /// What is left to write of the answer, once the question is there.
    answer: Option<Vec<u8>>,
}

/// The counters, for whoever asks.
#[derive(Debug)]
pub(crate) struct Metrics {
    listener: TcpListener,
    clients: Vec<Client>,
}

impl Metrics {
    pub(crate) fn new(address: SocketAddr) -> Result<Self, Failure> {
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = listen().map_err(|error: io::Error| {
            Failure::Settings(format!("cannot answer Prometheus at {address}: {error}"))
        })?;
        Ok(Self {
            listener,
            clients: Vec::new(),
        })
    }

    /// What to wait for.
    pub(crate) fn handles(&self) -> impl Iterator<Item = Handle<'_>> {
        let clients = self.clients.iter().map(|client| Handle {
            fd: client.stream.as_fd(),
            reads: true,
            writes: client.answer.is_some(),
        });
        let listener = Handle::to_read(self.listener.as_fd());
        clients.chain([listener])
    }

    /// Does what can be done now.
    pub(crate) fn poll(&mut self, now: Instant, text: impl Fn() -> String) {
        for _ in 0..MOST_CLIENTS {
            let Ok((stream, _)) = self.listener.accept() else {
                break;
            };
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            if self.clients.len() >= MOST_CLIENTS {
                self.clients.remove(0);
            }
            self.clients.push(Client {
                stream,
                since: now,
                request: Vec::new(),
                answer: None,
            });
        }
        self.clients.retain_mut(|client| {
            now.since(client.since) < PATIENCE && client.go_on(&text).unwrap_or(false)
        });
    }
}

impl Client {
    /// Whether there is more to do for it.
    fn go_on(&mut self, text: &impl Fn() -> String) -> io::Result<bool> {
        if self.answer.is_none() {
            let Some(request) = self.read()? else {
                return Ok(true);
            };
            self.answer = Some(request.answer(text));
        }
        let Some(answer) = &mut self.answer else {
            return Ok(true);
        };
        while !answer.is_empty() {
            match self.stream.write(answer) {
                Ok(0) => return Ok(false),
                Ok(length) => drop(answer.drain(..length)),
                Err(error) => return is_later(error).map(|()| true),
            }
        }
        self.stream.shutdown(Shutdown::Write)?;
        Ok(false)
    }

    /// The question, once it is there as a whole, or too long for one.
    fn read(&mut self) -> io::Result<Option<Request>> {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.request.extend_from_slice(&buffer[..length]),
                Err(error) => {
                    is_later(error)?;
                    return Ok(None);
                }
            }
            if let Some(request) = Request::read(&self.request) {
                return Ok(Some(request));
            }
            if self.request.len() > LONGEST_REQUEST {
                return Ok(Some(Request::TooLong));
            }
        }
    }
}

fn is_later(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(()),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> (Metrics, SocketAddr) {
        let metrics = Metrics::new("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = metrics.listener.local_addr().unwrap();
        (metrics, address)
    }

    fn ask(address: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }

    /// Until this client has its answer.
    fn answer(metrics: &mut Metrics, stream: &mut TcpStream) -> String {
        stream.set_nonblocking(true).unwrap();
        let mut all = Vec::new();
        for _ in 0..6_000 {
            metrics.poll(Instant::from_secs(1), || "a_total 7\n".to_owned());
            match stream.read_to_end(&mut all) {
                Ok(_) => return String::from_utf8(all).unwrap(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // It had more to say than was read.
                Err(_) if !all.is_empty() => return String::from_utf8(all).unwrap(),
                Err(error) => panic!("{error}"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("no answer");
    }

    #[test]
    fn whoever_asks_for_the_metrics_has_them() {
        let (mut metrics, address) = metrics();
        let mut stream = ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = answer(&mut metrics, &mut stream);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("text/plain; version=0.0.4"), "{head}");
        assert!(head.contains("Content-Length: 10"), "{head}");
        assert_eq!(body, "a_total 7\n");
        assert!(metrics.clients.is_empty());
    }

    #[test]
    fn whoever_says_nothing_or_too_much_is_dropped_and_keeps_nobody_waiting() {
        let (mut metrics, address) = metrics();
        let silent: Vec<_> = (0..3 * MOST_CLIENTS)
            .map(|_| ask(address, "GET "))
            .collect();
        let mut stream = ask(address, "GET /metrics HTTP/1.0\n\n");
        assert!(answer(&mut metrics, &mut stream).contains(" 200 "));
        assert!(!metrics.clients.is_empty() && metrics.clients.len() <= MOST_CLIENTS);
        let late = Instant::from_secs(1) + PATIENCE;
        metrics.poll(late, || unreachable!("nobody asks"));
        assert!(metrics.clients.is_empty());
        drop(silent);
        let mut long = ask(address, &"x".repeat(LONGEST_REQUEST + 1));
        assert!(answer(&mut metrics, &mut long).contains(" 431 "));
    }

    #[test]
    fn an_address_that_another_program_has_is_refused() {
        let (_metrics, address) = metrics();
        assert!(matches!(Metrics::new(address), Err(Failure::Settings(_))));
    }
}
