//! Groupcast on embassy-net: hosts on a simulated Ethernet with tasks on virtual time, looked at frame by frame.

mod bench;
mod members;
mod membership;
mod queues;
mod sockets;
