//! A datagram's way in: header, checksum, roster, frames.

use core::net::SocketAddr;
use core::time::Duration;

use super::engine::Engine;
use super::inbox::{Content, Sender};
use super::peer::{Change, Heard, LATE};
use super::roster::RosterFull;
use crate::channel::{Channel, Class};
use crate::counters::count;
use crate::event::{DuplicateId, Event, Message, Outcome, Raw};
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::{self, Bye, Frame, FrameError, Header, ParseError};

/// How often a duplicate of the own id is reported at most.
const REPORT_DUPLICATE: Duration = Duration::from_secs(60);

/// An event that was found, without what it borrows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    Change(usize, Change),
    RosterFull(u32),
    DuplicateId(DuplicateId),
    Raw {
        address: SocketAddr,
        len: usize,
    },
    Message {
        channel: Channel,
        sender: Sender,
        start: usize,
        end: usize,
    },
}

/// What becomes of a datagram.
enum Fate {
    Taken(Content),
    Dropped,
}

impl Engine {
    /// Takes the datagram of `len` octets in the receive buffer.
    pub(crate) fn handle(
        &mut self,
        mut views: Views<'_>,
        now: Instant,
        from: SocketAddr,
        len: usize,
    ) {
        let now = self.tick(&mut views, now);
        count(&mut self.counters.received);
        let len = len.min(views.inbox.octets.len());
        views.inbox.content = match self.judge(&mut views, now, from, len) {
            Fate::Taken(content) => content,
            Fate::Dropped => Content::Nothing,
        };
    }

    /// Decides what becomes of a datagram, and counts it exactly once.
    fn judge(&mut self, views: &mut Views<'_>, now: Instant, from: SocketAddr, len: usize) -> Fate {
        let datagram = views.inbox.octets.get(..len).unwrap_or_default();
        if datagram.is_empty() {
            count(&mut self.counters.empty);
            return Fate::Dropped;
        }
        if !wire::is_framed(datagram) {
            return self.judge_bare(from, len);
        }
        let header = match self.parse(datagram) {
            Ok(header) => header,
            Err(counter) => {
                count(counter);
                return Fate::Dropped;
            }
        };
        if header.sender == self.id {
            if header.session == self.session {
                self.own_address = Some(from);
                count(&mut self.counters.own);
            } else {
                count(&mut self.counters.claims_own_id);
                let gives_way = wire::parse(datagram).is_ok_and(|(_, mut frames)| {
                    matches!(frames.next(), Some(Ok(Frame::Bye(bye))) if bye == Bye::GIVE_WAY)
                });
                self.contest(now, from, &header, gives_way);
            }
            return Fate::Dropped;
        }
        let index = match views.roster.hear(now, from, &header) {
            Ok((index, Heard::Fresh)) => Some(index),
            Ok((_, Heard::Duplicate)) => {
                count(&mut self.counters.duplicate);
                return Fate::Dropped;
            }
            Ok((_, Heard::Stale)) => {
                count(&mut self.counters.stale);
                return Fate::Dropped;
            }
            Err(RosterFull) => {
                self.refuse();
                None
            }
        };
        count(&mut self.counters.accepted);
        self.sender = Some(Sender {
            index,
            id: header.sender,
            address: from,
        });
        let end = len.saturating_sub(header.suite.trailer_len());
        Fate::Taken(Content::Frames {
            at: Header::LEN,
            end,
        })
    }

    fn judge_bare(&mut self, from: SocketAddr, len: usize) -> Fate {
        if self.own_address == Some(from) {
            count(&mut self.counters.own);
            return Fate::Dropped;
        }
        count(&mut self.counters.raw);
        self.sender = Some(Sender {
            index: None,
            id: self.id,
            address: from,
        });
        Fate::Taken(Content::Bare { len })
    }

    /// The header of a sound datagram of this group, or the counter for what is wrong.
    fn parse(&mut self, datagram: &[u8]) -> Result<Header, &mut u64> {
        let counters = &mut self.counters;
        let header = match wire::parse_header(datagram) {
            Ok(header) => header,
            Err(ParseError::Truncated { .. }) => return Err(&mut counters.truncated),
            Err(ParseError::UnknownVersion(_)) => return Err(&mut counters.wrong_version),
            Err(ParseError::UnknownSuite(_)) => return Err(&mut counters.wrong_suite),
            Err(_) => return Err(&mut counters.malformed),
        };
        if header.suite != self.suite {
            return Err(&mut counters.wrong_suite);
        }
        if header.tag != self.tag {
            return Err(&mut counters.other_group);
        }
        match wire::parse(datagram) {
            Ok((header, _)) => Ok(header),
            Err(_) => Err(&mut counters.corrupt),
        }
    }

