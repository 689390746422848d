//! `groupcast members`: who is there, or who comes and goes.

pub(crate) mod options;

use groupcast::{Event, Peer};

use crate::options::{Common, Limits};
use crate::output::Output;
use crate::output::json::{self, status};
use crate::output::show::Show;
use crate::process::clock::end_of;
use crate::process::failure::Failure;
use crate::session::{Ended, Session, Wanted, builder};
use crate::text::columns;
use crate::text::escape::escaped;
use crate::text::takes::takes;
use options::Members;

const HEADINGS: [&str; 5] = ["NAME", "ID", "ADDRESS", "STATUS", "TAKES"];

pub(crate) fn run(common: &Common, options: &Members) -> Result<(), Failure> {
    let mut session = Session::join(common, builder(common, Limits::default())?)?;
    let mut output = Output::queued(common.json)?;
    let ended = session.watch(end_of(options.limit()), &mut output, |event| Wanted {
        show: if !options.watch || matches!(event, Event::Message(_) | Event::Raw(_)) {
            Show::No
        } else {
            Show::Yes
        },
        is_last: false,
    });
    // Whoever does not wait for it does not want half of it.
    let printed = if !options.watch && matches!(ended, Ok(Ended::Time)) {
        let mut members: Vec<_> = session.member.peers().collect();
        members.sort_by_key(|member| (member.name(), member.id()));
        print(&members, common.json, &mut output)
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

fn print(members: &[&Peer], json: bool, output: &mut Output) -> Result<(), Failure> {
    if json {
        let mut lines = members.iter().map(|member| json::member(member));
        return lines.try_for_each(|line| output.line(&line));
    }
    if members.is_empty() {
        aside!("nobody else is here");
        return Ok(());
    }
    let rows = members.iter().map(|member| {
        [
            escaped(member.name()).to_string(),
            member.id().to_string(),
            member.address().to_string(),
            status(member).to_owned(),
            takes(member.takes_reliable(), member.max_datagram()),
        ]
    });
    let mut table = vec![HEADINGS.map(str::to_owned)];
    table.extend(rows);
    let mut lines = columns::lines(&table).into_iter();
    lines.try_for_each(|line| output.line(&line))
}
