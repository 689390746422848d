//! The files of a recording: one, or one after the other.

use core::cell::Cell;
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use groupcast_sim::Capture;

use super::options::Record;
use crate::network::recording::STANDARD;
use crate::process::failure::Failure;
use crate::process::signal;

/// What the file says made it.
const APPLICATION: &str = concat!("groupcast ", env!("CARGO_PKG_VERSION"));

/// Bytes that a datagram takes in a file at most, beside its own: those of its block and its IP and UDP headers.
const AROUND: u64 = 100;

/// Where it is written to, and how much was.
struct Counted<W> {
    to: W,
    written: Rc<Cell<u64>>,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let count = self.to.write(octets)?;
        self.written.set(self.written.get() + count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The file that is written, and those before it.
pub(super) struct Files<'o> {
    options: &'o Record,
    interface: String,
    capture: Capture<Counted<BufWriter<Box<dyn Write>>>>,
    path: PathBuf,
    written: Rc<Cell<u64>>,
    /// When it was begun, and whether there is a datagram in it.
    begun: Instant,
    is_used: bool,
    /// How many there were, and which are kept.
    pub(super) count: u64,
    kept: VecDeque<PathBuf>,
}

impl<'o> Files<'o> {
    /// Begins the first file.
    pub(super) fn create(options: &'o Record, interface: &str) -> Result<Self, Failure> {
        let is_stream = options.file == Path::new(STANDARD);
        if is_stream && stdout().is_terminal() {
            return Err(Failure::Settings(
                "a capture is nothing for a terminal: name a file, or pipe it to a program, as in \
                 `groupcast record - | groupcast read -`"
                    .to_owned(),
            ));
        }
        if is_stream && options.rotates() {
            let text =
                "standard output is one file: --rotate-bytes and --rotate-seconds need a name";
            return Err(Failure::Settings(text.to_owned()));
        }
        let path = options.path(1);
        let (capture, written) = begin(&path, interface)?;
        Ok(Self {
            options,
            interface: interface.to_owned(),
            capture,
            kept: VecDeque::from([path.clone()]),
            path,
            written,
            begun: Instant::now(),
            is_used: false,
            count: 1,
        })
    }

    /// Writes a datagram, in another file if this one has enough.
    pub(super) fn write(
        &mut self,
        time: Duration,
        source: SocketAddr,
        group: SocketAddr,
        hop_limit: u8,
        datagram: &[u8],
    ) -> Result<(), Failure> {
        let after = self.written.get() + AROUND + datagram.len() as u64;
        let Record {
            rotate_bytes,
            rotate_seconds,
            ..
        } = self.options;
        let is_full = rotate_bytes.is_some_and(|most| after > most.get())
            || rotate_seconds.is_some_and(|most| self.begun.elapsed() >= most);
        if self.is_used && is_full {
            self.rotate()?;
        }
        self.is_used = true;
        let written = self.capture.write(time, source, group, hop_limit, datagram);
        written.map_err(|error| failure(&self.path, &error))
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.capture.flush();
        flushed.map_err(|error| failure(&self.path, &error))
    }

    fn rotate(&mut self) -> Result<(), Failure> {
        self.flush()?;
        self.count += 1;
        self.path = self.options.path(self.count);
        (self.capture, self.written) = begin(&self.path, &self.interface)?;
        (self.begun, self.is_used) = (Instant::now(), false);
        self.kept.push_back(self.path.clone());
        let keep = self
            .options
            .keep
            .map_or(usize::MAX, core::num::NonZeroUsize::get);
        while self.kept.len() > keep {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            // One that somebody has taken away is no trouble.
            if let Err(error) = fs::remove_file(&oldest)
                && error.kind() != io::ErrorKind::NotFound
            {
                let oldest = oldest.display();
                return Err(Failure::Trouble(format!("cannot remove {oldest}: {error}")));
            }
        }
        Ok(())
    }
}

type Begun = (Capture<Counted<BufWriter<Box<dyn Write>>>>, Rc<Cell<u64>>);

fn begin(path: &Path, interface: &str) -> Result<Begun, Failure> {
    let to: Box<dyn Write> = if path == Path::new(STANDARD) {
        Box::new(stdout().lock())
    } else {
        // Of a FIFO, that waits for whoever reads it.
        let file = signal::ends_at_once(|| File::create(path)).map_err(|error| {
            Failure::Settings(format!("cannot write {}: {error}", path.display()))
        })?;
        Box::new(file)
    };
    let written = Rc::new(Cell::new(0));
    let to = Counted {
        to: BufWriter::new(to),
        written: Rc::clone(&written),
    };
    let mut capture =
        Capture::new(to, APPLICATION, interface).map_err(|error| failure(path, &error))?;
    // A program that reads along wants the beginning now.
    capture.flush().map_err(|error| failure(path, &error))?;
    Ok((capture, written))
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::OutputClosed;
    }
    Failure::Trouble(format!("cannot write {}: {error}", path.display()))
}
