//! The vectors of sealed groups (PROTOCOL §12) are what this implementation seals, and it opens them.
//!
//! They are written by `tests/vectors/make_sealed.py`, which shares no code with the crates;
//! `tests/labs/vectors` runs it again.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::path::Path;

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use groupcast::seal::{DerivedKey, Entropy, GroupKey, KeySet, Keyring, OpenError, Portable, Seal};
use groupcast::wire::{Header, parse_header};
use groupcast::{Board, Config, Group, Instant, Name};
use groupcast_std::key_file::KeyFile;
use groupcast_std::passphrase;

/// One file of `tests/vectors/sealed`.
struct Vector {
    name: String,
    group: SocketAddr,
    group_name: Name,
    secret: [u8; 32],
    sealing_key: [u8; 32],
    header: String,
    forged: bool,
    clear: Vec<u8>,
    octets: Vec<u8>,
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter(|digit| *digit != ' ').collect();
    assert_eq!(digits.len() % 2, 0, "{text}");
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}

fn read(path: &Path) -> Vector {
    let text = std::fs::read_to_string(path).unwrap();
    let mut fields = BTreeMap::new();
    let mut octets = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once(':') {
            Some((key, value)) => {
                let before = fields.insert(key.to_owned(), value.trim().to_owned());
                assert_eq!(before, None, "{path:?}: {key} twice");
            }
            None => octets.extend(unhex(line)),
        }
    }
    Vector {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        group: fields["group"].parse().unwrap(),
        group_name: Name::new(&fields["name"]).unwrap(),
        secret: unhex(&fields["secret"]).try_into().unwrap(),
        sealing_key: unhex(&fields["sealing key"]).try_into().unwrap(),
        header: fields["header"].clone(),
        forged: match fields["fate"].as_str() {
            "opened" => false,
            "forged" => true,
            other => panic!("{path:?}: {other}"),
        },
        clear: unhex(&fields["clear"]),
        octets,
    }
}

fn vectors() -> Vec<Vector> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/sealed");
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "hex"))
        .collect();
    paths.sort();
    assert_eq!(paths.len(), 8, "a vector is missing, or this number is");
    paths.iter().map(|path| read(path)).collect()
}

impl Vector {
    fn key(&self) -> DerivedKey {
        let keys = KeySet::new(GroupKey::new(self.secret));
        let ring = Keyring::derive(&keys, self.group, &self.group_name).unwrap();
        ring.sending().clone()
    }

    fn clear_len(&self) -> usize {
        self.octets.len() - Header::LEN - 16
    }
}

fn describe(header: &Header) -> String {
    format!(
        "tag={:04x} sender={} session={} counter={}{}",
        header.tag.get(),
        header.sender,
        header.session,
        header.number(),
        if header.is_to_one() { " to_one" } else { "" }
    )
}

/// PROTOCOL K3.
#[test]
fn sealed_vectors_open_to_what_they_say() {
    for vector in vectors() {
        let mut datagram = vector.octets.clone();
        let parsed = parse_header(&datagram).unwrap();
        let key = vector.key();
        assert_eq!(parsed.tag, key.tag(), "{}", vector.name);
        let subkey = key.subkey(parsed.sender, parsed.session);
        match subkey.open(&Portable, &mut datagram) {
            Ok((header, _)) => {
                assert!(!vector.forged, "{}", vector.name);
                assert_eq!(describe(&header), vector.header, "{}", vector.name);
                let clear = &datagram[Header::LEN..][..vector.clear_len()];
                assert_eq!(clear, vector.clear, "{}", vector.name);
            }
            Err(error) => {
                assert_eq!(error, OpenError::Forged, "{}", vector.name);
                assert!(vector.forged, "{}", vector.name);
                assert_eq!(datagram, vector.octets, "{}", vector.name);
            }
        }
    }
}

