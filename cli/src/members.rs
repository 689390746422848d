//! `groupcast members`: who is there.

pub(crate) mod options;

use groupcast::Event;

use crate::failure::Failure;
use crate::json;
use crate::options::{Common, Limits};
use crate::output::Output;
use crate::session::{Session, Wanted, builder, end_of};
use crate::trust::Show;
use options::Members;

pub(crate) fn run(common: &Common, options: &Members) -> Result<(), Failure> {
    let mut session = Session::join(common, builder(common, Limits::default())?)?;
    let mut output = Output::queued(common.json)?;
    // With both, the roster is printed once; else every change of it as it happens.
    let once = common.json && options.timeout.is_some();
    let ended = session.watch(end_of(options.timeout), &mut output, |event| {
        let show = if once || matches!(event, Event::Message(_) | Event::Raw(_)) {
            Show::No
        } else {
            Show::Yes
        };
        Wanted {
            show,
            is_last: false,
        }
    });
    let printed = if once && ended.is_ok() {
        let mut members: Vec<_> = session.member.members().collect();
        members.sort_by_key(|member| (member.name(), member.id()));
        members
            .into_iter()
            .try_for_each(|member| output.line(&json::member(member)))
    } else {
        Ok(())
    };
    let left = session.leave();
    let written = output.finish();
    ended?;
    printed?;
    written?;
    left.map(|_| ())
}
