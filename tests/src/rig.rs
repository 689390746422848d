//! What the contract needs to know about a stack, and the rigs over real sockets.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicU16, Ordering};
use core::time::Duration;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{UdpError, UdpErrorKind};
use groupcast_std::StdStack;

/// Groups and a port that no other test uses at the same time.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// A group.
    pub group: IpAddr,
    /// Another group.
    pub other_group: IpAddr,
    /// A port that nothing else is bound to.
    pub port: u16,
}

impl Place {
    /// A new place in the IPv4 multicast range for private use.
    ///
    /// It is made from the process id and a counter, so that tests neither meet within this program
    /// nor with another one that runs at the same time. Ports are below the ephemeral range.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let [.., high, low] = process.to_be_bytes();
        let [_, turn_low] = turn.to_be_bytes();
        let spread = process.wrapping_mul(97).wrapping_add(u32::from(turn)) % 20_000;
        let group = |block| IpAddr::V4(Ipv4Addr::new(239, block + (high & 0x1f), low, turn_low));
        Self {
            group: group(64),
            other_group: group(128),
            port: 10_000 + u16::try_from(spread).unwrap_or(0),
        }
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

/// A stack on the bench: makes hosts that reach each other, and lets their time pass.
///
/// Real sockets share one machine, where every stack is a host at the same address. A simulated
/// network gives every host its own address and passes virtual time in [`wait`](Self::wait).
pub trait Rig {
    /// The stack under test.
    type Stack: UdpFullStack<Error: UdpError>;

    /// Makes a rig.
    fn new() -> Self;

    /// Where this rig's test takes place.
    fn place(&self) -> Place;

    /// Makes a stack on a new host, or another stack on the same host if there is but one.
    fn stack(&mut self) -> Self::Stack;

    /// The address at which other stacks reach `stack`.
    fn address(&self, stack: &Self::Stack) -> IpAddr;

    /// Lets time pass until something may have arrived for `socket`, and no longer than `at_most`.
    fn wait(
        &mut self,
        stack: &mut Self::Stack,
        socket: &<Self::Stack as UdpClientStack>::UdpSocket,
        at_most: Duration,
    );

    /// The largest payload of a datagram that the stack takes, in bytes.
    fn largest(&self) -> usize {
        65_507
    }

    /// Whether a datagram larger than a buffer is an error. The contract says so; a stack that is not
    /// ours may not.
    const TELLS_TRUNCATION: bool = true;

    /// Whether IPv4 sources are IPv4 addresses. The contract says so; a stack that is not ours may not.
    const CANONICAL_SOURCES: bool = true;

    /// Whether a socket has both families: then groups of both can be joined.
    const BOTH_FAMILIES: bool = false;

    /// Whether a port can be shared. The contract says so; a stack that is not ours may not.
    const SHARES_PORTS: bool = true;
}

/// [`StdStack`] on the loopback interface.
#[derive(Debug)]
pub struct Loopback(Place);

impl Rig for Loopback {
    type Stack = StdStack;

    fn new() -> Self {
        Self(Place::new())
    }

    fn place(&self) -> Place {
        self.0
    }

    fn stack(&mut self) -> StdStack {
        StdStack::builder()
            .group(SocketAddr::new(self.0.group, self.0.port))
            .interface(groupcast_std::InterfaceSelector::Address(
                self.address_of_all(),
            ))
            .build()
            .expect("the loopback interface is up")
    }

    fn address(&self, _: &StdStack) -> IpAddr {
        self.address_of_all()
    }

    fn wait(&mut self, _: &mut StdStack, socket: &groupcast_std::Socket, at_most: Duration) {
        groupcast_std::wait(&[socket], at_most).expect("waiting works");
    }
}

impl Loopback {
    const fn address_of_all(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    }
}

/// [`Loopback`], with the stack behind `&mut`: what a caller who lends its stack gets.
#[derive(Debug)]
pub struct Lent(Loopback);

impl Rig for Lent {
    type Stack = &'static mut StdStack;

    fn new() -> Self {
        Self(Loopback::new())
    }

    fn place(&self) -> Place {
        self.0.place()
    }

    fn stack(&mut self) -> Self::Stack {
        // A few stacks per test program are never freed.
        Box::leak(Box::new(self.0.stack()))
    }

    fn address(&self, stack: &Self::Stack) -> IpAddr {
        self.0.address(stack)
    }

    fn wait(&mut self, stack: &mut Self::Stack, socket: &groupcast_std::Socket, at_most: Duration) {
        self.0.wait(stack, socket, at_most);
    }
}

/// `std_embedded_nal::Stack`: unicast only, and not ours.
#[derive(Debug)]
pub struct StdNal(Place);

impl Rig for StdNal {
    type Stack = std_embedded_nal::Stack;

    fn new() -> Self {
        Self(Place::new())
    }

    fn place(&self) -> Place {
        self.0
    }

    fn stack(&mut self) -> Self::Stack {
        std_embedded_nal::Stack
    }

    fn address(&self, _: &Self::Stack) -> IpAddr {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    }

    fn wait(
        &mut self,
        _: &mut Self::Stack,
        _: &<Self::Stack as UdpClientStack>::UdpSocket,
        at_most: Duration,
    ) {
        // Its sockets cannot be waited for, so this looks once a millisecond.
        std::thread::sleep(at_most.min(Duration::from_millis(1)));
    }

    const TELLS_TRUNCATION: bool = false;
    const CANONICAL_SOURCES: bool = false;
    const SHARES_PORTS: bool = false;
}

/// The kind of an error, or `None` for `WouldBlock`.
pub fn kind<E: UdpError>(error: &nb::Error<E>) -> Option<UdpErrorKind> {
    match error {
        nb::Error::Other(error) => Some(error.kind()),
        nb::Error::WouldBlock => None,
    }
}
