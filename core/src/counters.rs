//! Counters: what happened to every datagram.

/// Counts since the start. They wrap after 2^64.
///
/// Every datagram received is counted in [`received`](Self::received) and in exactly one of
/// [`accepted`](Self::accepted), [`raw`](Self::raw), [`own`](Self::own) and the reasons that
/// [`dropped`](Self::dropped) adds up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Counters {
    /// Datagrams that arrived.
    pub received: u64,
    /// Framed datagrams of this group that were taken.
    pub accepted: u64,
    /// Raw datagrams handed to the application.
    pub raw: u64,
    /// This member's own datagrams, heard by loopback.
    pub own: u64,

    /// Dropped: without any content.
    pub empty: u64,
    /// Dropped: begins like a framed datagram, but is too short for one.
    pub truncated: u64,
    /// Dropped: larger than the receive buffer.
    pub oversized: u64,
    /// Dropped: a protocol version this member does not speak.
    pub wrong_version: u64,
    /// Dropped: a suite this member does not use.
    pub wrong_suite: u64,
    /// Dropped: of another group on this port.
    pub other_group: u64,
    /// Dropped: the checksum does not fit; in a sealed group, the tag under no key.
    pub corrupt: u64,
    /// Dropped: a header that cannot be, such as sender id zero.
    pub malformed: u64,
    /// Dropped: claims this member's id with another session, or with its own and a datagram counter that
    /// this member has not used.
    pub claims_own_id: u64,
    /// Dropped: of a session that has ended, or too old to tell whether it is a duplicate.
    pub stale: u64,
    /// Dropped: already seen, by its datagram counter.
    pub duplicate: u64,
    /// Dropped: a raw datagram, in a sealed group that takes none.
    pub raw_refused: u64,
    /// Dropped: well sealed, but its sender has not yet proved to be there now.
    pub unverified: u64,
    /// Dropped: in a sealed group, of a member for which there is no place on the roster, or in a
    /// [`Leaf`](crate::Leaf) to listen to it.
    pub no_place: u64,
    /// Dropped: it began another session while messages of the one before were still to be delivered.
    pub postponed: u64,

    /// Frames of accepted datagrams that were not built as their type demands.
    pub frames_malformed: u64,
    /// Frames of accepted datagrams of a type that is not known.
    pub frames_unknown: u64,
    /// Fragments that had been there before.
    pub fragments_duplicate: u64,
    /// Fragments for which there was no room. Those of reliable messages are asked for again.
    pub fragments_no_room: u64,
    /// Fragments of senders for whose streams there was no room, or that came before one joined. In a
    /// [`Leaf`](crate::Leaf): messages of senders that it has no place to listen to.
    pub fragments_no_stream: u64,
    /// Fragments of reliable messages, in a member that [takes none](crate::Storage#without-streams).
    pub reliable_dropped: u64,
    /// Values of the Latest and State classes that were older than what was delivered.
    pub values_old: u64,
    /// Best-effort messages given up because not all their fragments came in time.
    pub partials_evicted: u64,
    /// Gaps reported, and the fragments in them.
    pub gaps: u64,
    /// Fragments reported as lost.
    pub gap_fragments: u64,
    /// NACKs sent.
    pub nacks_sent: u64,
    /// NACKs for this member's stream that came in.
    pub nacks_received: u64,
    /// Fragments sent again because somebody asked.
    pub repairs_sent: u64,
    /// Heartbeats and other SYNCs sent.
    pub syncs_sent: u64,

    /// Messages handed to the application.
    pub messages_received: u64,
    /// Messages the application gave, framed and raw.
    pub messages_sent: u64,
    /// Datagrams given to the network.
    pub datagrams_sent: u64,
    /// Their bytes, without IP and UDP headers.
    pub bytes_sent: u64,
    /// Datagrams the network refused to send. They are lost.
    pub send_failures: u64,
}

impl Counters {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            received: 0,
            accepted: 0,
            raw: 0,
            own: 0,
            empty: 0,
            truncated: 0,
            oversized: 0,
            wrong_version: 0,
            wrong_suite: 0,
            other_group: 0,
            corrupt: 0,
            malformed: 0,
            claims_own_id: 0,
            stale: 0,
            duplicate: 0,
            raw_refused: 0,
            unverified: 0,
            no_place: 0,
            postponed: 0,
            frames_malformed: 0,
            frames_unknown: 0,
            fragments_duplicate: 0,
            fragments_no_room: 0,
            fragments_no_stream: 0,
            reliable_dropped: 0,
            values_old: 0,
            partials_evicted: 0,
            gaps: 0,
            gap_fragments: 0,
            nacks_sent: 0,
            nacks_received: 0,
            repairs_sent: 0,
            syncs_sent: 0,
            messages_received: 0,
            messages_sent: 0,
            datagrams_sent: 0,
            bytes_sent: 0,
            send_failures: 0,
        }
    }

    /// Why datagrams were dropped: each reason's name and count.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        [
            ("empty", self.empty),
            ("truncated", self.truncated),
            ("oversized", self.oversized),
            ("wrong_version", self.wrong_version),
            ("wrong_suite", self.wrong_suite),
            ("other_group", self.other_group),
            ("corrupt", self.corrupt),
            ("malformed", self.malformed),
            ("claims_own_id", self.claims_own_id),
            ("stale", self.stale),
            ("duplicate", self.duplicate),
            ("raw_refused", self.raw_refused),
            ("unverified", self.unverified),
            ("no_place", self.no_place),
            ("postponed", self.postponed),
        ]
        .into_iter()
    }

    /// How many datagrams were dropped, for all reasons.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.reasons()
            .fold(0, |sum, (_, count)| sum.wrapping_add(count))
    }
}

/// Adds one.
#[inline(never)]
pub(crate) fn count(counter: &mut u64) {
    *counter = counter.wrapping_add(1);
}
