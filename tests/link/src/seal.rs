//! Keys, and the sealing and opening of datagrams.

use core::hint::black_box;
use core::net::SocketAddr;

use groupcast::seal::{Draw, Entropy, GroupKey, KeySet, Keyring, Portable};
use groupcast::wire::{self, Header, Suite};
use groupcast::{MemberId, Name};

pub(crate) fn run(group: SocketAddr) {
    let mut keys = KeySet::new(GroupKey::new(black_box([7; 32])));
    let _ = black_box(keys.accept(GroupKey::new(black_box([8; 32]))));
    let entropy = Entropy::new().with_random(black_box(&[1, 2, 3])).with_device(black_box(b"chip"));
    let Ok(seed) = entropy.with_starts(black_box(4)).seed() else {
        return;
    };
    let mut draw = Draw::new(&seed, &keys);
    black_box(draw.challenge());
    let name = black_box(Name::new("kitchen")).unwrap_or_default();
    let (Ok(ring), Some(sender)) = (Keyring::derive(&keys, group, &name), MemberId::new(black_box(1)))
    else {
        return;
    };
    let header = Header {
        suite: Suite::Sealed,
        tag: ring.sending().tag(),
        sender,
        session: draw.session(),
        counter: black_box(1),
    };
    let mut buffer = [0; 1472];
    let Ok(length) = wire::emit(&header, &[], &mut buffer) else {
        return;
    };
    let Some(datagram) = buffer.get_mut(..black_box(length)) else {
        return;
    };
    for (place, key) in ring.with_tag(header.tag) {
        black_box(place);
        let subkey = key.subkey(header.sender, header.session);
        let _ = black_box(subkey.seal(&Portable, black_box(&mut *datagram)));
        if let Ok((header, frames)) = subkey.open(&Portable, black_box(&mut *datagram)) {
            black_box((header, frames.count()));
        }
    }
}
