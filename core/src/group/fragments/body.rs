//! What a message carries over the wire.

use crate::wire::Writer;

/// A message's payload, and behind it its signature if it is signed; or a part of both. They need not
/// lie beside each other in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body<'a> {
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Body<'a> {
    /// A payload without a signature.
    pub(crate) const fn new(payload: &'a [u8]) -> Self {
        Self {
            payload,
            signature: &[],
        }
    }

    /// With a signature.
    #[cfg(feature = "sign")]
    pub(crate) const fn signed(self, signature: &'a [u8]) -> Self {
        Self { signature, ..self }
    }

    pub(crate) const fn is_signed(&self) -> bool {
        !self.signature.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.payload.len().saturating_add(self.signature.len())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.payload.is_empty() && self.signature.is_empty()
    }

    /// The first `len` bytes, or all if there are no more, and the rest.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn split_at(self, len: usize) -> (Self, Self) {
        let split = |octets: &'a [u8], at| octets.split_at_checked(at).unwrap_or((octets, &[]));
        let (payload, payload_rest) = split(self.payload, len);
        let (signature, signature_rest) =
            split(self.signature, len.saturating_sub(self.payload.len()));
        let part = |payload, signature| Self { payload, signature };
        (part(payload, signature), part(payload_rest, signature_rest))
    }

    pub(crate) fn emit(&self, w: &mut Writer<'_>) {
        w.octets(self.payload);
        if self.is_signed() {
            w.octets(self.signature);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn parts_put_together_are_the_whole() {
        let whole: Vec<u8> = (0..10).collect();
        for payload in 0..=10 {
            let (payload, signature) = whole.split_at(payload);
            let body = Body { payload, signature };
            assert_eq!(body.len(), 10);
            for at in 0..=12 {
                let (first, second) = body.split_at(at);
                assert_eq!(first.len(), at.min(10));
                let mut octets = [0; 10];
                let mut w = Writer::new(&mut octets);
                first.emit(&mut w);
                second.emit(&mut w);
                assert_eq!(octets, whole.as_slice());
                assert_eq!(second.is_empty(), at >= 10);
            }
        }
    }
}
