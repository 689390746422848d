//! Tests of the whole gateway.

mod broker;
mod commands;
mod hostile;
mod members;
mod rules;
mod seeds;
