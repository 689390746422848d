//! Groups that exchange datagrams by hand, without a network: what each member is told.

mod answers;
mod asks;
mod batches;
mod clock;
mod clones;
mod confirm;
mod counts;
mod ends;
mod far;
mod farewell;
#[cfg(feature = "seal")]
mod fleet;
mod flow;
mod forged;
mod frames;
mod ghosts;
mod hogs;
mod hub;
mod late;
mod leap;
mod limits;
mod lives;
mod membership;
mod messages;
mod newcomers;
mod paths;
mod pauses;
#[path = "../shared/puppet.rs"]
mod puppet;
#[cfg(feature = "seal")]
mod put_back;
#[cfg(feature = "seal")]
mod sealed;
mod seeds;
mod sending;
#[cfg(feature = "sign")]
mod signed;
#[cfg(feature = "sign")]
mod signed_late;
#[cfg(feature = "seal")]
mod sleep;
mod streamless;
mod two_limits;
mod values;
mod values_only;
