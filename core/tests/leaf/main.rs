//! Leaves beside groups, which exchange datagrams by hand: what each member is told.

mod chaos;
mod hub;
mod ids;
mod listening;
mod node;
mod places;
#[path = "../shared/puppet.rs"]
mod puppet;
mod saying;
#[cfg(feature = "seal")]
mod sealed;
