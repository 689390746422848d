//! A message that is kept, or waits, and what is noted of it.

use crate::channel::{Channel, Class};

/// Bytes of a record before its payload: its length, class, channel and number.
pub(super) const HEAD: usize = 8;

/// Where in a record its number is.
pub(super) const NUMBER: usize = 4;

/// Stands for the class of a raw datagram.
const RAW: u8 = 0xff;

/// Stands for the class of a value of which only the newest counts, and which is not kept.
const LATEST: u8 = 0x10;

/// A message that is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) class: u8,
    pub(super) channel: u8,
    pub(super) sequence: u32,
}

/// What stands for the class of a message, or of a raw datagram.
pub(super) const fn class_of(channel: Option<Channel>) -> u8 {
    match channel {
        Some(channel) => match channel.class().code() {
            (class, false) => class,
            (class, true) => class | LATEST,
        },
        None => RAW,
    }
}

impl Record {
    pub(super) const fn is_raw(&self) -> bool {
        self.class == RAW
    }

    pub(super) const fn is_latest(&self) -> bool {
        self.class & LATEST != 0
    }

    pub(super) const fn is_value(&self) -> bool {
        self.class == Class::State.code().0
    }

    pub(super) const fn len(&self) -> usize {
        self.end.saturating_sub(self.at)
    }
}
