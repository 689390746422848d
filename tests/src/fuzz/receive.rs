//! One member, to which everything is done that can be done from outside.

use core::net::SocketAddr;
use core::time::Duration;

use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
use groupcast::wire::{
    self, Ack, AckRequest, Ask, Busy, Bye, Challenge, Data, Frame, Header, Hello, Nack, Skip,
    Start, Suite, Sync, Time,
};
use groupcast::{
    Channel, Class, Config, Group, Instant, Join, MemberId, Memory, Name, Pace, Sequence, Session,
    Storage, Tiny,
};

use super::script::Script;
use super::watch::Watch;
use super::{Reached, forge};
use crate::insider::{self, Insider, sending_back};
use crate::work::Work;

/// Less of everything than makes sense: every limit is hit soon.
type Small = Storage<4, 2, 8, 8, 640, 513>;

/// What one input does at most.
const STEPS: usize = 512;

/// How long an input lasts at most.
const LONGEST: Duration = Duration::from_secs(600);

/// What an input may take of the processor: a backstop. Each takes a few milliseconds.
const LONGEST_WORK: Duration = Duration::from_secs(5);

/// How often the member may ask to be polled at once for nothing.
const SPINNING: u32 = 64;

/// Does to one member what the octets say.
///
/// # Panics
///
/// It did what no member does, whatever it receives.
#[must_use]
pub fn receive(octets: &[u8]) -> Reached {
    play(octets, false)
}

/// Does to one member of a sealed group what the octets say, by strangers and by whoever holds its key.
///
/// # Panics
///
/// It did what no member does, whatever it receives.
#[must_use]
pub fn sealed(octets: &[u8]) -> Reached {
    play(octets, true)
}

fn play(octets: &[u8], is_sealed: bool) -> Reached {
    let mut work = Work::new(LONGEST_WORK);
    let reached = play_within(octets, is_sealed);
    if let Some(what) = work.too_much() {
        panic!("{what}");
    }
    reached
}

fn play_within(octets: &[u8], is_sealed: bool) -> Reached {
    let mut script = Script::new(octets);
    let settings = script.octet();
    let group: SocketAddr = SocketAddr::from(([239, 1, 2, 3], 12345));
    let mut config = Config::new(group)
        .with_pace(Pace::BOARD)
        .with_join_at([Join::Current, Join::Recent(5)][usize::from(settings >> 1 & 1)])
        .with_announce(is_sealed || settings & 4 == 0)
        .with_receive_burst(settings >> 4 & 3);
    if settings & 8 == 0 {
        config = config.with_id(number(OWN));
    }
    let keys = is_sealed.then(|| KeySet::new(GroupKey::new([3; 32])));
    if settings & 1 == 0 {
        Run::<Box<Small>>::new(config, keys.as_ref()).all(&mut script)
    } else {
        Run::<Box<Tiny>>::new(config, keys.as_ref()).all(&mut script)
    }
}

/// The member's own id.
const OWN: u32 = 9;

fn number(id: u32) -> MemberId {
    MemberId::new(id).expect("not zero")
}

/// What a made-up member has said so far in one of its sessions.
#[derive(Clone, Copy, Default)]
struct Liar {
    counter: u64,
    sequence: u32,
}

struct Run<M: Memory> {
    group: Group<M>,
    /// Who holds the key, if the group is sealed.
    insider: Option<Insider>,
    /// What the member asked to be sent back last.
    challenge: u64,
    now: Instant,
    /// By id and session.
    liars: [[Liar; 4]; 8],
    watch: Watch,
    /// What was sent and received last.
    tape: Vec<Vec<u8>>,
    /// The next number that `send` will return, as far as known.
    own_next: u32,
}

impl<M: Memory + Default> Run<M> {
    fn new(config: Config, keys: Option<&KeySet>) -> Self {
        let group = match keys {
            None => Group::new(M::default(), config, [7; 32]),
            Some(keys) => {
                let entropy = Entropy::new().with_random(b"the same every time");
                Group::sealed(M::default(), config, Seal::new(keys, entropy))
            }
        };
        Self {
            group: group.expect("the settings are sound"),
            insider: keys.map(|keys| Insider::new(keys, config.group())),
            challenge: 0,
            now: Instant::from_millis(1),
            liars: [[Liar::default(); 4]; 8],
            watch: Watch::default(),
            tape: Vec::new(),
            own_next: 0,
        }
    }

