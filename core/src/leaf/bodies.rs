//! What a leaf reads of the bodies of frames (PROTOCOL §2.6). `None`: the frame is malformed.

use crate::ident::Name;
use crate::wire::{Hello, Nack};

/// What a HELLO says that matters to a leaf.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) join: bool,
    pub(super) probe: bool,
    pub(super) interval: u16,
    pub(super) burst: u8,
    pub(super) group_size: u8,
}

/// What others are called matters to nobody here.
pub(super) fn hello(flags: u8, body: &[u8]) -> Option<Said> {
    let (fields, rest) = body.split_first_chunk()?;
    let [_, _, _, _, _, _, i, j, burst, _, group_size, name] = *fields;
    let is_sound = usize::from(name) <= rest.len().min(Name::CAPACITY);
    is_sound.then_some(Said {
        join: flags & Hello::JOIN != 0,
        probe: flags & Hello::PROBE != 0,
        interval: u16::from_be_bytes([i, j]),
        burst,
        group_size,
    })
}

/// A HELLO's options, and nothing else of it.
#[cfg(feature = "seal")]
pub(super) fn options(body: &[u8]) -> Option<Hello<'_>> {
    let name = usize::from(*body.get(11)?);
    let options = body.get(name.saturating_add(12)..)?;
    Some(Hello {
        options,
        ..Hello::new(Name::EMPTY)
    })
}

/// For how many milliseconds everybody is to pause.
pub(super) fn busy(body: &[u8]) -> Option<u16> {
    body.first_chunk().map(|wait| u16::from_be_bytes(*wait))
}

/// The next number of the sender's stream, and how many values it has.
pub(super) fn sync(body: &[u8]) -> Option<(u32, u8)> {
    let [a, b, c, d, _, _, _, _, _, _, states] = *body.first_chunk()?;
    Some((u32::from_be_bytes([a, b, c, d]), states))
}

/// Whose values somebody asks for: its id, and its life.
pub(super) fn ask(body: &[u8]) -> Option<(u32, u32)> {
    let [a, b, c, d, e, f, g, h] = *body.first_chunk()?;
    let (id, life) = ([a, b, c, d], [e, f, g, h]);
    Some((u32::from_be_bytes(id), u32::from_be_bytes(life)))
}

/// The first and the last number that somebody misses.
pub(super) type Missed = Option<(u32, u32)>;

/// Of whose life somebody misses something, and what.
pub(super) fn nack(body: &[u8]) -> Option<((u32, u32), Missed)> {
    let (fields, rest) = body.get(8..)?.split_first_chunk()?;
    let [a, b, c, d, _, words] = *fields;
    let words = usize::from(words);
    let (bits, _) = rest.as_chunks().0.split_at_checked(words)?;
    if words == 0 || words > Nack::MAX_WORDS {
        return None;
    }
    let mut base = u32::from_be_bytes([a, b, c, d]);
    let mut missed: Missed = None;
    for bits in bits {
        let bits = u32::from_be_bytes(*bits);
        if let Some(bit) = bits.checked_ilog2() {
            let first = base.wrapping_add(bits.trailing_zeros());
            let (first, _) = missed.unwrap_or((first, 0));
            missed = Some((first, base.wrapping_add(bit)));
        }
        base = base.wrapping_add(u32::BITS);
    }
    Some((ask(body)?, missed))
}

#[cfg(test)]
mod tests {
    use super::super::incoming::frame;
    use super::*;
    use crate::wire::{Ask, Busy, Frame, Frames, Sync};
    use proptest::prelude::*;

    proptest! {
        /// What is here reads the same as the wire's own reader, which looks at more of a HELLO.
        #[test]
        fn bodies_are_read_as_the_wire_has_them(
            kind in prop::sample::select(&[Hello::KIND, Busy::KIND, Sync::KIND, Ask::KIND, Nack::KIND][..]),
            flags: u8,
            mut body in prop::collection::vec(any::<u8>(), 0..60),
            small in 0..40u8,
        ) {
            // Lengths that fit now and then.
            for at in [11, 13] {
                if let Some(len) = body.get_mut(at) {
                    *len = small;
                }
            }
            let mut octets = std::vec![kind, flags, 0, u8::try_from(body.len()).unwrap()];
            octets.append(&mut body);
            let (_, _, body) = frame(&octets).unwrap();
            match Frames::new(&octets).next().unwrap() {
                Ok(Frame::Hello(wire)) => {
                    let said = hello(flags, body).unwrap();
                    prop_assert_eq!((said.join, said.probe), (wire.join, wire.probe));
                    prop_assert_eq!((said.interval, said.burst), (wire.interval, wire.receive_burst));
                    prop_assert_eq!(said.group_size, wire.group_size);
                    #[cfg(feature = "seal")]
                    prop_assert_eq!(options(body).unwrap().options, wire.options);
                }
                Ok(Frame::Busy(wire)) => prop_assert_eq!(busy(body), Some(wire.wait)),
                Ok(Frame::Sync(wire)) => prop_assert_eq!(sync(body), Some((wire.next, wire.states))),
                Ok(Frame::Ask(wire)) => prop_assert_eq!(ask(body), Some((wire.target, wire.session))),
                Ok(Frame::Nack(wire)) => {
                    let missed = wire.iter().next().zip(wire.iter().last());
                    prop_assert_eq!(nack(body), Some(((wire.target, wire.session), missed)));
                }
                Ok(other) => prop_assert!(false, "{other:?}"),
                Err(_) if kind == Hello::KIND => {}
                Err(_) => {
                    let read = match kind {
                        Busy::KIND => busy(body).is_some(),
                        Sync::KIND => sync(body).is_some(),
                        Ask::KIND => ask(body).is_some(),
                        _ => nack(body).is_some(),
                    };
                    prop_assert!(!read);
                }
            }
        }
    }
}
