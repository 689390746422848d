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
//! | foreign groups on a shared port | kept out by `IP_MULTICAST_ALL=0`, without it by binding to the group | by binding to the group | by the system |
//! | IPv6 group joined on another interface by others | kept out by a packet filter | not known | not known |
//! | sharing a port | `SO_REUSEADDR` | `SO_REUSEADDR` and `SO_REUSEPORT` | `SO_REUSEADDR` |
//! | several datagrams sent in one system call | up to 64 (GSO) | no | up to 64 (USO) |
//! | several received in one | yes (`recvmmsg`, GRO) | FreeBSD (`recvmmsg`) | no |
//! | datagrams longer than the link takes | sent in fragments | macOS as Linux, BSD refuses | refused |
//! | IPv4 join by | index | index; NetBSD and OpenBSD by address | index |
//! | MTU | known | not known | not known |
//!
//! On macOS and the BSDs a socket bound to the port of the builder's group hears that group only, and
//! no unicast; send from another socket. Android is treated like
//! them (type-checked, never run).
//!
//! # Async programs
//!
//! [`Member`] waits by itself. With the feature `tokio`, `groupcast_std::tokio::AsyncMember` is a member in a task of tokio.
//!
//! # Several datagrams in one system call
//!
//! A node hands datagrams of one length to the stack together, and Linux carries them through its network
//! layers as one packet. Where an interface does not take that, the stack sends one by one from then on.
//! Other programs hear separate datagrams. But a capture on the loopback interface, or on the sender of any
//! other, shows one long datagram, as it does for TCP: the system cuts it after the point of capture.
//!
//! Each socket asks the system for up to 16 buffers of 64 KB and keeps what it got until it is asked for
//! it, so [`wait()`] says at once that there is more. Memory is used only for buffers that were filled.

mod arrivals;
mod builder;
mod cause;
mod clock;
pub mod entropy;
mod error;
mod hint;
mod interface;
pub mod interfaces;
pub mod key_file;
mod leaving;
mod member;
mod membership;
mod memory;
pub mod passphrase;
mod rank;
mod resolve;
pub mod sign_file;
mod socket;
mod stack;
mod strangers;
mod sys;
mod tcp;
#[cfg(feature = "tokio")]
pub mod tokio;
mod wait;
mod watch;

pub use builder::Builder;
pub use clock::Clock;
pub use error::{Error, Operation};
pub use groupcast::{OwnedEvent, OwnedMessage, OwnedRaw};
pub use hint::hint;
pub use interface::{Choice, Family, InterfaceSelector};
pub use leaving::Leaving;
pub use member::{Member, MemberBuilder, join};
pub use memory::{Profile, ProfileMemory};
pub use resolve::{resolve_group, resolve_group_on};
pub use socket::{RECEIVE_BUFFER, Socket};
pub use stack::StdStack;
pub use strangers::Stranger;
pub use wait::wait;
#[cfg(unix)]
pub use wait::{Ready, wait_with};
