//! A sender that a leaf listens to: which of its datagrams were seen, which values are the newest, and which of them
//! are missing (PROTOCOL §2.8, §3.6, V1, E5).

#[cfg(feature = "seal")]
mod believed;

use super::places::Rank;
use crate::group::membership::{LATE, Presence, Verdict, Window};
use crate::group::serial::{distance, is_before};
#[cfg(feature = "seal")]
use crate::ident::GroupTag;
use crate::ident::{MemberId, Session};
use crate::time::{Ageing, Tick};
use crate::wire::{Data, Header, Suite};

/// Values of a sender of which it is known how new they are.
const VALUES: usize = 3;

/// A HELLO interval for who has not stated one, and the shortest that is believed, in units of 10 ms.
const INTERVAL: u16 = 100;

/// How many microseconds a unit of it has.
const UNIT: u32 = 10_000;

/// How often a sender is asked for its values.
const ASKED: u8 = 16;

/// The newest value that was heard of one channel.
#[derive(Clone, Copy, Debug)]
struct Value {
    /// The class as in DATA and one more; 0: the place is free.
    class: u8,
    channel: u8,
    sequence: u32,
}

/// A datagram's number, if 32 bits hold it. Who sends so many has a new session by then, or its old one stays over.
fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A sender that is listened to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// `None`: the place is free.
    pub(super) id: Option<MemberId>,
    session: Session,
    /// The session before it, and the highest number that was heard of that, if 32 bits hold it; 0: none.
    previous: Session,
    previous_highest: u32,
    window: Window,
    to_one: u64,
    /// When the present session began, and when it was heard.
    began: Tick,
    pub(super) heard: Tick,
    /// What is believed of the HELLO interval that it states.
    interval: u16,
    left: bool,
    /// Whether it has sent something that was to be delivered.
    pub(super) useful: bool,
    /// Before which number nothing is missing, if that is known.
    next: u32,
    is_followed: bool,
    /// What was sent before this may not be the newest.
    told: u32,
    /// Of which channels the newest value is known, modulo 32.
    known: u32,
    /// How many these are.
    knows: u8,
    asked: u8,
    /// When to ask for its values.
    pub(super) ask_at: Option<Tick>,
    values: [Value; VALUES],
    /// The tag of the key that its session is sealed with.
    #[cfg(feature = "seal")]
    tag: GroupTag,
    /// What it sent back when its session was believed.
    #[cfg(feature = "seal")]
    pub(super) believed_with: u64,
    /// The highest number heard some seconds ago, and when that was.
    #[cfg(feature = "seal")]
    aged: u64,
    #[cfg(feature = "seal")]
    aged_at: Tick,
}

impl Place {
    /// Nobody's, and all zeros but for moments.
    pub(super) const FREE: Self = Self {
        id: None,
        session: Session::new(0),
        previous: Session::new(0),
        previous_highest: 0,
        window: Window::starting_with(0),
        to_one: 0,
        began: Tick::LONG_AGO,
        heard: Tick::LONG_AGO,
        interval: INTERVAL,
        left: false,
        useful: false,
        next: 0,
        is_followed: false,
        told: 0,
        known: 0,
        knows: 0,
        asked: 0,
        ask_at: None,
        values: [Value {
            class: 0,
            channel: 0,
            sequence: 0,
        }; VALUES],
        #[cfg(feature = "seal")]
        tag: GroupTag::new(0),
        #[cfg(feature = "seal")]
        believed_with: 0,
        #[cfg(feature = "seal")]
        aged: 0,
        #[cfg(feature = "seal")]
        aged_at: Tick::LONG_AGO,
    };

    /// A sender is heard for the first time, or again after it was forgotten.
    pub(super) fn begin(&mut self, now: Tick, header: &Header) {
        *self = Self {
            id: Some(header.sender),
            session: header.session,
            began: now,
            heard: now,
            #[cfg(feature = "seal")]
            tag: header.tag,
            ..Self::FREE
        };
        self.see_first(header);
    }

