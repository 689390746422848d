//! `groupcast chat`: people talk, on the whole screen of a terminal, or line by line.

mod command;
mod earlier;
mod happening;
mod history;
mod input;
mod keys;
mod line;
mod live;
mod log;
mod mirror;
pub(crate) mod options;
mod parting;
mod people;
mod plain;
mod recall;
mod room;
mod screen;
mod scroll;
mod search;
mod talk;

use groupcast::{Channel, Join};

use crate::options::Common;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::process::tty;
use crate::session::delivery::Known;
use crate::session::leaving::LeaveBy;
use crate::session::{Session, builder};
use log::Log;
use mirror::Mirror;
use options::Chat;
use plain::Screen;
use talk::Talk;

/// How much of what was said before is shown, in messages of each member.
const RECENT: u8 = 16;

pub(crate) fn run(common: &Common, options: &Chat) -> Result<(), Failure> {
    let mirror = Mirror::new(common, options)?;
    let log = options.log.as_deref().map(Log::open).transpose();
    let log = log.map_err(Failure::Settings)?;
    let builder = builder(common, options.limits)?.join_at(Join::Recent(RECENT));
    let mut session = Session::join(common, builder)?;
    let leave_by = LeaveBy::new(options.leave_within);
    let channel = Channel::reliable_ordered(options.channel);
    let plain = options.plain || common.json || !tty::is_there();
    let mut talk = Talk::new(common, &session, channel, mirror, !plain);
    if let Some(log) = log {
        talk.log_to(log);
    }
    let (talked, screen) = if plain {
        let mut screen = Screen::new(common, options, channel, talk)?;
        let talked = plain::talk(&mut session, &mut screen, &leave_by);
        (talked, Some(screen))
    } else {
        // Whoever looks at the screen saw what arrived.
        let talked = live::talk(&mut session, talk, !options.no_bell);
        (talked.map(|()| Known::Arrived), None)
    };
    let left = session.leave_by(leave_by.get());
    // Repairs made up for what was refused long before Ctrl-C.
    let has_arrived = signal::end_requested() || matches!(talked, Ok(Known::Arrived));
    let left = left.and_then(|left| left.check(has_arrived));
    // The member does not wait for whoever reads.
    let written = screen.map_or(Ok(()), Screen::finish);
    Failure::all([talked.map(|_| ()), written, left])
}
