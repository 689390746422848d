//! Datagrams of 1,472 octets that cost a member as much as possible: `tests/labs/instructions --worst` counts.
//!
//!     worst                  lists settings and kinds
//!     worst SETTING KIND     a member hears some of them; prints how many they were
//!
//! Settings: an open group; a sealed one; a sealed one with four keys and eight trusted publishers. Who sends is a
//! member as any other, and in a sealed group holds its key: what a stranger sends there ends at the tag.

use core::hint::black_box;
use core::net::SocketAddr;
use core::time::Duration;
use std::process::ExitCode;
use std::sync::OnceLock;

use groupcast::seal::{Entropy, FirstContact, GroupKey, KeySet, Seal};
use groupcast::sign::{PublicKey, SIGNATURE_LEN, SigningKey, Statement, Verifier};
use groupcast::wire::{
    self, Ack, AckRequest, Ask, Data, Echo, Frame, Header, Hello, Nack, Skip, Suite, Time,
};
use groupcast::{
    Channel, Config, Desktop, Event, Group, Instant, MemberId, Name, Pace, Sequence, Session,
};
use groupcast_tests::fuzz;
use groupcast_tests::insider::{self, Insider};
use groupcast_tests::swarm::dice::Dice;
use groupcast_tests::swarm::stranger::sync;

const SETTINGS: [&str; 3] = ["open", "sealed", "trusted"];

const KINDS: [&str; 14] = [
    "sync-far",
    "sync-near",
    "skip",
    "data",
    "data-apart",
    "data-back",
    "fragments",
    "values",
    "signed",
    "nack",
    "ackreq",
    "ask",
    "time",
    "mixed",
];

/// Seeds of what is mixed.
const MIXED: u64 = 8;

const DATAGRAMS: usize = 20;

const LARGEST: usize = 1_472;

/// Messages that the member itself has sent, and can be asked for.
const SENT: usize = 4_000;

fn group() -> SocketAddr {
    ([239, 1, 2, 3], 12345).into()
}

