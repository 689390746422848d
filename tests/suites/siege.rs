//! Sealed groups under attack. More: `cargo run --release -p groupcast-tests --bin siege`.

use core::time::Duration;

use groupcast_tests::siege;

#[test]
fn forty_sealed_groups_withstand_a_siege() {
    for seed in 0..40 {
        if let Some(violation) = siege::run(seed, false).violation {
            panic!("seed {seed}: {violation}\n    {}", siege::command(seed));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_siege() {
    let run = |seed| {
        let outcome = siege::run(seed, false);
        (outcome.hash, outcome.totals)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_newcomer_is_believed_within_seconds_while_hellos_are_played_back() {
    for seed in 0..5 {
        for fixed in [true, false] {
            let took = siege::flood::first_contact(seed, 8, fixed);
            assert!(took < Duration::from_secs(10), "seed {seed}: {took:?}");
        }
    }
}