    /// Another member uses this member's id (PROTOCOL §5.5).
    fn contest(&mut self, now: Instant, from: SocketAddr, header: &Header, gives_way: bool) {
        // What an earlier life of this member sent may still be on its way.
        let may_be_late = now.since(self.began) < LATE && !gives_way;
        if may_be_late || self.silenced || self.presence.is_leaving() {
            return;
        }
        let id = self.id;
        let outcome = if self.session < header.session || gives_way {
            // The other one is to hear at once that the id is taken.
            self.presence.assert(now);
            Outcome::Kept
        } else if self.config.id.is_none() {
            self.id = self.random.member_id();
            self.begin_session(now);
            Outcome::Redrawn(self.id)
        } else {
            self.silenced = true;
            self.gives_way = self.presence.announces();
            self.presence.silence();
            Outcome::Silenced
        };
        let reported = |at: Instant| now.since(at) < REPORT_DUPLICATE;
        if outcome == Outcome::Kept && self.duplicate_reported.is_some_and(reported) {
            return;
        }
        self.duplicate_reported = Some(now);
        self.duplicate_id = Some(DuplicateId {
            id,
            address: from,
            outcome,
        });
    }

    /// Whether there is something to look at for events.
    pub(crate) fn has_events(&self, views: &Views<'_>) -> bool {
        views.inbox.is_busy() || views.roster.has_pending() || self.duplicate_id.is_some()
    }

    /// The next event. Changes of the roster come before the frame that follows them.
    pub(crate) fn find_event(&mut self, views: &mut Views<'_>) -> Option<Found> {
        loop {
            if let Some((index, change)) = views.roster.take_pending() {
                return Some(Found::Change(index, change));
            }
            if let Some(duplicate) = self.duplicate_id.take() {
                return Some(Found::DuplicateId(duplicate));
            }
            if let Some(refused) = self.take_refused() {
                return Some(Found::RosterFull(refused));
            }
            match views.inbox.content {
                Content::Nothing => return None,
                Content::Bare { len } => {
                    views.inbox.content = Content::Nothing;
                    let address = self.sender?.address;
                    return Some(Found::Raw { address, len });
                }
                Content::Frames { .. } => {
                    let sender = self.sender?;
                    if let Some(message) = self.next_frame(views, sender) {
                        count(&mut self.counters.messages_received);
                        return Some(message);
                    }
                }
            }
        }
    }

    /// Takes the next frame of the datagram; a message is an event.
    fn next_frame(&mut self, views: &mut Views<'_>, sender: Sender) -> Option<Found> {
        let now = self.now?;
        let group_size = self.group_size(views.roster);
        let (frame, end) = views.inbox.next_frame()?;
        match frame {
            Ok(Frame::Hello(hello)) => {
                if hello.join {
                    self.presence.answer(now, group_size, &mut self.random);
                }
                if let Some(index) = sender.index {
                    views.roster.hello(now, index, sender.address, &hello);
                }
            }
            Ok(Frame::Bye(_)) => {
                if let Some(index) = sender.index {
                    views.roster.bye(now, index);
                }
            }
            Ok(Frame::Data(data)) => {
                if let (Some(class), 0) = (Class::from_code(data.class), data.last) {
                    let channel = Channel::new(data.channel, class);
                    let start = end.saturating_sub(data.payload.len());
                    return Some(Found::Message {
                        channel,
                        sender,
                        start,
                        end,
                    });
                }
                count(&mut self.counters.frames_unsupported);
            }
            Ok(Frame::Unknown { .. }) | Err(FrameError::Unknown { .. }) => {
                count(&mut self.counters.frames_unknown);
            }
            Err(FrameError::Malformed { .. }) => count(&mut self.counters.frames_malformed),
        }
        None
    }
}

/// The event that was found, with what it borrows.
pub(crate) fn show(views: Views<'_>, found: Found) -> Option<Event<'_>> {
    let Views { roster, inbox, .. } = views;
    let event = match found {
        Found::RosterFull(refused) => Event::RosterFull { refused },
        Found::DuplicateId(duplicate) => Event::DuplicateId(duplicate),
        Found::Raw { address, len } => Event::Raw(Raw {
            address,
            payload: inbox.octets.get(..len)?,
        }),
        Found::Message {
            channel,
            sender,
            start,
            end,
        } => Event::Message(Message {
            channel,
            sender: sender.id,
            address: sender.address,
            member: sender.index.and_then(|index| roster.member(index)),
            payload: inbox.octets.get(start..end)?,
        }),
        Found::Change(index, change) => {
            let member = roster.member(index)?;
            match change {
                Change::Joined => Event::Joined(member),
                Change::Left => Event::Left(member),
                Change::Suspect => Event::Suspect(member),
                Change::Recovered => Event::Recovered(member),
                Change::Lost => Event::Lost(member),
                Change::Restarted => Event::Restarted(member),
                Change::DuplicateId => Event::DuplicateId(DuplicateId {
                    id: member.id(),
                    address: member.address(),
                    outcome: Outcome::Others,
                }),
            }
        }
    };
    Some(event)
}
