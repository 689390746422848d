//! A store for tests.

use core::cell::RefCell;
use core::ops::Range;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::rc::Rc;

use super::{AppendError, Recovered, Store};

/// Records of a segment.
const SEGMENT: u64 = 16;

#[derive(Debug)]
struct Disk {
    records: BTreeMap<u64, Vec<u8>>,
    next: u64,
    checkpoint: Option<Vec<u8>>,
    bytes: u64,
    limit: u64,
    is_failing: bool,
    is_removed: bool,
    /// Records that are lost if the machine loses power now.
    unsynced: VecDeque<u64>,
}

/// A store in memory, for tests: a clone is the same store, so that it outlives the gateway that writes it.
#[derive(Clone, Debug)]
pub struct MemoryStore(Rc<RefCell<Disk>>);

impl MemoryStore {
    /// An empty one for so many bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self(Rc::new(RefCell::new(Disk {
            records: BTreeMap::new(),
            next: 0,
            checkpoint: None,
            bytes: 0,
            limit,
            is_failing: false,
            is_removed: false,
            unsynced: VecDeque::new(),
        })))
    }

    /// From now on nothing can be written, or everything again.
    pub fn set_failing(&self, is_failing: bool) {
        self.0.borrow_mut().is_failing = is_failing;
    }

    /// Somebody removes everything but the records from this position on, which are still open.
    pub fn remove(&self, open: u64) {
        let mut disk = self.0.borrow_mut();
        disk.records = disk.records.split_off(&open);
        disk.bytes = disk.records.values().map(|it| it.len() as u64).sum();
        disk.checkpoint = None;
        disk.is_removed = true;
    }

    /// The disk is damaged: these records cannot be read.
    pub fn damage(&self, positions: impl IntoIterator<Item = u64>) {
        let mut disk = self.0.borrow_mut();
        for position in positions {
            if let Some(record) = disk.records.remove(&position) {
                disk.bytes -= record.len() as u64;
            }
        }
    }

    /// The machine loses power: what was appended since it was synced is gone.
    pub fn lose_power(&self) {
        let mut disk = self.0.borrow_mut();
        while let Some(position) = disk.unsynced.pop_back() {
            if let Some(record) = disk.records.remove(&position) {
                disk.bytes -= record.len() as u64;
                disk.next = position;
            }
        }
    }
}

fn failure() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl Store for MemoryStore {
    fn recover(&mut self) -> io::Result<Recovered> {
        let disk = self.0.borrow();
        Ok(Recovered {
            checkpoint: disk.checkpoint.clone(),
            first: disk.records.keys().next().copied().unwrap_or(disk.next),
            end: disk.next,
            torn: 0,
            damaged: 0,
        })
    }

    fn append(&mut self, record: &[u8]) -> Result<u64, AppendError> {
        let mut disk = self.0.borrow_mut();
        if disk.is_failing {
            return Err(AppendError::Io(failure()));
        }
        let bytes = disk.bytes + record.len() as u64;
        if bytes > disk.limit {
            return Err(AppendError::Full);
        }
        let position = disk.next;
        disk.bytes = bytes;
        disk.next += 1;
        disk.records.insert(position, record.to_vec());
        disk.unsynced.push_back(position);
        Ok(position)
    }

    fn read(&mut self, from: u64, bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
        let disk = self.0.borrow();
        if disk.is_removed {
            return Err(failure());
        }
        let mut read = Vec::new();
        let mut len = 0;
        for (position, record) in disk.records.range(from..) {
            if len >= bytes && !read.is_empty() {
                break;
            }
            len += record.len();
            read.push((*position, record.clone()));
        }
        Ok(read)
    }

    fn save(&mut self, checkpoint: &[u8], release: u64) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        if disk.is_failing {
            return Err(failure());
        }
        disk.checkpoint = Some(checkpoint.to_vec());
        // The rest of the last segment stays, as it does in files.
        let whole = release / SEGMENT * SEGMENT;
        let kept = disk.records.split_off(&whole);
        let gone = core::mem::replace(&mut disk.records, kept);
        disk.bytes -= gone.values().map(|record| record.len() as u64).sum::<u64>();
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.0.borrow_mut();
        if disk.is_failing || disk.is_removed {
            return Err(failure());
        }
        disk.unsynced.clear();
        Ok(())
    }

    fn renew(&mut self, is_needed: bool) -> io::Result<Vec<Range<u64>>> {
        let mut disk = self.0.borrow_mut();
        if disk.is_failing {
            return Err(failure());
        }
        let was_removed = core::mem::take(&mut disk.is_removed);
        if was_removed && !is_needed {
            disk.records.clear();
            disk.bytes = 0;
        }
        let first = disk.records.keys().next().copied().unwrap_or(disk.next);
        Ok(was_removed.then_some(0..first).into_iter().collect())
    }

    fn advance(&mut self, position: u64) {
        let mut disk = self.0.borrow_mut();
        disk.next = disk.next.max(position);
    }

    fn end(&self) -> u64 {
        self.0.borrow().next
    }

    fn releasable(&self) -> Option<u64> {
        let disk = self.0.borrow();
        let first = disk.records.keys().next()?;
        let end = (first / SEGMENT + 1) * SEGMENT;
        (end <= disk.next).then_some(end)
    }

    fn bytes(&self) -> u64 {
        self.0.borrow().bytes
    }
}
