//! Who is who: member ids, sessions, group tags and names.

use core::fmt::{self, Write as _};
use core::num::NonZeroU32;
use core::str::FromStr;

/// A member's id within its group: any 32-bit number but zero.
///
/// It is configured, or drawn at random. Two members with the same id are detected and reported.
/// Shown as eight hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MemberId(NonZeroU32);

impl MemberId {
    /// The id with this number; `None` for zero, which names nobody.
    #[must_use]
    pub const fn new(id: u32) -> Option<Self> {
        match NonZeroU32::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// Zero names nobody.
impl TryFrom<u32> for MemberId {
    type Error = NotAnId;

    fn try_from(id: u32) -> Result<Self, NotAnId> {
        Self::new(id).ok_or(NotAnId)
    }
}

impl From<MemberId> for u32 {
    fn from(id: MemberId) -> Self {
        id.get()
    }
}

/// One to eight hexadecimal digits, as ids are shown.
impl FromStr for MemberId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        // A sign would be taken, too, and any number of zeros before it.
        let is_plain = text.len() <= 8 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let id = u32::from_str_radix(text, 16).ok().filter(|_| is_plain);
        id.and_then(Self::new).ok_or(NotAnId)
    }
}

/// Not the id of a member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not the id of a member: write one to eight hexadecimal digits, not all of them 0",
        )
    }
}

impl core::error::Error for NotAnId {}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        padded::<8>(f, format_args!("{:08x}", self.0))
    }
}

/// The digits as they are shown, by which a log can be searched.
impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberId({:08x})", self.0)
    }
}

/// Writes these digits as wide as the format asks for.
fn padded<const DIGITS: usize>(
    f: &mut fmt::Formatter<'_>,
    digits: fmt::Arguments<'_>,
) -> fmt::Result {
    let mut text = heapless::String::<DIGITS>::new();
    text.write_fmt(digits)?;
    f.pad(&text)
}

#[cfg(feature = "defmt")]
impl defmt::Format for MemberId {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=u32:08x}", self.get());
    }
}

/// One life of a member: a number drawn anew at every start.
///
/// A known id with a new session is a member that restarted.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Session(u64);

impl Session {
    /// The session with this number.
    #[must_use]
    pub const fn new(session: u64) -> Self {
        Self(session)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The life of the member that this session is of: within a life the numbers of the reliable stream
    /// go on from session to session (PROTOCOL §2.1).
    #[must_use]
    pub const fn life(self) -> u32 {
        // The low half.
        self.0 as u32
    }

    /// The session after this one in the same life.
    pub(crate) const fn following(self) -> Self {
        // The high half counts on.
        Self(self.0.wrapping_add(1 << 32))
    }

    /// Whether this session is of the same life as `other`, and comes after it.
    pub(crate) const fn follows(self, other: Self) -> bool {
        let ahead = (self.0.wrapping_sub(other.0) >> 32) as u32;
        self.life() == other.life() && ahead > 0 && ahead < 1 << 31
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        padded::<16>(f, format_args!("{:016x}", self.0))
    }
}

/// The digits as they are shown.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:016x})", self.0)
    }
}

/// The two bytes that name the group in every datagram (PROTOCOL §2.2).
///
/// They tell groups apart that share a port on a stack that cannot. They are no secret.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GroupTag(u16);

impl GroupTag {
    /// The tag with this number.
    #[must_use]
    pub const fn new(tag: u16) -> Self {
        Self(tag)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// A name of up to [`Name::CAPACITY`] bytes of UTF-8. It may be empty.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Name {
    len: u8,
    octets: [u8; Self::CAPACITY],
}

impl Name {
    /// The most bytes a name can have.
    pub const CAPACITY: usize = 32;

    /// No name.
    pub const EMPTY: Self = Self {
        len: 0,
        octets: [0; Self::CAPACITY],
    };

    /// Copies `name`; `None` if it is longer than [`Self::CAPACITY`] bytes.
    #[must_use]
    pub const fn new(name: &str) -> Option<Self> {
        Self::from_octets(name.as_bytes())
    }

    /// Copies bytes that came from the network; `None` if they are too many or not UTF-8.
    #[must_use]
    pub const fn from_utf8(octets: &[u8]) -> Option<Self> {
        match core::str::from_utf8(octets) {
            Ok(_) => Self::from_octets(octets),
            Err(_) => None,
        }
    }

    const fn from_octets(from: &[u8]) -> Option<Self> {
        if from.len() > Self::CAPACITY {
            return None;
        }
        let mut octets = [0; Self::CAPACITY];
        match octets.split_at_mut_checked(from.len()) {
            Some((head, _)) => head.copy_from_slice(from),
            None => return None,
        }
        // The length was just compared with 32.
        Some(Self {
            len: from.len() as u8,
            octets,
        })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The name's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether there is no name.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl TryFrom<&str> for Name {
    type Error = NameTooLong;

    fn try_from(name: &str) -> Result<Self, NameTooLong> {
        Self::new(name).ok_or(NameTooLong)
    }
}

/// A name has more than [`Name::CAPACITY`] bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NameTooLong;

impl fmt::Display for NameTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name is longer than 32 bytes of UTF-8; shorten it")
    }
}

impl core::error::Error for NameTooLong {}

impl Default for Name {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Name {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_name_takes_32_octets_and_no_more() {
        assert_eq!(Name::new("").unwrap(), Name::EMPTY);
        assert_eq!(Name::new("boiler").unwrap().as_str(), "boiler");
        let full = "x".repeat(32);
        assert_eq!(Name::new(&full).unwrap().as_str(), full);
        assert_eq!(Name::new(&"x".repeat(33)), None);
        assert_eq!(Name::new("아나").unwrap().as_str(), "아나");
    }

    #[test]
    fn octets_that_are_not_text_are_no_name() {
        assert_eq!(Name::from_utf8(b"ana").unwrap().as_str(), "ana");
        assert_eq!(Name::from_utf8(&[0xc1, 0x80]), None);
        assert_eq!(Name::from_utf8(&[b'x'; 33]), None);
    }

    #[test]
    fn ids_read_as_hexadecimal() {
        assert_eq!(MemberId::new(0), None);
        assert_eq!(MemberId::try_from(0), Err(NotAnId));
        assert_eq!("00007f3A".parse(), Ok(MemberId::new(0x7f3a).unwrap()));
        for text in ["", "0", "-1", "+1", "1ffffffff", "000000001", "7f3g", " 1"] {
            assert_eq!(text.parse::<MemberId>(), Err(NotAnId), "{text:?}");
        }
        assert_eq!(MemberId::new(0x7f3a).unwrap().to_string(), "00007f3a");
        assert_eq!(Session::new(1).to_string(), "0000000000000001");
    }

    #[test]
    fn ids_are_shown_in_one_way_and_as_wide_as_asked() {
        let (id, session) = (MemberId::new(0x7f3a).unwrap(), Session::new(0x2a));
        assert_eq!(
            std::format!("{id:?} {session:?}"),
            "MemberId(00007f3a) Session(000000000000002a)"
        );
        assert_eq!(
            std::format!("{id:<10}|{id:>10}|{session:<18}|"),
            "00007f3a  |  00007f3a|000000000000002a  |"
        );
    }
}
