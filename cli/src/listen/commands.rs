//! `--exec`: a command for each message, by threads of their own, so that none holds up the member.
//!
//! What others say goes to standard input and into variables of the environment, never into the command's text.

use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::letter::Letter;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::text::escape::escaped;

/// Messages that wait for a command at most, and their bytes.
const WAITING: usize = 1024;
const OCTETS: usize = 8 * 1024 * 1024;

/// How long the end may wait for commands in silence.
const SILENCE: Duration = Duration::from_secs(1);

/// All variables there are. One that a message does not have is not set, whatever it was before.
const NAMES: [&str; 11] = [
    "MESSAGE_ADDRESS",
    "MESSAGE_BYTES",
    "MESSAGE_CHANNEL",
    "MESSAGE_CLASS",
    "MESSAGE_FILE",
    "MESSAGE_FROM",
    "MESSAGE_SENDER",
    "MESSAGE_SEQUENCE",
    "MESSAGE_SESSION",
    "MESSAGE_SIGNED_BY",
    "MESSAGE_TIME",
];

/// A message that waits for its command.
#[derive(Debug)]
struct Job {
    from: String,
    variables: Vec<(&'static str, String)>,
    payload: Vec<u8>,
}

impl Job {
    fn of(letter: &Letter<'_>) -> Self {
        let mut variables = vec![
            ("MESSAGE_ADDRESS", letter.address.to_string()),
            ("MESSAGE_BYTES", letter.payload.len().to_string()),
            ("MESSAGE_FROM", letter.from.clone()),
            ("MESSAGE_TIME", format!("{:.3}", letter.millis as f64 / 1e3)),
        ];
        if let Some(member) = letter.member {
            variables.extend([
                ("MESSAGE_CHANNEL", member.channel.number().to_string()),
                ("MESSAGE_CLASS", member.channel.class().name().to_owned()),
                ("MESSAGE_SENDER", member.sender.to_string()),
                ("MESSAGE_SEQUENCE", member.sequence.to_string()),
            ]);
            let session = member.session.map(|session| session.to_string());
            variables.extend(session.map(|session| ("MESSAGE_SESSION", session)));
        }
        let signed = letter.signed_by.map(str::to_owned);
        variables.extend(signed.map(|publisher| ("MESSAGE_SIGNED_BY", publisher)));
        let file = letter.file.clone();
        variables.extend(file.map(|file| ("MESSAGE_FILE", file)));
        Self {
            from: letter.from.clone(),
            variables,
            payload: letter.payload.to_vec(),
        }
    }
}

/// What the threads share.
#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Job>,
    octets: usize,
    running: usize,
    ran: u64,
    failed: u64,
    is_over: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    /// A thread that panicked has left nothing half done here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>, limit: Duration) -> MutexGuard<'s, State> {
        let waited = self.changed.wait_timeout(state, limit);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The commands that run and those that wait.
#[derive(Debug)]
pub(super) struct Commands {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    was_full: bool,
}

impl Commands {
    /// So many run at once. `aside`: what they print does not go between the results.
    pub(super) fn new(command: &str, at_once: u8, aside: bool) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = (0..at_once).map(|_| {
            let (shared, command) = (Arc::clone(&shared), command.to_owned());
            std::thread::spawn(move || work(&shared, &command, aside))
        });
        Self {
            threads: threads.collect(),
            shared,
            was_full: false,
        }
    }

    /// Has the command run for a message, as soon as those before it have begun.
    pub(super) fn run(&self, letter: &Letter<'_>) {
        let job = Job::of(letter);
        let mut state = self.shared.lock();
        state.octets += job.payload.len();
        state.waiting.push_back(job);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Whether so many wait that no more is to be taken. If so, waits a moment.
    pub(super) fn are_full(&mut self) -> bool {
        let state = self.shared.lock();
        if state.waiting.len() < WAITING && state.octets < OCTETS {
            return false;
        }
        if !self.was_full {
            self.was_full = true;
            aside!(
                "groupcast: {} messages wait for commands, and no more is taken until some are done; what is missed \
                 of reliable streams is told as a gap",
                state.waiting.len()
            );
        }
        drop(self.shared.wait(state, signal::LOOK));
        true
    }

    /// Waits until all have run. Those that failed are a failure.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut is_said = false;
        let mut state = self.shared.lock();
        state.is_over = true;
        self.shared.changed.notify_all();
        // Who asked it to end before waits for what runs, and can ask again; else the first time is enough.
        let was_asked = signal::end_requested();
        loop {
            if !was_asked && signal::end_requested() {
                return Err(Failure::Unmet(
                    "ended before all commands were done".to_owned(),
                ));
            }
            let left = state.waiting.len() + state.running;
            if left == 0 {
                break;
            }
            if !is_said && begun.elapsed() >= SILENCE {
                is_said = true;
                aside!("groupcast: waiting for {left} commands; Ctrl-C ends this without them");
            }
            state = self.shared.wait(state, signal::LOOK);
        }
        let (ran, failed) = (state.ran, state.failed);
        drop(state);
        for thread in self.threads {
            // It has nothing to tell that the state does not.
            let _ = thread.join();
        }
        if failed > 0 {
            return Err(Failure::Unmet(format!("{failed} of {ran} commands failed")));
        }
        Ok(())
    }
}

fn work(shared: &Shared, command: &str, aside: bool) {
    let mut state = shared.lock();
    loop {
        let Some(job) = state.waiting.pop_front() else {
            if state.is_over {
                return;
            }
            state = shared.wait(state, signal::LOOK * 100);
            continue;
        };
        state.octets -= job.payload.len();
        state.running += 1;
        drop(state);
        let why = match run(command, &job, aside) {
            Ok(status) if status.success() => None,
            Ok(status) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = &why {
            aside!(
                "groupcast: the command for a message of {} failed: {why}",
                escaped(&job.from)
            );
        }
        state = shared.lock();
        state.running -= 1;
        state.ran += 1;
        state.failed += u64::from(why.is_some());
        shared.changed.notify_all();
    }
}

fn run(text: &str, job: &Job, aside: bool) -> io::Result<ExitStatus> {
    let mut command = shell(text);
    for name in NAMES {
        command.env_remove(name);
    }
    command.envs(job.variables.iter().map(|(name, value)| (name, value)));
    if aside {
        command.stdout(io::stderr());
    }
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    // Whoever does not read it does not want it.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(&job.payload);
    }
    child.wait()
}

#[cfg(unix)]
fn shell(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(text);
    command
}

/// The shell there reads what is in variables as if it were typed, so there is none: words between spaces.
#[cfg(not(unix))]
fn shell(text: &str) -> Command {
    let mut words = text.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letters;
    use super::*;

    #[test]
    fn every_variable_is_known() {
        let [mut framed, raw] = letters("ana", b"text");
        (framed.file, framed.signed_by) = (Some("f".to_owned()), Some("boss"));
        let mut names: Vec<_> = Job::of(&framed).variables.iter().map(|(n, _)| *n).collect();
        names.sort_unstable();
        assert_eq!(names, NAMES);
        assert_eq!(Job::of(&raw).variables.len(), 4);
    }
}
