//! A message that is signed, and one that is verified.

use core::hint::black_box;
use core::net::SocketAddr;

use groupcast::sign::{PublicKey, SigningKey, Verifier};
use groupcast::{Board, Channel, Config, Event, Group, Instant};

pub(crate) fn run(group: SocketAddr) {
    let Ok(key) = SigningKey::new(black_box(&[7; 32])) else {
        return;
    };
    let trusted = black_box([key.public(), PublicKey::new([8; 32])]);
    let mut verifier: Verifier<'_, 4> = Verifier::new(&trusted);
    let Ok(mut node) = Group::new(Board::new(), Config::new(group), black_box([7; 32])) else {
        return;
    };
    let now = black_box(Instant::ZERO);
    let _ = black_box(node.queue_signed(now, Channel::state(1), black_box(b"off"), &key));
    let mut datagram = black_box([0; 1472]);
    let _ = black_box(node.handle(now, group, &mut datagram));
    while let Some(event) = node.poll_event() {
        if let Event::Message(message) = event {
            black_box(verifier.check(&message).is_ok());
        }
    }
    black_box(trusted.iter().all(PublicKey::is_sound));
}
