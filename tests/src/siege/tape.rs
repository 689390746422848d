//! What members have sealed: the truth that receivers are held to.

use std::collections::HashMap;
use std::rc::Rc;

use groupcast::Instant;
use groupcast::wire::{self, Header};

/// What tells a datagram from all others: a nonce, and the tag of the key it is used with.
pub(super) type Nonce = (u16, u32, u64, u64);

/// A datagram that a member sealed.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) octets: Rc<[u8]>,
    pub(super) at: Instant,
}

/// All that members have sealed.
#[derive(Debug, Default)]
pub(super) struct Tape(HashMap<Nonce, Sealed>);

pub(super) fn nonce(header: &Header) -> Nonce {
    (
        header.tag.get(),
        header.sender.get(),
        header.session.get(),
        header.counter,
    )
}

impl Tape {
    /// Notes what a member sealed. Whether its nonce was used before.
    pub(super) fn note(&mut self, header: &Header, octets: &Rc<[u8]>, at: Instant) -> bool {
        let octets = Rc::clone(octets);
        self.0
            .insert(nonce(header), Sealed { octets, at })
            .is_some()
    }

    /// The datagram that a member sealed, if these octets are one.
    pub(super) fn find(&self, octets: &[u8]) -> Option<(Nonce, &Sealed)> {
        let nonce = nonce(&wire::parse_header(octets).ok()?);
        let sealed = self.0.get(&nonce)?;
        (*sealed.octets == *octets).then_some((nonce, sealed))
    }
}
