//! Members with another memory than the others: such as take no reliable streams.
//!
//! The simulation makes the memory of a member by its default whenever that starts. Which one is chosen here,
//! just before.

use core::cell::Cell;

use groupcast::{Memory, Storage, View, Views};

/// The memory of members that take no streams. It has room for as much of the rest as the others'.
pub type Streamless = Storage<32, 0, 0, 64, 65_536, { RECEIVE }>;

/// The largest datagram that they can receive, in octets.
pub const RECEIVE: usize = 513;

/// Octets around the payload of a datagram with one fragment: header, frame and trailer.
pub(super) const AROUND: usize = 22 + 12 + 4;

thread_local! {
    static STREAMLESS: Cell<bool> = const { Cell::new(false) };
}

/// Chooses the memory of the member that starts next.
pub(super) fn choose(streamless: bool) {
    STREAMLESS.set(streamless);
}

/// The memory of a member.
#[derive(Debug)]
pub enum Mixed<M> {
    /// As the plan has it.
    Usual(M),
    /// Without streams.
    Streamless(Box<Streamless>),
}

impl<M: Default> Default for Mixed<M> {
    fn default() -> Self {
        if STREAMLESS.get() {
            Self::Streamless(Box::default())
        } else {
            Self::Usual(M::default())
        }
    }
}

impl<M: Memory> Memory for Mixed<M> {
    fn views(&mut self) -> Views<'_> {
        match self {
            Self::Usual(memory) => memory.views(),
            Self::Streamless(memory) => memory.views(),
        }
    }

    fn view(&self) -> View<'_> {
        match self {
            Self::Usual(memory) => memory.view(),
            Self::Streamless(memory) => memory.view(),
        }
    }
}
