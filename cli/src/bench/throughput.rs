//! `groupcast bench throughput` and `floor`: one sender, its receivers, and what plain sockets do.

use core::time::Duration;

use groupcast::Class;

use super::options::{BATCH, Floor, How, Large, Load, MemberRole, Role, Throughput};
use super::processes::Ends;
use super::progress::Progress;
use super::report::{FloorLine, LARGE, Line, check, say_received, say_sent};
use super::{floor, leaf, meeting, receiver, sender};
use crate::options::Common;
use crate::output::Output;
use crate::process::failure::Failure;

pub(super) fn run(common: &Common, options: &Throughput) -> Result<(), Failure> {
    let mut output = Output::new(common.json);
    match options.role {
        Some(MemberRole::Tx) => say_sent(&mut output, common, &sender::run(common, options)?),
        Some(MemberRole::Leaf) => leaf::run(common, &options.how),
        Some(MemberRole::Rx) => {
            let received = receiver::run(common, options)?;
            say_received(&mut output, common, &received)?;
            check(options.how.class.class(), core::slice::from_ref(&received))
        }
        None => run_both(common, options),
    }
}

/// As throughput, with the largest messages there are.
pub(super) fn run_large(common: &Common, options: &Large) -> Result<(), Failure> {
    let size = match options.size {
        Some(size) => size,
        None => u32::try_from(limit(common, &options.how)?).unwrap_or(u32::MAX),
    };
    let options = Throughput {
        load: options.load,
        size,
        how: options.how,
        batch: BATCH,
        leaves: 0,
        role: None,
    };
    run_both(common, &options)
}

/// The most bytes of a message.
fn limit(common: &Common, how: &How) -> Result<usize, Failure> {
    let session = meeting::join(common, how)?;
    let limit = session.limit(how.class.class());
    session.leave()?;
    Ok(limit)
}

fn run_both(common: &Common, options: &Throughput) -> Result<(), Failure> {
    let mut output = Output::new(common.json);
    if options.size > LARGE {
        // Before plain sockets take their time.
        meeting::message(options.size, limit(common, &options.how)?)?;
    }
    let progress = Progress::new(common.json, options.load.seconds * 2);
    let line = measure(common, options, &progress)?;
    drop(progress);
    line.say(&mut output, common)
}

pub(super) fn run_floor(common: &Common, options: &Floor) -> Result<(), Failure> {
    let Floor { load, size, role } = options;
    let mut output = Output::new(common.json);
    match role {
        Some(Role::Tx) => say_sent(&mut output, common, &floor::send(common, load, *size)?),
        Some(Role::Rx) => {
            let received = floor::receive_all(common, *size)?;
            say_received(&mut output, common, &received)?;
            check(Class::BestEffort, core::slice::from_ref(&received))
        }
        None => {
            let progress = Progress::new(common.json, load.seconds);
            progress.says("plain sockets");
            let run = Ends::plain(common, load, *size).run(&progress)?;
            drop(progress);
            FloorLine::new(load, *size, run).say(&mut output, common)
        }
    }
}

/// Members between two runs of plain sockets, so that what else the machine does hits both.
pub(super) fn measure(
    common: &Common,
    options: &Throughput,
    progress: &Progress,
) -> Result<Line, Failure> {
    let load = Load {
        seconds: (options.load.seconds / 2).max(Duration::from_millis(10)),
        rate: None,
        ..options.load
    };
    let plain = Ends::plain(common, &load, options.size.min(LARGE));
    progress.says("plain sockets");
    let before = plain.run(progress)?;
    progress.says("members");
    let members = Ends::members(common, options).run(progress)?;
    progress.says("plain sockets");
    let after = plain.run(progress)?;
    Ok(Line::new(common, options, members, &[before, after]))
}
