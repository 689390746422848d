//! How a group is sealed.

use core::fmt;

use super::cipher::{Cipher, Portable};
use super::entropy::Entropy;
use super::key::KeySet;

/// How a group is sealed: what [`Group::sealed`](crate::Group::sealed) and
/// [`Node::sealed`](crate::Node::sealed) take.
///
/// ```
/// use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
/// use groupcast::{Board, Config, Group};
///
/// let keys = KeySet::new(GroupKey::new([7; 32]));
/// let random = *b"of a generator of random numbers";
/// let entropy = Entropy::new().with_random(&random);
/// let config = Config::new("239.1.2.3:12345".parse()?).with_name("boiler");
/// let group = Group::sealed(Board::new(), config, Seal::new(&keys, entropy))?;
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// As its entropy, it is used up by the member that is made of it.
pub struct Seal<'a> {
    pub(crate) keys: &'a KeySet,
    pub(crate) entropy: Entropy<'a>,
    pub(crate) cipher: &'static (dyn Cipher + Sync),
    pub(crate) first_contact: FirstContact,
    pub(crate) takes_raw: bool,
}

impl<'a> Seal<'a> {
    /// Sealed with these keys. `entropy` must have something that is new at every start.
    #[must_use]
    pub const fn new(keys: &'a KeySet, entropy: Entropy<'a>) -> Self {
        Self {
            keys,
            entropy,
            cipher: &Portable,
            first_contact: FirstContact::Verify,
            takes_raw: false,
        }
    }

    /// Whom to believe that was not heard before. Default: [`FirstContact::Verify`].
    #[must_use]
    pub const fn with_first_contact(mut self, first_contact: FirstContact) -> Self {
        self.first_contact = first_contact;
        self
    }

    /// Whether raw datagrams are handed to the application, and may be sent. Default: no; they are
    /// dropped and counted.
    ///
    /// Anybody can send them, and read those that are sent.
    #[must_use]
    pub const fn with_raw(mut self, takes_raw: bool) -> Self {
        self.takes_raw = takes_raw;
        self
    }

    /// What computes the cipher. Default: [`Portable`].
    #[must_use]
    pub const fn with_cipher(mut self, cipher: &'static (dyn Cipher + Sync)) -> Self {
        self.cipher = cipher;
        self
    }
}

impl fmt::Debug for Seal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal")
            .field("first_contact", &self.first_contact)
            .field("takes_raw", &self.takes_raw)
            .finish_non_exhaustive()
    }
}

/// Whom a member believes that it has not heard before, or that has started again (PROTOCOL K8).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FirstContact {
    /// Who proves to be there now, by sending back a challenge. It costs the time of two HELLOs, and what
    /// was sent before does not arrive, save what is repaired.
    #[default]
    Verify,
    /// Whoever holds the key. Then a stranger can play back what was recorded before this member
    /// started. For members that never send, and so cannot challenge anybody.
    TrustFirst,
}