    /// Time makes it older.
    pub(super) const fn age(&mut self, ageing: Ageing) {
        let Self {
            id: _,
            session: _,
            previous: _,
            previous_highest: _,
            window: _,
            to_one: _,
            began,
            heard,
            interval: _,
            left: _,
            useful: _,
            next: _,
            is_followed: _,
            told: _,
            known: _,
            knows: _,
            asked: _,
            ask_at,
            values: _,
            #[cfg(feature = "seal")]
                tag: _,
            #[cfg(feature = "seal")]
                believed_with: _,
            #[cfg(feature = "seal")]
                aged: _,
            #[cfg(feature = "seal")]
            aged_at,
        } = self;
        ageing.tick(began);
        ageing.tick(heard);
        ageing.maybe(ask_at);
        #[cfg(feature = "seal")]
        ageing.tick(aged_at);
    }

    /// The life that its session is of.
    pub(super) const fn life(&self) -> u32 {
        self.session.life()
    }

    /// How much it is worth to keep.
    pub(super) fn rank(&self, now: Tick) -> Rank {
        match self.id {
            None => Rank::Free,
            _ if self.left || self.is_silent(now, 14) => Rank::Gone,
            _ if self.useful => Rank::Useful,
            _ if self.ask_at.is_some() => Rank::Asked,
            _ => Rank::Idle,
        }
    }

    /// Whether it has been silent for so many quarters of its HELLO interval.
    fn is_silent(&self, now: Tick, quarters: u32) -> bool {
        let quarter = u32::from(self.interval).saturating_mul(UNIT / 4);
        now.span_since(self.heard).as_micros() >= quarter.saturating_mul(quarters)
    }

    /// A datagram is the first of its session. One to this member alone says nothing of the others.
    const fn see_first(&mut self, header: &Header) {
        let number = header.number();
        let (to_all, to_one) = match header.is_to_one() {
            true => (0, number),
            false => (number, 0),
        };
        self.window = Window::starting_with(to_all);
        self.to_one = to_one;
    }

    fn highest(&self) -> u64 {
        self.window.highest().max(self.to_one)
    }

    /// Whether a datagram of the present session has been seen.
    fn look_at(&self, header: &Header) -> Verdict {
        let number = header.number();
        if !header.is_to_one() {
            self.window.judge(number)
        } else if number > self.to_one {
            Verdict::New
        } else if number == self.to_one {
            Verdict::Duplicate
        } else {
            Verdict::TooOld
        }
    }

    /// A sound datagram of this sender came in: whether it is to be taken.
    pub(super) fn hear(&mut self, now: Tick, header: &Header) -> Verdict {
        if header.session == self.session {
            let verdict = if header.is_to_one() {
                let verdict = self.look_at(header);
                self.to_one = self.to_one.max(header.number());
                verdict
            } else {
                self.window.accept(header.number())
            };
            if verdict != Verdict::New {
                return verdict;
            }
            // What is late from a member that left changes nothing.
            if self.left {
                return Verdict::TooOld;
            }
            self.heard = now;
            return Verdict::New;
        }
        let goes_back = header.session == self.previous && self.previous_highest > 0;
        if goes_back {
            let is_late = now.span_since(self.began) < LATE;
            if is_late || short(header.number()) <= self.previous_highest {
                return Verdict::TooOld;
            }
            let is_over = self.heard <= self.began || self.is_silent(now, 10);
            let goes_on = self.session.life() == header.session.life();
            // Of two that speak, the session with the lower number is kept (PROTOCOL M28).
            if !is_over && (goes_on || self.session < header.session) {
                if !goes_on {
                    self.previous_highest = short(header.number());
                }
                return Verdict::TooOld;
            }
        } else if self.session.follows(header.session)
            && (header.suite != Suite::Open || !self.is_silent(now, 10))
        {
            return Verdict::TooOld;
        }
        let goes_on = self.session.life() == header.session.life();
        self.previous = self.session;
        self.previous_highest = short(self.highest());
        self.session = header.session;
        self.see_first(header);
        if goes_back {
            // What came before in that session was seen, or is too late.
            self.window = Window::closed_at(self.highest());
        }
        self.began = now;
        self.heard = now;
        self.left = false;
        if !goes_on {
            self.is_followed = false;
            self.known = 0;
            self.knows = 0;
            self.asked = 0;
            self.ask_at = None;
            self.values = Self::FREE.values;
        }
        Verdict::New
    }

