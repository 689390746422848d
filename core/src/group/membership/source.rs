//! Who sent what is read.

use core::net::SocketAddr;

use crate::ident::MemberId;

/// Who sent the datagram in the receive buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// Its place on the roster; `None` if there was none for it.
    pub(crate) index: Option<usize>,
    pub(crate) id: MemberId,
    /// Its life: the low half of its session.
    pub(crate) life: u32,
    pub(crate) address: SocketAddr,
    /// Whether it was sent to this member alone.
    pub(crate) to_one: bool,
}
