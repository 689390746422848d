//! Groups that exchange datagrams by hand, without a network: what each member is told.

mod asks;
mod confirm;
mod hub;
mod leap;
mod membership;
mod messages;
