//! The log: lines on the host's standard output, with the time since power-on.

use core::fmt::Arguments;

use cortex_m_semihosting::hprintln;
use groupcast::{Event, Member};

use crate::clock;

/// Logs a line: `log!("{} members", count)`.
#[macro_export]
macro_rules! log {
    ($($text:tt)+) => { $crate::log::line(format_args!($($text)+)) };
}

/// Logs a line.
pub fn line(text: Arguments<'_>) {
    let millis = clock::millis();
    hprintln!("{:4}.{:03} {}", millis / 1000, millis % 1000, text);
}

/// Logs who comes and goes, and what is lost. What arrives is the program's own business.
pub fn event(event: &Event<'_>) {
    match event {
        Event::Joined(member) => standing("joined", member),
        Event::Left(member) => standing("left", member),
        Event::Lost(member) => standing("is lost", member),
        Event::Restarted(member) => standing("restarted", member),
        Event::Gap(gap) => line(format_args!(
            "* gap: {} to {} of {}",
            gap.first(),
            gap.last(),
            gap.member().name()
        )),
        Event::DuplicateId(duplicate) => line(format_args!(
            "* duplicate id {}: {:?}",
            duplicate.id(),
            duplicate.outcome()
        )),
        Event::RosterFull { refused } => line(format_args!("* roster full, {refused} refused")),
        _ => {}
    }
}

fn standing(what: &str, member: &Member) {
    line(format_args!(
        "* {} {what}, id {}, session {}",
        member.name(),
        member.id(),
        member.session()
    ));
}
