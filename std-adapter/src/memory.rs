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
            Profile::Desktop => Kind::Desktop(desktop()),
        })
    }
}

/// A [`Desktop`] on the heap.
///
/// It is built on a stack before it is moved there, and at megabytes it does not fit the stack of a
/// thread. So a thread with a larger one builds it.
fn desktop() -> Box<Desktop> {
    const STACK: usize = 4 * size_of::<Desktop>() + 1024 * 1024;
    let build = || Box::new(Desktop::new());
    std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(build)
        .ok()
        .and_then(|thread| thread.join().ok())
        .unwrap_or_else(build)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_with_a_small_stack_can_have_the_largest_memory() {
        let thread = std::thread::Builder::new().stack_size(64 * 1024);
        let built = thread.spawn(|| ProfileMemory::new(Profile::Desktop));
        built.unwrap().join().unwrap();
    }
}
