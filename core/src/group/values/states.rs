//! This member's own State values: the newest of each channel, kept for those who missed it.

use crate::channel::Class;
use crate::counters::{Counters, count};
use crate::group::fragments::{Body, Handle, Meta, Pool};
use crate::wire::{Data, Writer};

/// The newest value of one channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    channel: u8,
    sequence: u32,
    handle: Handle,
    wanted: Wanted,
}

/// Whether somebody asked for a value. Neither is 0, and so `None` of a value is all zeros.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wanted {
    No = 1,
    Yes = 2,
}

impl Value {
    fn is_wanted(&self) -> bool {
        self.wanted == Wanted::Yes
    }
}

/// Own values over any storage; code is written for the unsized [`States`].
#[derive(Debug)]
pub(crate) struct States<B: ?Sized = [Option<Value>]> {
    wanted: usize,
    count: usize,
    values: B,
}

/// There is no room for another value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NoRoom;

impl<const N: usize> States<[Option<Value>; N]> {
    pub(crate) const fn new() -> Self {
        Self {
            wanted: 0,
            count: 0,
            values: [None; N],
        }
    }
}

impl States {
    pub(crate) fn clear(&mut self) {
        self.wanted = 0;
        self.count = 0;
        self.values.fill(None);
    }

    /// How many channels have a value.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Sets a channel's value. The one before is forgotten. All values take `most` blocks of the pool at most.
    pub(crate) fn set(
        &mut self,
        meta: Meta,
        body: Body<'_>,
        pool: &mut Pool,
        most: usize,
    ) -> Result<(), NoRoom> {
        let others = self.values.iter().flatten();
        let others = others.filter(|value| value.channel != meta.channel);
        let taken = others.fold(Pool::blocks_for(body.len()), |sum, value| {
            sum.saturating_add(pool.blocks_of(value.handle))
        });
        if taken > most {
            return Err(NoRoom);
        }
        let has = |value: &Option<Value>| value.is_some_and(|v| v.channel == meta.channel);
        let at = self
            .values
            .iter()
            .position(has)
            .or_else(|| self.values.iter().position(Option::is_none))
            .ok_or(NoRoom)?;
        let place = self.values.get_mut(at).ok_or(NoRoom)?;
        if !pool.has_room(body.len(), place.map(|before| before.handle)) {
            return Err(NoRoom);
        }
        if let Some(before) = place.take() {
            pool.release(before.handle);
            self.count = self.count.saturating_sub(1);
            self.wanted = self.wanted.saturating_sub(usize::from(before.is_wanted()));
        }
        let handle = pool.store(meta, body).ok_or(NoRoom)?;
        *place = Some(Value {
            channel: meta.channel,
            sequence: meta.sequence,
            handle,
            wanted: Wanted::No,
        });
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// Whether this is the newest value of its channel.
    pub(crate) fn is_current(&self, channel: u8, sequence: u32) -> bool {
        let values = self.values.iter().flatten();
        values
            .into_iter()
            .any(|value| value.channel == channel && value.sequence == sequence)
    }

    /// Somebody asks for all values.
    pub(crate) fn on_ask(&mut self) {
        if self.wanted == self.count {
            return;
        }
        for value in self.values.iter_mut().flatten() {
            value.wanted = Wanted::Yes;
        }
        self.wanted = self.count;
    }

    /// Somebody lacks the value of this number. Whether it still is one.
    pub(crate) fn want(&mut self, sequence: u32) -> bool {
        let mut values = self.values.iter_mut().flatten();
        let Some(value) = values.find(|value| value.sequence == sequence) else {
            return false;
        };
        if !value.is_wanted() {
            value.wanted = Wanted::Yes;
            self.wanted = self.wanted.saturating_add(1);
        }
        true
    }

    pub(crate) const fn has_wanted(&self) -> bool {
        self.wanted > 0
    }

    /// How long the frame of the next wanted value is.
    pub(crate) fn first_len(&self, pool: &Pool) -> Option<usize> {
        let meta = pool.meta(self.next_wanted()?.handle)?;
        Some(usize::from(meta.len).saturating_add(Data::OVERHEAD))
    }

    /// Writes what was asked for while there is more than `reserve` room. Whether that is all.
    pub(crate) fn write(
        &mut self,
        pool: &Pool,
        reserve: usize,
        counters: &mut Counters,
        w: &mut Writer<'_>,
    ) -> bool {
        while let Some(value) = self.next_wanted() {
            if w.room() <= reserve {
                return false;
            }
            let Some(meta) = pool.meta(value.handle) else {
                break;
            };
            let need = usize::from(meta.len).saturating_add(Data::OVERHEAD);
            if need > w.room() {
                return false;
            }
            let data = Data {
                class: Class::State.code().0,
                latest: false,
                repair: true,
                copy: false,
                signed: meta.signed,
                channel: value.channel,
                // It says nothing of what can be repaired before it.
                horizon: u8::MAX,
                fragment: 0,
                last: 0,
                sequence: value.sequence,
                payload: &[],
            };
            data.emit_head(usize::from(meta.len), w);
            w.with(usize::from(meta.len), |octets| {
                let _ = pool.read(value.handle, octets);
            });
            self.mark_sent();
            count(&mut counters.repairs_sent);
        }
        true
    }

    /// The next wanted value.
    fn next_wanted(&self) -> Option<Value> {
        if self.wanted == 0 {
            return None;
        }
        self.values
            .iter()
            .flatten()
            .find(|value| value.is_wanted())
            .copied()
    }

    /// The next wanted value has been sent.
    fn mark_sent(&mut self) {
        let mut values = self.values.iter_mut().flatten();
        if let Some(value) = values.find(|value| value.is_wanted()) {
            value.wanted = Wanted::No;
            self.wanted = self.wanted.saturating_sub(1);
        }
    }
}
