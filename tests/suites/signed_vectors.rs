//! The vectors of signed messages (PROTOCOL §12) are what this implementation signs, and it verifies them.
//!
//! They are written by `tests/vectors/make_signed.py`, which shares no code with the crates;
//! `tests/labs/vectors` runs it again.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::path::Path;

use groupcast::sign::{NotTrusted, PublicKey, SigningKey, Statement};
use groupcast::{
    Board, Channel, Class, Config, Event, Group, Instant, MemberId, Name, Sequence, Session,
};

/// One file of `tests/vectors/signed`.
struct Vector {
    name: String,
    fields: BTreeMap<String, String>,
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

fn vectors() -> Vec<Vector> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/signed");
    let paths = std::fs::read_dir(directory).unwrap();
    let mut vectors: Vec<_> = paths.map(|entry| read(&entry.unwrap().path())).collect();
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(vectors.len(), 11, "a vector is missing, or this number is");
    vectors
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
        fields,
        octets,
    }
}

impl Vector {
    fn octets_of<const N: usize>(&self, field: &str) -> [u8; N] {
        unhex(&self.fields[field]).try_into().unwrap()
    }

    fn group(&self) -> SocketAddr {
        self.fields["group"].parse().unwrap()
    }

    fn key(&self) -> PublicKey {
        PublicKey::new(self.octets_of("public key"))
    }

    fn payload(&self) -> Vec<u8> {
        unhex(&self.fields["payload"])
    }

    fn channel(&self) -> Channel {
        let class = match self.fields["class"].as_str() {
            "best-effort" => Class::BestEffort,
            "latest" => Class::Latest,
            "state" => Class::State,
            "reliable-ordered" => Class::ReliableOrdered,
            other => panic!("{}: {other}", self.name),
        };
        Channel::new(self.fields["channel"].parse().unwrap(), class)
    }

    fn statement<'a>(&self, payload: &'a [u8]) -> Statement<'a> {
        let hexadecimal = |field: &str| u64::from_str_radix(&self.fields[field], 16).unwrap();
        Statement {
            group: self.group(),
            group_name: Name::new(&self.fields["name"]).unwrap(),
            sender: MemberId::new(hexadecimal("sender") as u32).unwrap(),
            session: Session::new(hexadecimal("session")),
            channel: self.channel(),
            sequence: Sequence::new(self.fields["sequence"].parse().unwrap()),
            payload,
        }
    }
}

/// What a member of the group is told when the datagram arrives: the one message that is in it.
/// PROTOCOL P1, P2, P4.
#[test]
fn signed_vectors_arrive_as_what_they_say() {
    for vector in vectors() {
        let config = Config::new(vector.group()).with_group_name(&vector.fields["name"]);
        let mut group = Group::new(Board::new(), config, [1; 32]).unwrap();
        let from = "10.0.0.1:40000".parse().unwrap();
        group
            .handle(Instant::from_millis(5), from, &vector.octets)
            .unwrap();
        let trusted = [vector.key()];
        let mut told = 0;
        while let Some(event) = group.poll_event() {
            let Event::Message(message) = event else {
                panic!("{}: {event:?}", vector.name);
            };
            let expected = match vector.fields["fate"].as_str() {
                "verified" => Ok(&trusted[0]),
                "wrong" => Err(NotTrusted::NobodyTrusted),
                "malformed" => Err(NotTrusted::Malformed),
                other => panic!("{}: {other}", vector.name),
            };
            assert_eq!(message.publisher(&trusted), expected, "{}", vector.name);
            assert!(message.is_signed(), "{}", vector.name);
            assert_eq!(message.payload(), vector.payload(), "{}", vector.name);
            assert_eq!(message.channel(), vector.channel(), "{}", vector.name);
            told += 1;
        }
        assert_eq!(told, 1, "{}", vector.name);
    }
}

/// PROTOCOL P1.
#[test]
fn signed_vectors_are_what_is_signed_and_how() {
    let mut verified = 0;
    for vector in vectors() {
        let key = SigningKey::new(&vector.octets_of("seed")).unwrap();
        assert_eq!(key.public(), vector.key(), "{}", vector.name);
        if vector.fields["fate"] != "verified" {
            continue;
        }
        let payload = vector.payload();
        let statement = vector.statement(&payload);
        assert_eq!(
            statement.hash(),
            vector.octets_of("signed"),
            "{}",
            vector.name
        );
        let signature: [u8; 64] = vector.octets_of("signature");
        assert_eq!(key.sign(&statement), signature, "{}", vector.name);
        assert!(
            vector.key().verifies(&statement, &signature),
            "{}",
            vector.name
        );
        verified += 1;
    }
    assert_eq!(verified, 6);
}
