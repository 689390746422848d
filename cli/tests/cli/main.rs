//! The `groupcast` command as its users meet it: real processes on real sockets, on 127.0.0.1 alone.
//!
//! Processes are ended by signals, so this runs on Unix only.

#![cfg(unix)]

mod bench;
mod blocked;
mod bridge;
mod chat;
mod demo;
mod doctor;
mod exit_codes;
mod groups;
mod hostile;
mod input;
mod interfaces;
mod json;
mod keygen;
mod leaving;
mod listen;
mod listen_options;
mod manual;
mod members;
mod pictures;
mod ping;
mod pipe;
mod process;
mod record;
mod reliable;
mod screen;
mod sealed;
mod send;
mod settings;
mod signed;
mod sim;
mod streamless;
mod streams;
mod top;
mod unreadable;
