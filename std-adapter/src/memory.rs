//! The memory of a [`Member`](crate::Member): one of the ready-made sizes.

use groupcast::{Board, Desktop, Memory, Tiny, TinyPeer};

/// How much memory a member has: see [`groupcast::Storage`].
///
/// The small ones are those of boards. With them a program on a desktop shows what a board can do, and
/// where it reports losses.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Profile {
    /// [`TinyPeer`]: for the smallest boards, without reliable messages, which it neither takes nor sends.
    TinyPeer,
    /// [`Tiny`]: for the smallest boards.
    Tiny,
    /// [`Board`]: for boards.
    Board,
    /// [`Desktop`]: 256 peers, 32 reliable senders, messages of 64 KB.
    #[default]
    Desktop,
}

/// The memory of a member on this machine, whatever its size.
pub type ProfileMemory = Box<dyn Memory>;

impl Profile {
    /// Whether [`Pace::UNLIMITED`](groupcast::Pace::UNLIMITED) can be chosen.
    pub(crate) const fn can_be_unlimited(self) -> bool {
        matches!(self, Self::Desktop)
    }

    /// Memory for one member.
    #[must_use]
    pub fn memory(self) -> ProfileMemory {
        match self {
            Self::TinyPeer => groupcast::boxed::<TinyPeer>(),
            Self::Tiny => groupcast::boxed::<Tiny>(),
            Self::Board => groupcast::boxed::<Board>(),
            Self::Desktop => groupcast::boxed::<Desktop>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_with_a_small_stack_can_have_the_largest_memory() {
        let thread = std::thread::Builder::new().stack_size(64 * 1024);
        let built = thread.spawn(|| Profile::Desktop.memory());
        built.unwrap().join().unwrap();
    }
}
