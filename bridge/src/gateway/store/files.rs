//! A store in a directory.
//!
//! ```text
//! lock                    held while a program uses the directory
//! owner                   which gateway has it
//! checkpoint              a record of its own; written beside it and then renamed
//! 0000000000000000.log    records from that position on
//! 00000000000003e8.log    …
//! ```

use core::fmt;
use core::ops::Range;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::frame::{Frames, HEAD, LONGEST, frame, whole};
use super::{AppendError, Recovered, Store};

/// The file that is locked.
const LOCK: &str = "lock";

const CHECKPOINT: &str = "checkpoint";

/// The file that says whose it is.
const OWNER: &str = "owner";

/// A segment is a sixteenth of the store, within these bounds.
const SEGMENT: core::ops::RangeInclusive<u64> = (32 << 10)..=(64 << 20);

#[derive(Debug)]
struct Segment {
    first: u64,
    /// Where the next segment begins, or will.
    end: u64,
    bytes: u64,
}

/// Where reading goes on.
#[derive(Debug)]
struct Cursor {
    segment: u64,
    frames: Frames,
}

/// A store in a directory, which it has for itself.
#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    owner: String,
    limit: u64,
    segment: u64,
    /// The oldest first.
    segments: Vec<Segment>,
    /// The last of them.
    last: Option<File>,
    cursor: Option<Cursor>,
    next: u64,
    bytes: u64,
    /// As long as it is open, nobody else has the directory.
    lock: File,
}

