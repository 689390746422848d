//! HELLO: presence (PROTOCOL §2.6).

use super::frame::emit_frame_header;
use super::reader::Reader;
use super::writer::Writer;
use super::{ParseError, frame::FRAME_HEADER_LEN};
use crate::ident::{MemberId, Name};

/// Who the sender is and what it can take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hello<'a> {
    /// JOIN flag: the sender is new and asks everybody for a HELLO, spread over time.
    pub join: bool,
    /// PROBE flag: the sender asks this receiver for a HELLO at once, by unicast.
    pub probe: bool,
    /// What the sender is, one bit each (PROTOCOL E3). Bits that are not known say nothing.
    pub capabilities: u16,
    /// The largest datagram the sender can receive, in bytes; below 512 it counts as 512.
    pub max_datagram: u16,
    /// The largest message the sender can receive, in units of 64 bytes; 0: one datagram's worth.
    pub max_message: u16,
    /// The sender's HELLO interval, in units of 10 ms; 0: not stated, what was stated before stays.
    pub interval: u16,
    /// How many datagrams the sender can take at once; 0: not stated.
    pub receive_burst: u8,
    /// The sender's estimate of the round trip, 8·log2(µs); 0: none.
    pub round_trip: u8,
    /// The sender's estimate of the group's size, 4·log2(members); one member alone is 0.
    pub group_size: u8,
    /// The sender's name.
    pub name: Name,
    /// Options, each a kind, a length and a value: see [`iter_options`](Self::iter_options).
    pub options: &'a [u8],
}

impl<'a> Hello<'a> {
    pub(crate) const KIND: u8 = 0x01;

    pub(crate) const JOIN: u8 = 0x01;
    pub(crate) const PROBE: u8 = 0x02;

    /// The body without name and options.
    const FIXED_LEN: usize = 2 + 2 + 2 + 2 + 1 + 1 + 1 + 1;

    /// The longest HELLO this crate sends, with its frame header.
    pub(crate) const MAX_FRAME_LEN: usize = FRAME_HEADER_LEN + Self::FIXED_LEN + Name::CAPACITY;

    /// Capability: the sender takes nobody's reliable stream.
    pub const NO_STREAMS: u16 = 0x0001;
    /// Capability: the sender takes bulk objects. No member does so far.
    pub const OBJECTS: u16 = 0x0002;
    /// Capability: the sender is a bridge's member, and speaks for others behind it.
    pub const BRIDGE: u16 = 0x0004;

    /// Bytes of a challenge.
    pub const CHALLENGE_LEN: usize = 8;

    /// The option with this member's challenge.
    pub const CHALLENGE: u8 = 1;
    /// The option with challenges of others, sent back.
    pub const ECHOES: u8 = 2;

    /// Bytes before an option's value: kind and length.
    pub const OPTION_HEADER_LEN: usize = 2;
    /// Bytes of the longest value of an option.
    pub const LONGEST_OPTION: usize = 255;

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

    /// Whether the sender takes reliable streams.
    #[must_use]
    pub const fn takes_streams(&self) -> bool {
        self.capabilities & Self::NO_STREAMS == 0
    }

    /// Whether the sender takes bulk objects.
    #[must_use]
    pub const fn takes_objects(&self) -> bool {
        self.capabilities & Self::OBJECTS != 0
    }

    /// Whether the sender speaks for others behind it.
    #[must_use]
    pub const fn is_bridge(&self) -> bool {
        self.capabilities & Self::BRIDGE != 0
    }

    /// The options, each a kind and a value. Those that are not known are to be skipped.
    pub fn iter_options(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut rest = self.options;
        core::iter::from_fn(move || {
            let [kind, len, after @ ..] = rest else {
                return None;
            };
            let (value, after) = after.split_at_checked(usize::from(*len))?;
            rest = after;
            Some((*kind, value))
        })
    }

    /// The sender's challenge, if somebody is to send it back (PROTOCOL K9).
    #[must_use]
    pub fn challenge(&self) -> Option<Challenge> {
        self.iter_options()
            .find(|(kind, _)| *kind == Self::CHALLENGE)
            .and_then(|(_, value)| Challenge::parse(value))
    }

    /// Whether this challenge is among those that the sender sends back (PROTOCOL K10).
    #[must_use]
    pub fn sends_back(&self, challenge: u64) -> bool {
        self.iter_options()
            .filter(|(kind, _)| *kind == Self::ECHOES)
            .any(|(_, value)| {
                let (echoes, _) = value.as_chunks();
                echoes
                    .iter()
                    .any(|echo| u64::from_be_bytes(*echo) == challenge)
            })
    }

