//! The doctor's own datagrams.
//!
//! They are whole datagrams of the protocol, with one frame that every member skips, in a group of their
//! own: members on the same address and port drop them as "other group" and are not disturbed.

use core::net::SocketAddr;

use groupcast::MemberId;
use groupcast::wire::{Header, MAGIC, Suite, VERSION, parse};

use crate::network::framing::tag_of_doctors;
use crate::process::failure::Failure;

/// A frame type that members who do not know it skip.
const FRAME: u8 = 0xfe;
const FRAME_HEADER: usize = 4;

/// What tells these frames from those of others who use the same type.
const SIGN: [u8; 2] = *b"d1";

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// What members speak.
const OPEN: u8 = 1;
const SEALED: u8 = 2;

/// Others that a call can speak of.
const MOST: usize = 16;

/// The way a call took.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Path {
    Multicast,
    Unicast,
}

/// What one doctor says to the others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Call {
    pub(crate) path: Path,
    /// From 1 the calls that count; 0: only to be found.
    pub(crate) number: u16,
    /// The highest number so far.
    pub(crate) reached: u16,
    /// The sender's clock, in microseconds.
    pub(crate) clock: u32,
    /// What the sender has heard of each other doctor.
    pub(crate) heard: Vec<Heard>,
    /// What members say with the sender's options; older doctors do not tell.
    pub(crate) speaks: Option<Speaks>,
}

/// How a member's datagrams begin: no secret, since they are read by everybody.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Speaks {
    pub(crate) is_sealed: bool,
    pub(crate) tag: u16,
}

/// What a doctor has heard of another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Heard {
    pub(crate) who: u32,
    /// How many numbered calls, each counted once.
    pub(crate) multicast: u16,
    pub(crate) unicast: u16,
    /// The largest datagram by multicast, in bytes.
    pub(crate) largest: u16,
    /// The clock of the last call, the way it took, and the time since, in microseconds.
    pub(crate) clock: u32,
    pub(crate) path: Path,
    pub(crate) age: u32,
}

/// Who sends.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    pub(crate) id: u32,
    session: u64,
    tag: u16,
    number: u64,
}

impl Voice {
    pub(crate) fn new(group: SocketAddr) -> Result<Self, Failure> {
        let seed = groupcast_std::entropy::seed()?;
        let [a, b, c, d, session @ ..] = seed;
        let mut octets = [0; 8];
        octets.copy_from_slice(&session[..8]);
        Ok(Self {
            id: u32::from_be_bytes([a, b, c, d]).max(1),
            session: u64::from_be_bytes(octets),
            tag: tag_of_doctors(group),
            number: 0,
        })
    }

    /// A datagram with this call, filled up to `size` bytes.
    pub(crate) fn datagram(&mut self, call: &Call, size: usize) -> Vec<u8> {
        self.number += 1;
        let counter = match call.path {
            Path::Multicast => self.number,
            Path::Unicast => self.number | Header::TO_ONE,
        };
        let mut octets = vec![MAGIC, VERSION << 4];
        octets.extend(self.tag.to_be_bytes());
        octets.extend(self.id.to_be_bytes());
        octets.extend(self.session.to_be_bytes());
        octets.extend(&counter.to_be_bytes()[2..]);
        let mut body = call.octets();
        let around = Header::LEN + FRAME_HEADER + Suite::Open.trailer_len();
        body.resize(body.len().max(size.saturating_sub(around)), 0);
        octets.extend([FRAME, 0]);
        // No datagram is longer than 65,507 octets.
        octets.extend((body.len() as u16).to_be_bytes());
        octets.extend(body);
        let sum = CRC.checksum(&octets);
        octets.extend(sum.to_be_bytes());
        octets
    }
}

/// Reads a call and who sent it; `None` for every other datagram.
pub(crate) fn read(group: SocketAddr, datagram: &[u8]) -> Option<(u32, Call)> {
    let (header, _) = parse(datagram).ok()?;
    if header.tag.get() != tag_of_doctors(group) {
        return None;
    }
    let &[kind, _, high, low, ref rest @ ..] = datagram.get(Header::LEN..)? else {
        return None;
    };
    // What is behind the frame, as the checksum, is no part of the call.
    let body = rest.get(..u16::from_be_bytes([high, low]).into())?;
    let call = Call::read(body)?;
    (kind == FRAME).then_some((header.sender.get(), call))
}

/// The id as members write theirs.
pub(crate) fn shown(id: u32) -> String {
    MemberId::new(id).map_or_else(|| "?".to_owned(), |id| id.to_string())
}

impl Path {
    const fn octet(self) -> u8 {
        match self {
            Self::Multicast => 0,
            Self::Unicast => 1,
        }
    }

    const fn read(octet: u8) -> Self {
        match octet {
            0 => Self::Multicast,
            _ => Self::Unicast,
        }
    }
}

