//! Members on a perfect network without delay, and members whose datagrams are made by hand.

use core::net::SocketAddr;
use core::ops::Range;
use core::time::Duration;

use groupcast::wire::{self, Data, Frame, Hello, Sync};
use groupcast::{Channel, Config, Destination, Event, Group, Instant, Memory, Name, Storage};

pub(crate) use crate::puppet::{Puppet, config, group_address, id, ms};

/// Room for eight others, and for datagrams of any size.
pub(crate) type Room = Storage<8, 2, 16, 20, 1600, 1473, { groupcast::Sends::UNLIMITED }>;

pub(crate) const CHANNEL: Channel = Channel::best_effort(3);

pub(crate) fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 40_000))
}

/// Members on a perfect network without delay.
pub(crate) struct Hub<M: Memory = Room> {
    pub(crate) now: Instant,
    pub(crate) members: Vec<(Group<M>, Vec<String>)>,
    /// Datagrams sent so far, to a member or to the group.
    pub(crate) unicasts: usize,
    pub(crate) multicasts: usize,
    /// Members that neither hear nor are heard.
    pub(crate) cut_off: Vec<usize>,
    /// Only what is sent to one member arrives.
    pub(crate) no_multicast: bool,
    /// Who sent what, and to whom, if that is written down.
    pub(crate) record: Option<Vec<(usize, Destination, Vec<u8>)>>,
}

impl Hub {
    pub(crate) fn new(configs: impl IntoIterator<Item = Config>) -> Self {
        let mut hub = Self::empty();
        for config in configs {
            hub.add(config);
        }
        hub
    }

    pub(crate) fn add(&mut self, config: Config) -> usize {
        self.join(member(config, self.members.len() as u8 + 1))
    }
}

impl<M: Memory> Hub<M> {
    pub(crate) const fn empty() -> Self {
        Self {
            now: ms(1_000),
            members: Vec::new(),
            unicasts: 0,
            multicasts: 0,
            cut_off: Vec::new(),
            no_multicast: false,
            record: None,
        }
    }

    pub(crate) fn join(&mut self, group: Group<M>) -> usize {
        self.members.push((group, Vec::new()));
        self.members.len() - 1
    }

    /// Lets everybody send and hear until nothing is left to do now.
    pub(crate) fn settle(&mut self) {
        let mut buffer = [0; 1472];
        let mut busy = true;
        while busy {
            busy = false;
            for from in 0..self.members.len() {
                while let Some(transmit) = self.members[from]
                    .0
                    .poll_transmit(self.now, &mut buffer)
                    .unwrap()
                {
                    busy = true;
                    self.deliver(from, transmit.to, &buffer[..transmit.len]);
                }
            }
        }
    }

    pub(crate) fn deliver(&mut self, from: usize, to: Destination, datagram: &[u8]) {
        if let Some(record) = &mut self.record {
            record.push((from, to, datagram.to_vec()));
        }
        match to {
            Destination::Group => self.multicasts += 1,
            Destination::Peer(_) => self.unicasts += 1,
        }
        let is_lost = self.no_multicast && matches!(to, Destination::Group);
        if is_lost || self.cut_off.contains(&from) {
            return;
        }
        for n in 0..self.members.len() {
            let here = address(n as u8 + 1);
            let meant = matches!(to, Destination::Group) || to == Destination::Peer(here);
            if meant && !self.cut_off.contains(&n) {
                let (group, log) = &mut self.members[n];
                drain(group, log);
                group
                    .handle(self.now, address(from as u8 + 1), datagram)
                    .unwrap();
                drain(group, log);
            }
        }
    }