    pub(crate) fn parse(flags: u8, r: &mut Reader<'a>) -> Self {
        let mut hello = Self {
            join: flags & Self::JOIN != 0,
            probe: flags & Self::PROBE != 0,
            capabilities: r.u16(),
            max_datagram: r.u16(),
            max_message: r.u16(),
            interval: r.u16(),
            receive_burst: r.u8(),
            round_trip: r.u8(),
            group_size: r.u8(),
            ..Self::new(Name::EMPTY)
        };
        let name_len = usize::from(r.u8());
        if name_len > Name::CAPACITY {
            r.fail(ParseError::BadName);
        }
        match Name::from_utf8(r.octets(name_len)) {
            Some(name) => hello.name = name,
            None => r.fail(ParseError::BadName),
        }
        hello.options = r.peek();
        while !r.is_empty() {
            r.u8();
            let len = r.u8();
            r.octets(usize::from(len));
        }
        hello
    }

    pub(crate) fn emit(&self, w: &mut Writer<'_>) {
        let name = self.name.as_bytes();
        let flags =
            if self.join { Self::JOIN } else { 0 } | if self.probe { Self::PROBE } else { 0 };
        let len = Self::FIXED_LEN
            .saturating_add(name.len())
            .saturating_add(self.options.len());
        emit_frame_header(w, Self::KIND, flags, len);
        w.u16(self.capabilities);
        w.u16(self.max_datagram);
        w.u16(self.max_message);
        w.u16(self.interval);
        w.u8(self.receive_burst);
        w.u8(self.round_trip);
        w.u8(self.group_size);
        // A name has 32 octets at most.
        w.u8(name.len() as u8);
        w.octets(name);
        w.octets(self.options);
    }
}

/// A number that nobody can guess: whoever sends it back is there now (PROTOCOL K9).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Challenge {
    /// The number.
    pub number: u64,
    /// Who is to send it back; `None`: everybody.
    pub target: Option<MemberId>,
}

impl Challenge {
    /// Bytes of the option's value at most.
    pub const MAX_LEN: usize = Hello::CHALLENGE_LEN + 4;

    /// Whether this member is to send it back.
    #[must_use]
    pub fn is_for(&self, id: MemberId) -> bool {
        self.target.is_none_or(|target| target == id)
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let (number, target) = value.split_first_chunk()?;
        let target = match target {
            [] => None,
            _ => Some(MemberId::new(u32::from_be_bytes(target.try_into().ok()?))?),
        };
        Some(Self {
            number: u64::from_be_bytes(*number),
            target,
        })
    }

    /// Writes the option to the beginning of `into`. Returns how many bytes it has; 0 if there is no
    /// room.
    pub fn write(&self, into: &mut [u8]) -> usize {
        let mut w = Writer::new(into);
        self.emit(&mut w);
        w.finish().unwrap_or_default()
    }

    pub(crate) fn emit(&self, w: &mut Writer<'_>) {
        let len = match self.target {
            None => Hello::CHALLENGE_LEN,
            Some(_) => Self::MAX_LEN,
        };
        // There are 12 octets at most.
        w.u8(Hello::CHALLENGE);
        w.u8(len as u8);
        w.octets(&self.number.to_be_bytes());
        if let Some(target) = self.target {
            w.u32(target.get());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_written_as_they_are_read() {
        let everybody = Challenge {
            number: 0x0102_0304_0506_0708,
            target: None,
        };
        let target = MemberId::new(42);
        for challenge in [
            everybody,
            Challenge {
                target,
                ..everybody
            },
        ] {
            let mut octets = [0xff; 20];
            let len = challenge.write(&mut octets);
            let hello = Hello {
                options: &octets[..len],
                ..Hello::new(Name::EMPTY)
            };
            assert_eq!(hello.challenge(), Some(challenge));
            assert!(challenge.is_for(MemberId::new(42).unwrap()));
            let is_for_all = challenge.target.is_none();
            assert_eq!(challenge.is_for(MemberId::new(43).unwrap()), is_for_all);
            assert_eq!(challenge.write(&mut octets[..len - 1]), 0);
        }
    }

    #[test]
    fn what_is_no_challenge_is_none_and_not_sent_back() {
        for options in [
            &[1, 7, 1, 2, 3, 4, 5, 6, 7][..],
            &[1, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            &[1, 12, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0],
            &[2, 8, 1, 2, 3, 4, 5, 6, 7, 8],
            &[3, 8, 1, 2, 3, 4, 5, 6, 7, 8],
            &[],
        ] {
            let hello = Hello {
                options,
                ..Hello::new(Name::EMPTY)
            };
            assert_eq!(hello.challenge(), None, "{options:?}");
            let is_echo = options.first() == Some(&2);
            assert_eq!(hello.sends_back(0x0102_0304_0506_0708), is_echo);
            assert!(!hello.sends_back(0));
        }
    }
}
