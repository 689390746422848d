//! Lines that wait for whoever reads them, so that nobody else has to.

use core::time::Duration;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

/// Between attempts to write to what has no room and does not wait.
const PAUSE: Duration = Duration::from_millis(5);

/// Bytes that a thread of its own writes.
#[derive(Debug)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    /// How many bytes are being written.
    writing: usize,
    /// Why no more is written.
    error: Option<io::Error>,
    /// Nothing more comes.
    is_over: bool,
}

impl State {
    const fn len(&self) -> usize {
        self.waiting.len() + self.writing
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    pub(super) fn new(to: impl Write + Send + 'static) -> io::Result<Self> {
        let state = Mutex::new(State::default());
        let changed = Condvar::new();
        let shared = Arc::new(Shared { state, changed });
        let writers = Arc::clone(&shared);
        thread::Builder::new().spawn(move || write_all_of(&writers, to))?;
        Ok(Self(shared))
    }

    /// Adds all of `octets`, and empties it. `Err`: what came before cannot be written.
    pub(super) fn push(&self, octets: &mut Vec<u8>) -> Result<(), io::Error> {
        let mut state = self.0.state();
        if let Some(error) = &state.error {
            return Err(again(error));
        }
        if !octets.is_empty() {
            state.waiting.append(octets);
            self.0.changed.notify_all();
        }
        Ok(())
    }

    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.0.state().len()
    }

    /// Waits until no more than this many bytes wait, for `limit` at most. Whether it is so.
    pub(super) fn wait(&self, most: usize, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut state = self.0.state();
        loop {
            if state.len() <= most || state.error.is_some() {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.state().is_over = true;
        self.0.changed.notify_all();
    }
}

/// The same error once more.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

/// Writes what comes, until there is no more, or it cannot be written.
fn write_all_of(shared: &Shared, mut to: impl Write) {
    loop {
        let mut state = shared.state();
        while state.waiting.is_empty() && !state.is_over {
            let waited = shared.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if state.waiting.is_empty() {
            return;
        }
        let octets = core::mem::take(&mut state.waiting);
        state.writing = octets.len();
        drop(state);
        let written = write(&mut to, &octets);
        let mut state = shared.state();
        state.writing = 0;
        state.error = written.err();
        shared.changed.notify_all();
        if state.error.is_some() {
            return;
        }
    }
}

/// Writes all of it, also to what would rather be asked again than waited for, as pipes of some programs.
fn write(to: &mut impl Write, mut octets: &[u8]) -> io::Result<()> {
    loop {
        let done = if octets.is_empty() {
            to.flush().map(|()| 0)
        } else {
            to.write(octets)
        };
        match done {
            Ok(_) if octets.is_empty() => return Ok(()),
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => octets = octets.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// A pipe: what is written waits until it is read.
    struct Pipe(SyncSender<Vec<u8>>);

    impl Pipe {
        fn new() -> (Self, Receiver<Vec<u8>>) {
            let (sender, receiver) = sync_channel(0);
            (Self(sender), receiver)
        }
    }

    impl Write for Pipe {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let sent = self.0.send(octets.to_vec());
            sent.map(|()| octets.len())
                .map_err(|_| ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_whoever_does_not_read() {
        let (pipe, reader) = Pipe::new();
        let queue = Queue::new(pipe).unwrap();
        for number in 0..1000 {
            queue.push(&mut format!("{number}\n").into_bytes()).unwrap();
        }
        assert_eq!(queue.len(), 3890);
        assert!(!queue.wait(3889, Duration::from_millis(20)));
        let mut read = Vec::new();
        while read.len() < 3890 {
            read.extend(reader.recv_timeout(LONG).unwrap());
        }
        assert!(queue.wait(0, LONG));
        let lines = String::from_utf8(read).unwrap();
        assert!((0..1000).map(|number| number.to_string()).eq(lines.lines()));
    }

    #[test]
    fn whoever_reads_no_more_is_told_at_the_next_line() {
        let (pipe, reader) = Pipe::new();
        let queue = Queue::new(pipe).unwrap();
        drop(reader);
        queue.push(&mut b"lost\n".to_vec()).unwrap();
        assert!(queue.wait(0, LONG));
        for _ in 0..2 {
            let error = queue.push(&mut b"more\n".to_vec()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
    }

    /// Has room for three bytes each second time.
    struct Reluctant(Vec<u8>, bool);

    impl Write for Reluctant {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.0.extend(octets.iter().take(3));
            Ok(octets.len().min(3))
        }

        fn flush(&mut self) -> io::Result<()> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::WouldBlock.into());
            }
            Ok(())
        }
    }

    #[test]
    fn what_has_no_room_for_a_moment_is_asked_again() {
        let mut reluctant = Reluctant(Vec::new(), false);
        write(&mut reluctant, b"Hello, multicast!").unwrap();
        assert_eq!(reluctant.0, b"Hello, multicast!");
    }
}
