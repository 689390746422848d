//! What is delivered of others' streams, and what is told to be lost (PROTOCOL §5.2).

use super::stream::Next;
use super::{Parts, Receiving, Slot};
use crate::channel::{Channel, Class};
use crate::counters::count;
use crate::group::found::{Found, FoundMessage};
use crate::group::serial::later;
use crate::rooms::Rooms;
use crate::time::Tick;

impl Receiving {
    /// Somebody else has a member's place on the roster.
    pub(crate) fn forget(rooms: Rooms, parts: &mut Parts<'_>, index: usize) {
        if rooms.receive_streams() {
            if let Some(at) = parts.streams.find(index) {
                parts.streams.remove(at, parts.slots, parts.pool);
            }
            parts.partials.forget(index, parts.pool);
        }
        parts.latest.forget(index);
    }

    /// A member's session is over. Whether something of it is still to be delivered or reported.
    pub(crate) fn end_stream(parts: &mut Parts<'_>, index: usize) -> bool {
        let Some(at) = parts.streams.find(index) else {
            return parts.roster.end_without_stream(index);
        };
        let told = parts.roster.told(index);
        let Some(stream) = parts.streams.get_mut(at) else {
            return false;
        };
        stream.give_up(told);
        stream.is_closing = true;
        let unfinished = stream.is_ready;
        if unfinished {
            parts.streams.any_ready = true;
        } else {
            // What is late of it is not to begin it anew.
            parts.roster.stow(index, stream.position(), 0);
            parts.streams.remove(at, parts.slots, parts.pool);
        }
        unfinished
    }

    /// The next stored message that can be delivered, or gap that must be reported.
    pub(crate) fn find_stored(parts: &mut Parts<'_>, now: Tick, into: &mut [u8]) -> Option<Found> {
        for at in 0..parts.streams.len() {
            if !parts.streams.is(at, |stream| stream.is_ready) {
                continue;
            }
            let (stream, mut window) = parts.streams.with_window(at, parts.slots)?;
            let is_ordered = |class| Class::from_code(class, false) == Class::ReliableOrdered;
            let next = stream.poll(now, &mut window, parts.pool, is_ordered);
            let (index, closing, position) = (stream.peer, stream.is_closing, stream.position());
            match next {
                Some(Next::Gap { first, last }) => {
                    return Some(Self::found_gap(parts, Some(at), index, first, last));
                }
                Some(Next::Message { first, last }) => {
                    return Self::assemble(parts, now, into, at, first, last);
                }
                None => {
                    parts.streams.note(at, parts.tools.config.max_wait);
                    if closing {
                        // What is late of it is not to begin it anew.
                        parts.roster.stow(index, position, 0);
                        parts.streams.remove(at, parts.slots, parts.pool);
                    }
                }
            }
        }
        parts.streams.any_ready = false;
        None
    }

    pub(crate) fn found_gap(
        parts: &mut Parts<'_>,
        at: Option<usize>,
        index: usize,
        first: u32,
        last: u32,
    ) -> Found {
        count(&mut parts.tools.counters.gaps);
        let fragments = u64::from(last.wrapping_sub(first)).wrapping_add(1);
        parts.tools.counters.gap_fragments =
            parts.tools.counters.gap_fragments.wrapping_add(fragments);
        parts.latest.doubt(index);
        if let Some(at) = at
            && let Some(stream) = parts.streams.get_mut(at)
        {
            stream.states_asked = 0;
            stream.since = later(stream.since, last.wrapping_add(1));
            parts.streams.note(at, parts.tools.config.max_wait);
        }
        Found::Gap { index, first, last }
    }

    /// Puts a stored message together in the receive buffer.
    fn assemble(
        parts: &mut Parts<'_>,
        now: Tick,
        into: &mut [u8],
        at: usize,
        first: u32,
        last: u32,
    ) -> Option<Found> {
        let (stream, mut window) = parts.streams.with_window(at, parts.slots)?;
        let mut len = 0usize;
        let mut channel = Channel::default();
        let mut signed = false;
        let mut fits = true;
        let mut sequence = first;
        loop {
            if let Slot::Stored(handle) = window.get(sequence) {
                if let Some(meta) = parts.pool.meta(handle) {
                    channel = Channel::new(meta.channel, Class::from_code(meta.class, false));
                    signed = meta.signed;
                    let before = sequence.wrapping_sub(first);
                    fits &= before == u32::from(meta.fragment);
                    fits &= last.wrapping_sub(first) == u32::from(meta.last);
                }
                let rest = into.get_mut(len..);
                match rest.and_then(|rest| parts.pool.read(handle, rest)) {
                    Some(read) => len = len.saturating_add(read),
                    None => fits = false,
                }
            }
            if sequence == last {
                break;
            }
            sequence = sequence.wrapping_add(1);
        }
        stream.delivered(now, first, last, &mut window, parts.pool);
        let index = stream.peer;
        parts.streams.note(at, parts.tools.config.max_wait);
        if !fits {
            // Its sender did not keep to what this member can receive, or its fragments are not those of one message.
            return Some(Self::found_gap(parts, Some(at), index, first, last));
        }
        let peer = parts.roster.peer(index)?;
        let (id, address) = (peer.id(), peer.address());
        count(&mut parts.tools.counters.messages_received);
        Some(Found::Message(FoundMessage {
            channel,
            index: Some(index),
            id,
            address,
            sequence: first,
            signed,
            start: 0,
            end: len,
        }))
    }
}
