//! What the application wants sent and has not been sent yet.
//!
//! Records of different length lie one behind the other in a ring of octets. A record is never
//! split: one that does not fit before the end goes to the beginning.
//!
//! ```text
//!  0        tail            head                 wrap     len
//!  | newest |    free       | oldest | …         | unused |
//! ```

/// Octets before each record: its length, and whether it is bare.
const RECORD_HEADER_LEN: usize = 2;

/// Set in a record's length if it is a bare datagram. No datagram is that long.
const BARE: u16 = 0x8000;

/// A queue of records over any storage; code is written for the unsized [`Outbox`].
#[derive(Debug)]
pub(crate) struct Outbox<B: ?Sized = [u8]> {
    /// Where the oldest record begins.
    head: usize,
    /// Where the newest record ends.
    tail: usize,
    /// Where the records before the end of the ring end, if newer ones are at its beginning.
    wrap: Option<usize>,
    records: usize,
    octets: B,
}

/// What a record holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Record<'a> {
    /// A frame, ready to be put into a datagram.
    Frame(&'a [u8]),
    /// A bare datagram.
    Bare(&'a [u8]),
}

/// There is no room now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Full;

impl<const N: usize> Outbox<[u8; N]> {
    pub(crate) const fn new() -> Self {
        Self {
            head: 0,
            tail: 0,
            wrap: None,
            records: 0,
            octets: [0; N],
        }
    }
}

impl Outbox {
    /// How large a buffer holds a record of `len` octets.
    pub(crate) const fn space_for(len: usize) -> usize {
        len.saturating_add(RECORD_HEADER_LEN)
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.octets.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(crate) fn clear(&mut self) {
        self.head = 0;
        self.tail = 0;
        self.wrap = None;
        self.records = 0;
    }

    /// Appends a record of `len` octets, which `fill` writes.
    pub(crate) fn push(
        &mut self,
        bare: bool,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), Full> {
        let mark = u16::try_from(len)
            .ok()
            .filter(|len| len & BARE == 0)
            .ok_or(Full)?;
        let need = Self::space_for(len);
        if self.records == 0 {
            self.clear();
        }
        let room_at_end = self.octets.len().saturating_sub(self.tail);
        let start = if self.wrap.is_some() {
            (need <= self.head.saturating_sub(self.tail))
                .then_some(self.tail)
                .ok_or(Full)?
        } else if need <= room_at_end {
            self.tail
        } else if need <= self.head {
            self.wrap = Some(self.tail);
            0
        } else {
            return Err(Full);
        };
        let end = start.saturating_add(need);
        let record = self.octets.get_mut(start..end).ok_or(Full)?;
        let (head, body) = record
            .split_first_chunk_mut::<RECORD_HEADER_LEN>()
            .ok_or(Full)?;
        *head = (mark | if bare { BARE } else { 0 }).to_be_bytes();
        fill(body);
        self.tail = end;
        self.records = self.records.saturating_add(1);
        Ok(())
    }

    /// The oldest record.
    pub(crate) fn front(&self) -> Option<Record<'_>> {
        if self.records == 0 {
            return None;
        }
        let (head, rest) = self.octets.get(self.head..)?.split_first_chunk()?;
        let mark = u16::from_be_bytes(*head);
        let body = rest.get(..usize::from(mark & !BARE))?;
        Some(if mark & BARE == 0 {
            Record::Frame(body)
        } else {
            Record::Bare(body)
        })
    }

    /// Removes the oldest record.
    pub(crate) fn pop(&mut self) {
        let len = match self.front() {
            Some(Record::Frame(body) | Record::Bare(body)) => body.len(),
            None => return,
        };
        self.records = self.records.saturating_sub(1);
        self.head = self.head.saturating_add(Self::space_for(len));
        if self.wrap == Some(self.head) {
            self.wrap = None;
            self.head = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::vec;
    use std::vec::Vec;

    fn push(outbox: &mut Outbox, bare: bool, record: &[u8]) -> Result<(), Full> {
        outbox.push(bare, record.len(), |octets| octets.copy_from_slice(record))
    }

    #[test]
    fn records_come_out_as_they_went_in() {
        let outbox: &mut Outbox = &mut Outbox::<[u8; 64]>::new();
        push(outbox, false, b"one").unwrap();
        push(outbox, true, b"").unwrap();
        assert_eq!(outbox.front(), Some(Record::Frame(b"one")));
        outbox.pop();
        assert_eq!(outbox.front(), Some(Record::Bare(b"")));
        outbox.pop();
        assert_eq!(outbox.front(), None);
        outbox.pop();
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_record_that_fills_the_ring_fits_an_empty_one_from_anywhere() {
        let outbox: &mut Outbox = &mut Outbox::<[u8; 32]>::new();
        push(outbox, false, &[1; 20]).unwrap();
        assert_eq!(push(outbox, false, &[2; 20]), Err(Full));
        outbox.pop();
        push(outbox, false, &[3; 30]).unwrap();
        assert_eq!(push(outbox, false, b""), Err(Full));
        outbox.pop();
        assert_eq!(push(outbox, false, &[4; 31]), Err(Full));
    }

    proptest! {
        #[test]
        fn the_ring_behaves_like_a_queue(
            steps in proptest::collection::vec((any::<bool>(), 0usize..30), 1..300),
        ) {
            let outbox: &mut Outbox = &mut Outbox::<[u8; 64]>::new();
            let mut model: VecDeque<Vec<u8>> = VecDeque::new();
            for (n, (is_push, len)) in steps.into_iter().enumerate() {
                if is_push {
                    let record = vec![n as u8; len];
                    match push(outbox, false, &record) {
                        Ok(()) => model.push_back(record),
                        // An empty ring takes whatever it has space for.
                        Err(Full) => prop_assert!(!model.is_empty()),
                    }
                } else {
                    outbox.pop();
                    model.pop_front();
                }
                let front = model.front().map(|record| Record::Frame(record));
                prop_assert_eq!(outbox.front(), front);
                prop_assert_eq!(outbox.is_empty(), model.is_empty());
            }
        }
    }
}
