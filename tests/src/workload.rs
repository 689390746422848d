//! Work that is the same each time, to be measured: a member that sends to another one, and a member that
//! hears a crowd.
//!
//! Members are driven as `Node` drives them, but without a stack: what is measured is the engine.

mod crowd;

use core::hint::black_box;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
use groupcast::wire::{self, Frame, Header, Nack, Suite, open_group_tag};
use groupcast::{Channel, Config, Desktop, Event, Group, Instant, Memory, Name, Pace};

pub use crowd::{Crowd, Says};

/// So many messages of 64 octets fill a datagram.
pub const FULL: usize = 15;

/// The group's address. Nothing is sent there.
const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 1, 2, 3)), 12345);

/// How much later each datagram is than the one before.
const STEP: Duration = Duration::from_micros(10);

/// A member, and where it sends from.
#[derive(Debug)]
struct Side<M> {
    group: Group<M>,
    address: SocketAddr,
    buffer: Vec<u8>,
}

impl<M: Memory + Default> Side<M> {
    fn new(host: u8, keys: Option<&KeySet>) -> Self {
        let config = Config::new(GROUP).with_pace(Pace::UNLIMITED);
        let mut random = *b"of a generator of random numbers";
        random[0] = host;
        let group = match keys {
            None => Group::new(M::default(), config, random),
            Some(keys) => {
                let entropy = Entropy::new().with_random(&random);
                Group::sealed(M::default(), config, Seal::new(keys, entropy))
            }
        };
        Self {
            group: group.expect("the settings are sound"),
            address: ([10, 0, 0, host], 12345).into(),
            buffer: vec![0; 1500],
        }
    }
}

impl<M: Memory> Side<M> {
    /// Sends what is due.
    fn flush(&mut self, now: Instant, wire: &mut Wire) {
        while let Some(transmit) = self
            .group
            .poll_transmit(now, &mut self.buffer)
            .expect("the buffer holds any datagram")
        {
            wire.push(&self.buffer[..transmit.len]);
        }
    }

    /// Takes a datagram and reads its events. Returns how many messages there were.
    fn take(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> usize {
        let taken = self.group.handle(now, from, datagram);
        taken.expect("all events were read");
        let mut messages = 0;
        loop {
            self.group.handle_timeout(now);
            match self.group.poll_event() {
                None => return messages,
                Some(Event::Message(message)) => {
                    black_box(message.payload());
                    messages += 1;
                }
                Some(event) => {
                    black_box(event);
                }
            }
        }
    }
}

/// Datagrams on their way. Their memory is used again.
#[derive(Debug, Default)]
struct Wire {
    octets: Vec<u8>,
    ends: Vec<usize>,
}

impl Wire {
    fn push(&mut self, datagram: &[u8]) {
        self.octets.extend_from_slice(datagram);
        self.ends.push(self.octets.len());
    }

    fn clear(&mut self) {
        self.octets.clear();
        self.ends.clear();
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = core::iter::once(&0).chain(&self.ends);
        let both = starts.zip(&self.ends);
        both.map(|(start, end)| &self.octets[*start..*end])
    }
}

/// Two members that know each other, with memory for desktops: one sends, the other receives.
#[derive(Debug)]
pub struct Pair {
    sender: Side<Box<Desktop>>,
    receiver: Side<Box<Desktop>>,
    /// What each has sent and the other has not received yet.
    to_receiver: Wire,
    to_sender: Wire,
    now: Instant,
    /// The sequence number of the message that was sent last.
    last: u32,
    /// How many datagrams were made up in the receiver's name.
    made_up: u64,
}

impl Pair {
    /// Two members of an open or of a sealed group.
    ///
    /// # Panics
    ///
    /// They do not get to know each other.
    #[must_use]
    pub fn new(sealed: bool) -> Self {
        let keys = KeySet::new(GroupKey::new([7; 32]));
        let keys = sealed.then_some(&keys);
        let mut pair = Self {
            sender: Side::new(1, keys),
            receiver: Side::new(2, keys),
            to_receiver: Wire::default(),
            to_sender: Wire::default(),
            now: Instant::from_millis(1),
            last: 0,
            made_up: 0,
        };
        pair.rest();
        assert!(pair.is_acquainted(), "they know each other");
        pair
    }

