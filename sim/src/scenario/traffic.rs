//! What goes over the wire, by kind.

use core::cell::Cell;
use std::rc::Rc;

use groupcast::wire::{Frame, parse};

use crate::network::Network;

/// Sums over the datagrams that were sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) datagrams: u64,
    pub(super) octets: u64,
    /// Datagrams that carry a message, or a part of one, for the first time.
    pub(super) with_news: u64,
}

impl Traffic {
    /// Counts what the network sends from now on.
    pub(super) fn watch(network: &Network) -> Rc<Cell<Self>> {
        let traffic = Rc::new(Cell::new(Self::default()));
        let shared = Rc::clone(&traffic);
        network.set_observer(move |_, datagram| shared.set(shared.get().plus(datagram)));
        traffic
    }

    fn plus(self, datagram: &[u8]) -> Self {
        Self {
            datagrams: self.datagrams + 1,
            octets: self.octets + datagram.len() as u64,
            with_news: self.with_news + u64::from(has_news(datagram)),
        }
    }
}

/// Whether a datagram carries DATA that is neither a repair nor a heartbeat's copy.
fn has_news(datagram: &[u8]) -> bool {
    let is_news = |frame| matches!(frame, Ok(Frame::Data(data)) if !data.repair && !data.copy);
    parse(datagram).is_ok_and(|(_, mut frames)| frames.any(is_news))
}
