//! Seals and opens datagrams, for `tests/labs/instructions`, which counts the instructions twice: in this
//! workspace, and in `tests/outside`, a program as anybody may have it.
//!
//!     sealing          lists what work there is, and of what the instructions are counted
//!     sealing NAME     does it, and prints of how many

use std::process::ExitCode;

use groupcast::seal::{GroupKey, KeySet, Keyring, Portable, Subkey, TAG_LEN};
use groupcast::wire::{self, Header, Suite};
use groupcast::{MemberId, Name, Session};

/// Datagrams that are counted.
const DATAGRAMS: usize = 100;

/// Name, octets of the frames, and whether they are opened.
const WORK: [(&str, usize, bool); 4] = [
    ("seal-64", 64, false),
    ("open-64", 64, true),
    ("seal-1100", 1_100, false),
    ("open-1100", 1_100, true),
];

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        for (name, ..) in WORK {
            println!("{name} datagram");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, size, open)) = WORK.iter().find(|(known, ..)| *known == name) else {
        eprintln!("sealing: there is no work of the name {name}");
        return ExitCode::FAILURE;
    };
    let (subkey, mut datagrams) = clear(*size);
    for (n, datagram) in datagrams.iter_mut().enumerate() {
        let before = datagram.clone();
        // What is asked of the processor at the first time only is not counted.
        if *open || n == 0 {
            seal(&subkey, datagram);
        } else {
            counted(|| seal(&subkey, datagram));
        }
        let sealed = datagram.clone();
        if *open && n > 0 {
            counted(|| unseal(&subkey, datagram));
        } else {
            unseal(&subkey, datagram);
        }
        let end = datagram.len() - TAG_LEN;
        assert_ne!(sealed[Header::LEN..end], before[Header::LEN..end]);
        assert_eq!(datagram[Header::LEN..end], before[Header::LEN..end]);
    }
    println!("{DATAGRAMS}");
    ExitCode::SUCCESS
}

/// The lab looks for this function's name.
#[inline(never)]
fn counted(work: impl FnOnce()) {
    work();
}

fn seal(subkey: &Subkey, datagram: &mut [u8]) {
    subkey.seal(&Portable, datagram).unwrap();
}

fn unseal(subkey: &Subkey, datagram: &mut [u8]) {
    subkey.open(&Portable, datagram).unwrap();
}

/// A sender's key, and one datagram more than are counted. What is in their frames does not matter to the cipher.
fn clear(size: usize) -> (Subkey, Vec<Vec<u8>>) {
    let keys = KeySet::new(GroupKey::new([7; 32]));
    let group = "239.1.2.3:12345".parse().unwrap();
    let ring = Keyring::derive(&keys, group, &Name::EMPTY).unwrap();
    let header = Header {
        suite: Suite::Sealed,
        tag: ring.sending().tag(),
        sender: MemberId::new(42).unwrap(),
        session: Session::new(7),
        counter: 1,
    };
    let mut start = [0; Header::LEN + TAG_LEN];
    wire::emit(&header, &[], &mut start).unwrap();
    let mut datagram = vec![0x2a; Header::LEN + size + TAG_LEN];
    datagram[..Header::LEN].copy_from_slice(&start[..Header::LEN]);
    let subkey = ring.sending().subkey(header.sender, header.session);
    (subkey, vec![datagram; 1 + DATAGRAMS])
}