    fn all(mut self, script: &mut Script<'_>) -> Reached {
        for _ in 0..STEPS {
            if script.is_over() || self.now.since(Instant::ZERO) > LONGEST {
                break;
            }
            self.step(script);
            self.settle();
        }
        let counters = *self.group.counters();
        let mut reached = self.watch.reached;
        reached.extend(
            counters
                .reasons()
                .filter(|(_, count)| *count > 0)
                .map(|(name, _)| name),
        );
        for (name, count) in [
            ("no-room", counters.fragments_no_room),
            ("no-stream", counters.fragments_no_stream),
            ("partial-evicted", counters.partials_evicted),
            ("value-old", counters.values_old),
            ("own", counters.own),
        ] {
            if count > 0 {
                reached.insert(name);
            }
        }
        reached
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.octet() % 16 {
            0..=5 => self.frames(script),
            6 | 7 => {
                let header = self.header(script);
                let len = script.octet();
                let body = script.octets(usize::from(len));
                self.watch.overlaps = true;
                let datagram = match &self.insider {
                    None => forge::around(&header, body),
                    Some(insider) => insider.around(&header, body),
                };
                self.handle(script, &datagram);
            }
            8 => {
                let len = script.octet();
                let datagram = script.octets(usize::from(len) * 3).to_vec();
                self.handle(script, &datagram);
            }
            9 => {
                let back = script.below(8);
                if let Some(mut datagram) = self.tape.iter().rev().nth(back).cloned() {
                    if self.insider.is_some() && script.octet() & 1 != 0 {
                        let at = usize::from(script.octet());
                        datagram
                            .get_mut(at)
                            .into_iter()
                            .for_each(|octet| *octet ^= 1);
                    }
                    self.handle(script, &datagram);
                }
            }
            10 | 11 => self.pass(script.time()),
            12 | 13 => self.send(script),
            14 => match script.below(4) {
                0 => {
                    let last = self.own_next.wrapping_sub(1);
                    let first = last.wrapping_sub(u32::from(script.octet() & 3));
                    let (first, last) = (Sequence::new(first), Sequence::new(last));
                    let _ = self.group.confirm(self.now, first.to(last));
                }
                1 => self.group.set_local_address(address(script)),
                2 => {
                    let len = script.octet();
                    let datagram = script.octets(usize::from(len));
                    if self.group.queue_raw(self.now, datagram).is_ok() {
                        self.watch.raw_sent.insert(datagram.to_vec());
                    }
                }
                _ => self.group.handle_timeout(self.now),
            },
            _ => match script.below(8) {
                0 => self.group.leave(self.now),
                1 => self.now = Instant::from_micros(self.now.as_micros() / 2),
                2 => self.far(script),
                _ => self.pass(Duration::from_millis(1)),
            },
        }
    }

    /// The header of a datagram of a made-up member.
    fn header(&mut self, script: &mut Script<'_>) -> Header {
        let octet = script.octet();
        let (id, session) = (usize::from(octet & 7), usize::from(octet >> 3 & 3));
        let liar = &mut self.liars[id][session];
        let counter = match octet >> 5 {
            5 => liar.counter,
            6 => liar.counter + 200,
            7 => liar.counter.saturating_sub(3),
            _ => liar.counter + 1,
        };
        liar.counter = liar.counter.max(counter);
        // The last two pretend to be the member itself.
        let (sender, session) = match id {
            7 => (self.group.id(), self.group.session()),
            6 => (self.group.id(), Session::new(1 + session as u64)),
            id => (number(1 + id as u32), Session::new(1 + session as u64)),
        };
        let counter = counter.min(Header::MAX_COUNTER);
        if let Some(insider) = &self.insider {
            // Nothing is sealed with number 0.
            return insider.header(sender.get(), session.get(), counter.max(1));
        }
        Header {
            suite: Suite::Open,
            tag: wire::open_group_tag(self.group.config().group(), &Name::EMPTY),
            sender,
            session,
            counter,
        }
    }

    /// A datagram of well-formed frames.
    fn frames(&mut self, script: &mut Script<'_>) {
        let octet = script.clone().octet();
        let place = (usize::from(octet & 7), usize::from(octet >> 3 & 3));
        let header = self.header(script);
        let mut frames = Vec::new();
        let mut echo = [0; wire::Echo::LEN];
        for _ in 0..=script.below(4) {
            let frame = self.frame(script, place, &mut echo);
            frames.push(frame);
        }
        let options = self.options(script);
        // TIME borrows its echoes, and HELLO its options.
        for frame in &mut frames {
            match frame {
                Frame::Time(time) => time.echoes = &echo,
                Frame::Hello(hello) => hello.options = &options,
                _ => {}
            }
        }
        let datagram = match &self.insider {
            None => forge::of_frames(&header, &frames),
            Some(insider) => insider.of_frames(&header, &frames),
        };
        self.handle(script, &datagram);
    }

