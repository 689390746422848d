//! What holds keys, memory or another type's parts, in logs of `defmt`: who it is, and nothing secret. Other types derive
//! what they show, and events have [their own](crate::event).

use defmt::{Format, Formatter, write};

use crate::drive::{AsyncNode, Driver, Reactor};
use crate::error::Failed;
use crate::group::Group;
use crate::leaf::{Leaf, LeafAt, LeafNode};
use crate::multicast::UdpMulticast;
use crate::node::{At, Node};
use crate::seed::Seed;
use crate::storage::{Memory, Storage, View, Views};
use crate::{AnyNode, Endpoint};

impl<M: Memory> Format for Group<M> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Group({}, {})", self.id(), self.session());
    }
}

impl<S: UdpMulticast, M: Memory> Format for Node<S, M> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Node({}, {})", self.id(), self.session());
    }
}

impl<S: UdpMulticast, M: Memory> Format for At<'_, S, M> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "At({})", self.id());
    }
}

impl<const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Format
    for Leaf<DATAGRAM, SENDERS, ROOM>
{
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Leaf({}, {})", self.id(), self.session());
    }
}

impl<S: UdpMulticast, const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Format
    for LeafNode<S, DATAGRAM, SENDERS, ROOM>
{
    fn format(&self, f: Formatter<'_>) {
        let leaf = self.leaf();
        write!(f, "LeafNode({}, {})", leaf.id(), leaf.session());
    }
}

impl<S: UdpMulticast, const DATAGRAM: usize, const SENDERS: usize, const ROOM: usize> Format
    for LeafAt<'_, S, DATAGRAM, SENDERS, ROOM>
{
    fn format(&self, f: Formatter<'_>) {
        write!(f, "LeafAt({})", self.id());
    }
}

impl<N: AnyNode + Format, R: Reactor<N::Stack>> Format for AsyncNode<N, R> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "AsyncNode({})", self.node());
    }
}

impl<R> Format for Driver<R> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Driver");
    }
}

impl<E: Format, P> Format for Failed<E, P> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Failed({})", self.error);
    }
}

impl Format for Seed {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Seed(..)");
    }
}

impl<
    const PEERS: usize,
    const STREAMS: usize,
    const WINDOW: usize,
    const BLOCKS: usize,
    const HISTORY: usize,
    const RECEIVE: usize,
    const SENDS: u8,
> Format for Storage<PEERS, STREAMS, WINDOW, BLOCKS, HISTORY, RECEIVE, SENDS>
{
    /// Its sizes.
    fn format(&self, f: Formatter<'_>) {
        write!(
            f,
            "Storage<{=usize}, {=usize}, {=usize}, {=usize}, {=usize}, {=usize}, {=u8}>",
            PEERS, STREAMS, WINDOW, BLOCKS, HISTORY, RECEIVE, SENDS
        );
    }
}

impl Format for View<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "View({=usize} members)", self.roster.members());
    }
}

impl Format for Views<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Views({=usize} members)", self.roster.members());
    }
}

#[cfg(feature = "std")]
mod owned {
    use super::{Format, Formatter, write};
    use crate::owned::{OwnedEvent, OwnedMessage, OwnedRaw};

    impl Format for OwnedEvent {
        fn format(&self, f: Formatter<'_>) {
            self.as_event().format(f);
        }
    }

    impl Format for OwnedMessage {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "{}: {=[u8]:a}", self.sender, *self.payload);
        }
    }

    impl Format for OwnedRaw {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "raw: {=[u8]:a}", *self.payload);
        }
    }
}

#[cfg(feature = "seal")]
mod sealed {
    use super::{Format, Formatter, write};
    use crate::seal::{DerivedKey, Draw, Entropy, GroupKey, Keyring, Seal, Subkey};

    impl Format for GroupKey {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "GroupKey(secret)");
        }
    }

    impl Format for Keyring {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "Keyring(secret)");
        }
    }

    impl Format for DerivedKey {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "DerivedKey(secret)");
        }
    }

    impl Format for Subkey {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "Subkey(secret)");
        }
    }

    impl Format for Draw {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "Draw(secret)");
        }
    }

    impl Format for Entropy<'_> {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "Entropy(secret)");
        }
    }

    impl Format for Seal<'_> {
        fn format(&self, f: Formatter<'_>) {
            write!(
                f,
                "Seal({}, takes raw: {=bool})",
                self.first_contact, self.takes_raw
            );
        }
    }
}

#[cfg(feature = "sign")]
mod signed {
    use super::{Format, Formatter, write};
    use crate::sign::{SigningKey, Verifier};

    impl Format for SigningKey {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "SigningKey(of {}, secret)", self.public());
        }
    }

    impl<const N: usize, const WORDS: usize> Format for Verifier<'_, N, WORDS> {
        /// How many members' messages it can follow.
        fn format(&self, f: Formatter<'_>) {
            write!(f, "Verifier({=usize})", N);
        }
    }
}
