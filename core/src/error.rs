//! Errors, by who has to act.
//!
//! What other members or strangers send is never an error: it is counted
//! ([`Counters`](crate::Counters)).

use core::fmt;

use crate::wire::{MAX_MAX_DATAGRAM, MIN_MAX_DATAGRAM};

/// A setting that cannot work: for the programmer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ConfigError {
    /// The group's address is not a multicast address.
    NotMulticast,
    /// The group's port is 0.
    PortZero,
    /// The member's name is longer than 32 bytes.
    NameTooLong,
    /// The group's name is longer than 32 bytes.
    GroupNameTooLong,
    /// The largest datagram is out of range.
    MaxDatagram(u16),
    /// What is missing would be waited for longer than 15 minutes.
    MaxWaitTooLong,
    /// The storage's receive buffer does not hold the largest datagram and one byte more.
    ReceiveBufferTooSmall {
        /// Bytes it must have at least.
        needed: usize,
    },
    /// The storage's history does not hold the largest datagram and eight bytes more.
    HistoryTooSmall {
        /// Bytes it must have at least.
        needed: usize,
    },
    /// The pace is [`Pace::UNLIMITED`](crate::Pace::UNLIMITED), and the storage is not made for that.
    NeedsPace,
    /// The seed is all zeros, or is made of a device's id that no device has.
    SeedIsZero,
    /// Keys that cannot be used.
    #[cfg(feature = "seal")]
    Keys(crate::seal::KeyError),
    /// There is nothing that is new at every start, which a sealed group needs.
    #[cfg(feature = "seal")]
    NotEnoughEntropy,
    /// A member that does not announce itself is to verify others in a sealed group.
    #[cfg(feature = "seal")]
    CannotVerify,
    /// Keys are to be changed, but the group is not sealed.
    #[cfg(feature = "seal")]
    NotSealed,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMulticast => f.write_str(
                "the group's address is not a multicast address; \
                 use one of 224.0.0.0/4 (say 239.1.2.3) or ff00::/8",
            ),
            Self::PortZero => f.write_str("the group's port is 0; choose one from 1 to 65535"),
            Self::NameTooLong => {
                f.write_str("the name is longer than 32 bytes of UTF-8; shorten it")
            }
            Self::GroupNameTooLong => {
                f.write_str("the group's name is longer than 32 bytes of UTF-8; shorten it")
            }
            Self::MaxDatagram(octets) => write!(
                f,
                "a largest datagram of {octets} bytes is out of range; \
                 use {MIN_MAX_DATAGRAM} to {MAX_MAX_DATAGRAM}"
            ),
            Self::MaxWaitTooLong => f.write_str(
                "a message that is missing cannot be waited for longer than 15 minutes; wait less",
            ),
            Self::ReceiveBufferTooSmall { needed } => {
                write!(
                    f,
                    "the receive buffer is too small; give the storage RECEIVE >= {needed}"
                )
            }
            Self::HistoryTooSmall { needed } => {
                write!(
                    f,
                    "the history is too small; give the storage HISTORY >= {needed}"
                )
            }
            Self::NeedsPace => f.write_str(
                "this member sends at a pace; choose one, or give it a storage with SENDS = Sends::UNLIMITED",
            ),
            Self::SeedIsZero => f.write_str(
                "the seed is all zeros, or the device id that it is made of is blank; fill it from a \
                 random number generator, or give a chip's unique id and a count of starts",
            ),
            #[cfg(feature = "seal")]
            Self::Keys(error) => error.fmt(f),
            #[cfg(feature = "seal")]
            Self::NotEnoughEntropy => crate::seal::NotEnoughEntropy.fmt(f),
            #[cfg(feature = "seal")]
            Self::CannotVerify => f.write_str(
                "a member that does not announce itself cannot verify others; \
                 announce it, or set first contact to TrustFirst",
            ),
            #[cfg(feature = "seal")]
            Self::NotSealed => f.write_str("the group is not sealed; make it with `sealed`"),
        }
    }
}

impl core::error::Error for ConfigError {}

