//! Groups that exchange datagrams by hand, without a network: what each member is told.

mod confirm;
mod hub;
mod membership;
mod messages;
