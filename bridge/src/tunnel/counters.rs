//! What became of everything that came in.

use crate::counters::counters;

counters! {
    /// What went through a tunnel since it was made, and what did not and why. Each counts datagrams, unless it
    /// says otherwise.
    Counters:
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