    /// A datagram of frames whose numbers are far from each other, as many as there is room for.
    fn far(&mut self, script: &mut Script<'_>) {
        let header = self.header(script);
        let mut number = self.own_next.wrapping_add(script.u32());
        let mut frames = Vec::new();
        for _ in 0..=script.octet() {
            let octet = script.octet();
            number = number
                .wrapping_add(FAR[usize::from(octet & 7)])
                .wrapping_add(u32::from(octet >> 6));
            let before = number.wrapping_sub(FAR[usize::from(script.octet() & 7)]);
            frames.push(match octet >> 3 & 7 {
                0 => Frame::Skip(Skip {
                    first: before,
                    count: u16::MAX,
                }),
                1 => Frame::AckRequest(AckRequest {
                    sequence: number,
                    spread: 0,
                }),
                2 | 3 => Frame::Data(Data {
                    class: 1 + (octet >> 3 & 1),
                    latest: false,
                    repair: octet & 0x40 != 0,
                    copy: false,
                    signed: false,
                    channel: 1,
                    horizon: script.octet(),
                    fragment: 0,
                    last: octet >> 7,
                    sequence: number,
                    payload: b"",
                }),
                _ => Frame::Sync(Sync {
                    next: number,
                    low: before,
                    round_trip: 0,
                    group_size: 0,
                    states: 0,
                }),
            });
        }
        let mut body = insider::body(&header, &frames);
        body.truncate(MOST_OF_FRAMES);
        self.watch.overlaps = true;
        let datagram = match &self.insider {
            None => forge::around(&header, &body),
            Some(insider) => insider.around(&header, &body),
        };
        self.handle(script, &datagram);
    }

    /// The options of a HELLO in a sealed group: mostly what the member wants to have sent back, and
    /// sometimes a challenge.
    fn options(&self, script: &mut Script<'_>) -> Vec<u8> {
        if self.insider.is_none() {
            return Vec::new();
        }
        let octet = script.octet();
        let mut options = match octet & 7 {
            7 => Vec::new(),
            6 => sending_back(&[self.challenge.wrapping_add(1)]),
            5 => sending_back(&[1, self.challenge]),
            _ => sending_back(&[self.challenge]),
        };
        if octet & 8 != 0 {
            let challenge = Challenge {
                number: u64::from(script.octet()),
                target: (octet & 16 != 0).then(|| self.group.id()),
            };
            let mut written = [0; Hello::OPTION_HEADER_LEN + Challenge::MAX_LEN];
            let len = challenge.write(&mut written);
            options.extend(&written[..len]);
        }
        options
    }

