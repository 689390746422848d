//! What became of everything that came in.

use core::fmt;

/// Declares the counters once: their fields, names and meanings.
macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {
        /// What went through a tunnel since it was made, and what did not and why. Each counts datagrams, unless it
        /// says otherwise.
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl Counters {
            /// All of them, by name, each with its meaning.
            pub fn described(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + use<> {
                [$((stringify!($name), concat!($($doc),*).trim_ascii(), self.$name)),*].into_iter()
            }

            /// All of them, by name.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    /// From the group in this site to the broker.
    published,
    /// From one member in this site to one in another, to the broker.
    published_to_one,
    /// From the broker to the group in this site.
    sent,
    /// From the broker to one member in this site.
    sent_to_one,
    /// Heard in the group, sent there by this tunnel itself.
    own,
    /// Heard in the group, sent there by another tunnel of this site.
    of_other_tunnel,
    /// Heard in the group, of a member that is in another site.
    of_other_site,
    /// Heard while the broker was away.
    offline,
    /// Not framed: datagrams of other programs, which are not carried.
    raw,
    /// Framed but wrong, or longer than any datagram of the protocol.
    malformed,
    /// To the group where only one to a member belongs, or the other way round.
    misdirected,
    /// From the broker, of this site: another tunnel of it published them.
    of_this_site,
    /// From the broker, of a member that is heard in this site.
    at_home,
    /// From the broker, by another site than the one in which the member is.
    of_wrong_site,
    /// From the broker, a second time, or far too late.
    duplicate,
    /// For a member that is not in this site, or of one that is nowhere any more.
    unknown_member,
    /// Of more members than a tunnel has room for.
    too_many_members,
    /// Of members for which the system gave no socket.
    no_socket,
    /// Messages from the broker whose topic is none of a tunnel's.
    bad_topic,
    /// Messages of other tunnels that make no sense.
    bad_note,
    /// Members of other sites that had a socket here.
    members,
}

impl fmt::Display for Counters {
    /// Those that are not zero, in a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, count) in self.all().filter(|(_, count)| *count > 0) {
            write!(f, "{separator}{} {count}", name.replace('_', " "))?;
            separator = ", ";
        }
        if separator.is_empty() {
            f.write_str("nothing came through")?;
        }
        Ok(())
    }
}