/// Why a message is not sent: for the application.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// The message is larger than this member, or the smallest receiver, can take.
    TooLong {
        /// The message's bytes.
        len: usize,
        /// The most bytes a message can have now.
        limit: usize,
    },
    /// A raw datagram that begins with `0xc1` would be taken for a framed one.
    LooksFramed,
    /// A raw datagram must not be empty.
    Empty,
    /// The group is sealed, and raw datagrams were not asked for.
    RawInSealed,
    /// Too much waits to be sent. Poll, so that it goes out, and try again.
    QueueFull,
    /// There is no room for another State channel.
    TooManyStates,
    /// The message is of a reliable class, and this member keeps nothing for repair: its storage has
    /// [`Sends::VALUES`](crate::Sends::VALUES), or it is a [`Leaf`](crate::Leaf).
    NotReliable,
    /// Another member has this member's fixed id, and this one fell silent.
    Silenced,
    /// The member has left the group.
    HasLeft,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { len, limit } => write!(
                f,
                "the message has {len} bytes, and at most {limit} are possible; split it"
            ),
            Self::LooksFramed => {
                f.write_str("a raw datagram must not begin with the byte c1; send it as a message")
            }
            Self::Empty => f.write_str("a raw datagram must not be empty"),
            Self::RawInSealed => f.write_str(
                "the group is sealed, and a raw datagram can be read and forged by anybody; \
                 send a message, or ask for raw datagrams, too",
            ),
            Self::QueueFull => f.write_str(
                "too much waits to be sent; poll until some of it is sent, and try again",
            ),
            Self::TooManyStates => f.write_str(
                "there is no room for the value of another State channel; \
                 give the storage more PEERS or BLOCKS, and a leaf more ROOM",
            ),
            Self::NotReliable => f.write_str(
                "this member keeps nothing for repair; send a value of the class State, of which the newest \
                 always arrives, or give it a storage with SENDS = Sends::RELIABLE",
            ),
            Self::Silenced => f.write_str(
                "another member has the same id, so this one fell silent; give it another id",
            ),
            Self::HasLeft => f.write_str("the member has left the group"),
        }
    }
}

impl core::error::Error for SendError {}

/// Why a node could not be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error<E> {
    /// A setting cannot work.
    Config(ConfigError),
    /// The network stack refused.
    Stack(E),
}

impl<E> From<ConfigError> for Error<E> {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Stack(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for Error<E> {}

/// What could not be done, and what was handed over for it: to try again with it.
///
/// `?` turns it into the error alone, where the function's error is that. Into a `Box<dyn Error>` it goes as it is, which
/// does not work if the memory is a local variable that was borrowed: there, `map_err(|failed| failed.error)?`. On a
/// board, where memory is handed out once:
///
/// ```
/// # use core::time::Duration;
/// # use groupcast::{Config, Error, Failed, Memory, Node, multicast::UdpMulticast};
/// fn join<S: UdpMulticast, M: Memory>(
///     mut parts: (S, M),
///     config: Config,
///     seed: [u8; 32],
///     mut wait: impl FnMut(Duration),
/// ) -> Result<Node<S, M>, Error<S::Error>> {
///     loop {
///         match Node::new(parts.0, parts.1, config, seed) {
///             // The cable is not plugged in yet.
///             Err(Failed { error: Error::Stack(_), parts: back, .. }) => parts = back,
///             result => return Ok(result?),
///         }
///         wait(Duration::from_secs(1));
///     }
/// }
/// ```
#[non_exhaustive]
pub struct Failed<E, P> {
    /// What is wrong.
    pub error: E,
    /// What was handed over.
    pub parts: P,
}

impl<E: fmt::Debug, P> fmt::Debug for Failed<E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failed").field(&self.error).finish()
    }
}

impl<E: fmt::Display, P> fmt::Display for Failed<E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<E: core::error::Error, P> core::error::Error for Failed<E, P> {}

impl<P> From<Failed<Self, P>> for ConfigError {
    fn from(failed: Failed<Self, P>) -> Self {
        failed.error
    }
}

impl<E, P> From<Failed<Self, P>> for Error<E> {
    fn from(failed: Failed<Self, P>) -> Self {
        failed.error
    }
}
