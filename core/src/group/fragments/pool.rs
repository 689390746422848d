//! Received fragments that wait: for those before them, or for the rest of their message.
//!
//! Memory is cut into blocks of [`BLOCK`] bytes that form chains, so nothing is ever moved and every
//! length of fragment is stored alike. A fragment of 64 bytes takes one block.

use super::body::Body;
use crate::group::work;
use crate::wire::{Data, Writer};

/// Bytes of a block, its link included.
pub(crate) const BLOCK: usize = 80;

/// Beside the class's code in its byte: the message is signed.
const SIGNED: u8 = 0x80;

/// Bytes of the first block that describe the fragment.
const META: usize = 12;

/// No block.
const NONE: u16 = u16::MAX;

/// Bytes of a block that hold content.
const CONTENT: usize = BLOCK - 2;

/// One block: the next one of its chain, and content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    next: u16,
    octets: [u8; CONTENT],
}

/// Blocks over any storage; code is written for the unsized [`Pool`].
#[derive(Debug)]
pub(crate) struct Pool<B: ?Sized = [Block]> {
    /// The first free block, of those that have been in use.
    free: u16,
    /// How many blocks have ever been in use.
    touched: u16,
    /// How many blocks are in use.
    used: u16,
    blocks: B,
}

/// A fragment in the pool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Handle(u16);

/// What is known of a fragment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Meta {
    pub(crate) sequence: u32,
    pub(crate) channel: u8,
    pub(crate) class: u8,
    /// Its message ends with a signature.
    pub(crate) signed: bool,
    pub(crate) fragment: u8,
    pub(crate) last: u8,
    pub(crate) len: u16,
    /// For the user of the pool: another handle's number.
    pub(crate) link: u16,
}

