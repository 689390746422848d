//! Runs the swarm: `swarm --seeds 5000`, or one seed: `swarm --seed 42 --trace`.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use groupcast_tests::swarm::luck::{self, Luck};
use groupcast_tests::swarm::{self, Outcome, Plan, Totals};

const USAGE: &str =
    "usage: swarm [--seeds N] [--first N] [--seconds N] [--jobs N] [--luck KIND] [--ignore RULE,…]
             [--keep-going]
       swarm --seed N [--seconds N] [--ignore RULE,…] [--trace]";

struct Args {
    seed: Option<u64>,
    seeds: u64,
    first: u64,
    seconds: u64,
    jobs: u64,
    trace: bool,
    keep_going: bool,
    luck: Option<Luck>,
    ignored: Vec<String>,
}

fn args() -> Option<Args> {
    let mut args = Args {
        seed: None,
        seeds: 100,
        first: 0,
        seconds: 20,
        jobs: 2,
        trace: false,
        keep_going: false,
        luck: None,
        ignored: Vec::new(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next()?.parse().ok();
        match &word[..] {
            "--seed" => args.seed = Some(number()?),
            "--seeds" => args.seeds = number()?,
            "--first" => args.first = number()?,
            // Some kinds of luck need that long.
            "--seconds" => args.seconds = number().filter(|seconds| *seconds >= 8)?,
            "--jobs" => args.jobs = number()?,
            "--luck" => args.luck = Some(named(&words.next()?)?),
            "--ignore" => args.ignored = words.next()?.split(',').map(str::to_owned).collect(),
            "--trace" => args.trace = true,
            "--keep-going" => args.keep_going = true,
            _ => return None,
        }
    }
    Some(args)
}

fn named(name: &str) -> Option<Luck> {
    let mut all = luck::ALL.into_iter().chain([Luck::Plain]);
    all.find(|luck| format!("{luck:?}").eq_ignore_ascii_case(name))
}

fn main() -> ExitCode {
    let Some(args) = args() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let faulty = Duration::from_secs(args.seconds);
    if let Some(seed) = args.seed {
        return one(seed, faulty, args.trace, &args.ignored);
    }
    let begun = Instant::now();
    let next = AtomicU64::new(args.first);
    let end = args.first + args.seeds;
    let sum = Mutex::new((0u64, 0u64, Totals::default()));
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    if args.luck.is_some_and(|luck| luck != Luck::of(seed)) {
                        continue;
                    }
                    let outcome = checked(seed, faulty, &args.ignored);
                    let mut sum = sum.lock().expect("no thread panics with the sum");
                    sum.0 += 1;
                    sum.2 += outcome.totals;
                    if let Some(violation) = &outcome.violation {
                        sum.1 += 1;
                        let plan = Plan::new(seed, faulty);
                        println!(
                            "seed {seed} ({:?} {:?} {:?} {}): {violation}\n    {}",
                            plan.luck,
                            plan.mood,
                            plan.store,
                            plan.players.len(),
                            swarm::command(seed, faulty)
                        );
                        if !args.keep_going {
                            next.store(end, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let (runs, bad, totals) = sum.into_inner().expect("no thread panicked");
    println!(
        "{runs} seeds of {} s in {:.1} s: {bad} violations",
        args.seconds,
        begun.elapsed().as_secs_f64()
    );
    println!("{totals:?}");
    if bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A run, and the same again.
fn checked(seed: u64, faulty: Duration, ignored: &[String]) -> Outcome {
    let plan = Plan {
        ignored: ignored.to_vec(),
        ..Plan::new(seed, faulty)
    };
    let mut outcome = swarm::run_plan(&plan, false);
    let again = swarm::run_plan(&plan, false);
    if (again.hash, again.totals) != (outcome.hash, outcome.totals) {
        let differs = || swarm::Violation {
            at: groupcast::Instant::ZERO,
            rule: "repeat",
            what: "the second run went another way".into(),
        };
        outcome.violation.get_or_insert_with(differs);
    }
    outcome
}

fn one(seed: u64, faulty: Duration, trace: bool, ignored: &[String]) -> ExitCode {
    let plan = Plan {
        ignored: ignored.to_vec(),
        ..Plan::new(seed, faulty)
    };
    println!(
        "{:#?}",
        Plan {
            actions: Vec::new(),
            ..plan.clone()
        }
    );
    let outcome = swarm::run_plan(&plan, trace);
    println!("{:?}\ntrace hash {:016x}", outcome.totals, outcome.hash);
    match outcome.violation {
        Some(violation) => {
            println!(
                "seed {seed}: {violation}\n    {}",
                swarm::command(seed, faulty)
            );
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}
