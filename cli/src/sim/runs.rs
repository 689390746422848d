//! The runs of scenarios, on all processors, and what they come to together.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use groupcast::SendError;
use groupcast_sim::{Profile, Report, Roomy, Scenario};

use super::options::Sim;
use crate::process::failure::Failure;

/// A member's memory is made on the stack before it is boxed, and a desktop's has megabytes.
pub(crate) const STACK: usize = 64 << 20;

/// The reports of all seeds as one, for each of these scenarios.
pub(super) fn merged(scenarios: &[Sim]) -> Result<Vec<Report>, Failure> {
    let mut jobs = Vec::new();
    for (which, options) in scenarios.iter().enumerate() {
        let scenario = options.scenario().map_err(Failure::Settings)?;
        for nth in 0..options.seeds {
            jobs.push((which, scenario.with_seed(options.seed.wrapping_add(nth))));
        }
    }
    let mut reports = vec![Report::default(); scenarios.len()];
    for ((which, _), report) in jobs.iter().zip(run_all(scenarios, &jobs)) {
        reports[*which].merge(&report.map_err(|error| failure(&scenarios[*which], error))?);
    }
    Ok(reports)
}

/// Why a run ended at once.
fn failure(options: &Sim, error: SendError) -> Failure {
    let SendError::TooLong { len, limit } = error else {
        return error.into();
    };
    let has_leaves = options.group().has(Profile::Leaf);
    let smallest = match has_leaves && Profile::Leaf.supports(options.class.class()) {
        true => "; a leaf takes datagrams of 512 bytes, and has room to send 120 in one message",
        false => "",
    };
    Failure::Settings(format!(
        "messages of {len} bytes are too long: in this group a message of the class {} has at most {limit} \
         bytes{smallest}",
        options.class
    ))
}

/// The reports of all jobs, in their order, whatever ran when.
fn run_all(scenarios: &[Sim], jobs: &[(usize, Scenario)]) -> Vec<Result<Report, SendError>> {
    // A large group fills the memory by itself.
    let workers = if scenarios.iter().any(Sim::is_roomy) {
        1
    } else {
        thread::available_parallelism().map_or(1, usize::from)
    };
    let next = AtomicUsize::new(0);
    let reports: Mutex<BTreeMap<_, _>> = Mutex::default();
    let work = || {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let Some((which, scenario)) = jobs.get(nth) else {
                return;
            };
            let report = run_one(&scenarios[*which], scenario);
            let mut reports = reports
                .lock()
                .expect("no worker panics while it holds them");
            reports.insert(nth, report);
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers.min(jobs.len()) {
            thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, work)
                .expect("a thread can be started");
        }
    });
    let reports = reports.into_inner().expect("no worker panicked");
    reports.into_values().collect()
}

/// One run, with the members that are asked for.
fn run_one(options: &Sim, scenario: &Scenario) -> Result<Report, SendError> {
    if options.is_roomy() {
        scenario.run::<Box<Roomy>>()
    } else {
        scenario.run_mix(options.group().parts())
    }
}
