//! Random groups on random networks, held to what was promised. More of them: `swarm --seeds 5000`.

use core::time::Duration;

use groupcast_tests::swarm;

const FAULTY: Duration = Duration::from_secs(5);

fn keeps_every_promise(seed: u64, faulty: Duration) {
    let outcome = swarm::run(seed, faulty, false);
    if let Some(violation) = outcome.violation {
        let command = swarm::command(seed, faulty);
        panic!("seed {seed}: {violation}\n    {command}");
    }
}

#[test]
fn forty_random_groups_keep_every_promise() {
    for seed in 0..40 {
        keeps_every_promise(seed, FAULTY);
    }
}

#[test]
fn seeds_that_found_faults_find_none_any_more() {
    for (seed, seconds) in swarm::REMEMBERED {
        keeps_every_promise(seed, Duration::from_secs(seconds));
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
