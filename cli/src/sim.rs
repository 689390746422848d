//! `groupcast sim`: the real engine on a simulated network.

pub(crate) mod options;
mod plot;
mod table;

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::thread;

use groupcast::{Board, Desktop, SendError, Tiny};
use groupcast_sim::{Report, Roomy, Scenario};

use crate::failure::Failure;
use crate::options::Common;
use crate::output::Output;
use options::{Sim, StorageName};

/// A member's memory is made on the stack before it is boxed, and a desktop's has megabytes.
const STACK: usize = 64 << 20;

pub(crate) fn run(common: &Common, options: &Sim) -> Result<(), Failure> {
    let scenario = options.scenario().map_err(Failure::Settings)?;
    let mut output = Output::new(common.json);
    if let Some(path) = &options.plot {
        return plot::run(options, path, &mut output);
    }
    let report = merged(options, &scenario)?;
    if common.json {
        output.line(&table::json(options, &report))?;
    } else {
        for line in table::lines(options, &report) {
            output.line(&line)?;
        }
    }
    if report.strangers > 0 && common.verbose {
        eprintln!(
            "groupcast: {} pairs of members do not know each other: the storage has too few peers",
            report.strangers
        );
    }
    check(options, &report)
}

/// Whether the class's promise was kept.
fn check(options: &Sim, report: &Report) -> Result<(), Failure> {
    let reliable = options.class.class().is_reliable();
    let kept = if reliable {
        report.keeps_promise()
    } else {
        report.damaged == 0 && report.unknown == 0 && report.out_of_order == 0
    };
    if kept {
        return Ok(());
    }
    Err(Failure::Unmet(format!(
        "the promise of {} was broken: {} unaccounted, {} twice, {} out of order, {} damaged, \
         {} both delivered and reported, {} that nobody sent",
        options.class,
        report.unaccounted,
        report.duplicates,
        report.out_of_order,
        report.damaged,
        report.contradicted,
        report.unknown
    )))
}

/// The reports of all seeds as one.
fn merged(options: &Sim, scenario: &Scenario) -> Result<Report, SendError> {
    let mut report = Report::default();
    for one in run_all(options, scenario) {
        report.merge(&one?);
    }
    Ok(report)
}

/// The reports of all seeds, in their order, whatever ran when.
fn run_all(options: &Sim, scenario: &Scenario) -> Vec<Result<Report, SendError>> {
    // A large group fills the memory by itself.
    let workers = if options.is_roomy() {
        1
    } else {
        thread::available_parallelism().map_or(1, usize::from)
    };
    let next = AtomicU64::new(0);
    let reports = Mutex::new(Vec::new());
    let work = || {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= options.seeds {
                return;
            }
            let scenario = scenario.with_seed(options.seed.wrapping_add(nth));
            let report = run_one(options, &scenario);
            let mut reports = reports
                .lock()
                .expect("no worker panics while it holds the list");
            reports.push((nth, report));
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers.min(usize::try_from(options.seeds).unwrap_or(usize::MAX)) {
            thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, work)
                .expect("a thread can be started");
        }
    });
    let mut reports = reports.into_inner().expect("no worker panicked");
    reports.sort_by_key(|(nth, _)| *nth);
    reports.into_iter().map(|(_, report)| report).collect()
}

fn run_one(options: &Sim, scenario: &Scenario) -> Result<Report, SendError> {
    match options.storage {
        StorageName::Tiny => scenario.run::<Box<Tiny>>(),
        StorageName::Board => scenario.run::<Box<Board>>(),
        StorageName::Desktop if options.is_roomy() => scenario.run::<Box<Roomy>>(),
        StorageName::Desktop => scenario.run::<Box<Desktop>>(),
    }
}
