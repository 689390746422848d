//! `groupcast listen`: every message as it arrives.

pub(crate) mod options;

use core::time::Duration;
use std::time::Instant;

use groupcast::Event;

use crate::failure::Failure;
use crate::options::Common;
use crate::output::Output;
use crate::session::{Ended, Session, Wanted, builder, end_of, say_summary};
use crate::signal;
use crate::trust::{self, Filter};
use options::Listen;

/// How long to stay after the last reliable message that was waited for: its sender may want to know who
/// has it, and asks again when an answer is lost.
const CONFIRMING: Duration = Duration::from_millis(300);

pub(crate) fn run(common: &Common, options: &Listen) -> Result<(), Failure> {
    let trusted = trust::trusted(options.trust.as_deref())?;
    let builder = builder(common, options.limits)?.join_streams(options.join);
    let mut session = Session::join(common, builder)?;
    let mut output = Output::queued(common.json)?;
    let mut filter = Filter::new(trusted.as_ref());
    let wanted = options.count.map(u64::from);
    let mut came: u64 = 0;
    let mut is_reliable = false;
    let ended = session.watch(end_of(options.timeout), &mut output, |event| {
        let show = filter.judge(event);
        if matches!(event, Event::Message(_) | Event::Raw(_)) && show.is_shown() {
            came += 1;
            is_reliable = matches!(event, Event::Message(m) if m.channel().class().is_reliable());
        }
        Wanted {
            show,
            is_last: wanted.is_some_and(|wanted| came >= wanted),
        }
    });
    if is_reliable && matches!(ended, Ok(Ended::Enough)) {
        let end = Instant::now() + CONFIRMING;
        while !signal::end_requested() && Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            session.attend(left.min(signal::LOOK), |_| {})?;
        }
    }
    let left = session.leave();
    if let Ok(left) = &left {
        say_summary(&left.counters);
    }
    if let Some(untrusted) = filter.untrusted() {
        aside!("trusted={came} untrusted={untrusted}");
    }
    let written = output.finish();
    let ended = ended?;
    written?;
    match (ended, wanted) {
        (Ended::Time, Some(wanted)) => Err(Failure::Unmet(match filter.untrusted() {
            Some(untrusted) if untrusted > 0 => format!(
                "{came} of {wanted} messages came in time, and {untrusted} that were dropped, because no \
                 trusted publisher signed them; is the sender's public key in the file of --trust?"
            ),
            _ => format!(
                "{came} of {wanted} messages came in time; is the sender on the same group, port and \
                 interface? `groupcast doctor` finds out what is wrong here"
            ),
        })),
        (Ended::Signal, Some(wanted)) if came < wanted => Err(Failure::Unmet(format!(
            "{came} of {wanted} messages came before it was ended"
        ))),
        _ => left.map(|_| ()),
    }
}
