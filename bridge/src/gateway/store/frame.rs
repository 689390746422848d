//! Records in a file. Each is found behind damage, since it says its position and has a check of its own.
//!
//! ```text
//! length (4), position (8), CRC-32C of both and of the octets (4), octets
//! ```

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// What comes before the octets of a record.
pub(super) const HEAD: usize = 16;

/// A record is no longer than this. No message is: see `Peer::max_message`.
pub(super) const LONGEST: usize = 8 << 20;

/// Bytes that are read from a file at once, unless a record is longer.
const WINDOW: usize = 64 << 10;

/// A search for records checks so many times the bytes of the file, and no more: what looks like a record at every byte
/// does not keep it for hours.
const CHECKS: u64 = 8;

/// A record as it is written.
pub(super) fn frame(position: u64, record: &[u8]) -> Vec<u8> {
    let len = (record.len() as u32).to_le_bytes();
    let position = position.to_le_bytes();
    let check = check(&len, &position, record).to_le_bytes();
    [&len[..], &position, &check, record].concat()
}

fn check(len: &[u8], position: &[u8], record: &[u8]) -> u32 {
    let check = crc32c::crc32c_append(crc32c::crc32c(len), position);
    crc32c::crc32c_append(check, record)
}

struct Head {
    len: usize,
    position: u64,
    check: u32,
}

fn head(octets: &[u8]) -> Option<Head> {
    let (len, rest) = octets.split_first_chunk()?;
    let (position, rest) = rest.split_first_chunk()?;
    let (check, _) = rest.split_first_chunk()?;
    Some(Head {
        len: u32::from_le_bytes(*len) as usize,
        position: u64::from_le_bytes(*position),
        check: u32::from_le_bytes(*check),
    })
}

/// The position and the octets of a record that is whole, which these octets are or are not.
pub(super) fn whole(octets: &[u8]) -> Option<(u64, &[u8])> {
    let head = head(octets)?;
    let (heading, record) = octets.split_at_checked(HEAD)?;
    let is_whole =
        head.len == record.len() && check(&heading[..4], &heading[4..12], record) == head.check;
    is_whole.then_some((head.position, record))
}

/// The records of a file, in order. What is damaged is passed over.
#[derive(Debug)]
pub(super) struct Frames {
    file: File,
    /// What was read last, and from where in the file.
    window: Vec<u8>,
    start: u64,
    /// Where the next record begins.
    pub(super) at: u64,
    /// The position of the next record, or of an earlier one that is damaged.
    pub(super) position: u64,
    /// Bytes that were passed over.
    pub(super) damaged: u64,
    /// Bytes that were checked in search of a record.
    checked: u64,
}

impl Frames {
    /// Those of this file, of which the first has this position.
    pub(super) const fn new(file: File, position: u64) -> Self {
        Self {
            file,
            window: Vec::new(),
            start: 0,
            at: 0,
            position,
            damaged: 0,
            checked: 0,
        }
    }

    /// The next record that is whole, if there is one in so many bytes of the file with a position before `end`.
    pub(super) fn next(&mut self, size: u64, end: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
        let from = self.at;
        if from >= size {
            return Ok(None);
        }
        let head = head(self.bytes(from, HEAD)?);
        let mut found = self.try_at(from, size, end)?;
        if found.is_none() {
            // If the length is not what is damaged, the next one is there.
            let behind = head.map(|head| from + (HEAD + head.len) as u64);
            if behind == Some(size) {
                return Ok(None);
            }
            if let Some(behind) = behind.filter(|behind| *behind < size) {
                found = self.try_at(behind, size, end)?;
            }
        }
        let mut at = from + 1;
        while found.is_none() && at + HEAD as u64 <= size && !self.is_exhausted(size) {
            found = self.try_at(at, size, end)?;
            at += 1;
        }
        Ok(found.map(|(at, position, record)| {
            self.damaged += at - from;
            self.at = at + (HEAD + record.len()) as u64;
            self.position = position + 1;
            (position, record)
        }))
    }

    /// Whether there was so much that only looked like records that the search was given up.
    pub(super) const fn is_exhausted(&self, size: u64) -> bool {
        self.checked > size.saturating_mul(CHECKS)
    }

    /// The record that begins there, if it is whole and may have its position.
    fn try_at(&mut self, at: u64, size: u64, end: u64) -> io::Result<Option<(u64, u64, Vec<u8>)>> {
        let positions = self.position..end;
        let Some(head) = head(self.bytes(at, HEAD)?) else {
            return Ok(None);
        };
        let len = HEAD + head.len;
        if head.len > LONGEST || at + len as u64 > size || !positions.contains(&head.position) {
            return Ok(None);
        }
        let found = whole(self.bytes(at, len)?);
        let found = found.map(|(position, record)| (at, position, record.to_vec()));
        if found.is_none() {
            self.checked += len as u64;
        }
        Ok(found)
    }

    /// So many bytes of the file from there on, or none if it ends before.
    fn bytes(&mut self, at: u64, len: usize) -> io::Result<&[u8]> {
        let end = self.start + self.window.len() as u64;
        if at < self.start || at + len as u64 > end {
            self.window.clear();
            self.window.shrink_to(WINDOW);
            self.start = at;
            self.file.seek(SeekFrom::Start(at))?;
            let most = len.max(WINDOW) as u64;
            self.file
                .by_ref()
                .take(most)
                .read_to_end(&mut self.window)?;
        }
        let from = (at - self.start) as usize;
        Ok(self.window.get(from..from + len).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_search_checks_no_more_than_it_may() {
        let path = std::env::temp_dir().join(format!("groupcast-frames-{}", std::process::id()));
        let mut file = File::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        // Each of these heads is of a record of 8 KB, which is none.
        let head = [&8192u32.to_le_bytes()[..], &1u64.to_le_bytes(), &[0; 4]].concat();
        let octets = head.repeat(40_000);
        file.write_all(&octets).unwrap();
        let size = octets.len() as u64;
        let mut frames = Frames::new(file, 0);
        assert!(frames.next(size, u64::MAX).unwrap().is_none());
        assert!(frames.is_exhausted(size));
        assert!(frames.checked <= size * CHECKS + 8192 + HEAD as u64);
    }
}
