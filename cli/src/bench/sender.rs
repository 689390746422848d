//! The sending end of `groupcast bench throughput`.

use core::time::Duration;
use std::collections::HashSet;
use std::time::Instant;

use groupcast::{Event, MemberId, Peer, SendError, Sequence};
use serde::{Deserialize, Serialize};

use super::account::{per_message, per_second};
use super::cpu::CpuTime;
use super::meeting::{self, Word};
use super::options::Throughput;
use super::payload;
use super::rate::Rate;
use crate::options::Common;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::session::Session;

/// How long receivers may take to be there, and to have everything at the end.
const MEET: Duration = Duration::from_secs(30);
const SETTLE: Duration = Duration::from_secs(20);

/// How long to wait at once while there is no room, and for what receivers say.
const PAUSE: Duration = Duration::from_millis(5);

/// How often to ask anew who has heard it.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Messages between two looks at what others say.
const STRIDE: u32 = 64;

/// What a sender reports.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Sent {
    pub(super) sent: u64,
    pub(super) sent_per_second: f64,
    pub(super) seconds: f64,
    pub(super) cpu_us_per_message: Option<f64>,
    /// Datagrams that the system took, with repairs and everything else.
    pub(super) datagrams: u64,
    /// Fragments that were sent again.
    pub(super) repairs: u64,
}

pub(super) fn run(common: &Common, options: &Throughput) -> Result<Sent, Failure> {
    let Throughput { size, how, .. } = *options;
    let mut session = meeting::join(common, &how)?;
    let receivers = meet(&mut session, options.load.receivers, options.leaves)?;
    let mut message = meeting::message(size, session.limit(how.class.class()))?;

    let before = (Instant::now(), CpuTime::now());
    let sent = send(&mut session, options, &mut message)?;
    let seconds = before.0.elapsed().as_secs_f64();
    let cpu = CpuTime::now().since(before.1);

    settle(&mut session, &receivers, sent)?;
    let counters = session.leave()?.counters;
    Ok(Sent {
        sent,
        sent_per_second: per_second(sent, seconds),
        seconds,
        cpu_us_per_message: per_message(cpu, sent),
        datagrams: counters.datagrams_sent,
        repairs: counters.repairs_sent,
    })
}

/// Waits until all receivers and leaves are there, and the receivers have heard that it begins. Returns who those are.
pub(super) fn meet(
    session: &mut Session,
    receivers: u8,
    leaves: u8,
) -> Result<HashSet<MemberId>, Failure> {
    let (wanted, leaves) = (usize::from(receivers), usize::from(leaves));
    let end = Instant::now() + MEET;
    while session.member.peers().count() < wanted + leaves {
        session.attend(PAUSE, |_| {})?;
        still_time(end, || match leaves {
            0 => format!("fewer than {wanted} receivers were there"),
            _ => format!("fewer than {wanted} receivers and {leaves} leaves were there"),
        })?;
    }
    let mut ready = HashSet::new();
    let start = say(session, Word::Start)?;
    let mut ask_at = Instant::now();
    while ready.len() < wanted {
        if Instant::now() >= ask_at {
            session.member.confirm(start);
            ask_at = Instant::now() + ASK_AGAIN;
        }
        session.attend(PAUSE, |event| {
            if let Event::Confirmed(member) = event {
                ready.insert(member.id());
            }
        })?;
        still_time(end, || {
            format!("{} of {wanted} receivers were ready", ready.len())
        })?;
    }
    Ok(ready)
}

/// Sends for the time that is asked for. Returns how many.
fn send(session: &mut Session, options: &Throughput, message: &mut [u8]) -> Result<u64, Failure> {
    let Throughput { load, batch, .. } = *options;
    let channel = meeting::data(&options.how);
    let mut sent = 0;
    let mut unheard = 0;
    let end = Instant::now() + load.seconds;
    let rate = Rate::new(load.rate);
    while Instant::now() < end && !signal::end_requested() {
        let room = rate.room(sent).min(batch);
        let mut queued = 0;
        let mut is_full = false;
        while queued < room {
            payload::fill(message, sent);
            match session.member.try_queue(channel, &*message) {
                Ok(_) => {
                    sent += 1;
                    queued += 1;
                }
                Err(SendError::QueueFull) => {
                    is_full = true;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        unheard += queued;
        // A small batch goes out without asking the sockets each time.
        is_full |= !session.member.try_flush();
        let is_late = is_full || queued < batch;
        if is_late {
            let left = end.saturating_duration_since(Instant::now());
            session.attend(left.min(rate.pause()), |_| {})?;
        } else if unheard >= STRIDE {
            session.keep_up(|_| {});
        }
        if is_late || unheard >= STRIDE {
            unheard = 0;
        }
    }
    // What is still queued belongs to the time it takes.
    while !session.member.try_flush() {
        session.attend(PAUSE, |_| {})?;
    }
    Ok(sent)
}

/// Says how many there were, and stays until all receivers have what they can get, and leave.
pub(super) fn settle(
    session: &mut Session,
    receivers: &HashSet<MemberId>,
    total: u64,
) -> Result<(), Failure> {
    let end = Instant::now() + SETTLE;
    let mut has = HashSet::new();
    let mut say_at = Instant::now();
    loop {
        let here: Vec<_> = session.member.peers().map(Peer::id).collect();
        let here = receivers.iter().filter(|id| here.contains(id));
        if here.clone().count() == 0 {
            return Ok(());
        }
        let is_unheard = here.into_iter().any(|id| !has.contains(id));
        // It may have been lost in a gap, so it is said again.
        if is_unheard && Instant::now() >= say_at {
            let last = say(session, Word::End { total })?;
            session.member.confirm(last);
            say_at = Instant::now() + ASK_AGAIN;
        }
        session.attend(PAUSE, |event| {
            if let Event::Confirmed(member) = event {
                has.insert(member.id());
            }
        })?;
        still_time(end, || "receivers had not everything".to_owned())?;
    }
}

/// Says something about the run. Returns its sequence number.
fn say(session: &mut Session, word: Word) -> Result<Sequence, Failure> {
    let said = session.say(Word::CHANNEL, &word.octets(), None, |_| {})?;
    session.keep_up(|_| {});
    said.ok_or_else(interrupted)
}

fn still_time(end: Instant, why: impl FnOnce() -> String) -> Result<(), Failure> {
    if signal::end_requested() {
        return Err(interrupted());
    }
    if Instant::now() < end {
        return Ok(());
    }
    Err(Failure::Unmet(format!("{} in time", why())))
}

/// Ctrl-C came before there was a result.
pub(super) fn interrupted() -> Failure {
    Failure::Unmet("interrupted: nothing was measured".to_owned())
}
