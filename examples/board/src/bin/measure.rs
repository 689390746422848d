//! What a message costs: instructions that the engine takes to send and to receive 64 bytes, in an open
//! and in a sealed group. There is no network: two members, in memory, hand each other datagrams.
//!
//! `examples/board/budget` runs it in the emulator, each instruction of which takes the same time.

#![no_std]
#![no_main]

use core::net::SocketAddr;
use core::time::Duration;

use cortex_m_rt::entry;
use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
use groupcast::{Channel, Config, Event, Group, Instant, Tiny};
use groupcast_board::Board;
use kit::{host, log};
use static_cell::ConstStaticCell;

const ROUNDS: u32 = 200;
const LARGEST: usize = 576;
const STEP: Duration = Duration::from_millis(20);
/// Longer than first contact takes.
const MEETING: u32 = 500;
const CHANNELS: [(&str, Channel); 3] = [
    ("BestEffort", Channel::best_effort(0)),
    ("State", Channel::state(1)),
    ("ReliableOrdered", Channel::reliable_ordered(2)),
];

type Member<'m> = Group<&'m mut Tiny>;

#[entry]
fn main() -> ! {
    static FIRST: ConstStaticCell<Tiny> = ConstStaticCell::new(Tiny::new());
    static SECOND: ConstStaticCell<Tiny> = ConstStaticCell::new(Tiny::new());

    let board = Board::start("measure");
    let (first, second) = (FIRST.take(), SECOND.take());
    let config = || {
        let group = SocketAddr::from(([239, 1, 2, 3], 12345));
        Config::new(group).with_max_datagram(LARGEST as u16)
    };
    let keys = KeySet::new(GroupKey::new([7; 32]));
    let random = [host::random(), host::random()].map(Option::unwrap_or_default);
    let start = board.ticks();

    log!("delay {}", board.ticks().wrapping_sub(start));
    let (memory, member) = (size_of::<Tiny>() as u32, size_of::<Member<'_>>() as u32);
    log!("memory {} bytes, group {}", memory, member);
    let works = "the settings work";
    let open = [
        Group::new(&mut *first, config(), [1; 32]).expect(works),
        Group::new(&mut *second, config(), [2; 32]).expect(works),
    ];
    let mut passed = Pair::meet(open).measure(&board, "open");
    let sealed = [
        Group::sealed(
            first,
            config(),
            Seal::new(&keys, Entropy::new().with_random(&random[0])),
        )
        .expect(works),
        Group::sealed(
            second,
            config(),
            Seal::new(&keys, Entropy::new().with_random(&random[1])),
        )
        .expect(works),
    ];
    passed &= Pair::meet(sealed).measure(&board, "sealed");
    host::exit(passed)
}

/// Two members, and the time.
struct Pair<'m> {
    members: [Member<'m>; 2],
    now: Instant,
}

impl<'m> Pair<'m> {
    fn meet(members: [Member<'m>; 2]) -> Self {
        let now = Instant::ZERO;
        let mut pair = Self { members, now };
        for _ in 0..MEETING {
            pair.pass_time();
        }
        pair
    }

    /// Lets time pass, in which they tell each other what they have to.
    fn pass_time(&mut self) {
        self.now = self.now + STEP;
        for from in [0, 1] {
            self.members[from].handle_timeout(self.now);
            while let Some((datagram, len)) = datagram(&mut self.members[from], self.now) {
                receive(
                    &mut self.members[1 - from],
                    self.now,
                    from,
                    &datagram[..len],
                    &[],
                );
            }
        }
    }

    /// Logs what messages cost. Whether all arrived.
    fn measure(&mut self, board: &Board, group: &str) -> bool {
        let mut all = true;
        for (name, channel) in CHANNELS {
            let (mut sending, mut receiving, mut arrived) = (0_u64, 0_u64, 0);
            for round in 0..ROUNDS {
                self.pass_time();
                let payload = [round as u8; 64];
                let start = board.ticks();
                let _ = self.members[0].queue(self.now, channel, &payload);
                let sent = datagram(&mut self.members[0], self.now);
                sending += u64::from(board.ticks().wrapping_sub(start));
                let Some((datagram, len)) = sent else {
                    continue;
                };
                let start = board.ticks();
                let heard = receive(
                    &mut self.members[1],
                    self.now,
                    0,
                    &datagram[..len],
                    &payload,
                );
                receiving += u64::from(board.ticks().wrapping_sub(start));
                arrived += u32::from(heard);
            }
            let rounds = u64::from(ROUNDS);
            log!(
                "{} {}: {} ticks to send, {} to receive",
                group,
                name,
                sending / rounds,
                receiving / rounds
            );
            all &= arrived == ROUNDS;
        }
        all
    }
}

/// What a member sends.
fn datagram(member: &mut Member<'_>, now: Instant) -> Option<([u8; LARGEST], usize)> {
    let mut buffer = [0; LARGEST];
    let sent = member.poll_transmit(now, &mut buffer).ok()??;
    Some((buffer, sent.len))
}

/// A member hears a datagram. Whether it brought a message of these bytes.
fn receive(
    member: &mut Member<'_>,
    now: Instant,
    from: usize,
    datagram: &[u8],
    payload: &[u8],
) -> bool {
    let from = SocketAddr::from(([10, 0, 0, from as u8], 12345));
    let _ = member.handle(now, from, datagram);
    let mut heard = false;
    while let Some(event) = member.poll_event() {
        heard |= matches!(event, Event::Message(message) if message.payload() == payload);
    }
    heard
}
