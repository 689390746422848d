//! Processes of `groupcast` under test, and the groups they meet in.

use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use core::time::Duration;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long anything may take that should be there at once. Generous: machines that run tests are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A group of this process and of the test with this number.
pub(crate) fn group(test: u8) -> SocketAddrV4 {
    let process = std::process::id();
    let [.., high, low] = process.to_be_bytes();
    let port = 20_000 + u16::from(test) * 128 + u16::from(low & 0x7f);
    SocketAddrV4::new(Ipv4Addr::new(239, high, low, test), port)
}

/// A process that is not started yet. It uses the loopback interface.
pub(crate) fn command(group: SocketAddrV4) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_groupcast"));
    // What whoever runs the tests has set is not meant for them.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GROUPCAST_") {
            command.env_remove(name);
        }
    }
    command
        .env("GROUPCAST_CONFIG", "/dev/null")
        .env("GROUPCAST_INTERFACE", "127.0.0.1")
        .env("GROUPCAST_GROUP", group.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// How a process ended, and what it had still to say.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The counts of the summary line. It must add up.
    pub(crate) fn summary(&self) -> Summary {
        let line = self.stderr.lines().find(|l| l.starts_with("received="));
        let line = line.unwrap_or_else(|| panic!("no summary: {self:#?}"));
        let summary = Summary(line.to_owned());
        let parts = ["accepted", "raw", "own", "dropped"].map(|name| summary.count(name));
        assert_eq!(
            summary.count("received"),
            parts.iter().sum::<u64>(),
            "{self:#?}"
        );
        summary
    }
}

/// The line of counts at the end.
pub(crate) struct Summary(String);

impl Summary {
    /// The count of this name; 0 if it is not there.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let mut pairs = self.0.split(' ').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(key, _)| *key == name)
            .map_or(0, |(_, count)| count.parse().unwrap())
    }
}

/// Runs a command to its end.
pub(crate) fn run<A: AsRef<OsStr>>(
    group: SocketAddrV4,
    args: impl IntoIterator<Item = A>,
) -> Ended {
    Running::start(group, args).ended()
}

/// Runs a command to its end with this standard input.
pub(crate) fn run_with_input(group: SocketAddrV4, args: &[&str], input: &[u8]) -> Ended {
    let mut command = command(group);
    let mut running = Running::spawn(command.args(args).stdin(Stdio::piped()));
    running
        .child
        .stdin
        .take()
        .unwrap()
        .write_all(input)
        .unwrap();
    running.ended()
}

/// A process under test. It is killed if the test ends before it does.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    heard: Vec<String>,
}

impl Running {
    /// Starts a command.
    pub(crate) fn start<A: AsRef<OsStr>>(
        group: SocketAddrV4,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        Self::spawn(command(group).args(args))
    }

    /// Starts a command, and waits until it has joined.
    pub(crate) fn joined<A: AsRef<OsStr>>(
        group: SocketAddrV4,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut running = Self::start(group, args);
        running.wait_until_joined();
        running
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        Self {
            // None if it goes to a terminal.
            stdout: child.stdout.take().map_or_else(|| channel().1, lines),
            stderr: lines(child.stderr.take().unwrap()),
            child,
            heard: Vec::new(),
        }
    }

    /// Waits for the start-up line.
    pub(crate) fn wait_until_joined(&mut self) {
        self.wait_for_stderr("group ");
    }

    /// Waits for a line on standard error that begins like this.
    pub(crate) fn wait_for_stderr(&mut self, beginning: &str) {
        self.wait_for_stderr_that(|line| line.starts_with(beginning));
    }

    /// Waits for a line like this on standard error.
    pub(crate) fn wait_for_stderr_that(&mut self, is_it: impl Fn(&str) -> bool) {
        loop {
            let line = self.stderr.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("{error}; heard {:#?}", self.heard));
            self.heard.push(line);
            if self.heard.last().is_some_and(|line| is_it(line)) {
                return;
            }
        }
    }

    /// The next line on standard output.
    pub(crate) fn line(&mut self) -> String {
        let line = self.stdout.recv_timeout(PATIENCE);
        line.unwrap_or_else(|error| {
            panic!("{error}: {:#?}", self.stderr.try_iter().collect::<Vec<_>>())
        })
    }

    /// The next event of `--json` of this kind. Others are passed over.
    pub(crate) fn event(&mut self, kind: &str) -> Value {
        loop {
            let line = self.line();
            let event: Value = serde_json::from_str(&line).expect(&line);
            if event["event"] == kind {
                return event;
            }
        }
    }

    /// The next message, framed or raw. Others are passed over.
    pub(crate) fn message(&mut self) -> Value {
        loop {
            let line = self.line();
            let event: Value = serde_json::from_str(&line).expect(&line);
            if event["event"] == "message" || event["event"] == "raw" {
                return event;
            }
        }
    }

    /// A line on standard output if there is one within `patience`.
    pub(crate) fn line_within(&mut self, patience: Duration) -> Option<String> {
        self.stdout.recv_timeout(patience).ok()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Presses Ctrl-C, and waits for the end.
    pub(crate) fn interrupted(self) -> Ended {
        // What runs in the background ignores Ctrl-C from the start, and leaves that to what it starts.
        self.signal(if ignores(Signal::INT) {
            Signal::TERM
        } else {
            Signal::INT
        });
        self.ended()
    }

    /// Asks it to end as the system does at shut-down.
    pub(crate) fn terminated(self) -> Ended {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Ends it without a chance to say good-bye.
    pub(crate) fn killed(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Closes the reading end of its standard output.
    pub(crate) fn deafen(&mut self) {
        self.stdout = channel().1;
    }

    /// Waits for the end.
    pub(crate) fn ended(mut self) -> Ended {
        let end = Instant::now() + PATIENCE;
        let rest = |lines: &Receiver<String>| {
            let mut rest = Vec::new();
            loop {
                match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                    Ok(line) => rest.push(line),
                    Err(RecvTimeoutError::Disconnected) => return rest,
                    Err(RecvTimeoutError::Timeout) => panic!("it did not end; it said {rest:#?}"),
                }
            }
        };
        let stdout = rest(&self.stdout);
        self.heard.extend(rest(&self.stderr));
        // Both outputs are closed, so the process ends now.
        let code = self.child.wait().unwrap().code();
        Ended {
            code,
            stdout,
            stderr: self.heard.join("\n"),
        }
    }
}

/// Whether this process, and so its children, began with this signal ignored, as what runs in the background or
/// under `nohup` does; on Linux.
pub(crate) fn ignores(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let bit = signal.as_raw() - 1;
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() >> bit & 1 != 0)
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines as they come; the channel closes with the pipe, and the pipe with the channel.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n') {
            let line = String::from_utf8(line.unwrap()).unwrap();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A socket of another program that sends raw datagrams by the loopback interface.
pub(crate) fn stranger() -> UdpSocket {
    // Bound to an address of the interface, so multicast leaves by it.
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// A socket of another program that hears the group, and shares its port with nobody.
pub(crate) fn plain_listener(group: SocketAddrV4) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, group.port())).unwrap();
    socket
        .join_multicast_v4(group.ip(), &Ipv4Addr::LOCALHOST)
        .unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// The next datagram.
pub(crate) fn datagram(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_536];
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    buffer.truncate(length);
    (buffer, from)
}
