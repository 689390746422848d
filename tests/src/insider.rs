//! Made-up members of a sealed group, who hold its key and say whatever they are told to.

use core::net::SocketAddr;

use groupcast::seal::{KeySet, Keyring, Portable};
use groupcast::wire::{self, Challenge, Frame, Header, Hello, Suite};
use groupcast::{MemberId, Name, Session};

/// Opens datagrams of a group, and seals them in anybody's name.
#[derive(Clone, Debug)]
pub struct Insider {
    ring: Keyring,
}

impl Insider {
    /// Of the group with this address and no name.
    ///
    /// # Panics
    ///
    /// A key is all zeros.
    #[must_use]
    pub fn new(keys: &KeySet, group: SocketAddr) -> Self {
        let ring = Keyring::derive(keys, group, &Name::EMPTY);
        Self {
            ring: ring.expect("the keys are sound"),
        }
    }

    /// A header in somebody's name.
    ///
    /// # Panics
    ///
    /// The id is zero.
    #[must_use]
    pub fn header(&self, id: u32, session: u64, counter: u64) -> Header {
        Header {
            suite: Suite::Sealed,
            tag: self.ring.sending().tag(),
            sender: MemberId::new(id).expect("not zero"),
            session: Session::new(session),
            counter,
        }
    }

    /// A datagram with these octets where its frames would be.
    ///
    /// # Panics
    ///
    /// It is longer than the cipher can seal.
    #[must_use]
    pub fn around(&self, header: &Header, body: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0; Header::LEN + Suite::Sealed.trailer_len()];
        wire::emit(header, &[], &mut datagram).expect("there is room");
        datagram.splice(Header::LEN..Header::LEN, body.iter().copied());
        let subkey = self.ring.sending().subkey(header.sender, header.session);
        let sealed = subkey.seal(&Portable, &mut datagram);
        sealed.expect("it is a datagram of suite 1");
        datagram
    }

    /// A datagram of these frames.
    ///
    /// # Panics
    ///
    /// They are longer than any datagram.
    #[must_use]
    pub fn of_frames(&self, header: &Header, frames: &[Frame<'_>]) -> Vec<u8> {
        self.around(header, &body(header, frames))
    }

    /// The frames of a member's datagram, in the clear; `None` if it cannot be opened.
    #[must_use]
    pub fn open(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        let header = wire::parse_header(datagram).ok()?;
        let mut octets = datagram.to_vec();
        let (_, key) = self.ring.with_tag(header.tag).next()?;
        let subkey = key.subkey(header.sender, header.session);
        subkey.open(&Portable, &mut octets).ok()?;
        let end = octets.len() - Suite::Sealed.trailer_len();
        Some(octets[Header::LEN..end].to_vec())
    }

    /// The challenge that a member's datagram carries.
    #[must_use]
    pub fn challenge(&self, datagram: &[u8]) -> Option<Challenge> {
        let body = self.open(datagram)?;
        wire::Frames::new(&body).find_map(|frame| match frame {
            Ok(Frame::Hello(hello)) => hello.challenge(),
            _ => None,
        })
    }
}

/// Frames as octets.
///
/// # Panics
///
/// They are longer than any datagram.
#[must_use]
pub fn body(header: &Header, frames: &[Frame<'_>]) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 14];
    let len = wire::emit(header, frames, &mut buffer).expect("there is room");
    buffer[Header::LEN..len - header.suite.trailer_len()].to_vec()
}

/// The options of a HELLO that sends these challenges back.
#[must_use]
pub fn sending_back(challenges: &[u64]) -> Vec<u8> {
    let mut options = vec![
        Hello::ECHOES,
        (challenges.len() * Hello::CHALLENGE_LEN) as u8,
    ];
    options.extend(
        challenges
            .iter()
            .flat_map(|challenge| challenge.to_be_bytes()),
    );
    options
}