impl Meta {
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn of(data: &Data<'_>) -> Self {
        Self {
            sequence: data.sequence,
            channel: data.channel,
            class: data.class,
            signed: data.signed,
            fragment: data.fragment,
            last: data.last,
            len: u16::try_from(data.payload.len()).unwrap_or(u16::MAX),
            link: NONE,
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn to_bytes(self) -> [u8; META] {
        let [a, b, c, d] = self.sequence.to_be_bytes();
        let [e, f] = self.len.to_be_bytes();
        let [g, h] = self.link.to_be_bytes();
        [
            a,
            b,
            c,
            d,
            self.channel,
            (self.class & !SIGNED) | if self.signed { SIGNED } else { 0 },
            self.fragment,
            self.last,
            e,
            f,
            g,
            h,
        ]
    }

    fn from_octets([a, b, c, d, channel, class, fragment, last, e, f, g, h]: [u8; META]) -> Self {
        Self {
            sequence: u32::from_be_bytes([a, b, c, d]),
            channel,
            class: class & !SIGNED,
            signed: class & SIGNED != 0,
            fragment,
            last,
            len: u16::from_be_bytes([e, f]),
            link: u16::from_be_bytes([g, h]),
        }
    }
}

impl<const N: usize> Pool<[Block; N]> {
    /// Zeros. [`clear`](Pool::clear) makes a pool of them.
    pub(crate) const fn new() -> Self {
        assert!(N < NONE as usize, "a pool has 65,534 blocks at most");
        let block = Block {
            next: 0,
            octets: [0; CONTENT],
        };
        Self {
            free: 0,
            touched: 0,
            used: 0,
            blocks: [block; N],
        }
    }
}

impl Pool {
    pub(crate) fn clear(&mut self) {
        self.free = NONE;
        self.touched = 0;
        self.used = 0;
    }

    /// How many bytes of payload the pool holds at most, in fragments of a datagram's size.
    pub(crate) const fn capacity(&self) -> usize {
        Self::capacity_of(self.blocks.len())
    }

    /// How many that are for so many blocks.
    pub(crate) const fn capacity_of(blocks: usize) -> usize {
        blocks.saturating_mul(CONTENT - META)
    }

    fn block(&self, at: u16) -> Option<&Block> {
        self.blocks.get(usize::from(at))
    }

    fn block_mut(&mut self, at: u16) -> Option<&mut Block> {
        self.blocks.get_mut(usize::from(at))
    }

    fn take_block(&mut self) -> Option<u16> {
        let at = if self.free == NONE {
            let at = self.touched;
            self.block(at)?;
            self.touched = self.touched.saturating_add(1);
            at
        } else {
            let at = self.free;
            self.free = self.block(at)?.next;
            at
        };
        self.block_mut(at)?.next = NONE;
        self.used = self.used.saturating_add(1);
        Some(at)
    }

    /// How many blocks a fragment takes.
    pub(crate) const fn blocks_for(len: usize) -> usize {
        len.saturating_add(META).div_ceil(CONTENT)
    }

    /// How many blocks own values may take: all of them if nothing else is in the pool, else half. The other half is
    /// for what this member has told others that it can receive.
    pub(crate) const fn share_of_values(&self, receives: bool) -> usize {
        if receives {
            self.blocks.len() / 2
        } else {
            self.blocks.len()
        }
    }

    /// The most bytes of a fragment in so many blocks.
    pub(crate) const fn longest_in(blocks: usize) -> usize {
        blocks.saturating_mul(CONTENT).saturating_sub(META)
    }

    /// How many blocks this fragment takes.
    pub(crate) fn blocks_of(&self, handle: Handle) -> usize {
        let meta = self.meta(handle);
        meta.map_or(0, |meta| Self::blocks_for(usize::from(meta.len)))
    }

    /// Whether there is room for a fragment of `len` bytes, if need be in the place of another one.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn has_room(&self, len: usize, instead_of: Option<Handle>) -> bool {
        let other = instead_of.map_or(0, |other| self.blocks_of(other));
        let free = self.blocks.len().saturating_sub(usize::from(self.used));
        Self::blocks_for(len) <= free.saturating_add(other)
    }

    /// Whether the fragment's message can be in the pool at all: its fragments have one length, only the last
    /// may be shorter.
    pub(crate) fn can_hold(&self, meta: Meta) -> bool {
        let own = Self::blocks_for(usize::from(meta.len));
        let last = if meta.fragment < meta.last { 1 } else { own };
        let others = own.saturating_mul(usize::from(meta.last));
        others.saturating_add(last) <= self.blocks.len()
    }

    /// Stores a fragment. `None` if there is no room for it.
    pub(crate) fn store(&mut self, meta: Meta, body: Body<'_>) -> Option<Handle> {
        if !self.has_room(body.len(), None) {
            return None;
        }
        let first = self.take_block()?;
        let (head, rest) = self
            .block_mut(first)?
            .octets
            .split_first_chunk_mut::<META>()?;
        *head = meta.to_bytes();
        let (now, mut later) = body.split_at(rest.len());
        now.emit(&mut Writer::new(rest));
        let mut at = first;
        while !later.is_empty() {
            let next = self.take_block()?;
            self.block_mut(at)?.next = next;
            at = next;
            let (now, rest) = later.split_at(CONTENT);
            now.emit(&mut Writer::new(&mut self.block_mut(at)?.octets));
            later = rest;
        }
        Some(Handle(first))
    }

    pub(crate) fn meta(&self, handle: Handle) -> Option<Meta> {
        work::count(1);
        let (head, _) = self.block(handle.0)?.octets.split_first_chunk::<META>()?;
        Some(Meta::from_octets(*head))
    }

    /// The handle that a fragment's link names.
    pub(crate) const fn linked(meta: Meta) -> Option<Handle> {
        if meta.link == NONE {
            None
        } else {
            Some(Handle(meta.link))
        }
    }

    /// Sets a fragment's link.
    pub(crate) fn link(&mut self, handle: Handle, to: Option<Handle>) {
        let Some(mut meta) = self.meta(handle) else {
            return;
        };
        meta.link = to.map_or(NONE, |to| to.0);
        let head = self
            .block_mut(handle.0)
            .and_then(|b| b.octets.split_first_chunk_mut::<META>());
        if let Some((head, _)) = head {
            *head = meta.to_bytes();
        }
    }

    /// Copies a fragment to the beginning of `into`, as far as it fits. Returns its length.
    pub(crate) fn read(&self, handle: Handle, into: &mut [u8]) -> Option<usize> {
        let len = usize::from(self.meta(handle)?.len);
        let mut into = into.get_mut(..len)?;
        let mut at = handle.0;
        let mut skip = META;
        while !into.is_empty() {
            let block = self.block(at)?;
            let content = block.octets.get(skip..)?;
            let (now, later) = into.split_at_mut(content.len().min(into.len()));
            now.copy_from_slice(content.get(..now.len())?);
            into = later;
            at = block.next;
            skip = 0;
        }
        Some(len)
    }

    /// Gives a fragment's blocks back.
    #[inline(never)]
    pub(crate) fn release(&mut self, handle: Handle) {
        let mut at = handle.0;
        while let Some(block) = self.block(at) {
            let next = block.next;
            let free = self.free;
            if let Some(block) = self.block_mut(at) {
                block.next = free;
            }
            self.free = at;
            self.used = self.used.saturating_sub(1);
            at = next;
        }
    }

    /// How many blocks are in use.
    #[cfg(test)]
    pub(crate) const fn used(&self) -> u16 {
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn meta(sequence: u32, len: usize) -> Meta {
        Meta {
            sequence,
            channel: 1,
            class: 2,
            signed: sequence % 2 == 1,
            fragment: 3,
            last: 4,
            len: len as u16,
            link: NONE,
        }
    }

    #[test]
    fn sixty_four_octets_take_one_block() {
        let pool: &mut Pool = &mut Pool::<[Block; 4]>::new();
        pool.clear();
        pool.store(meta(1, 64), Body::new(&[7; 64])).unwrap();
        assert_eq!(pool.used(), 1);
        assert_eq!(
            pool.store(meta(2, 400), Body::new(&[7; 400])),
            None,
            "three blocks are left"
        );
        assert_eq!(pool.used(), 1, "and stay so");
    }

    #[test]
    fn a_fragment_may_take_the_place_of_another() {
        let pool: &mut Pool = &mut Pool::<[Block; 4]>::new();
        pool.clear();
        let handle = pool.store(meta(1, 200), Body::new(&[7; 200])).unwrap();
        assert!(!pool.has_room(200, None) && pool.has_room(200, Some(handle)));
        assert!(pool.has_room(300, Some(handle)) && !pool.has_room(301, Some(handle)));
    }

    proptest! {
        #[test]
        fn what_is_stored_is_what_is_read_and_nothing_leaks(
            steps in proptest::collection::vec((any::<bool>(), 0usize..500), 1..200),
        ) {
            let pool: &mut Pool = &mut Pool::<[Block; 32]>::new();
            pool.clear();
            let mut model: Vec<(Handle, Meta, Vec<u8>)> = Vec::new();
            for (n, (store, len)) in steps.into_iter().enumerate() {
                if store {
                    let payload = vec![n as u8; len];
                    if let Some(handle) = pool.store(meta(n as u32, len), Body::new(&payload)) {
                        model.push((handle, meta(n as u32, len), payload));
                    } else {
                        prop_assert!(!model.is_empty());
                    }
                } else if !model.is_empty() {
                    let (handle, ..) = model.remove(len % model.len());
                    pool.release(handle);
                }
                for (handle, meta, payload) in &model {
                    prop_assert_eq!(pool.meta(*handle), Some(*meta));
                    let mut read = [0; 512];
                    prop_assert_eq!(pool.read(*handle, &mut read), Some(payload.len()));
                    prop_assert_eq!(&read[..payload.len()], payload.as_slice());
                }
            }
            for (handle, ..) in model {
                pool.release(handle);
            }
            prop_assert_eq!(pool.used(), 0);
        }
    }
}
