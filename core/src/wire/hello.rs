//! HELLO: presence (PROTOCOL §3.1).

use super::frame::emit_frame_header;
use super::reader::Reader;
use super::writer::{BufferTooSmall, Writer};
use super::{ParseError, frame::FRAME_HEADER_LEN};
use crate::ident::Name;

/// Who the sender is and what it can take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hello<'a> {
    /// JOIN flag: the sender is new and asks everybody for a HELLO, spread over time.
    pub join: bool,
    /// PROBE flag: the sender asks this receiver for a HELLO at once, by unicast.
    pub probe: bool,
    /// Capabilities, one bit each; none is defined yet.
    pub capabilities: u16,
    /// The largest datagram the sender can receive, in octets.
    pub max_datagram: u16,
    /// The largest message the sender can receive, in units of 64 octets; 0: one datagram's worth.
    pub max_message: u16,
    /// The sender's HELLO interval, in units of 10 ms.
    pub interval: u16,
    /// How many datagrams the sender can take at once; 0: not stated.
    pub receive_burst: u8,
    /// The sender's estimate of the round trip, 8·log2(µs); 0: none.
    pub round_trip: u8,
    /// The sender's estimate of the group's size, 4·log2(members).
    pub group_size: u8,
    /// The sender's name.
    pub name: Name,
    /// Options, each a kind, a length and a value: see [`iter_options`](Self::iter_options).
    pub options: &'a [u8],
}

const JOIN: u8 = 0x01;
const PROBE: u8 = 0x02;

impl<'a> Hello<'a> {
    pub(crate) const KIND: u8 = 0x01;

    /// The body without name and options.
    const FIXED_LEN: usize = 2 + 2 + 2 + 2 + 1 + 1 + 1 + 1;

    /// The longest HELLO this crate sends, with its frame header.
    pub(crate) const MAX_FRAME_LEN: usize = FRAME_HEADER_LEN + Self::FIXED_LEN + Name::CAPACITY;

    /// A HELLO that states nothing but a name.
    #[must_use]
    pub const fn new(name: Name) -> Self {
        Self {
            join: false,
            probe: false,
            capabilities: 0,
            max_datagram: 0,
            max_message: 0,
            interval: 0,
            receive_burst: 0,
            round_trip: 0,
            group_size: 0,
            name,
            options: &[],
        }
    }

    /// The options, each a kind and a value. This version defines none and skips them all.
    pub fn iter_options(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut r = Reader::new(self.options);
        core::iter::from_fn(move || {
            let kind = r.u8().ok()?;
            let len = r.u8().ok()?;
            Some((kind, r.octets(usize::from(len)).ok()?))
        })
    }

    pub(crate) fn parse(flags: u8, r: &mut Reader<'a>) -> Result<Self, ParseError> {
        let capabilities = r.u16()?;
        let max_datagram = r.u16()?;
        let max_message = r.u16()?;
        let interval = r.u16()?;
        let receive_burst = r.u8()?;
        let round_trip = r.u8()?;
        let group_size = r.u8()?;
        let name_len = usize::from(r.u8()?);
        if name_len > Name::CAPACITY {
            return Err(ParseError::BadName);
        }
        let name = Name::from_utf8(r.octets(name_len)?).ok_or(ParseError::BadName)?;
        let mut options = r.clone();
        while !options.is_empty() {
            options.u8()?;
            let len = options.u8()?;
            options.octets(usize::from(len))?;
        }
        Ok(Self {
            join: flags & JOIN != 0,
            probe: flags & PROBE != 0,
            capabilities,
            max_datagram,
            max_message,
            interval,
            receive_burst,
            round_trip,
            group_size,
            name,
            options: r.rest(),
        })
    }

    pub(crate) fn emit(&self, w: &mut Writer<'_>) -> Result<(), BufferTooSmall> {
        let name = self.name.as_bytes();
        let flags = if self.join { JOIN } else { 0 } | if self.probe { PROBE } else { 0 };
        let len = Self::FIXED_LEN
            .checked_add(name.len())
            .and_then(|len| len.checked_add(self.options.len()))
            .ok_or(BufferTooSmall)?;
        emit_frame_header(w, Self::KIND, flags, len)?;
        w.u16(self.capabilities)?;
        w.u16(self.max_datagram)?;
        w.u16(self.max_message)?;
        w.u16(self.interval)?;
        w.u8(self.receive_burst)?;
        w.u8(self.round_trip)?;
        w.u8(self.group_size)?;
        // A name has 32 octets at most.
        w.u8(name.len() as u8)?;
        w.octets(name)?;
        w.octets(self.options)
    }
}