impl Call {
    /// A call that counts for nothing.
    pub(crate) const fn test() -> Self {
        Self {
            path: Path::Multicast,
            number: 0,
            reached: 0,
            clock: 0,
            heard: Vec::new(),
            speaks: None,
        }
    }

    fn octets(&self) -> Vec<u8> {
        let heard = self.heard.iter().take(MOST);
        let mut octets = SIGN.to_vec();
        octets.push(self.path.octet());
        octets.extend(self.number.to_be_bytes());
        octets.extend(self.reached.to_be_bytes());
        octets.extend(self.clock.to_be_bytes());
        octets.push(heard.len() as u8);
        for heard in heard {
            octets.extend(heard.who.to_be_bytes());
            octets.extend(heard.multicast.to_be_bytes());
            octets.extend(heard.unicast.to_be_bytes());
            octets.extend(heard.largest.to_be_bytes());
            octets.extend(heard.clock.to_be_bytes());
            octets.push(heard.path.octet());
            octets.extend(heard.age.to_be_bytes());
        }
        if let Some(Speaks { is_sealed, tag }) = self.speaks {
            octets.push(if is_sealed { SEALED } else { OPEN });
            octets.extend(tag.to_be_bytes());
        }
        octets
    }

    fn read(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader(octets.strip_prefix(&SIGN)?);
        let path = Path::read(reader.u8()?);
        let (number, reached, clock) = (reader.u16()?, reader.u16()?, reader.u32()?);
        let count = usize::from(reader.u8()?).min(MOST);
        let mut heard = Vec::with_capacity(count);
        for _ in 0..count {
            heard.push(Heard {
                who: reader.u32()?,
                multicast: reader.u16()?,
                unicast: reader.u16()?,
                largest: reader.u16()?,
                clock: reader.u32()?,
                path: Path::read(reader.u8()?),
                age: reader.u32()?,
            });
        }
        // What fills a call up is zero.
        let speaks = match (reader.u8(), reader.u16()) {
            (Some(kind @ (OPEN | SEALED)), Some(tag)) => Some(Speaks {
                is_sealed: kind == SEALED,
                tag,
            }),
            _ => None,
        };
        Some(Self {
            path,
            number,
            reached,
            clock,
            heard,
            speaks,
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (octets, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*octets)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[octet]| octet)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groupcast::{Config, Group, Instant, Storage};

    fn group() -> SocketAddr {
        "239.1.2.3:12345".parse().unwrap()
    }

    fn call() -> Call {
        Call {
            path: Path::Unicast,
            number: 7,
            reached: 9,
            clock: 123_456,
            heard: vec![Heard {
                who: 0x7f3a,
                multicast: 25,
                unicast: 24,
                largest: 1472,
                clock: 99,
                path: Path::Multicast,
                age: 1000,
            }],
            speaks: Some(Speaks {
                is_sealed: true,
                tag: 0xbeef,
            }),
        }
    }

    #[test]
    fn a_call_is_read_as_it_was_written_whatever_its_size() {
        let mut voice = Voice::new(group()).unwrap();
        for size in [0, 500, 1472] {
            let datagram = voice.datagram(&call(), size);
            assert_eq!(datagram.len(), size.max(datagram.len()));
            let (header, _) = parse(&datagram).unwrap();
            assert!(header.is_to_one(), "as the call says");
            assert_eq!(read(group(), &datagram), Some((voice.id, call())));
            let speaks = None;
            let old = Call { speaks, ..call() };
            let datagram = voice.datagram(&old, size);
            assert_eq!(read(group(), &datagram), Some((voice.id, old)));
            assert_eq!(read("239.1.2.4:12345".parse().unwrap(), &datagram), None);
            for end in 0..datagram.len() {
                assert_eq!(read(group(), &datagram[..end]), None);
            }
        }
    }

    #[test]
    fn an_old_call_says_nothing_whatever_its_checksum_is() {
        let speaks = None;
        let old = Call { speaks, ..call() };
        for _ in 0..2_000 {
            // Each has another session, and so another checksum.
            let mut voice = Voice::new(group()).unwrap();
            let datagram = voice.datagram(&old, 0);
            assert_eq!(read(group(), &datagram), Some((voice.id, old.clone())));
        }
    }

    #[test]
    fn members_drop_a_probe_without_a_word() {
        type Memory = Box<Storage<4, 1, 16, 20, 1600, 1473>>;
        let mut member = Group::new(Memory::default(), Config::new(group()), [2; 32]).unwrap();
        let datagram = Voice::new(group()).unwrap().datagram(&call(), 0);
        let from = "10.0.0.1:40000".parse().unwrap();
        member
            .handle(Instant::from_millis(5), from, &datagram)
            .unwrap();
        assert!(member.poll_event().is_none());
        assert_eq!(member.peers().count(), 0);
        assert_eq!(member.counters().dropped(), 1);
    }

    #[test]
    fn datagrams_of_others_are_no_calls() {
        for datagram in [&b"hello"[..], b"", &[MAGIC; 60]] {
            assert_eq!(read(group(), datagram), None);
        }
    }
}