/// The lab looks for this function's name.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    work()
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let kinds = || {
        let mixed = (0..MIXED).map(|seed| format!("mixed-{seed}"));
        let plain = KINDS.iter().filter(|kind| **kind != "mixed");
        plain.map(|kind| (*kind).to_owned()).chain(mixed)
    };
    match &words[..] {
        [] => {
            for setting in SETTINGS {
                kinds().for_each(|kind| println!("{setting} {kind}"));
            }
        }
        [setting, kind]
            if SETTINGS.contains(&&setting[..]) && kinds().any(|known| known == *kind) =>
        {
            println!("{}", Arena::new(setting).hears(kind));
        }
        _ => {
            eprintln!("worst: there is no such setting or kind");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// A member, and one that means it harm.
struct Arena {
    member: Group<Box<Desktop>>,
    insider: Option<Insider>,
    trusted: Vec<PublicKey>,
    now: Instant,
    counter: u64,
    number: u32,
}

impl Arena {
    fn new(setting: &str) -> Self {
        let mut keys = KeySet::new(GroupKey::new([7; 32]));
        if setting == "trusted" {
            for key in 1..4 {
                keys.accept(GroupKey::new([key; 32]))
                    .expect("there is room for four");
            }
        }
        let config = Config::new(group()).with_pace(Pace::UNLIMITED);
        let random = *b"of a generator of random numbers";
        let member = if setting == "open" {
            Group::new(Box::new(Desktop::new()), config, random)
        } else {
            let seal = Seal::new(&keys, Entropy::new().with_random(&random));
            let seal = seal.with_first_contact(FirstContact::TrustFirst);
            Group::sealed(Box::new(Desktop::new()), config, seal)
        };
        let key = |octet| {
            SigningKey::new(&[octet; 32])
                .expect("it is not zero")
                .public()
        };
        let trusted = if setting == "trusted" {
            (1..9).map(key).collect()
        } else {
            Vec::new()
        };
        let mut arena = Self {
            member: member.expect("the settings are sound"),
            insider: (setting != "open").then(|| Insider::new(&keys, group())),
            trusted,
            now: Instant::from_millis(1),
            counter: 0,
            number: 0,
        };
        for _ in 0..SENT {
            let sent = arena
                .member
                .queue(arena.now, Channel::reliable_ordered(1), &[b'x'; 16]);
            sent.expect("it is not full");
            arena.flush();
        }
        let name = Name::new("worst").expect("it is short");
        let hello = arena.around(&[Frame::Hello(Hello::new(name)), sync(0, 0)]);
        arena.counter += 1;
        arena.hear(&hello, &mut None);
        assert_eq!(arena.member.peers().count(), 1, "it is believed");
        arena
    }

    fn hears(mut self, kind: &str) -> usize {
        let trusted = self.trusted.clone();
        let mut verifier: Option<Verifier<'_, 8>> =
            (!trusted.is_empty()).then(|| Verifier::new(&trusted));
        let mut dice = Dice::new(kind.bytes().map(u64::from).sum(), 1);
        for _ in 0..DATAGRAMS {
            let datagram = self.full(kind, &mut dice);
            assert!(datagram.len() <= LARGEST, "{} octets", datagram.len());
            let before = self.member.counters().accepted;
            counted(|| self.hear(&datagram, &mut verifier));
            assert_eq!(self.member.counters().accepted, before + 1);
        }
        DATAGRAMS
    }

    /// As many frames of a kind as there is room for.
    fn full(&mut self, kind: &str, dice: &mut Dice) -> Vec<u8> {
        let mut datagram = Vec::new();
        let mut frames = Vec::new();
        let echo = Echo {
            member: self.member.id().get(),
            stamp: 1,
            held: 1,
        }
        .to_bytes();
        let echoes = echo.repeat(20);
        loop {
            let number = self.number;
            let of = match kind.strip_prefix("mixed-") {
                Some(_) => KINDS[dice.place(KINDS.len() - 1)],
                None => kind,
            };
            frames.push(self.frame(of, &echoes, dice));
            let larger = self.around(&frames);
            if larger.len() > LARGEST {
                self.number = number;
                self.counter += 1;
                return datagram;
            }
            datagram = larger;
        }
    }

    fn frame<'a>(&mut self, kind: &str, echoes: &'a [u8], dice: &mut Dice) -> Frame<'a> {
        let (own, session) = (self.member.id().get(), self.member.session().get() as u32);
        let mut data = Data {
            class: 1,
            latest: false,
            repair: false,
            copy: false,
            signed: false,
            channel: 1,
            horizon: u8::MAX,
            fragment: 0,
            last: 0,
            sequence: self.number,
            payload: b"",
        };
        let step = |by: u32, number: &mut u32| {
            *number = number.wrapping_add(by);
            *number
        };
        match kind {
            "sync-far" => {
                let next = step(0x7fff_ffff, &mut self.number);
                sync(next, next.wrapping_sub(dice.below(4_000) as u32))
            }
            "sync-near" => {
                let next = step(2_000, &mut self.number);
                sync(next, next.wrapping_sub(2_000))
            }
            "skip" => Frame::Skip(Skip {
                first: step(256, &mut self.number),
                count: 256,
            }),
            "data" => {
                self.number = self.number.wrapping_add(1);
                Frame::Data(data)
            }
            "data-apart" => {
                data.sequence = step(2, &mut self.number);
                Frame::Data(data)
            }
            "data-back" => {
                data.class = 2;
                data.sequence = self
                    .number
                    .wrapping_add(2_000)
                    .wrapping_sub(dice.below(2_000) as u32);
                Frame::Data(data)
            }
            "fragments" => {
                data.sequence = step(3, &mut self.number);
                (data.fragment, data.last) = (1, 200);
                Frame::Data(data)
            }
            "values" => {
                data.class = 3;
                data.channel = dice.roll() as u8;
                data.sequence = step(1, &mut self.number);
                Frame::Data(data)
            }
            "signed" => {
                self.number = self.number.wrapping_add(1);
                data.signed = true;
                data.payload = signature();
                Frame::Data(data)
            }
            "nack" => {
                let mut nack = Nack::new(own, session, dice.below(SENT as u64) as u32);
                nack.words = Nack::MAX_WORDS as u8;
                nack.missing.fill(u32::MAX);
                Frame::Nack(nack)
            }
            "ackreq" => Frame::AckRequest(AckRequest {
                sequence: self.number,
                spread: 0,
            }),
            "ask" => Frame::Ask(Ask {
                target: own,
                session,
            }),
            "time" if dice.chance(0.5) => Frame::Ack(Ack {
                target: own,
                session,
                since: 0,
                next: SENT as u32,
            }),
            _ => Frame::Time(Time { stamp: 1, echoes }),
        }
    }

    fn around(&self, frames: &[Frame<'_>]) -> Vec<u8> {
        let header = self.header();
        let body = insider::body(&header, frames);
        match &self.insider {
            Some(insider) => insider.around(&header, &body),
            None => fuzz::around(&header, &body),
        }
    }

    fn flush(&mut self) {
        let mut buffer = [0; 1_500];
        while let Ok(Some(transmit)) = self.member.poll_transmit(self.now, &mut buffer) {
            black_box(transmit.len);
        }
    }

    /// What is done as soon as a datagram arrives, all events and answers included.
    fn hear(&mut self, datagram: &[u8], verifier: &mut Option<Verifier<'_, 8>>) {
        self.now += Duration::from_millis(1);
        let from = ([10, 0, 0, 66], 12345).into();
        let taken = self.member.handle(self.now, from, datagram);
        taken.expect("all events were read");
        self.member.handle_timeout(self.now);
        while let Some(event) = self.member.poll_event() {
            if let (Event::Message(message), Some(verifier)) = (&event, verifier.as_mut()) {
                let _ = black_box(verifier.check(message));
            }
            black_box(event);
        }
        self.flush();
    }

    fn header(&self) -> Header {
        let (sender, session, counter) = (0xbad, 5, self.counter + 1);
        match &self.insider {
            Some(insider) => insider.header(sender, session, counter),
            None => Header {
                suite: Suite::Open,
                tag: wire::open_group_tag(group(), &Name::EMPTY),
                sender: MemberId::new(sender).expect("not zero"),
                session: Session::new(session),
                counter,
            },
        }
    }
}

/// A sound signature, of somebody and for something else: every key is tried with it.
fn signature() -> &'static [u8; SIGNATURE_LEN] {
    static SIGNATURE: OnceLock<[u8; SIGNATURE_LEN]> = OnceLock::new();
    SIGNATURE.get_or_init(|| {
        let key = SigningKey::new(&[99; 32]).expect("it is not zero");
        key.sign(&Statement {
            group: group(),
            group_name: Name::EMPTY,
            sender: MemberId::new(1).expect("not zero"),
            session: Session::new(1),
            channel: Channel::reliable_ordered(1),
            sequence: Sequence::new(1),
            payload: b"",
        })
    })
}