    /// Lets time pass, from deadline to deadline.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.settle();
            for (group, log) in &mut self.members {
                group.handle_timeout(self.now);
                drain(group, log);
            }
            self.settle();
            let next = self
                .members
                .iter_mut()
                .filter_map(|(group, _)| group.next_deadline())
                .min();
            match next {
                Some(next) if next <= end => {
                    self.now = next.max(self.now + Duration::from_micros(1))
                }
                _ => break,
            }
        }
        self.now = end;
    }

    pub(crate) fn log(&mut self, n: usize) -> Vec<String> {
        core::mem::take(&mut self.members[n].1)
    }

    pub(crate) fn group(&mut self, n: usize) -> &mut Group<M> {
        &mut self.members[n].0
    }
}

pub(crate) fn member(config: Config, seed: u8) -> Group<Room> {
    Group::new(Room::new(), config, [seed; 32]).unwrap()
}

pub(crate) fn drain<M: Memory>(group: &mut Group<M>, log: &mut Vec<String>) {
    while let Some(event) = group.poll_event() {
        log.push(match event {
            Event::Message(m) => format!("{}: {}", m.name(), m.text().unwrap()),
            Event::Raw(raw) => format!("raw: {}", raw.text().unwrap()),
            Event::Joined(member) => format!("{} joined", member.name()),
            Event::Left(member) => format!("{} left", member.name()),
            Event::Suspect(member) => format!("{} suspect", member.name()),
            Event::Recovered(member) => format!("{} recovered", member.name()),
            Event::Lost(member) => format!("{} lost", member.name()),
            Event::Restarted(member) => format!("{} restarted", member.name()),
            Event::RosterFull { refused } => format!("full {refused}"),
            Event::DuplicateId(duplicate) => format!("duplicate {:?}", duplicate.outcome()),
            other => format!("{other:?}"),
        });
    }
    let c = group.counters();
    assert_eq!(
        c.received,
        c.accepted + c.raw + c.own + c.dropped(),
        "{c:?}"
    );
}

impl Puppet {
    pub(crate) fn hello(&mut self, name: &str) -> Vec<u8> {
        let hello = Hello {
            interval: 100,
            max_datagram: 1473,
            ..hello(name)
        };
        self.say(&[Frame::Hello(hello)])
    }

    pub(crate) fn message(&mut self, text: &str) -> Vec<u8> {
        self.say(&[Frame::Data(data(text))])
    }
}

pub(crate) fn hello(name: &str) -> Hello<'static> {
    Hello::new(Name::new(name).unwrap())
}

/// Where a stream stands, of which what is before `low` is not repaired any more.
pub(crate) fn sync(next: u32, low: u32) -> Frame<'static> {
    Frame::Sync(Sync {
        next,
        low,
        round_trip: 0,
        group_size: 0,
        states: 0,
    })
}

pub(crate) fn data(text: &str) -> Data<'_> {
    Data {
        class: 0,
        latest: false,
        repair: false,
        copy: false,
        signed: false,
        channel: 0,
        horizon: 0,
        fragment: 0,
        last: 0,
        sequence: 0,
        payload: text.as_bytes(),
    }
}

/// What `group` is told when `datagram` arrives.
pub(crate) fn hear<M: Memory>(group: &mut Group<M>, now: Instant, datagram: &[u8]) -> Vec<String> {
    let mut log = Vec::new();
    group.handle(now, address(99), datagram).unwrap();
    drain(group, &mut log);
    log
}

/// What `group` is told while these milliseconds pass. Each frame that it sends is shown: when, to whom, and what.
pub(crate) fn watch<M: Memory>(
    group: &mut Group<M>,
    times: Range<u64>,
    mut each: impl FnMut(u64, Destination, Frame<'_>),
) -> Vec<String> {
    let (mut buffer, mut log) = ([0; 1472], Vec::new());
    for at in times {
        group.handle_timeout(ms(at));
        drain(group, &mut log);
        while let Some(transmit) = group.poll_transmit(ms(at), &mut buffer).unwrap() {
            let (_, frames) = wire::parse(&buffer[..transmit.len]).unwrap();
            for frame in frames {
                each(at, transmit.to, frame.unwrap());
            }
        }
    }
    log
}
