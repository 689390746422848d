//! Many members of a sealed group that change keys at the same moment, on a network with delay and loss.

use core::time::Duration;

use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
use groupcast::{Channel, Config, Destination, Event, Group, Instant, Name, Storage};

use crate::hub::{address, group_address, ms};

type Hall = Storage<16, 16, 32, 200, 16_384, 1473>;

const CHANNEL: Channel = Channel::reliable_ordered(1);
const DELAY: Duration = Duration::from_millis(2);

fn keys(first: u8, second: u8) -> KeySet {
    let mut keys = KeySet::new(GroupKey::new([first; 32]));
    keys.accept(GroupKey::new([second; 32])).unwrap();
    keys
}

struct Fleet {
    members: Vec<Group<Hall>>,
    /// What they were told beside messages.
    told: Vec<String>,
    messages: usize,
    gaps: u32,
    now: Instant,
    dice: u64,
    /// How many of a hundred datagrams are lost, for each receiver.
    loss: u64,
    flying: Vec<(Instant, usize, Destination, Vec<u8>)>,
}

impl Fleet {
    fn new(size: usize, seed: u64, loss: u64) -> Self {
        let member = |n: usize| {
            let name = Name::new(&format!("m{n}")).unwrap();
            let config = Config::new(group_address()).with_name(name.as_str());
            let random = format!("what {n} drew at random, {seed}: 8f3a0c");
            let entropy = Entropy::new().with_random(random.as_bytes());
            Group::sealed(Hall::new(), config, Seal::new(&keys(1, 2), entropy)).unwrap()
        };
        Self {
            members: (0..size).map(member).collect(),
            told: Vec::new(),
            messages: 0,
            gaps: 0,
            now: ms(1_000),
            dice: seed,
            loss,
            flying: Vec::new(),
        }
    }

    fn is_lost(&mut self) -> bool {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % 100 < self.loss
    }

    fn hear_all(&mut self) {
        for group in &mut self.members {
            while let Some(event) = group.poll_event() {
                match event {
                    Event::Message(_) => self.messages += 1,
                    Event::Gap(gap) => self.gaps += gap.lost().len() as u32,
                    other => self.told.push(format!("{other:?}")),
                }
            }
        }
    }

    fn run(&mut self, millis: u64) {
        let mut buffer = [0; 1472];
        for _ in 0..millis {
            for from in 0..self.members.len() {
                let member = &mut self.members[from];
                while let Some(transmit) = member.poll_transmit(self.now, &mut buffer).unwrap() {
                    let octets = buffer[..transmit.len].to_vec();
                    let at = self.now + DELAY;
                    self.flying.push((at, from, transmit.to, octets));
                }
            }
            self.hear_all();
            let now = self.now;
            let due: Vec<_> = self.flying.extract_if(.., |(at, ..)| *at <= now).collect();
            for (_, from, to, octets) in due {
                for n in 0..self.members.len() {
                    let here = Destination::Peer(address(n as u8 + 1));
                    let meant = n != from && (to == Destination::Group || to == here);
                    if meant && !self.is_lost() {
                        let from = address(from as u8 + 1);
                        self.members[n].handle(now, from, &octets).unwrap();
                        self.hear_all();
                    }
                }
            }
            for member in &mut self.members {
                member.handle_timeout(now);
            }
            self.hear_all();
            self.now = now + Duration::from_millis(1);
        }
    }

    /// Everybody sends a message, changes its key, and sends another one.
    fn change_keys(&mut self) {
        self.run(15_000);
        let size = self.members.len();
        let strangers = |member: &Group<Hall>| member.peers().count() + 1 < size;
        assert!(!self.members.iter().any(strangers), "{:?}", self.told);
        self.told.clear();
        for member in &mut self.members {
            member.queue(self.now, CHANNEL, b"before").unwrap();
        }
        self.run(1);
        for member in &mut self.members {
            member.set_keys(self.now, &keys(2, 1)).unwrap();
            member.queue(self.now, CHANNEL, b"after").unwrap();
        }
        self.run(10_000);
    }

    /// How many messages there should be.
    fn expected(&self) -> usize {
        2 * self.members.len() * (self.members.len() - 1)
    }
}

/// PROTOCOL M22.
#[test]
fn a_fleet_changes_its_key_and_nobody_is_told_anything() {
    for size in [2, 8, 16] {
        let mut fleet = Fleet::new(size, 7, 0);
        fleet.change_keys();
        assert_eq!(fleet.told, [""; 0], "{size} members");
        assert_eq!((fleet.messages, fleet.gaps), (fleet.expected(), 0));
    }
}

#[test]
fn what_a_fleet_says_while_its_key_changes_arrives_under_loss() {
    for seed in 1..=6 {
        let mut fleet = Fleet::new(8, seed, 10);
        fleet.change_keys();
        let heard = (fleet.messages, fleet.gaps);
        assert_eq!(heard, (fleet.expected(), 0), "seed {seed}");
        let lost = fleet.told.iter().any(|told| told.starts_with("Lost"));
        assert!(!lost, "seed {seed}: {:?}", fleet.told);
    }
}