#[test]
fn sealed_vectors_are_what_their_frames_are_sealed_to() {
    for vector in vectors().iter().filter(|vector| !vector.forged) {
        let header = parse_header(&vector.octets).unwrap();
        let mut datagram = vector.octets.clone();
        datagram[Header::LEN..][..vector.clear.len()].copy_from_slice(&vector.clear);
        datagram[Header::LEN + vector.clear.len()..].fill(0);
        let subkey = vector.key().subkey(header.sender, header.session);
        subkey.seal(&Portable, &mut datagram).unwrap();
        assert_eq!(datagram, vector.octets, "{}", vector.name);
    }
}

/// The sealing key stands in the vectors for whoever writes another implementation.
#[test]
fn sealing_keys_of_the_vectors_open_them_by_any_xchacha20_poly1305() {
    for vector in vectors().iter().filter(|vector| !vector.forged) {
        let (header, rest) = vector.octets.split_at(Header::LEN);
        let (text, tag) = rest.split_at(vector.clear_len());
        let mut nonce = [0; 24];
        nonce[..12].copy_from_slice(&header[4..16]);
        nonce[18..].copy_from_slice(&header[16..]);
        let mut text = text.to_vec();
        let tag: [u8; 16] = tag.try_into().unwrap();
        XChaCha20Poly1305::new(&vector.sealing_key.into())
            .decrypt_inout_detached(
                &nonce.into(),
                header,
                text.as_mut_slice().into(),
                &tag.into(),
            )
            .unwrap();
        assert_eq!(text, vector.clear, "{}", vector.name);
    }
}

/// What is well sealed is unverified. PROTOCOL K7, K8, W2: each datagram is counted once, and none is taken.
#[test]
fn whoever_has_just_started_takes_none_of_the_vectors() {
    for vector in vectors() {
        let config = Config::new(vector.group).with_group_name(vector.group_name.as_str());
        let keys = KeySet::new(GroupKey::new(vector.secret));
        let seal = Seal::new(
            &keys,
            Entropy::new().with_random(b"new at every start, as it seems"),
        );
        let mut group = Group::sealed(Box::new(Board::new()), config, seal).unwrap();
        let mut open = vector.octets.clone();
        open[1] = 0x10;
        let mut unnumbered = vector.octets.clone();
        unnumbered[16..22].copy_from_slice(&[0x80, 0, 0, 0, 0, 0]);
        let well_sealed = if vector.forged {
            "corrupt"
        } else {
            "unverified"
        };
        let datagrams = [
            (well_sealed, &*vector.octets),
            (well_sealed, &vector.octets),
            ("truncated", &vector.octets[..37]),
            ("wrong_suite", &open),
            ("malformed", &unnumbered),
            ("raw_refused", b"Hello, multicast!"),
            ("empty", b""),
        ];
        for (reason, datagram) in datagrams {
            let before: BTreeMap<_, _> = group.counters().reasons().collect();
            let from = "10.0.0.9:40000".parse().unwrap();
            group
                .handle(Instant::from_millis(1), from, datagram)
                .unwrap();
            assert!(group.poll_event().is_none(), "{}: {reason}", vector.name);
            for (name, count) in group.counters().reasons() {
                let counted = u64::from(name == reason);
                assert_eq!(count - before[name], counted, "{}: {name}", vector.name);
            }
        }
    }
}

/// PROTOCOL K2, K16.
#[test]
fn the_key_file_holds_the_vectors_key_and_that_of_a_passphrase() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/sealed/kitchen.keys");
    let text = std::fs::read_to_string(path).unwrap();
    let file: KeyFile = text.parse().unwrap();
    assert_eq!(file.group_name().as_str(), "kitchen");
    let ours = GroupKey::new(core::array::from_fn(|n| n as u8));
    let other = passphrase::key("correct horse battery staple", file.group_name()).unwrap();
    let keys: Vec<_> = file.keys().iter().collect();
    assert_eq!(keys, [&ours, &other]);
    // It is written as it was read, but for the remark.
    let written = file.to_text();
    assert_eq!(
        written.split_once('\n').unwrap().1,
        text.split_once('\n').unwrap().1
    );
}
