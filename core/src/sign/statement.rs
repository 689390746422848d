//! What a signature is for.

use core::net::{IpAddr, SocketAddr};

use sha2::{Digest, Sha256};

use crate::channel::Channel;
use crate::ident::{MemberId, Name, Session};
use crate::sequence::Sequence;

/// Keeps apart what is signed here from what is signed elsewhere with the same key.
const DOMAIN: &[u8] = b"groupcast msg v1";

/// Everything that a signature is for: a message, and its place in the world. A signature fits no other
/// place, so a message cannot be carried to another group, sender, life, channel or number.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Statement<'a> {
    /// The group's address and port. For an IPv6 group the scope does not count.
    pub group: SocketAddr,
    /// The group's name.
    pub group_name: Name,
    /// Who sends it.
    pub sender: MemberId,
    /// In which session. Only its [life](Session::life) counts: what is repaired in a later session of it
    /// has the signature that it had.
    pub session: Session,
    /// On which channel, and in which class.
    pub channel: Channel,
    /// The message's sequence number: that of its first fragment.
    pub sequence: Sequence,
    /// What it says.
    pub payload: &'a [u8],
}

impl Statement<'_> {
    /// The 32 bytes that Ed25519 signs (PROTOCOL P1): so nothing is put together in memory first.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let name = self.group_name.as_bytes();
        let (class, latest) = self.channel.class().code();
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        match self.group.ip() {
            IpAddr::V4(ip) => {
                hash.update([4]);
                hash.update(ip.octets());
            }
            IpAddr::V6(ip) => {
                hash.update([16]);
                hash.update(ip.octets());
            }
        }
        hash.update(self.group.port().to_be_bytes());
        // A name has 32 octets at most.
        hash.update([name.len() as u8]);
        hash.update(name);
        hash.update(self.sender.get().to_be_bytes());
        hash.update(self.session.life().to_be_bytes());
        hash.update([class | (u8::from(latest) << 4), self.channel.number()]);
        hash.update(self.sequence.get().to_be_bytes());
        hash.update(self.payload);
        hash.finalize().into()
    }
}
