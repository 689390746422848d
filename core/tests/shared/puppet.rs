//! Members whose datagrams are made by hand, and who is in which group: for the tests of groups and of leaves.

use core::net::SocketAddr;

use groupcast::wire::{self, Frame, Header, Suite};
use groupcast::{Config, Instant, MemberId, Name, Session};

pub(crate) fn group_address() -> SocketAddr {
    "239.1.2.3:12345".parse().unwrap()
}

pub(crate) const fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

pub(crate) fn config(name: &str) -> Config {
    Config::new(group_address()).with_name(name)
}

pub(crate) fn id(id: u32) -> MemberId {
    MemberId::new(id).unwrap()
}

/// A member whose datagrams are made by hand.
pub(crate) struct Puppet {
    pub(crate) id: u32,
    pub(crate) session: u64,
    pub(crate) counter: u64,
}

impl Puppet {
    pub(crate) fn new(id: u32, session: u64) -> Self {
        Self {
            id,
            session,
            counter: 0,
        }
    }

    pub(crate) fn say(&mut self, frames: &[Frame<'_>]) -> Vec<u8> {
        self.counter += 1;
        let header = Header {
            suite: Suite::Open,
            tag: wire::open_group_tag(group_address(), &Name::EMPTY),
            sender: id(self.id),
            session: Session::new(self.session),
            counter: self.counter,
        };
        let mut buffer = vec![0; 1472];
        let len = wire::emit(&header, frames, &mut buffer).unwrap();
        buffer.truncate(len);
        buffer
    }
}