    /// A HELLO of it states this interval, in a group of this size (PROTOCOL M10).
    pub(super) fn on_hello(&mut self, stated: u16, group_size: usize) {
        if stated > 0 {
            let most = Presence::interval(group_size).as_micros() / (UNIT / 2);
            let most = u16::try_from(most).unwrap_or(u16::MAX).max(INTERVAL);
            self.interval = stated.clamp(INTERVAL, most);
        }
    }

    /// It says good-bye.
    pub(super) const fn on_bye(&mut self) {
        self.left = true;
        self.ask_at = None;
    }

    /// A number of its stream was heard, of which all before that is next were heard, too, since something was lost.
    /// Whether it was before. What answers ASK says nothing of the others.
    pub(super) fn pass(&mut self, data: &Data<'_>) -> bool {
        let sequence = data.sequence;
        if !self.is_followed && !data.answers_ask() {
            self.is_followed = true;
            // What was told of an earlier life says nothing of this one.
            self.told = sequence;
            self.next = sequence;
        }
        if self.next == sequence && !data.answers_ask() {
            self.next = sequence.wrapping_add(1);
            return false;
        }
        self.is_followed && !is_before(sequence, self.told) && is_before(sequence, self.next)
    }

    /// It tells where its stream stands, and how many values it has. If some are not known, it is asked for them when
    /// that is `due`.
    pub(super) fn on_sync(&mut self, next: u32, states: u8, due: Tick) {
        if !self.is_followed || is_before(self.next, next) {
            self.is_followed = true;
            self.next = next;
            self.told = next;
            self.known = 0;
            self.knows = 0;
            self.asked = 0;
        }
        let lacks = self.knows < states.min(32);
        if lacks && self.ask_at.is_none() && self.asked < ASKED {
            self.ask_at = Some(due);
        }
    }

    /// It is asked for its values now.
    pub(super) fn take_question(&mut self) {
        self.ask_at = None;
        self.asked = self.asked.saturating_add(1);
    }

    /// A State value of it was heard. It was sent since something was lost, or was asked for, and so is the newest.
    pub(super) fn know(&mut self, data: &Data<'_>) {
        let before = self.known;
        if data.answers_ask() || !is_before(data.sequence, self.told) {
            self.known |= 1 << (data.channel & 31);
        }
        if self.known != before {
            self.knows = self.knows.saturating_add(1);
            if data.answers_ask() {
                self.asked = 0;
            }
        }
    }

    /// A value of a class of which only the newest counts. Whether it is that (PROTOCOL V1). The channel that was not
    /// heard of for longest gives way.
    pub(super) fn is_newer(&mut self, data: &Data<'_>) -> bool {
        let mut moved = Value {
            class: data.class.saturating_add(1),
            channel: data.channel,
            sequence: data.sequence,
        };
        let mut newer = true;
        for n in 0..VALUES {
            let Some(value) = self.values.get_mut(n) else {
                break;
            };
            let before = core::mem::replace(value, moved);
            if (before.class, before.channel) == (data.class.saturating_add(1), data.channel) {
                newer = distance(before.sequence, data.sequence) > 0;
                if !newer && let Some(first) = self.values.first_mut() {
                    first.sequence = before.sequence;
                }
                break;
            }
            moved = before;
        }
        newer
    }
}
