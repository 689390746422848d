//! `groupcast listen`: every message as it arrives.

mod choice;
mod commands;
mod folder;
mod format;
mod letter;
pub(crate) mod options;

use core::time::Duration;
use std::time::Instant;

use groupcast::Event;

use crate::options::Common;
use crate::output::Output;
use crate::process::clock::{Zone, end_of};
use crate::process::failure::Failure;
use crate::process::signal;
use crate::session::trust::{self, Filter};
use crate::session::{Ended, Heard, Session, builder, say_summary};
use crate::text::envelope::is_note;
use crate::text::escape::escaped;
use choice::Choice;
use commands::Commands;
use folder::Folder;
use format::Format;
use letter::Letter;
use options::Listen;

/// How long to stay after the last reliable message that was waited for: its sender may want to know who
/// has it, and asks again when an answer is lost.
const CONFIRMING: Duration = Duration::from_millis(300);

pub(crate) fn run(common: &Common, options: &Listen) -> Result<(), Failure> {
    let trusted = trust::trusted(options.trust.as_deref())?;
    let builder = builder(common, options.limits)?.join_at(options.join);
    let folder = options.save.as_deref().map(Folder::open).transpose()?;
    let mut session = Session::join(common, builder)?;
    let output = Output::queued(common.json)?;
    let output = if options.time { output.timed() } else { output };
    let wanted = options.count.map(u64::from);
    let commands = options.exec.as_deref();
    let commands = commands.map(|command| Commands::new(command, options.jobs, common.json));
    let mut listener = Listener {
        choice: Choice::new(options),
        filter: Filter::new(trusted.as_ref()),
        format: options.format.as_ref().map(|format| (format, Zone::here())),
        folder,
        commands,
        output,
        wanted,
        came: 0,
        is_reliable: false,
    };
    let ended = listener.listen(&mut session, end_of(options.timeout));
    let flushed = listener.output.flush();
    let ended = ended.and_then(|ended| flushed.map(|()| ended));
    let Listener {
        came,
        is_reliable,
        filter,
        output,
        commands,
        ..
    } = listener;
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
    let ran = commands.map_or(Ok(()), Commands::finish);
    let ended = ended?;
    written?;
    ran?;
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

/// What becomes of messages.
struct Listener<'t> {
    choice: Choice<'t>,
    filter: Filter<'t>,
    format: Option<(&'t Format, Zone)>,
    folder: Option<Folder>,
    commands: Option<Commands>,
    output: Output,
    /// How many are wanted, and how many came.
    wanted: Option<u64>,
    came: u64,
    /// Whether the last one is to be confirmed.
    is_reliable: bool,
}

impl Listener<'_> {
    /// Takes part in the group until there is enough, until `end`, or until a signal comes.
    fn listen(&mut self, session: &mut Session, end: Option<Instant>) -> Result<Ended, Failure> {
        loop {
            if signal::end_requested() {
                return Ok(Ended::Signal);
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(Ended::Time);
            }
            if self.output.is_full() {
                session.stay(&mut self.output)?;
                continue;
            }
            if self.commands.as_mut().is_some_and(Commands::are_full) {
                session.stay(&mut self.output)?;
                continue;
            }
            // One at a time: it may be the last.
            let heard = session.hear(1, |event| self.take(event))?;
            if self.wanted.is_some_and(|wanted| self.came >= wanted) {
                return Ok(Ended::Enough);
            }
            if heard != Heard::Some {
                self.output.flush()?;
                session.pause(
                    heard,
                    left.map_or(signal::LOOK, |left| left.min(signal::LOOK)),
                )?;
            }
        }
    }

    fn take(&mut self, event: &Event<'_>) -> Result<(), Failure> {
        if self.choice.is_told_aside(event) {
            let event = groupcast_std::OwnedEvent::from(*event);
            aside!("{}", escaped(&event.to_string()));
        }
        if !self.choice.takes(event) {
            return Ok(());
        }
        let show = self.filter.judge(event);
        // What programs of a chat say among themselves nobody said.
        let is_said = !matches!(event, Event::Message(it) if is_note(it.channel(), it.payload()));
        let letter = Letter::of(event, show).filter(|_| is_said && show.is_shown());
        let Some(mut letter) = letter else {
            return self.output.event(event, show);
        };
        self.came += 1;
        self.is_reliable = matches!(event, Event::Message(m) if m.channel().class().is_reliable());
        if let Some(folder) = &self.folder {
            letter.file = Some(folder.keep(&letter)?);
        }
        if let Some(commands) = &self.commands {
            commands.run(&letter);
        }
        match &self.format {
            Some((format, zone)) => self.output.put(&format.line(&letter, zone)),
            None => self.output.kept(event, show, letter.file.as_deref()),
        }
    }
}
