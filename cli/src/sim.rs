//! `groupcast sim`: the real engine on a simulated network.

mod mix;
pub(crate) mod options;
mod plot;
pub(crate) mod runs;
mod table;

use groupcast_sim::Report;

use crate::options::Common;
use crate::output::Output;
use crate::process::failure::Failure;
use options::Sim;
use runs::merged;

pub(crate) fn run(common: &Common, options: &Sim) -> Result<(), Failure> {
    let mut output = Output::new(common.json);
    if let Some(path) = &options.plot {
        return plot::run(options, path, &mut output);
    }
    let report = merged(core::slice::from_ref(options))?.remove(0);
    if common.json {
        output.line(&table::json(options, &report))?;
    } else {
        for line in table::lines(options, &report) {
            output.line(&line)?;
        }
    }
    if report.strangers > 0 && common.verbose {
        aside!(
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
    let text = format!(
        "the promise of {} was broken: {} unaccounted, {} twice, {} out of order, {} damaged, \
         {} both delivered and reported, {} that nobody sent",
        options.class,
        report.unaccounted,
        report.duplicates,
        report.out_of_order,
        report.damaged,
        report.contradicted,
        report.unknown
    );
    Err(Failure::Unmet(text))
}
