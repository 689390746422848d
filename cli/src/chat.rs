//! `groupcast chat`: people talk, on the whole screen of a terminal, or line by line.

mod happening;
mod history;
mod input;
mod live;
mod mirror;
mod people;
mod plain;
mod room;
mod screen;
mod scroll;

use core::time::Duration;

use groupcast::{Channel, Join};

use crate::delivery::Known;
use crate::failure::Failure;
use crate::leaving::LeaveBy;
use crate::options::{Chat, Common};
use crate::session::{Session, builder};
use crate::signal;
use crate::terminal;
use mirror::Mirror;
use plain::Screen;

/// How much of what was said before is shown, in messages of each member.
const RECENT: u8 = 16;

/// How long something typed may wait.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) fn run(common: &Common, options: &Chat) -> Result<(), Failure> {
    let mirror = Mirror::new(common, options)?;
    let builder = builder(common, options.limits)?.join_streams(Join::Recent(RECENT));
    let mut session = Session::join(common, builder)?;
    let leave_by = LeaveBy::new(options.leave_within);
    let channel = Channel::reliable_ordered(options.channel);
    let plain = options.plain || common.json || !terminal::is_there();
    let mut screen = plain.then(|| Screen::new(common, channel)).transpose()?;
    let talked = match &mut screen {
        Some(screen) => plain::talk(&mut session, channel, &mirror, screen, &leave_by),
        // Whoever looks at the screen saw what arrived.
        None => live::talk(common, &mut session, channel, &mirror).map(|()| Known::Arrived),
    };
    let left = session.leave_by(leave_by.get());
    // Repairs made up for what was refused long before Ctrl-C.
    let has_arrived = signal::end_requested() || matches!(talked, Ok(Known::Arrived));
    let left = left.and_then(|left| left.check(has_arrived));
    // The member does not wait for whoever reads.
    let written = screen.map_or(Ok(()), Screen::finish);
    Failure::all([talked.map(|_| ()), written, left])
}
