//! Who is there: HELLO, BYE and PROBE, the roster, restarts and duplicate ids, round trips (PROTOCOL §3).

mod following;
mod peer;
mod places;
mod presence;
mod ration;
mod roster;
mod source;
mod terms;
mod trip;
mod window;

pub(crate) use peer::{Heard, LATE, Peer};
pub(crate) use places::Place;
pub(crate) use presence::Presence;
pub(crate) use ration::Ration;
pub(crate) use roster::{Roster, RosterFull};
pub(crate) use source::Source;
pub(crate) use terms::{Change, Limits, Owed, Position};
pub(crate) use trip::Trip;
#[cfg(feature = "seal")]
pub(crate) use window::Verdict;
