//! Where a gateway keeps what the broker does not have yet, so that it outlives the program.
//!
//! A store is a log of records and a checkpoint beside it. Records have positions, one after the other. A record is
//! written when it is appended, which a killed program survives, and is on the disk after [`Store::sync`], which a machine
//! that loses power survives. What is before the last released position may be deleted.

mod files;
mod frame;
mod memory;

use core::fmt;
use core::ops::Range;
use std::io;

pub use files::{Files, OpenError};
pub use memory::MemoryStore;

/// Where a gateway keeps what the broker does not have yet.
pub trait Store {
    /// What the store holds from before: asked for once, at the start.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn recover(&mut self) -> io::Result<Recovered>;

    /// Appends a record. Returns its position.
    ///
    /// # Errors
    ///
    /// It could not be appended, and what the log had before is as it was.
    fn append(&mut self, record: &[u8]) -> Result<u64, AppendError>;

    /// Records from this position on, in order and with their positions: about so many bytes of them, and one at least
    /// if there is any. What is damaged is left out.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    fn read(&mut self, from: u64, bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>>;

    /// Keeps this checkpoint instead of the one before, whole or not at all, and then deletes what it can of the log before
    /// the position `release`.
    ///
    /// # Errors
    ///
    /// The one before is kept.
    fn save(&mut self, checkpoint: &[u8], release: u64) -> io::Result<()>;

    /// Makes sure that all that was appended is on the disk, and will be found there.
    ///
    /// # Errors
    ///
    /// It may not be.
    fn sync(&mut self) -> io::Result<()>;

    /// Begins the store anew if it was removed: with what can be saved of it if that is needed, or empty. Returns the
    /// positions that are lost.
    ///
    /// # Errors
    ///
    /// It cannot be begun.
    fn renew(&mut self, is_needed: bool) -> io::Result<Vec<Range<u64>>>;

    /// The next record has this position, or a later one.
    fn advance(&mut self, position: u64);

    /// Whether anything is kept at all.
    fn is_store(&self) -> bool {
        true
    }

    /// The position that the next record will have.
    fn end(&self) -> u64;

    /// How far to release the log so that something can be deleted, if anything can.
    fn releasable(&self) -> Option<u64>;

    /// Bytes of the log.
    fn bytes(&self) -> u64;
}

/// What a store holds from before.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Recovered {
    /// The last checkpoint.
    pub checkpoint: Option<Vec<u8>>,
    /// The position of the first record that is still there.
    pub first: u64,
    /// The position that the next record will have.
    pub end: u64,
    /// Bytes that were cut off the end of the log, where a record was not written whole.
    pub torn: u64,
    /// Bytes elsewhere that cannot be read.
    pub damaged: u64,
}

/// Why a record was not appended.
#[derive(Debug)]
pub enum AppendError {
    /// There is no store: everything is kept in memory alone.
    NoStore,
    /// The store is as large as it may be.
    Full,
    /// The system refused.
    Io(io::Error),
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStore => f.write_str("there is no store"),
            Self::Full => f.write_str("the store is full; give it more bytes"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AppendError {}

/// No store: what is not acknowledged when the program ends is lost, and nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl Store for NoStore {
    fn recover(&mut self) -> io::Result<Recovered> {
        Ok(Recovered::default())
    }

    fn append(&mut self, _: &[u8]) -> Result<u64, AppendError> {
        Err(AppendError::NoStore)
    }

    fn read(&mut self, _: u64, _: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
        Ok(Vec::new())
    }

    fn save(&mut self, _: &[u8], _: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn renew(&mut self, _: bool) -> io::Result<Vec<Range<u64>>> {
        Ok(Vec::new())
    }

    fn advance(&mut self, _: u64) {}

    fn is_store(&self) -> bool {
        false
    }

    fn end(&self) -> u64 {
        0
    }

    fn releasable(&self) -> Option<u64> {
        None
    }

    fn bytes(&self) -> u64 {
        0
    }
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn recover(&mut self) -> io::Result<Recovered> {
        (**self).recover()
    }

    fn append(&mut self, record: &[u8]) -> Result<u64, AppendError> {
        (**self).append(record)
    }

    fn read(&mut self, from: u64, bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
        (**self).read(from, bytes)
    }

    fn save(&mut self, checkpoint: &[u8], release: u64) -> io::Result<()> {
        (**self).save(checkpoint, release)
    }

    fn sync(&mut self) -> io::Result<()> {
        (**self).sync()
    }

    fn renew(&mut self, is_needed: bool) -> io::Result<Vec<Range<u64>>> {
        (**self).renew(is_needed)
    }

    fn advance(&mut self, position: u64) {
        (**self).advance(position);
    }

    fn is_store(&self) -> bool {
        (**self).is_store()
    }

    fn end(&self) -> u64 {
        (**self).end()
    }

    fn releasable(&self) -> Option<u64> {
        (**self).releasable()
    }

    fn bytes(&self) -> u64 {
        (**self).bytes()
    }
}
