//! Tests of the whole gateway.

mod broker;
mod commands;
mod files;
mod hostile;
mod members;
mod restarts;
mod retained;
mod rules;
mod seeds;