/// Why a directory cannot be a store.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// Another program uses it.
    InUse(PathBuf),
    /// It is that of another gateway.
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: String,
    },
    /// The system refused.
    Io(PathBuf, io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(
                f,
                "{} is in use by another gateway; give each its own directory",
                path.display()
            ),
            Self::Foreign { path, owner } => write!(
                f,
                "{} is that of the gateway of {owner}; give this one a directory of its own, or delete that, and what waits in it, \
                 if the other is gone for good",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl core::error::Error for OpenError {}

impl Files {
    /// The store of this owner in this directory, which is made if it is not there, for so many bytes of records: 1 MiB at
    /// least. The owner is a line of text that says which gateway it is.
    ///
    /// # Errors
    ///
    /// Another program uses the directory, it has another owner, or the system refuses.
    pub fn open(directory: impl Into<PathBuf>, owner: &str, limit: u64) -> Result<Self, OpenError> {
        let directory = directory.into();
        let lock = take(&directory, owner)?;
        let limit = limit.max(1 << 20);
        Ok(Self {
            directory,
            owner: owner.to_owned(),
            limit,
            segment: (limit / 16).clamp(*SEGMENT.start(), *SEGMENT.end()),
            segments: Vec::new(),
            last: None,
            cursor: None,
            next: 0,
            bytes: 0,
            lock,
        })
    }

    fn path(&self, first: u64) -> PathBuf {
        self.directory.join(name(first))
    }

    /// Whether everything still has its name.
    fn is_there(&self) -> io::Result<bool> {
        if !is_at(&self.lock, &self.directory.join(LOCK))? {
            return Ok(false);
        }
        for segment in &self.segments {
            if !self.path(segment.first).try_exists()? {
                return Ok(false);
            }
        }
        match (&self.last, self.segments.last()) {
            (Some(file), Some(segment)) => is_at(file, &self.path(segment.first)),
            _ => Ok(true),
        }
    }

    /// The checkpoint, or how many bytes of it make none.
    fn read_checkpoint(&self) -> io::Result<(Option<Vec<u8>>, u64)> {
        let octets = match fs::read(self.directory.join(CHECKPOINT)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, 0)),
            other => other?,
        };
        Ok(match whole(&octets) {
            Some((_, record)) => (Some(record.to_vec()), 0),
            // An empty one is damaged, too.
            None => (None, octets.len().max(1) as u64),
        })
    }

    fn start_segment(&mut self) -> io::Result<()> {
        if let Some(last) = self.last.take() {
            last.sync_data()?;
        }
        let first = self.next;
        let file = options()
            .create(true)
            .truncate(true)
            .open(self.path(first))?;
        sync_names(&self.directory)?;
        self.last = Some(file);
        self.segments.push(Segment {
            first,
            end: first,
            bytes: 0,
        });
        Ok(())
    }

    /// Appends to the last segment, and leaves it as it was if that fails.
    fn write(&mut self, record: &[u8]) -> io::Result<()> {
        let is_full = |segment: &Segment| segment.bytes >= self.segment;
        if self.last.is_none() || self.segments.last().is_none_or(is_full) {
            self.start_segment()?;
        }
        let (Some(file), Some(segment)) = (&mut self.last, self.segments.last_mut()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if let Err(error) = file.write_all(&frame(self.next, record)) {
            // Half of a record: it is cut off now, or else by whoever reads it.
            let cut = file.set_len(segment.bytes);
            let back = cut.and_then(|()| file.seek(SeekFrom::Start(segment.bytes)));
            if back.is_err() {
                self.last = None;
            }
            return Err(error);
        }
        segment.bytes += (HEAD + record.len()) as u64;
        segment.end += 1;
        Ok(())
    }
}

impl Store for Files {
    fn recover(&mut self) -> io::Result<Recovered> {
        let (checkpoint, damaged) = self.read_checkpoint()?;
        let mut recovered = Recovered {
            checkpoint,
            damaged,
            ..Recovered::default()
        };
        let found = find_segments(&self.directory)?;
        for (n, first) in found.iter().enumerate() {
            let path = self.path(*first);
            let size = fs::metadata(&path)?.len();
            let following = found.get(n + 1).copied();
            // None is shorter than its head.
            let most = first.saturating_add(size / HEAD as u64);
            let bound = following.unwrap_or(most);
            let mut frames = Frames::new(File::open(&path)?, *first);
            while frames.next(size, bound)?.is_some() {}
            let rest = size - frames.at;
            let mut bytes = size;
            recovered.damaged += frames.damaged;
            if following.is_some() || frames.is_exhausted(size) {
                recovered.damaged += rest;
            } else if rest > 0 {
                bytes = frames.at;
                OpenOptions::new().write(true).open(&path)?.set_len(bytes)?;
                recovered.torn += rest;
            }
            let end = following.unwrap_or(frames.position);
            self.segments.push(Segment {
                first: *first,
                end,
                bytes,
            });
            self.bytes += bytes;
            self.next = end;
        }
        // The last segment is written on only by who began it, so that what is torn there is its own.
        if let Some(last) = self.segments.last()
            && last.first == last.end
        {
            self.bytes -= last.bytes;
            fs::remove_file(self.path(last.first))?;
            self.segments.pop();
        }
        recovered.first = self
            .segments
            .first()
            .map_or(self.next, |segment| segment.first);
        recovered.end = self.next;
        Ok(recovered)
    }

    fn append(&mut self, record: &[u8]) -> Result<u64, AppendError> {
        if record.len() > LONGEST || self.bytes + (HEAD + record.len()) as u64 > self.limit {
            return Err(AppendError::Full);
        }
        self.write(record).map_err(AppendError::Io)?;
        let position = self.next;
        self.next += 1;
        self.bytes += (HEAD + record.len()) as u64;
        Ok(position)
    }

    fn read(&mut self, from: u64, bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
        let mut read = Vec::new();
        let (mut len, mut from) = (0, from);
        while (len < bytes || read.is_empty())
            && let Some(segment) = self.segments.iter().find(|segment| segment.end > from)
        {
            let (first, end, size) = (segment.first, segment.end, segment.bytes);
            let cursor = self.cursor.take();
            let is_before =
                |cursor: &Cursor| cursor.segment == first && cursor.frames.position <= from;
            let mut frames = match cursor.filter(is_before) {
                Some(cursor) => cursor.frames,
                None => Frames::new(File::open(self.path(first))?, first),
            };
            match frames.next(size, end)? {
                Some((position, record)) => {
                    if position >= from {
                        len += record.len();
                        from = position + 1;
                        read.push((position, record));
                    }
                    self.cursor = Some(Cursor {
                        segment: first,
                        frames,
                    });
                }
                // The rest of the segment is damaged.
                None => from = end,
            }
        }
        Ok(read)
    }

    fn save(&mut self, checkpoint: &[u8], release: u64) -> io::Result<()> {
        replace(&self.directory, CHECKPOINT, &frame(0, checkpoint))?;
        while let [segment, _, ..] = self.segments.as_slice()
            && segment.end <= release
        {
            fs::remove_file(self.path(segment.first))?;
            let gone = self.segments.remove(0);
            self.bytes -= gone.bytes;
            if self
                .cursor
                .as_ref()
                .is_some_and(|cursor| cursor.segment == gone.first)
            {
                self.cursor = None;
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if !self.is_there()? {
            let text = "its directory was removed, or files in it";
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        self.last.as_ref().map_or(Ok(()), File::sync_data)
    }

    fn renew(&mut self, is_needed: bool) -> io::Result<Vec<Range<u64>>> {
        if self.is_there()? {
            return Ok(Vec::new());
        }
        make(&self.directory)?;
        if !is_at(&self.lock, &self.directory.join(LOCK))? {
            self.lock = take(&self.directory, &self.owner).map_err(io::Error::other)?;
        }
        self.cursor = None;
        if let (Some(file), Some(segment)) = (&mut self.last, self.segments.last()) {
            let path = self.directory.join(name(segment.first));
            if is_needed && !is_at(file, &path)? {
                // It has no name, but as long as it is open it can be read.
                file.seek(SeekFrom::Start(0))?;
                let mut new = options().create(true).truncate(true).open(path)?;
                io::copy(&mut file.take(segment.bytes), &mut new)?;
                new.sync_data()?;
                self.last = Some(new);
            } else if !is_at(file, &path)? {
                // There may be no room for two of it.
                let _ = fs::remove_file(path);
                self.last = None;
            }
        }
        let (mut there, mut lost) = (Vec::new(), Vec::new());
        for segment in core::mem::take(&mut self.segments) {
            if self.path(segment.first).exists() {
                there.push(segment);
            } else {
                self.bytes -= segment.bytes;
                lost.push(segment.first..segment.end);
            }
        }
        self.segments = there;
        sync_names(&self.directory)?;
        Ok(lost)
    }

    fn advance(&mut self, position: u64) {
        if position > self.next {
            self.next = position;
            self.last = None;
            if let Some(segment) = self.segments.last_mut() {
                segment.end = position;
            }
        }
    }

    fn end(&self) -> u64 {
        self.next
    }

    fn releasable(&self) -> Option<u64> {
        match self.segments.as_slice() {
            [first, _, ..] => Some(first.end),
            _ => None,
        }
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// What it holds is nobody else's business: it may come from a sealed group.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// The lock of this directory, which is made if it is not there, and has this owner from now on if there
/// is nothing of another's.
fn take(directory: &Path, owner: &str) -> Result<File, OpenError> {
    let io = |error| OpenError::Io(directory.to_owned(), error);
    make(directory).map_err(io)?;
    let lock = options().create(true).open(directory.join(LOCK));
    let lock = lock.map_err(io)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => return Err(io(error)),
    }
    match fs::read(directory.join(OWNER)) {
        Ok(text) if text == owner.as_bytes() => Ok(lock),
        Ok(text) if !is_empty(directory).map_err(io)? => Err(OpenError::Foreign {
            path: directory.to_owned(),
            owner: String::from_utf8_lossy(&text).escape_debug().to_string(),
        }),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io(error)),
        _ => {
            replace(directory, OWNER, owner.as_bytes()).map_err(io)?;
            Ok(lock)
        }
    }
}

/// Whether nobody kept anything there.
fn is_empty(directory: &Path) -> io::Result<bool> {
    let is_kept = directory.join(CHECKPOINT).try_exists()?;
    Ok(!is_kept && find_segments(directory)?.is_empty())
}

/// The segments that are there, by the position of their first record.
fn find_segments(directory: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(".log"));
        let digits = digits.filter(|digits| digits.len() == 16);
        found.extend(digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()));
    }
    found.sort_unstable();
    Ok(found)
}

/// Writes a file of a directory, whole or not at all.
fn replace(directory: &Path, name: &str, octets: &[u8]) -> io::Result<()> {
    let new = directory.join(format!("{name}.new"));
    let mut file = options().create(true).truncate(true).open(&new)?;
    file.write_all(octets)?;
    // Otherwise a machine that loses power may have renamed a file that is empty.
    file.sync_data()?;
    drop(file);
    fs::rename(&new, directory.join(name))?;
    sync_names(directory)
}

fn name(first: u64) -> String {
    format!("{first:016x}.log")
}

/// Whether this path is still that of the open file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let there = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let open = file.metadata()?;
        Ok((open.dev(), open.ino()) == (there.dev(), there.ino()))
    }
    // Elsewhere a file that is open keeps its name.
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(there.is_file())
    }
}

/// Makes sure that the names in a directory are on the disk.
fn sync_names(directory: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened.
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    let _ = directory;
    Ok(())
}