    /// Whether each is on the other's roster.
    #[must_use]
    pub fn is_acquainted(&self) -> bool {
        self.sender.group.peers().count() == 1 && self.receiver.group.peers().count() == 1
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    /// Lets five seconds pass in which no message is sent, until heartbeats have ended.
    pub fn rest(&mut self) {
        for _ in 0..1_000 {
            self.wait(Duration::from_millis(5));
            self.send(Channel::best_effort(0), &[], 0);
            self.receive();
        }
    }

    /// The sender takes what the receiver has sent, and sends `count` messages together.
    ///
    /// # Panics
    ///
    /// There is no room for them.
    pub fn send(&mut self, channel: Channel, payload: &[u8], count: usize) {
        self.now += STEP;
        let from = self.receiver.address;
        for datagram in self.to_sender.iter() {
            self.sender.take(self.now, from, datagram);
        }
        self.to_sender.clear();
        for _ in 0..count {
            let queued = self.sender.group.queue(self.now, channel, payload);
            self.last = queued.expect("what was sent makes room").get();
        }
        self.sender.flush(self.now, &mut self.to_receiver);
    }

    /// The receiver takes what the sender has sent, and sends what is due. Returns how many messages arrived.
    pub fn receive(&mut self) -> usize {
        self.now += STEP;
        let from = self.sender.address;
        let datagrams = self.to_receiver.iter();
        let messages = datagrams.map(|datagram| self.receiver.take(self.now, from, datagram));
        let messages = messages.sum();
        self.to_receiver.clear();
        self.receiver.flush(self.now, &mut self.to_sender);
        messages
    }

    /// How many datagrams the sender has sent, and the receiver has not taken.
    #[must_use]
    pub fn underway(&self) -> usize {
        self.to_receiver.ends.len()
    }

    /// What the sender has sent does not arrive. It is returned.
    pub fn lose(&mut self) -> Vec<Vec<u8>> {
        let lost = self.to_receiver.iter().map(<[u8]>::to_vec).collect();
        self.to_receiver.clear();
        lost
    }

    /// A datagram of the sender arrives next.
    pub fn deliver(&mut self, datagram: &[u8]) {
        self.to_receiver.push(datagram);
    }

    /// The receiver, of an open group, asks for messages again: each so many before the last one.
    ///
    /// # Panics
    ///
    /// They are too far apart for one NACK.
    pub fn ask(&mut self, before_last: impl Iterator<Item = u32>) {
        let mut missing: Vec<_> = before_last
            .map(|before| self.last.wrapping_sub(before))
            .collect();
        missing.sort_unstable();
        let sender = &self.sender.group;
        // The low half of the session.
        let session = sender.session().get() as u32;
        let mut nack = Nack::new(sender.id().get(), session, missing[0]);
        for sequence in missing {
            assert!(nack.add(sequence), "a NACK does not reach so far");
        }
        self.made_up += 1;
        let header = Header {
            suite: Suite::Open,
            tag: open_group_tag(GROUP, &Name::EMPTY),
            sender: self.receiver.group.id(),
            session: self.receiver.group.session(),
            // Later than all that the receiver says itself.
            counter: 1_000_000 + self.made_up,
        };
        self.to_sender
            .push(&datagram(&header, &[Frame::Nack(nack)]));
    }
}

fn datagram(header: &Header, frames: &[Frame<'_>]) -> Vec<u8> {
    let mut octets = vec![0; 1500];
    let len = wire::emit(header, frames, &mut octets);
    octets.truncate(len.expect("the frames fit a datagram"));
    octets
}
