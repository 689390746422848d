//! A member for the length of a command: joining, the loop, and leaving.

pub(crate) mod delivery;
pub(crate) mod leaving;
pub(crate) mod trouble;
pub(crate) mod trust;

use core::time::Duration;
use std::time::Instant;

use groupcast::sign::SigningKey;
use groupcast::{Channel, Class, Counters, Event, SendError, Sequence};
use groupcast_std::{InterfaceSelector, Leaving, Member, MemberBuilder};

use crate::network::place::{self, changed, say_where};
use crate::network::sealing;
use crate::network::unreadable::Unreadable;
use crate::options::{Common, Limits};
use crate::output::Output;
use crate::output::show::Show;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::text::escape::escaped;
use leaving::{Left, Queue};
use trouble::Trouble;

/// How long to wait after an error that may come again at once.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// How long to wait at once for room to send.
const NO_ROOM: Duration = Duration::from_millis(5);

/// Why [`Session::watch`] ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    /// The command has what it wants.
    Enough,
    /// Time is up.
    Time,
    /// Ctrl-C or SIGTERM.
    Signal,
}

/// What is to become of an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Wanted<'t> {
    /// What is printed of it.
    pub(crate) show: Show<'t>,
    /// Whether it is then enough.
    pub(crate) is_last: bool,
}

/// How much was taken of what has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    All,
    Some,
    /// The network is in trouble.
    Trouble,
}

/// A member, and what the user is told about it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) member: Member,
    trouble: Trouble,
    unreadable: Unreadable,
    /// The changes of the interface that were told.
    told: u64,
    verbose: bool,
}

impl Session {
    /// Joins the group, and says so.
    pub(crate) fn join(common: &Common, builder: MemberBuilder) -> Result<Self, Failure> {
        let mut builder = builder;
        if let Some(name) = &common.name {
            builder = builder.name(name);
        }
        if let Some(id) = common.id {
            builder = builder.id(id);
        }
        let member = builder
            .note_strangers(true)
            .join()
            .map_err(|error| common.failure(&error))?;
        say_start(common, &member);
        Ok(Self {
            unreadable: Unreadable::new(member.group(), member.is_sealed()),
            member,
            trouble: Trouble::default(),
            told: 0,
            verbose: common.verbose,
        })
    }

    /// Takes part in the group, and prints the events that `wanted` picks, until it breaks, until
    /// `end`, or until a signal comes.
    pub(crate) fn watch<'t>(
        &mut self,
        end: Option<Instant>,
        output: &mut Output,
        mut wanted: impl FnMut(&Event<'_>) -> Wanted<'t>,
    ) -> Result<Ended, Failure> {
        let ended = self.watch_unflushed(end, output, &mut wanted);
        let flushed = output.flush();
        let ended = ended?;
        flushed.map(|()| ended)
    }

    fn watch_unflushed<'t>(
        &mut self,
        end: Option<Instant>,
        output: &mut Output,
        wanted: &mut impl FnMut(&Event<'_>) -> Wanted<'t>,
    ) -> Result<Ended, Failure> {
        let mut failing = false;
        loop {
            if signal::end_requested() {
                return Ok(Ended::Signal);
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(Ended::Time);
            }
            if output.is_full() {
                self.stay(output)?;
                continue;
            }
            match self.member.poll() {
                Ok(Some(event)) => {
                    failing = false;
                    say_status(self.verbose, &event);
                    let wanted = wanted(&event);
                    output.event(&event, wanted.show)?;
                    if wanted.is_last {
                        return Ok(Ended::Enough);
                    }
                }
                Ok(None) => {
                    failing = false;
                    output.flush()?;
                    self.look();
                    let limit = left.map_or(signal::LOOK, |left| left.min(signal::LOOK));
                    self.member.wait(limit)?;
                }
                Err(error) => {
                    self.trouble.begins(&error, self.member.counters());
                    if failing {
                        std::thread::sleep(AFTER_ERROR);
                    }
                    failing = true;
                }
            }
        }
    }

