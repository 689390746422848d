//! What the engine does to messages and datagrams, without any socket.
//!
//!     cargo bench -p groupcast-tests --bench engine
//!
//! Datagrams are full: 15 messages of 64 octets, ReliableOrdered. `encode` queues the messages and writes the
//! datagram, `decode` checks and reads it, without a member; `handle` is what a member does with it until all
//! its events are read. `nack` is a NACK for 15 of the newest of 6,000 messages, and the datagram with their
//! repairs. `crowd` is a datagram with one best-effort message, in a group of so many members.
//!
//! The bench `seal` has sealing and opening alone; `tests/labs/instructions` counts instructions.

use core::cell::RefCell;
use core::hint::black_box;
use core::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use groupcast::Channel;
use groupcast::wire;
use groupcast_tests::workload::{Crowd, FULL, Pair, Says};

const CHANNEL: Channel = Channel::reliable_ordered(1);
const MESSAGE: [u8; 64] = [b'x'; 64];
const NACKS: u32 = 16;

/// Full datagrams: 15 messages each.
fn messages(criterion: &mut Criterion) {
    // The other member does its part before each, untimed: a sender follows its receivers.
    let each = BatchSize::PerIteration;
    for (kind, sealed) in [("open", false), ("sealed", true)] {
        let mut bench = criterion.benchmark_group(kind);
        bench.throughput(Throughput::Elements(FULL as u64));
        let pair = RefCell::new(Pair::new(sealed));
        let send = || pair.borrow_mut().send(CHANNEL, &MESSAGE, FULL);
        let receive = || pair.borrow_mut().receive();
        bench.bench_function("encode", |b| b.iter_batched(receive, |_| send(), each));
        receive();
        bench.bench_function("handle", |b| b.iter_batched(send, |()| receive(), each));
        assert!(pair.borrow().is_acquainted(), "they still know each other");
        bench.finish();
    }
}

fn decode(criterion: &mut Criterion) {
    let mut pair = Pair::new(false);
    pair.send(CHANNEL, &MESSAGE, FULL);
    let datagram = pair.lose().concat();
    let mut bench = criterion.benchmark_group("open");
    bench.throughput(Throughput::Elements(FULL as u64));
    bench.bench_function("decode", |b| {
        b.iter(|| {
            let (header, frames) = wire::parse(black_box(&datagram)).unwrap();
            black_box(header);
            frames.map(|frame| _ = black_box(frame.unwrap())).count()
        });
    });
    bench.finish();
}

fn nacks(criterion: &mut Criterion) {
    let mut pair = Pair::new(false);
    for _ in 0..500 {
        pair.send(CHANNEL, &MESSAGE, FULL);
        pair.receive();
    }
    pair.rest();
    let pair = RefCell::new(pair);
    let mut turn = 0;
    let mut ask = || {
        let mut pair = pair.borrow_mut();
        // The repairs of the one before, and the time after which they would be sent again.
        pair.lose();
        pair.wait(Duration::from_millis(1));
        turn = (turn + 1) % NACKS;
        pair.ask((0..FULL as u32).map(|at| turn + NACKS * at));
    };
    let repair = || pair.borrow_mut().send(CHANNEL, &MESSAGE, 0);
    let mut bench = criterion.benchmark_group("nack");
    bench.throughput(Throughput::Elements(FULL as u64));
    bench.bench_function("repair", |b| {
        b.iter_batched(&mut ask, |()| repair(), BatchSize::PerIteration);
    });
    bench.finish();
}

fn crowd(criterion: &mut Criterion) {
    let mut bench = criterion.benchmark_group("crowd");
    bench.throughput(Throughput::Elements(1));
    for members in [10, 1_000] {
        let crowd = RefCell::new(Crowd::new(members));
        bench.bench_function(format!("{members} members"), |b| {
            b.iter_batched(
                || crowd.borrow_mut().next(Says::BestEffort),
                |datagram| crowd.borrow_mut().hear(&datagram),
                BatchSize::SmallInput,
            );
        });
    }
    bench.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = messages, decode, nacks, crowd
}
criterion_main!(benches);
