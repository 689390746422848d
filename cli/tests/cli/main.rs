//! The `groupcast` command as its users meet it: real processes on real sockets, on 127.0.0.1 alone.
//!
//! Processes are ended by signals, so this runs on Unix only.

#![cfg(unix)]

mod chat;
mod demo;
mod hostile;
mod input;
mod interfaces;
mod keygen;
mod listen;
mod members;
mod process;
mod reliable;
mod send;
mod sim;
