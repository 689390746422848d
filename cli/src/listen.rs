//! `groupcast listen`: every message as it arrives.

use groupcast::Event;

use crate::failure::Failure;
use crate::options::{Common, Listen};
use crate::output::Output;
use crate::session::{Ended, Session, Wanted, builder, end_of, say_summary};

pub(crate) fn run(common: &Common, options: &Listen) -> Result<(), Failure> {
    let builder = builder(common, options.limits)?.join_streams(options.join);
    let mut session = Session::join(common, builder)?;
    let mut output = Output::new(common.json);
    let wanted = options.count.map(u64::from);
    let mut came: u64 = 0;
    let ended = session.watch(end_of(options.timeout), &mut output, |event| {
        if matches!(event, Event::Message(_) | Event::Raw(_)) {
            came += 1;
        }
        if wanted.is_some_and(|wanted| came >= wanted) {
            Wanted::Last
        } else {
            Wanted::Yes
        }
    });
    let left = session.leave();
    if let Ok((counters, _)) = &left {
        say_summary(counters);
    }
    match (ended?, wanted) {
        (Ended::Time, Some(wanted)) => Err(Failure::Unmet(format!(
            "{came} of {wanted} messages came in time; is the sender on the same group, port and \
             interface? `groupcast interfaces` shows what this machine would use"
        ))),
        _ => left.map(|_| ()),
    }
}
