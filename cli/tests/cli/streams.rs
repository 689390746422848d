//! What becomes of a command whose streams nobody has at the other end.

use core::net::SocketAddrV4;
use core::time::Duration;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::process::{PATIENCE, Running, command, group, ignores};

/// A terminal: the end of the person, and that of programs.
pub(crate) fn terminal() -> (OwnedFd, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    // Or a process that another test starts has the person's end, too, and keeps it.
    #[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "netbsd"))]
    let flags = flags | OpenptFlags::CLOEXEC;
    let person = openpt(flags).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let programs = open(
        name,
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .unwrap();
    (person, programs)
}

/// Standard error that cannot be written.
#[derive(Clone, Copy, Debug)]
enum Lost {
    Closed,
    Full,
    TerminalGone,
}

impl Lost {
    const ALL: [Self; 3] = [Self::Closed, Self::Full, Self::TerminalGone];

    /// The command with such a standard error.
    fn command(self, group: SocketAddrV4) -> Command {
        let mut command = command(group);
        match self {
            Self::Closed => {
                // Shells can close it, and Rust cannot.
                let mut shell = Command::new("sh");
                shell.args(["-c", "exec \"$@\" 2>&-", "sh"]);
                shell.arg(command.get_program()).args(command.get_args());
                shell.env("GROUPCAST_INTERFACE", "127.0.0.1");
                shell.env("GROUPCAST_GROUP", group.to_string());
                shell.stdin(Stdio::null()).stdout(Stdio::piped());
                return shell;
            }
            // Not every system has it.
            Self::Full => match File::options().write(true).open("/dev/full") {
                Ok(full) => command.stderr(full),
                Err(_) => command.stderr(Stdio::null()),
            },
            Self::TerminalGone => {
                let (person, programs) = terminal();
                drop(person);
                command.stderr(programs)
            }
        };
        command
    }
}

/// A file of this test, in a directory that it removes.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("groupcast-streams-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How a process ends, if it does in time. It is killed if not.
fn end_of(child: &mut Child) -> Option<i32> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

#[test]
fn standard_error_that_cannot_be_written_changes_nothing() {
    let (group, directory) = (group(220), Directory::new("stderr"));
    let key = directory.file("sign.key");
    let keygen = command(group).args(["keygen", "--sign"]).output().unwrap();
    fs::write(&key, keygen.stdout).unwrap();
    // Or it is refused.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let capture = directory.file("a.pcapng");
    let _ear = Running::joined(group, ["listen", "--name", "ear"]);
    let cut = directory.file("cut.pcapng");
    let recorded = Running::joined(group, ["record", &capture, "--count", "2"]);
    recorded.ended().expect(0);
    let whole = fs::read(&capture).unwrap();
    fs::write(&cut, &whole[..whole.len() - 1]).unwrap();

    let recording = directory.file("b.pcapng");
    let bench: &[&str] = &["--seconds", "0.2", "--receivers", "1"];
    let cases: [(&[&str], &[&str], i32); 28] = [
        (&["demo"], &[], 0),
        (&["listen", "-v", "--timeout", "0.3"], &[], 0),
        (&["listen", "--timeout", "0.1", "--count", "9999"], &[], 3),
        (&["send", "-v", "hello"], &[], 0),
        (&["send", "--raw", "hello"], &[], 0),
        (
            &["send", "--class", "state", "--expect", "9"],
            &["--timeout", "0.1", "x"],
            3,
        ),
        (&["send", "--file", "/nonsense"], &[], 2),
        (&["chat", "--plain"], &[], 0),
        (&["pipe"], &[], 0),
        (&["members", "--timeout", "2"], &[], 0),
        (&["ping", "ear", "--count", "1"], &[], 0),
        (&["ping", "nobody", "--count", "1"], &[], 3),
        (&["top", "--once", "--timeout", "0.3"], &[], 0),
        (&["record", &recording, "--count", "1"], &[], 0),
        (&["read", &capture], &[], 0),
        (&["read", &cut], &["--json"], 0),
        (&["replay", &capture, "--speed", "max"], &[], 0),
        (&["replay", &cut, "--speed", "max"], &[], 0),
        (&["interfaces"], &[], 0),
        (&["doctor"], &["--report"], 0),
        (&["sim", "--seconds", "1"], &[], 0),
        (&["bench", "throughput"], bench, 0),
        (&["keygen"], &[], 0),
        (&["keygen", "--public", &key], &[], 0),
        (&["completions", "bash"], &[], 0),
        (&["man"], &[], 0),
        (&["shout"], &[], 2),
        (&["listen", "--interface", "nonsense0"], &[], 2),
    ];
    for (args, more, code) in cases {
        // Side by side, since most of them wait for something.
        let started = Lost::ALL.map(|lost| {
            // Two measurements would disturb each other.
            let group = match args[0] {
                "bench" => self::group(226 + lost as u8),
                _ => group,
            };
            let mut child = lost.command(group).args(args).args(more).spawn().unwrap();
            let mut stdout = child.stdout.take().unwrap();
            let reader = std::thread::spawn(move || {
                let mut said = Vec::new();
                stdout.read_to_end(&mut said).unwrap();
                said
            });
            (lost, child, reader)
        });
        for (lost, mut child, reader) in started {
            assert_eq!(end_of(&mut child), Some(code), "{args:?} {lost:?}");
            let said = reader.join().unwrap();
            let has_result = !matches!(args[0], "send" | "listen" | "chat" | "record" | "replay");
            if has_result && code == 0 {
                assert!(!said.is_empty(), "{args:?} {lost:?}");
            }
        }
    }
}

#[test]
fn help_that_cannot_be_printed_is_exit_1() {
    if let Ok(full) = File::options().write(true).open("/dev/full") {
        let status = command(group(221)).arg("--help").stdout(full).status();
        assert_eq!(status.unwrap().code(), Some(1));
    }
}

#[test]
fn without_its_terminal_every_command_ends_politely() {
    let group = group(222);
    let commands: [&[&str]; 6] = [
        &["chat"],
        &["chat", "--plain"],
        &["top"],
        &["listen"],
        &["members", "--watch"],
        &["ping", "--interval", "0.25"],
    ];
    for args in commands {
        let mut witness = Running::joined(group, ["listen", "--name", "witness"]);
        let (person, programs) = terminal();
        // It is not the controlling terminal of anybody: nobody gets a signal when it goes.
        let end = || Stdio::from(programs.try_clone().unwrap());
        let mut command = command(group);
        command.args(args);
        if args[0] != "top" {
            command.args(["--name", "gone"]);
        }
        command.env("TERM", "xterm");
        let mut child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        drop(command);
        drop(programs);
        let is_member = args[0] != "top";
        if is_member {
            while !witness.line().starts_with("* gone joined") {}
        } else {
            std::thread::sleep(Duration::from_millis(500));
        }
        drop(person);
        // Something to say, of which it learns that nobody reads it.
        let other = Running::joined(group, ["listen", "--name", "other"]);
        assert_eq!(end_of(&mut child), Some(0), "{args:?}");
        if is_member {
            while !witness.line().starts_with("* gone left") {}
        }
        other.interrupted().expect(0);
        witness.interrupted().expect(0);
    }
}

/// Starts it with these signals ignored, as `nohup` and shells do.
fn ignoring(signals: &str, group: SocketAddrV4, args: &[&str]) -> Running {
    let groupcast = command(group);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("trap '' {signals}; exec \"$@\""), "sh"]);
    shell
        .arg(groupcast.get_program())
        .args(groupcast.get_args());
    shell.env("GROUPCAST_INTERFACE", "127.0.0.1").args(args);
    shell.env("GROUPCAST_GROUP", group.to_string());
    shell
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = Running::spawn(&mut shell);
    running.wait_until_joined();
    running
}

