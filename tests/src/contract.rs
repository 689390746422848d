//! The contract of `groupcast::multicast`, one function for each promise.
//!
//! Every function makes its own rig and panics when the stack breaks the promise. The macros
//! [`unicast_contract!`](crate::unicast_contract) and
//! [`multicast_contract!`](crate::multicast_contract) turn all of them into tests.

pub mod multicast;
pub mod unicast;

use core::net::SocketAddr;
use core::time::Duration;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::UdpErrorKind;

use crate::rig::{Rig, kind};

/// How long something that must come may take. On a busy machine it is seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to look for something that must not come, after something sent later has come.
const SILENCE: Duration = Duration::from_millis(20);

pub(crate) type Socket<R> = <<R as Rig>::Stack as UdpClientStack>::UdpSocket;

/// Receives one datagram and its source.
pub(crate) fn receive<R: Rig>(
    rig: &mut R,
    stack: &mut R::Stack,
    socket: &mut Socket<R>,
) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 70_000];
    let (length, source) = receive_into(rig, stack, socket, &mut buffer).expect("a datagram");
    buffer.truncate(length);
    (buffer, source)
}

/// Receives into `buffer`; the kind of the error if that fails.
pub(crate) fn receive_into<R: Rig>(
    rig: &mut R,
    stack: &mut R::Stack,
    socket: &mut Socket<R>,
    buffer: &mut [u8],
) -> Result<(usize, SocketAddr), UdpErrorKind> {
    let step = Duration::from_millis(100);
    let start = std::time::Instant::now();
    // A simulated network waits in no time, so its patience is counted in steps.
    let mut steps = 0;
    loop {
        match stack.receive(socket, buffer) {
            Ok(received) => return Ok(received),
            Err(error) => match kind(&error) {
                Some(kind) => return Err(kind),
                None => assert!(
                    steps < 100 || start.elapsed() < PATIENCE,
                    "nothing was received within {PATIENCE:?}"
                ),
            },
        }
        steps += 1;
        rig.wait(stack, socket, step);
    }
}

pub(crate) fn assert_silent<R: Rig>(rig: &mut R, stack: &mut R::Stack, socket: &mut Socket<R>) {
    rig.wait(stack, socket, SILENCE);
    match stack.receive(socket, &mut [0; 2048]) {
        Err(nb::Error::WouldBlock) => {}
        Ok((length, source)) => panic!("received {length} bytes from {source}, not silence"),
        Err(nb::Error::Other(error)) => panic!("received {error:?}, not silence"),
    }
}

pub(crate) fn send_to<R: Rig>(
    stack: &mut R::Stack,
    socket: &mut Socket<R>,
    to: SocketAddr,
    bytes: &[u8],
) {
    nb::block!(stack.send_to(socket, to, bytes)).expect("sending works");
}

pub(crate) fn bound<R: Rig>(stack: &mut R::Stack, port: u16) -> Socket<R> {
    let mut socket = stack.socket().expect("a socket");
    stack.bind(&mut socket, port).expect("binding works");
    socket
}

/// Makes tests of the part of the contract that needs no multicast.
#[macro_export]
macro_rules! unicast_contract {
    ($rig:ty) => {
        $crate::contract_tests! { unicast $rig:
            nothing_to_receive_would_block
            a_datagram_goes_there_and_an_answer_comes_back
            an_empty_datagram_is_a_datagram
            truncation_is_an_error_and_consumes_the_datagram
            an_empty_buffer_truncates_too
            an_ipv4_source_is_never_mapped
            an_error_does_not_poison_the_socket
            a_closed_port_at_the_peer_is_no_error
            the_largest_datagram_arrives_whole
            port_zero_is_a_free_port_for_each_socket
            a_port_can_be_shared
        }
    };
}

/// Makes tests of the part of the contract that is about groups.
#[macro_export]
macro_rules! multicast_contract {
    ($rig:ty) => {
        $crate::contract_tests! { multicast $rig:
            every_member_hears_the_group
            the_source_of_a_group_datagram_can_be_answered
            a_group_that_was_not_joined_is_not_heard
            a_socket_can_be_in_two_groups
            joining_twice_is_joining_once
            leaving_concerns_one_socket
            closing_leaves_the_group
            segments_arrive_as_datagrams
            segments_that_cannot_be_sent_are_an_error
            the_local_address_is_where_a_datagram_was_sent
            only_a_group_can_be_joined
            an_interface_can_be_named_by_its_address
        }
    };
}

/// Makes a test of each named function of this module.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($part:ident $rig:ty: $($promise:ident)*) => {
        $(
            #[test]
            fn $promise() {
                $crate::contract::$part::$promise::<$rig>();
            }
        )*
    };
}
