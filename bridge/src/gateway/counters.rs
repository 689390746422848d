//! What became of everything that came in.

use crate::counters::counters;

counters! {
    /// What a gateway did since it was made, and what it did not and why. Each counts messages, unless it says
    /// otherwise. At each moment, in a group whose members have lives of fewer than 2^31 numbers:
    ///
    /// *reliable + recovered = acknowledged + overflowed + refused_reliable + store_lost + those that are
    /// [queued](super::Gateway::queued)*.
    Counters:
    /// From the group, best effort.
    best_effort,
    /// From the group, of the class Latest.
    latest,
    /// From the group, State values.
    state,
    /// From the group, of the reliable classes, to be published.
    reliable,
    /// Reliable messages that were in the store when the gateway started.
    recovered,
    /// Publishes handed to the connection, of all kinds and with those that were sent again.
    published,
    /// Publishes that had been sent on a connection before.
    resent,
    /// Reliable messages that the broker has.
    acknowledged,
    /// State values that the broker has.
    acknowledged_states,
    /// Reliable messages that the broker refused: they are in gap records.
    refused_reliable,
    /// Everything else that the broker refused.
    refused_others,
    /// Times that the broker had no room for a message and was to be asked again.
    quota,
    /// Reliable messages for which there was no room: they are in gap records.
    overflowed,
    /// Values of State and Latest that a newer one took the place of before they were published.
    replaced,
    /// Best effort while the broker was away.
    offline,
    /// Best effort that came faster than the connection took it.
    congested,
    /// Values of the class Latest that were too old when the broker was back.
    expired,
    /// Values for which there was no room. Raise *values*.
    too_many_values,
    /// Members for which there was no room. Raise *senders*.
    too_many_senders,
    /// Of members that are bridges.
    loops,
    /// Kept back until their sender had said who it is.
    held,
    /// Of senders whose session is not known, since the roster was full.
    without_session,
    /// Reliable messages that the group sent again after the gateway was started again, which has them.
    already_handled,
    /// Gap records begun: the group lost messages.
    gaps_lan,
    /// Gap records begun: the gateway had no room for messages, or was away.
    gaps_bridge,
    /// Gap records begun: the broker refused messages.
    gaps_broker,
    /// Gap records that the broker has.
    gaps_acknowledged,
    /// Gaps for which there was no room.
    gaps_dropped,
    /// Numbers that were never told of and count as State values that others replaced: see *marks*.
    holes_closed,
    /// From the broker, of any kind.
    incoming,
    /// From the broker, to be said in the group.
    commands,
    /// Commands that were queued to the group.
    commands_sent,
    /// Reliable commands that all members had who were there.
    confirmed,
    /// Reliable commands that were acknowledged though not all members had them in time.
    unconfirmed,
    /// Commands on channels that are not allowed.
    not_allowed,
    /// Commands on topics that name no channel.
    bad_topic,
    /// Commands that are too long for the group.
    too_long,
    /// Commands that the group did not take for another reason.
    not_sent,
    /// Commands that were retained, and are not mapped as such.
    retained_commands,
    /// Commands that came a second time.
    duplicate_commands,
    /// Commands beyond those that may wait.
    too_many_commands,
    /// Members' `info` at the broker that was deleted or corrected.
    ghosts,
    /// `info` at the broker that makes no sense, or is too long.
    bad_info,
    /// Acknowledgements of nothing that was published.
    unknown_token,
    /// Failures to write to the store.
    store_failures,
    /// Bytes of the store that are damaged.
    store_damaged,
    /// Records that were to be published and could not be found in the store at the start.
    store_missing,
    /// Reliable messages that were lost with the store while the gateway ran.
    store_lost,
}
