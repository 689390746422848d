//! Runs the siege: `siege --seeds 10000`, or one seed: `siege --seed 42`.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use groupcast_tests::siege::{self, Outcome, Plan, Totals, Violation};

const USAGE: &str = "usage: siege [--seeds N] [--first N] [--jobs N] [--keep-going]
       siege --seed N [--trace]
       siege --flood [--seeds N]";

/// Every so manieth seed is run twice: the same has to come of it.
const REPEATED: u64 = 50;

struct Args {
    seed: Option<u64>,
    seeds: u64,
    first: u64,
    jobs: u64,
    trace: bool,
    flood: bool,
    keep_going: bool,
}

fn args() -> Option<Args> {
    let mut args = Args {
        seed: None,
        seeds: 100,
        first: 0,
        jobs: 2,
        trace: false,
        flood: false,
        keep_going: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next()?.parse().ok();
        match &word[..] {
            "--seed" => args.seed = Some(number()?),
            "--seeds" => args.seeds = number()?,
            "--first" => args.first = number()?,
            "--jobs" => args.jobs = number()?,
            "--trace" => args.trace = true,
            "--flood" => args.flood = true,
            "--keep-going" => args.keep_going = true,
            _ => return None,
        }
    }
    Some(args)
}

/// What came of all seeds.
#[derive(Default)]
struct Sum {
    runs: u64,
    bad: u64,
    totals: Totals,
    found_after: Duration,
}

fn main() -> ExitCode {
    let Some(args) = args() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if let Some(seed) = args.seed {
        return one(seed, args.trace);
    }
    if args.flood {
        return flood(args.seeds);
    }
    let begun = Instant::now();
    let next = AtomicU64::new(args.first);
    let end = args.first + args.seeds;
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let outcome = checked(seed);
                    let mut sum = sum.lock().expect("no thread panics with the sum");
                    sum.runs += 1;
                    sum.totals += outcome.totals;
                    sum.found_after = sum.found_after.max(outcome.found_after);
                    if let Some(violation) = &outcome.violation {
                        sum.bad += 1;
                        println!("seed {seed} : {violation}\n    {}", siege::command(seed));
                        if !args.keep_going {
                            next.store(end, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let sum = sum.into_inner().expect("no thread panicked");
    println!(
        "{} seeds in {:.1} s: {} violations; the rosters were right after {:?} at most",
        sum.runs,
        begun.elapsed().as_secs_f64(),
        sum.bad,
        sum.found_after
    );
    println!("{:?}", sum.totals);
    if sum.bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A run, and now and then the same again.
fn checked(seed: u64) -> Outcome {
    let mut outcome = run(seed, false);
    if seed.is_multiple_of(REPEATED) {
        let again = run(seed, false);
        if (again.hash, again.totals) != (outcome.hash, outcome.totals) {
            let differs = || violation("repeat", "the second run went another way");
            outcome.violation.get_or_insert_with(differs);
        }
    }
    outcome
}

/// A run; whoever panics broke a promise.
fn run(seed: u64, trace: bool) -> Outcome {
    catch_unwind(|| siege::run(seed, trace)).unwrap_or_else(|_| Outcome {
        hash: 0,
        totals: Totals::default(),
        found_after: Duration::ZERO,
        violation: Some(violation("panic", "a member panicked; see above")),
    })
}

fn violation(rule: &'static str, what: &str) -> Violation {
    Violation {
        at: groupcast::Instant::ZERO,
        rule,
        what: what.into(),
    }
}

fn one(seed: u64, trace: bool) -> ExitCode {
    println!("{:#?}", Plan::new(seed));
    let outcome = run(seed, trace);
    println!("{:?}\ntrace hash {:016x}", outcome.totals, outcome.hash);
    match outcome.violation {
        Some(violation) => {
            println!("seed {seed} : {violation}\n    {}", siege::command(seed));
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

/// How long first contact takes while the stranger plays back HELLOs.
fn flood(seeds: u64) -> ExitCode {
    println!("replays each 10 ms, ids, median, 95 %, longest");
    let mut all_came = true;
    for at_once in [0, 1, 2, 4, 8] {
        for fixed in [true, false] {
            let took = |seed| siege::flood::first_contact(seed, at_once, fixed);
            let mut times: Vec<_> = (0..seeds).map(took).collect();
            times.sort_unstable();
            let [median, most, last] = [times.len() / 2, times.len() * 95 / 100, times.len() - 1];
            println!(
                "{at_once} {} {:?} {:?} {:?}",
                if fixed { "fixed" } else { "drawn" },
                times[median],
                times[most],
                times[last]
            );
            all_came &= times[last] < siege::flood::GIVEN_UP;
        }
    }
    if all_came {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
