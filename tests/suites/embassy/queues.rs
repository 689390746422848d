//! How many datagrams a queue must hold: the rule of `Buffers`, measured.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use groupcast::seal::{Entropy, GroupKey, KeySet, Seal};
use groupcast::{Config, Desktop, Memory, Pace, Tiny, boxed};
use groupcast_embassy::{Buffers, EmbassyStack, Member};
use groupcast_tests::tasks::{either, sleep};

use crate::bench::{Bench, COMMANDS, CONFIG, Diary, FAST_ETHERNET};

const MESSAGES: u32 = 1000;

fn join<M: Memory + Default + 'static>(
    stack: EmbassyStack<'static>,
    config: Config,
    device: u8,
    is_sealed: bool,
) -> Member<'static, Box<M>> {
    let memory = boxed::<M>();
    if !is_sealed {
        return stack.join(memory, config, [device; 32]).unwrap();
    }
    let keys = KeySet::new(GroupKey::new([9; 32]));
    let id = [device; 6];
    let seal = Seal::new(&keys, Entropy::new().with_device(&id).with_starts(1));
    stack.join_sealed(memory, config, seal).unwrap()
}

/// A desktop sends short messages at the pace for boards, in whole datagrams, to a `Tiny` whose task is kept from
/// running for `stall`, again and again. What that hears.
fn hear<const DATAGRAMS: usize, const BYTES: usize>(
    is_sealed: bool,
    stall: Duration,
) -> Rc<RefCell<Diary>> {
    let bench = Bench::new(2);
    bench.ether.set_rate(FAST_ETHERNET);
    let config = CONFIG.with_pace(Pace::BOARD);
    let mut desktop = join::<Desktop>(bench.stack_with::<64, 80_000>(0), config, 1, is_sealed);
    bench.tasks.spawn(async move {
        // They get to know each other first.
        let end = groupcast_tests::tasks::now() + Duration::from_secs(2);
        while groupcast_tests::tasks::now() < end {
            let _ = either(desktop.recv(), sleep(Duration::from_millis(1))).await;
        }
        for number in 0..MESSAGES {
            let payload = [number.to_be_bytes(); 4].concat();
            desktop.queue(COMMANDS, &payload, |_| {}).await.unwrap();
        }
        while desktop.recv().await.is_ok() {}
    });
    let mut tiny = join::<Tiny>(
        bench.stack_with::<DATAGRAMS, BYTES>(1),
        CONFIG,
        2,
        is_sealed,
    );
    let diary = Rc::<RefCell<Diary>>::default();
    let notes = diary.clone();
    bench.tasks.spawn(async move {
        loop {
            while let Ok(event) = either(tiny.recv(), sleep(Duration::ZERO)).await {
                notes.borrow_mut().note(&event.unwrap());
            }
            sleep(stall).await;
        }
    });
    bench.run_for(Duration::from_secs(60));
    diary
}

/// The rule: one datagram, the burst, and what comes at the pace while the task does not run.
fn needed(stall: Duration) -> usize {
    const PACE: usize = 62_500;
    const BURST: usize = 2;
    const ON_THE_WIRE: usize = 1200 + 46;
    let millis = usize::try_from(stall.as_millis()).unwrap();
    1 + BURST + (PACE * millis / 1000).div_ceil(ON_THE_WIRE)
}

#[test]
fn a_queue_that_keeps_to_the_rule_loses_nothing() {
    for is_sealed in [false, true] {
        for millis in [5, 10, 20] {
            let stall = Duration::from_millis(millis);
            assert!(needed(stall) <= Buffers::<2, 6, 7200, 1500>::burst(1200));
            let heard = hear::<6, 7200>(is_sealed, stall);
            assert_eq!(heard.borrow().gaps, 0, "{stall:?}, sealed: {is_sealed}");
            assert_eq!(heard.borrow().messages.len(), MESSAGES as usize);
        }
        let stall = Duration::from_millis(100);
        assert!(needed(stall) <= Buffers::<2, 12, 12_000, 1500>::burst(1200));
        let heard = hear::<12, 12_000>(is_sealed, stall);
        assert_eq!(heard.borrow().gaps, 0, "sealed: {is_sealed}");
        assert_eq!(heard.borrow().messages.len(), MESSAGES as usize);
    }
}

/// What a queue had no room for is repaired, unless more messages are missing than the memory's window holds: then it is
/// named in a gap.
#[test]
fn a_queue_that_is_too_small_loses_messages_in_gaps_that_name_them() {
    for is_sealed in [false, true] {
        let stall = Duration::from_millis(100);
        assert!(needed(stall) > Buffers::<2, 4, 4800, 1500>::burst(1200));
        let heard = hear::<4, 4800>(is_sealed, stall);
        let heard = heard.borrow();
        let (messages, missing) = (heard.messages.len(), heard.missing);
        println!(
            "sealed {is_sealed}: {messages} of {MESSAGES} in time, {missing} missing in {} gaps",
            heard.gaps
        );
        assert!(missing > 0);
        assert_eq!(messages as u64 + missing, u64::from(MESSAGES));
    }
}