    fn frame<'a>(
        &mut self,
        script: &mut Script<'a>,
        (id, session): (usize, usize),
        echo: &mut [u8; wire::Echo::LEN],
    ) -> Frame<'a> {
        let kind = script.octet();
        // Whom a NACK, ACK, ASK or START is for: mostly the member itself.
        let own = (self.group.id().get(), self.group.session().get() as u32);
        let (target, low) = if kind & 0x80 == 0 { own } else { (2, 1) };
        match kind % 16 {
            0 => Frame::Hello(hello(script)),
            1 => Frame::Bye(Bye {
                reason: script.octet(),
            }),
            2 => Frame::Busy(Busy { wait: script.u16() }),
            3 => {
                let of = wire::Echo {
                    member: target,
                    stamp: script.u32(),
                    held: script.u32(),
                };
                *echo = of.to_bytes();
                Frame::Time(Time {
                    stamp: script.u32(),
                    echoes: &[],
                })
            }
            4 => Frame::Sync(Sync {
                next: near(self.liars[id][session].sequence, script),
                low: near(self.liars[id][session].sequence, script),
                round_trip: script.octet(),
                group_size: script.octet(),
                states: script.octet(),
            }),
            5 => {
                let mut nack = Nack::new(target, low, near(self.own_next, script));
                nack.attempt = script.octet();
                nack.words = 1 + (kind >> 4 & 7);
                nack.missing.fill(script.u32());
                Frame::Nack(nack)
            }
            6 => Frame::Skip(Skip {
                first: near(self.liars[id][session].sequence, script),
                count: script.u16(),
            }),
            7 => Frame::AckRequest(AckRequest {
                sequence: near(self.liars[id][session].sequence, script),
                spread: script.u16(),
            }),
            8 => Frame::Ack(Ack {
                target,
                session: low,
                since: near(self.own_next, script),
                next: near(self.own_next, script),
            }),
            9 if kind == 0x79 => Frame::Start(Start {
                target,
                session: low,
                next: near(self.liars[id][session].sequence, script),
            }),
            9 => Frame::Ask(Ask {
                target,
                session: low,
            }),
            _ => {
                let flags = script.octet();
                let (fragment, last) = if flags & 0x20 == 0 {
                    (0, 0)
                } else {
                    let octet = script.octet();
                    self.watch.overlaps = true;
                    ((octet >> 4).min(octet & 15), octet & 15)
                };
                let sequence = near(self.liars[id][session].sequence, script);
                self.liars[id][session].sequence = sequence.wrapping_add(1);
                let (horizon, len) = (script.octet(), script.octet());
                Frame::Data(Data {
                    class: flags & 3,
                    latest: flags & 0x10 != 0,
                    repair: flags & 4 != 0,
                    copy: flags & 8 != 0,
                    signed: flags >> 6 == 3,
                    channel: flags >> 6,
                    horizon,
                    fragment,
                    last,
                    sequence,
                    payload: &FILLER[..usize::from(len)],
                })
            }
        }
    }

    fn handle(&mut self, script: &mut Script<'_>, datagram: &[u8]) {
        let before = self.group.counters().received;
        let handled = self.group.handle(self.now, address(script), datagram);
        handled.expect("all events were polled");
        assert_eq!(self.group.counters().received, before + 1);
        self.keep(datagram);
    }

    fn keep(&mut self, datagram: &[u8]) {
        self.tape.push(datagram.to_vec());
        if self.tape.len() > 16 {
            self.tape.remove(0);
        }
    }

    fn send(&mut self, script: &mut Script<'_>) {
        let class = script.pick(&[
            Class::BestEffort,
            Class::Latest,
            Class::State,
            Class::ReliableUnordered,
            Class::ReliableOrdered,
        ]);
        let len = usize::from(script.octet()) * 6;
        let channel = Channel::new(script.octet() & 3, class);
        let limit = self.group.max_message(class);
        let payload = vec![class as u8; len];
        if let Ok(first) = self.group.queue(self.now, channel, &payload) {
            assert!(
                len <= limit,
                "{len} octets were taken, the limit is {limit}"
            );
            if class.is_reliable() {
                self.own_next = first.get().wrapping_add(1);
            }
        }
    }

    /// Lets time pass, polling the member whenever it asks for it.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut idle = 0;
        while let Some(deadline) = self.group.next_deadline().filter(|at| *at <= end) {
            let smallest = self.now + Duration::from_micros(1);
            let at_once = deadline <= smallest;
            self.now = deadline.max(smallest);
            let did = self.settle();
            idle = if did || !at_once { 0 } else { idle + 1 };
            assert!(
                idle < SPINNING,
                "asks to be polled again and again for nothing"
            );
        }
        self.now = self.now.max(end);
    }

    /// Polls everything, and checks what holds at any time. Whether something came of it.
    fn settle(&mut self) -> bool {
        let mut did = self.tell();
        let mut buffer = [0; 1472];
        loop {
            let transmit = self.group.poll_transmit(self.now, &mut buffer);
            if let Some(transmit) = transmit.expect("the buffer is large enough") {
                let datagram = &buffer[..transmit.len];
                let id = self.group.id().get();
                match &self.insider {
                    None => self.watch.sent(self.now, id, 1200, datagram),
                    Some(insider) => {
                        let asked = insider.challenge(datagram);
                        self.challenge = asked.map_or(self.challenge, |asked| asked.number);
                        self.watch
                            .sent_sealed(self.now, id, 1200, datagram, insider);
                    }
                }
                self.keep(datagram);
            } else if !self.tell() {
                // Time that was noticed while sending brings events, too.
                break;
            }
            did = true;
        }
        let c = self.group.counters();
        assert_eq!(c.received, c.accepted + c.raw + c.own + c.dropped());
        did
    }

    /// Polls all events. Whether there were some.
    fn tell(&mut self) -> bool {
        let mut told = false;
        while let Some(event) = self.group.poll_event() {
            self.watch.told(&event);
            told = true;
        }
        told
    }
}

const FILLER: [u8; 255] = [0xaa; 255];

/// How far numbers are from each other: half of all of them at most.
const FAR: [u32; 8] = [
    0,
    1,
    100,
    0x4000_0000,
    0x7fff_ff00,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0100,
];

/// Octets of frames in the largest datagram there is.
const MOST_OF_FRAMES: usize = 1_472 - Header::LEN - 16;

/// A number from 128 before to 127 after, or any.
fn near(of: u32, script: &mut Script<'_>) -> u32 {
    match script.octet() {
        0x80 => script.u32(),
        octet => of.wrapping_add_signed(i32::from(octet.cast_signed())),
    }
}

fn address(script: &mut Script<'_>) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, script.octet() & 3], 40_000))
}

fn hello<'a>(script: &mut Script<'a>) -> Hello<'a> {
    let flags = script.octet();
    Hello {
        join: flags & 1 != 0,
        probe: flags & 2 != 0,
        max_datagram: if flags & 4 == 0 { 1200 } else { script.u16() },
        max_message: if flags & 8 == 0 { 32 } else { script.u16() },
        interval: if flags & 16 == 0 { 100 } else { script.u16() },
        receive_burst: flags >> 5,
        round_trip: script.octet(),
        group_size: script.octet(),
        ..Hello::new(Name::new(["", "liar"][usize::from(flags >> 7)]).expect("it is short"))
    }
}
