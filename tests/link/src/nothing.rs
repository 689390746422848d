//! The program without Groupcast, to subtract: a socket in a group, what comes to it, and what goes from it.

use core::hint::black_box;
use core::net::SocketAddr;

use groupcast::multicast::{Interface, UdpMulticast};

pub(crate) fn run<S: UdpMulticast>(mut stack: S, group: SocketAddr) {
    let Ok(mut socket) = stack.socket() else {
        return;
    };
    let mut buffer = [0; 1472];
    let _ = black_box(stack.bind(&mut socket, group.port()).is_ok());
    let _ = black_box(stack.join_multicast(&mut socket, group.ip(), Interface::Default).is_ok());
    while black_box(true) {
        let _ = black_box((stack.receive(&mut socket, &mut buffer).is_ok(), &buffer));
        let _ = black_box(stack.send_to(&mut socket, group, black_box(&buffer)).is_ok());
    }
    let _ = black_box(stack.leave_multicast(&mut socket, group.ip(), Interface::Default).is_ok());
    let _ = black_box(stack.close(socket).is_ok());
}
