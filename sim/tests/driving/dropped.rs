//! Futures that are dropped at any await, by a seed: nothing is lost, nothing comes twice or out of order.

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use groupcast::{Board, Channel, Desktop, Event, Instant, Memory, Pace, Reactor, Tiny};
use groupcast_sim::{Link, Network};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::reactor::SimReactor;
use crate::tasks::Tasks;
use crate::waking::{ORDERED, SimNode, config, member};

/// By then they have met.
const MET: Instant = Instant::from_secs(4);

/// So many messages each of the two sends.
const MESSAGES: u32 = 60;

struct Dice(Xoshiro256PlusPlus);

impl Dice {
    fn one_in(&mut self, faces: u32) -> bool {
        self.0.next_u32().is_multiple_of(faces)
    }
}

/// Polls a future until it is done, or drops it while it is pending. `None`: dropped.
async fn or_drop<T>(dice: &mut Dice, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if dice.one_in(3) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Does something else for a while.
async fn rest(dice: &mut Dice, reactor: &mut SimReactor) {
    let micros = u64::from(dice.0.next_u32() % 3_000);
    let end = reactor.network.now() + Duration::from_micros(micros);
    poll_fn(|cx| reactor.poll_at(cx, Some(end))).await;
}

/// What one of the two did and heard.
#[derive(Debug, Default)]
struct Log {
    sent: u32,
    heard: Vec<u32>,
    wrong: Vec<String>,
    /// Futures that were dropped: of `recv`, and of `send`.
    dropped: [u32; 2],
}

impl Log {
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Message(message) => {
                let octets = message.payload().first_chunk().copied();
                self.heard.push(u32::from_be_bytes(octets.unwrap()));
            }
            Event::Joined(_) | Event::Suspect(_) | Event::Recovered(_) => {}
            other => self.wrong.push(other.to_string()),
        }
    }
}

async fn talk(mut node: SimNode, mut dice: Dice, log: &RefCell<Log>) {
    let mut reactor = node.reactor().clone();
    let channel: Channel = ORDERED;
    loop {
        if dice.one_in(8) {
            rest(&mut dice, &mut reactor).await;
        }
        let sent = log.borrow().sent;
        if sent < MESSAGES && node.now() > MET && dice.one_in(2) {
            let mut payload = [0; 200];
            payload[..4].copy_from_slice(&sent.to_be_bytes());
            let send = node.send(channel, &payload, |event| log.borrow_mut().note(&event));
            match or_drop(&mut dice, send).await {
                Some(sent) => {
                    sent.unwrap();
                    log.borrow_mut().sent += 1;
                }
                None => log.borrow_mut().dropped[1] += 1,
            }
            continue;
        }
        match or_drop(&mut dice, node.recv()).await {
            Some(event) => log.borrow_mut().note(&event.unwrap()),
            None => log.borrow_mut().dropped[0] += 1,
        }
    }
}

/// How many futures of `recv` and of `send` were dropped.
fn nothing_is_lost<M: Memory + Default + 'static>(seed: u64, link: Link) -> [u32; 2] {
    let network = Network::new(seed).with_link(link.with_duplicate(0.02));
    network.set_send_refusal(0.1);
    let logs = [RefCell::new(Log::default()), RefCell::new(Log::default())];
    let mut tasks = Tasks::new(&network);
    for (number, log) in (0..).zip(&logs) {
        let config = config("").with_pace(Pace::BOARD);
        let node = member::<M, false>(&network, config);
        let dice = Dice(Xoshiro256PlusPlus::seed_from_u64(seed * 2 + number));
        tasks.spawn(&node.reactor().clone(), talk(node, dice, log));
    }
    let all = |log: &RefCell<Log>| log.borrow().heard.len() >= MESSAGES as usize;
    let mut end = Instant::ZERO;
    while !logs.iter().all(all) && end < Instant::from_secs(60) {
        end += Duration::from_millis(100);
        tasks.run_until(end);
    }
    // What would come twice has time to.
    tasks.run_until(end + Duration::from_secs(1));
    drop(tasks);
    for log in &logs {
        let log = log.borrow();
        assert!(log.wrong.is_empty(), "seed {seed}: {:?}", log.wrong);
        assert_eq!(log.sent, MESSAGES, "seed {seed}");
        assert!(
            log.heard.iter().copied().eq(0..MESSAGES),
            "seed {seed}: {:?}",
            log.heard
        );
    }
    let [one, other] = logs.map(|log| log.into_inner().dropped);
    [one[0] + other[0], one[1] + other[1]]
}

#[test]
fn in_a_thousand_runs_nothing_is_lost() {
    const SEEDS: u64 = 1_000;
    let mut dropped = [0; 2];
    for seed in 0..SEEDS {
        let [recv, send] = match seed % 3 {
            0 => nothing_is_lost::<Board>(seed, Link::wifi()),
            1 => nothing_is_lost::<Desktop>(seed, Link::wifi().with_loss(0.1)),
            // It cannot repair much.
            _ => nothing_is_lost::<Tiny>(seed, Link::perfect()),
        };
        dropped = [dropped[0] + recv, dropped[1] + send];
    }
    let [recv, send] = dropped.map(u64::from);
    assert!(recv > 50 * SEEDS && send > 2 * SEEDS, "{recv} and {send}");
}
