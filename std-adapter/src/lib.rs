//! Groupcast's network on desktops: UDP multicast on the operating system's sockets.
//!
//! [`StdStack`] implements embedded-nal's UDP traits and the multicast traits of
//! [`groupcast::multicast`], so that what was written for a microcontroller runs on a desktop
//! unchanged. It contains no `unsafe` code.
//!
//! ```
//! use core::time::Duration;
//!
//! use embedded_nal::{UdpClientStack, UdpFullStack, nb};
//! use groupcast::multicast::{Interface, UdpMulticast};
//! use groupcast_std::{Error, StdStack, wait};
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! let group = "239.1.2.3:12345".parse()?;
//! let mut stack = StdStack::builder()
//!     .group(group)
//!     .interface("127.0.0.1".parse()?) // leave out to let the stack choose
//!     .build()?;
//! println!("using {}", stack.choice());
//!
//! // One socket to hear the group, another to send and to be answered at.
//! let mut ear = UdpClientStack::socket(&mut stack)?;
//! UdpFullStack::bind(&mut stack, &mut ear, group.port())?;
//! stack.join_multicast(&mut ear, group.ip(), Interface::Default)?;
//! let mut mouth = UdpClientStack::socket(&mut stack)?;
//! UdpFullStack::bind(&mut stack, &mut mouth, 0)?;
//!
//! nb::block!(stack.send_to(&mut mouth, group, b"Hello, multicast!"))?;
//! assert!(wait(&[&ear], Duration::from_secs(2))?);
//! let mut buffer = [0; 1500];
//! let (length, from) = nb::block!(UdpClientStack::receive(&mut stack, &mut ear, &mut buffer))?;
//! println!("{from}: {}", String::from_utf8_lossy(&buffer[..length]));
//! # assert_eq!(&buffer[..length], b"Hello, multicast!");
//! # Ok(())
//! # }
//! ```
//!
//! # Systems
//!
//! | | Linux | macOS, BSD | Windows |
//! |---|---|---|---|
//! | how far tested | run | type-checked (macOS, FreeBSD), never run | type-checked, never run |
//! | foreign groups on a shared port | kept out by `IP_MULTICAST_ALL=0` | by binding to the group | by the system |
//! | IPv6 group joined on another interface by others | kept out by a packet filter | not known | not known |
//! | sharing a port | `SO_REUSEADDR` | `SO_REUSEADDR` and `SO_REUSEPORT` | `SO_REUSEADDR` |
//! | truncation found by | `MSG_TRUNC` | `recvmsg`'s flags | error 10040 |
//! | IPv4 join by | index | index; NetBSD and OpenBSD by address | index |
//! | MTU | known | not known | not known |
//!
//! On macOS and the BSDs a socket bound to the port of the builder's group hears that group only, and
//! no unicast; send from another socket. Android is treated like
//! them (type-checked, never run).
//!
//! # What is not here
//!
//! [`UdpReceiveLocal`](groupcast::multicast::UdpReceiveLocal), the address a datagram was sent to. The
//! system gives it in a control message that neither socket2 nor rustix can read without `unsafe`. The
//! `nix` crate can on Linux and macOS, which was not found worth a second wrapper of the same calls.
//! A program with several groups on one port opens a socket for each.

mod builder;
mod cause;
mod clock;
pub mod entropy;
mod error;
mod hint;
mod interface;
pub mod interfaces;
pub mod key_file;
mod member;
mod membership;
mod memory;
pub mod passphrase;
mod rank;
mod resolve;
mod socket;
mod stack;
mod sys;
mod tcp;
mod wait;
mod watch;

pub use builder::Builder;
pub use clock::Clock;
pub use error::{Error, Operation};
pub use groupcast::{OwnedEvent as Event, OwnedMessage as Message, OwnedRaw as Raw};
pub use hint::hint;
pub use interface::{Choice, Family, InterfaceSelector};
pub use member::{Member, MemberBuilder, join};
pub use memory::{Profile, ProfileMemory};
pub use resolve::resolve_group;
pub use socket::Socket;
pub use stack::StdStack;
pub use wait::wait;
#[cfg(unix)]
pub use wait::{Ready, wait_with};
