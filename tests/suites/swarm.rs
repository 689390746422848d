//! Random groups on random networks, held to what was promised. More of them: `swarm --seeds 5000`.

use core::time::Duration;

use groupcast_tests::swarm;

const FAULTY: Duration = Duration::from_secs(5);

#[test]
fn forty_random_groups_keep_every_promise() {
    for seed in 0..40 {
        let outcome = swarm::run(seed, FAULTY, false);
        if let Some(violation) = outcome.violation {
            let command = swarm::command(seed, FAULTY);
            panic!("seed {seed}: {violation}\n    {command}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..4 {
        let run = || swarm::run(seed, FAULTY, false);
        let (one, other) = (run(), run());
        assert_eq!((one.hash, one.totals), (other.hash, other.totals));
    }
    let hash = |seed| swarm::run(seed, FAULTY, false).hash;
    assert_ne!(hash(0), hash(1));
}
