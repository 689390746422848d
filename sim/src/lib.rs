//! A simulated network for [Groupcast](groupcast): UDP multicast on virtual time, with faults chosen
//! by a seed.
//!
//! A [`Network`] has hosts, every host has [stacks](SimStack), and these implement the traits of
//! embedded-nal and of [`groupcast::multicast`], as the stacks for real networks do. So the same
//! members that run on a board or a desktop run here, hundreds of them in one thread. Nothing waits:
//! time is a number that the test moves. What a [`Link`] does to datagrams (loss, bursts, jitter,
//! duplicates, damage, a limited rate) is drawn from the seed, so a failing run can be repeated to the
//! byte, and [`Network::trace_hash`] proves that it was.
//!
//! Two members of a group, half a second apart:
//!
//! ```
//! use core::net::{Ipv4Addr, SocketAddr};
//! use core::time::Duration;
//!
//! use groupcast::embedded_nal::{UdpClientStack, UdpFullStack, nb};
//! use groupcast::multicast::{Interface, UdpMulticast};
//! use groupcast_sim::{Link, Network};
//!
//! let network = Network::new(42).with_link(Link::perfect().with_delay(Duration::from_millis(500)));
//! let mut here = network.stack(network.add_host());
//! let mut there = network.stack(network.add_host());
//!
//! let group = Ipv4Addr::new(239, 1, 2, 3);
//! let mut sender = here.socket()?;
//! here.bind(&mut sender, 0)?;
//! let mut member = there.socket()?;
//! there.bind(&mut member, 12345)?;
//! there.join_multicast(&mut member, group.into(), Interface::Default)?;
//!
//! here.send_to(&mut sender, SocketAddr::from((group, 12345)), b"Hello, multicast!")?;
//! let mut buffer = [0; 64];
//! assert_eq!(there.receive(&mut member, &mut buffer), Err(nb::Error::WouldBlock));
//!
//! network.advance_by(Duration::from_millis(500));
//! let (length, source) = there.receive(&mut member, &mut buffer)?;
//! assert_eq!(&buffer[..length], b"Hello, multicast!");
//! assert_eq!(source.ip(), here.host().ipv4());
//! # Ok::<(), nb::Error<groupcast_sim::SimError>>(())
//! ```
//!
//! # What it is not
//!
//! Hosts do not compete for one medium, there are no routers, and a host has one interface. A
//! datagram is never fragmented. Sending costs no time at the sender.

mod application;
mod capture;
mod driver;
mod error;
mod host;
mod link;
mod member;
mod net;
mod network;
mod path;
mod random;
mod scenario;
mod socket;
mod stack;
mod state;
mod trace;

pub use application::AppKey;
pub use capture::Capture;
pub use driver::{SimLeaf, SimNode};
pub use error::SimError;
pub use host::HostId;
pub use link::Link;
pub use member::SimMember;
pub use net::{MemberKey, SimNet};
pub use network::Network;
pub use scenario::{Latency, Outcome, Profile, Report, Roomy, Scenario};
pub use socket::SimSocket;
pub use stack::SimStack;
pub use trace::{NetworkCounters, TraceEntry, TraceEvent};