    /// Waits until there is room in `output`, for a moment. Meanwhile nothing is taken; the others see that this
    /// member is there. Whoever is not heard is not silent for it.
    pub(crate) fn stay(&mut self, output: &mut Output) -> Result<(), Failure> {
        output.flush()?;
        self.member.try_flush();
        output.wait_for_room(signal::LOOK);
        Ok(())
    }

    /// Sends what is due, and takes the next event, if there is one: what `happened` says of it, or how it ended.
    fn next<T>(&mut self, happened: impl FnOnce(&Event<'_>) -> T) -> Result<T, Heard> {
        match self.member.poll() {
            Ok(Some(event)) => Ok(happened(&event)),
            Ok(None) => {
                self.look();
                Err(Heard::All)
            }
            Err(error) => {
                self.trouble.begins(&error, self.member.counters());
                Err(Heard::Trouble)
            }
        }
    }

    /// Sends what is due and receives what has come, without waiting.
    pub(crate) fn keep_up(&mut self, mut happened: impl FnMut(&Event<'_>)) -> Heard {
        loop {
            if let Err(heard) = self.next(&mut happened) {
                return heard;
            }
        }
    }

    /// Takes part in the group, and then waits until there is something to do, for `limit` at most.
    pub(crate) fn attend(
        &mut self,
        limit: Duration,
        happened: impl FnMut(&Event<'_>),
    ) -> Result<(), Failure> {
        let heard = self.keep_up(happened);
        self.pause(heard, limit)
    }

    /// Tells of the end of trouble, of another interface, and of those who cannot be read.
    fn look(&mut self) {
        self.trouble.look(self.member.counters());
        let now = Instant::now();
        for stranger in self.member.strangers() {
            self.unreadable.hear(now, &stranger);
        }
        if let Some(text) = self.unreadable.news(now) {
            self.trouble.tell(text);
        }
        if self.told != self.member.changes() {
            self.told = self.member.changes();
            self.trouble.tell(changed(self.member.choice()));
        }
    }

    /// Sends what is due and receives what has come, up to so many events, without waiting.
    pub(crate) fn hear(
        &mut self,
        most: usize,
        mut happened: impl FnMut(&Event<'_>) -> Result<(), Failure>,
    ) -> Result<Heard, Failure> {
        let verbose = self.verbose;
        for _ in 0..most {
            let taken = self.next(|event| {
                say_status(verbose, event);
                happened(event)
            });
            match taken {
                Ok(told) => told?,
                Err(heard) => return Ok(heard),
            }
        }
        Ok(Heard::Some)
    }

    /// Waits until there is something to do, for `limit` at most.
    pub(crate) fn pause(&mut self, heard: Heard, limit: Duration) -> Result<(), Failure> {
        if heard == Heard::Trouble {
            std::thread::sleep(limit.min(AFTER_ERROR));
            return Ok(());
        }
        Ok(self.member.wait(limit)?)
    }

    /// From now on, trouble with the network is kept for [`trouble`](Self::trouble).
    pub(crate) fn keep_trouble(&mut self) {
        self.trouble.keep();
    }

    /// What there was of trouble with the network, and its end.
    pub(crate) fn trouble(&mut self) -> Vec<String> {
        self.trouble.take()
    }

    /// The most bytes of a message now.
    pub(crate) fn limit(&self, class: Class) -> usize {
        self.member.max_message(class)
    }

    /// Queues a message, signed if there is a key, and returns its sequence number. Messages that are queued before the next
    /// [`keep_up`](Self::keep_up) share datagrams. While there is no room, it takes part in the group
    /// and waits. `None`: a signal came before there was.
    pub(crate) fn say(
        &mut self,
        channel: Channel,
        message: &[u8],
        key: Option<&SigningKey>,
        mut happened: impl FnMut(&Event<'_>),
    ) -> Result<Option<Sequence>, Failure> {
        while !signal::end_requested() {
            let queued = match key {
                Some(key) => self.member.try_queue_signed(channel, message, key),
                None => self.member.try_queue(channel, message),
            };
            match queued {
                Ok(sequence) => return Ok(Some(sequence)),
                Err(SendError::QueueFull) => self.attend(NO_ROOM, &mut happened)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Leaves politely, as soon as what is queued is sent, and tells how that went.
    pub(crate) fn leave(self) -> Result<Left, Failure> {
        self.leave_by(None)
    }

    /// As [`leave`](Self::leave), but gives up what is not sent by then.
    pub(crate) fn leave_by(mut self, end: Option<Instant>) -> Result<Left, Failure> {
        let limit = end.map_or(Duration::MAX, |end| {
            end.saturating_duration_since(Instant::now())
        });
        let mut queue = Queue::new();
        let mut is_told = false;
        loop {
            let heard = self.keep_up(|_| {});
            let waiting = match self.member.try_leave(limit) {
                Leaving::Waiting(unsent) => unsent,
                Leaving::Left { unsent } => {
                    // There is no later.
                    if let Some(text) = self.unreadable.last_news() {
                        self.trouble.tell(text);
                    }
                    signal::would_lose(0);
                    return Ok(Left {
                        counters: *self.member.counters(),
                        trouble: self.trouble.first().map(str::to_owned),
                        unsent,
                        is_late: end.is_some_and(|end| end <= Instant::now()),
                    });
                }
            };
            queue.look(waiting, self.member.counters().datagrams_sent);
            if !is_told && signal::end_requested() && queue.is_long(waiting) {
                is_told = true;
                aside!(
                    "groupcast: {waiting} messages are still to be sent; Ctrl-C again ends at once, without \
                     them"
                );
            }
            self.pause(heard, signal::LOOK)?;
        }
    }
}

/// Everything of a member but who it is.
pub(crate) fn builder(common: &Common, limits: Limits) -> Result<MemberBuilder, Failure> {
    builder_on(common, limits, common.interface.clone().unwrap_or_default())
}

/// As [`builder`], on this interface.
pub(crate) fn builder_on(
    common: &Common,
    limits: Limits,
    selector: InterfaceSelector,
) -> Result<MemberBuilder, Failure> {
    let mut builder = Member::builder(place::group_on(common, &selector)?)
        .interface(selector)
        .hop_limit(common.hop_limit)
        .announce(!common.hidden);
    if let Some(name) = &common.group_name {
        builder = builder.group_name(name);
    }
    if let Some(choice) = limits.pace {
        builder = builder.pace(choice.pace());
    }
    if let Some(choice) = limits.storage {
        builder = builder.memory(choice.profile());
    }
    if let Some(bytes) = limits.max_datagram {
        builder = builder.max_datagram(bytes);
    }
    sealing::seal(common, builder)
}

/// The start-up line of a member: what a question about missing messages is answered from.
pub(crate) fn say_start(common: &Common, member: &Member) {
    let protection = if member.is_sealed() { "sealed" } else { "open" };
    let who = format!("id {}, {protection}", member.id());
    say_where(common, member.group(), member.choice(), &who);
}

/// The events that come and go, for those who want to know more.
fn say_status(verbose: bool, event: &Event<'_>) {
    if verbose && matches!(event, Event::Suspect(_) | Event::Recovered(_)) {
        let event = groupcast_std::OwnedEvent::from(*event);
        aside!("{}", escaped(&event.to_string()));
    }
}

/// The counters on one line that scripts can read: every datagram received is in exactly one of
/// accepted, raw, own and dropped.
pub(crate) fn say_summary(counters: &Counters) {
    let mut line = format!(
        "received={} accepted={} raw={} own={} dropped={}",
        counters.received,
        counters.accepted,
        counters.raw,
        counters.own,
        counters.dropped(),
    );
    let others = [
        ("frames_malformed", counters.frames_malformed),
        ("frames_unknown", counters.frames_unknown),
        ("send_failures", counters.send_failures),
        ("fragments_no_room", counters.fragments_no_room),
        ("fragments_no_stream", counters.fragments_no_stream),
        ("gaps", counters.gaps),
        ("gap_fragments", counters.gap_fragments),
        ("nacks_sent", counters.nacks_sent),
        ("nacks_received", counters.nacks_received),
        ("repairs_sent", counters.repairs_sent),
    ];
    for (reason, count) in counters.reasons().chain(others) {
        if count > 0 {
            line += &format!(" {reason}={count}");
        }
    }
    aside!("{line} messages={}", counters.messages_received);
}
