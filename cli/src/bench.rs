//! `groupcast bench`: throughput, latency and cost, beside plain sockets in the same run.
//!
//! Every end is a process of its own: this program again, with `--role`.
//!
//! ```text
//!  bench throughput ──┬── --role rx   joins, and waits for START
//!                     ├── --role rx   …
//!                     ├── --role leaf says a value now and then, with --leaves
//!                     └── --role tx   START → messages → END → all have left
//! ```

mod account;
mod cpu;
mod echo;
mod floor;
mod latency;
mod leaf;
mod meeting;
pub(crate) mod options;
mod payload;
mod pin;
mod plot;
mod processes;
mod progress;
mod rate;
mod receiver;
mod report;
mod sender;
mod simulated;
mod throughput;

use crate::options::Common;
use crate::process::failure::Failure;
use options::{Bench, What};

pub(crate) fn run(common: &Common, options: &Bench) -> Result<(), Failure> {
    match &options.what {
        What::Throughput(options) => throughput::run(common, options),
        What::Latency(options) => latency::run(common, options),
        What::Large(options) => throughput::run_large(common, options),
        What::Plot(options) => plot::run(common, options),
        What::Floor(options) => throughput::run_floor(common, options),
    }
}
