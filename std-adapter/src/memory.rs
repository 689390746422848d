//! The memory of a [`Member`](crate::Member): one of the ready-made sizes.

use groupcast::{Board, Desktop, Memory, Tiny, View, Views};

/// How much memory a member has: see [`groupcast::Storage`].
///
/// The small ones are those of boards. With them a program on a desktop shows what a board can do, and
/// where it reports losses.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Profile {
    /// [`Tiny`]: for the smallest boards.
    Tiny,
    /// [`Board`]: for boards.
    Board,
    /// [`Desktop`]: 256 peers, 32 reliable senders, messages of 64 KB.
    #[default]
    Desktop,
}

/// The memory of a [`Profile`].
#[derive(Debug)]
pub struct ProfileMemory(Kind);

#[derive(Debug)]
enum Kind {
    Tiny(Box<Tiny>),
    Board(Box<Board>),
    Desktop(Box<Desktop>),
}

impl ProfileMemory {
    /// Memory for one member.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self(match profile {
            Profile::Tiny => Kind::Tiny(Box::new(Tiny::new())),
            Profile::Board => Kind::Board(Box::new(Board::new())),
            Profile::Desktop => Kind::Desktop(Box::new(Desktop::new())),
        })
    }
}

impl Memory for ProfileMemory {
    fn views(&mut self) -> Views<'_> {
        match &mut self.0 {
            Kind::Tiny(memory) => memory.views(),
            Kind::Board(memory) => memory.views(),
            Kind::Desktop(memory) => memory.views(),
        }
    }

    fn view(&self) -> View<'_> {
        match &self.0 {
            Kind::Tiny(memory) => memory.view(),
            Kind::Board(memory) => memory.view(),
            Kind::Desktop(memory) => memory.view(),
        }
    }
}