fn signal(running: &Running, signal: Signal) {
    let pid = i32::try_from(running.child.id()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

#[test]
fn signals_that_were_ignored_stay_ignored() {
    for (ignored, sent) in [
        ("HUP", &[Signal::HUP][..]),
        ("INT", &[Signal::INT]),
        ("HUP INT", &[Signal::HUP, Signal::INT, Signal::HUP]),
    ] {
        let mut listener = ignoring(ignored, group(223), &["listen"]);
        for sent in sent {
            signal(&listener, *sent);
        }
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(listener.child.try_wait().unwrap(), None, "{ignored}");
        listener.terminated().expect(0);
    }
}

#[test]
fn a_hangup_is_a_polite_end() {
    let mut listener = Running::joined(group(224), ["listen"]);
    signal(&listener, Signal::HUP);
    if ignores(Signal::HUP) {
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(listener.child.try_wait().unwrap(), None);
        signal(&listener, Signal::TERM);
    }
    listener.ended().expect(0).summary();
}

#[test]
fn waiting_for_a_fifo_can_be_interrupted() {
    let directory = Directory::new("fifo");
    let fifo = directory.file("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let commands: [&[&str]; 6] = [
        &["send", "--file", &fifo],
        &["record", &fifo],
        &["read", &fifo],
        &["replay", &fifo],
        &["listen", "--key-file", &fifo],
        &["listen", "--trust", &fifo],
    ];
    for args in commands {
        let waiting = Running::start(group(225), args);
        std::thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        // Nothing was done yet.
        waiting.interrupted().expect(130);
        assert!(begun.elapsed() < Duration::from_secs(5), "{args:?}");
    }
}
