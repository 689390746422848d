//! The chat as both faces have it, the screen and the lines: what happens goes into the room, and what is entered
//! is said, or done.

use core::time::Duration;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use groupcast::{Channel, Event, Message, Peer, SendError, Sequence};

use super::command::{Entered, HELP};
use super::earlier::Life;
use super::happening::Happening;
use super::history::Entry;
use super::line::dated;
use super::log::Log;
use super::mirror::Mirror;
use super::people::Who;
use super::recall::{Note, Recall};
use super::room::{Room, Setting};
use crate::options::Common;
use crate::process::clock::{self, Moment, Zone};
use crate::process::failure::Failure;
use crate::session::Session;
use crate::text::envelope;
use crate::text::escape::escaped;

/// How often it is looked who has another name.
const LOOK: Duration = Duration::from_millis(500);

/// How long something typed may wait.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// What became of a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Became {
    /// A message with this sequence number.
    Said(Sequence),
    /// Nothing that was to be sent.
    Done,
    /// It was not sent, and this is why.
    NotSaid(String),
    /// A signal came before there was room to send it.
    Waiting,
    /// To leave.
    Quit,
}

/// The chat.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) room: Room,
    channel: Channel,
    mirror: Mirror,
    log: Option<Log>,
    /// The number of the first entry that is not in the log.
    logged: u64,
    looked: Option<Instant>,
    /// Whether this member tells what those said who have left.
    tells: bool,
}

impl Talk {
    pub(crate) fn new(
        common: &Common,
        session: &Session,
        channel: Channel,
        mirror: Mirror,
        is_screen: bool,
    ) -> Self {
        let member = &session.member;
        let setting = Setting {
            id: member.id(),
            name: common.name.clone().unwrap_or_default(),
            place: format!("{} via {}", member.group(), member.choice().label()),
            sealed: member.is_sealed(),
            mirrored: mirror.is_on(),
            zone: Zone::here(),
            is_screen,
        };
        // Whoever hides does not ask, and programs put what they hear in order themselves.
        let asks = !common.hidden && !common.json;
        let recall = Recall::new(channel.number(), asks);
        Self {
            room: Room::new(setting, recall, Moment::now()),
            tells: !common.hidden,
            channel,
            mirror,
            log: None,
            logged: 0,
            looked: None,
        }
    }

    /// Something happened. Returns whether there is something to see of it.
    pub(crate) fn happened(&mut self, event: &Event<'_>) -> bool {
        let now = Moment::now();
        let mut session = None;
        if let Event::Message(message) = event {
            session = message.peer().map(Peer::session);
            if envelope::is_note(message.channel(), message.payload()) {
                // That of a chat on another channel is nothing here.
                if let Some(note) = Note::read(message.payload(), self.channel.number()) {
                    self.noted(&note, message, now);
                }
                return false;
            }
        }
        let happening = Happening::of((*event).into(), self.channel, session, now.millis);
        let Some(happening) = happening else {
            return false;
        };
        self.room.happened(happening, now);
        true
    }

    /// Somebody asks or tells what those said who have left.
    fn noted(&mut self, note: &Note, message: &Message<'_>, now: Moment) {
        let from = Who {
            id: message.sender(),
            name: message.name().to_owned(),
            address: message.address(),
            takes_reliable: true,
        };
        self.room.clocks.note(from.id, note.time, now.millis);
        let lines = self.room.recall.note(note, &from, now.millis, now.at);
        self.room.told(lines, now.at);
    }

    /// Does what is due. Returns whether there is something to see of it.
    pub(crate) fn attend(&mut self, session: &mut Session, now: Moment) -> bool {
        let mut changed = self.room.tick(now);
        if self.looked.is_none_or(|looked| now.at >= looked + LOOK) {
            self.looked = Some(now.at);
            for member in session.member.peers() {
                changed |= self.room.is_called(member.id(), member.name());
            }
        }
        if self.tells {
            self.ask_and_tell(session, now);
        }
        if self.room.is_gathered(now.at) {
            self.room.end_gathering(&present(session), now);
            changed = true;
        }
        self.keep_log();
        changed
    }

    /// Shows what was said before as far as it is there.
    pub(crate) fn end_gathering(&mut self, session: &Session) {
        self.room.end_gathering(&present(session), Moment::now());
    }

    fn ask_and_tell(&mut self, session: &mut Session, now: Moment) {
        let met = self.room.met();
        let recall = &mut self.room.recall;
        recall.attend(met, || present(session), (now.at, now.millis));
        // What is said goes first.
        while session.member.unsent() == 0
            && let Some(note) = recall.next()
        {
            // What cannot be sent is not sent later either; where there is no room, there will be.
            match session.member.try_queue(envelope::NOTES, note) {
                Err(SendError::QueueFull) => break,
                _ => recall.sent(),
            }
        }
    }

    /// Says or does what was entered.
    pub(crate) fn enter(
        &mut self,
        session: &mut Session,
        entered: &str,
    ) -> Result<Became, Failure> {
        match Entered::of(entered) {
            Entered::Say(text) => self.say_text(session, text),
            Entered::Me(text) => self.say_text(session, &format!("*{text}*")),
            Entered::Help => {
                HELP.iter().for_each(|line| self.room.local(line));
                Ok(Became::Done)
            }
            Entered::Who => {
                self.room.say_who();
                Ok(Became::Done)
            }
            Entered::Quit => Ok(Became::Quit),
            Entered::Nick(name) => Ok(self.call(session, name)),
            Entered::Log(file) => Ok(self.log(file)),
            Entered::Refused(why) => Ok(Became::NotSaid(why)),
        }
    }

    /// The most bytes of a line.
    pub(crate) fn limit(&self, session: &Session) -> usize {
        session.limit(self.channel.class())
    }

    /// Says this to everybody, with the time.
    fn say_text(&mut self, session: &mut Session, text: &str) -> Result<Became, Failure> {
        self.say(session, envelope::seal(text, clock::millis()).as_bytes())
    }

    /// Says this to everybody.
    pub(crate) fn say(&mut self, session: &mut Session, octets: &[u8]) -> Result<Became, Failure> {
        let channel = self.channel;
        let said = session.say(channel, octets, None, |event| {
            self.happened(event);
        });
        match said {
            Ok(Some(sequence)) => {
                let (text, _) = envelope::open_payload(octets);
                let text = String::from_utf8_lossy(text).into_owned();
                if let Err(error) = self.mirror.send(session, &text) {
                    self.room.trouble(&format!("not mirrored: {error}"));
                }
                self.room.said(text, sequence, Moment::now());
                Ok(Became::Said(sequence))
            }
            Ok(None) => Ok(Became::Waiting),
            Err(Failure::Settings(why)) => Ok(Became::NotSaid(why)),
            Err(failure) => Err(failure),
        }
    }

    /// Takes another name.
    fn call(&mut self, session: &mut Session, name: &str) -> Became {
        // What was said before goes out under the name of before.
        session.member.try_flush();
        if let Err(error) = session.member.set_name(name) {
            return Became::NotSaid(error.to_string());
        }
        self.mirror.set_name(name);
        self.room.setting.name = name.to_owned();
        let text = format!("you are called {} now", self.room.own_label());
        self.room.local(&text);
        self.room.say_namesakes(name);
        Became::Done
    }

    /// From now on, what is said goes to this file, too.
    pub(crate) fn log_to(&mut self, log: Log) {
        self.log = Some(log);
        self.logged = self.room.history.numbers().end;
    }

    fn log(&mut self, file: Option<&str>) -> Became {
        match file.map(|file| Log::open(Path::new(file))) {
            Some(Ok(log)) => self.log_to(log),
            Some(Err(why)) => return Became::NotSaid(why),
            None => {}
        }
        let text = match &self.log {
            Some(log) => format!("what is said goes to {}, too", log.path()),
            None => "what is said goes to no file: /log FILE".to_owned(),
        };
        self.room.local(&text);
        Became::Done
    }

    /// Writes to the log what is not there yet.
    pub(crate) fn keep_log(&mut self) {
        let late = self.room.take_late();
        let numbers = self.room.history.numbers();
        let new = self.logged.max(numbers.start)..numbers.end;
        self.logged = numbers.end;
        let Some(log) = self
            .log
            .as_mut()
            .filter(|_| !(late.is_empty() && new.is_empty()))
        else {
            return;
        };
        let zone = &self.room.setting.zone;
        let late = late.into_iter().map(|(when, line)| {
            let label = self.room.label(line.sender.id, &line.sender.name);
            let text = escaped(&line.text);
            format!("{} {label} (earlier): {text}", zone.whole(when))
        });
        // What this program says to who sits here is not said in the group.
        let history = &self.room.history;
        let is_said = |number: &u64| !matches!(history.entry(*number), Some(Entry::Local { .. }));
        let new = new
            .filter(is_said)
            .filter_map(|number| dated(&self.room, number));
        let lines: Vec<_> = late.chain(new).collect();
        if let Err(text) = log.write(&lines) {
            self.log = None;
            self.room.trouble(&text);
        }
    }
}

/// The lives of all who are there: they can be heard themselves.
fn present(session: &Session) -> BTreeSet<Life> {
    let member = &session.member;
    let others = member.peers().map(|other| (other.id(), other.session()));
    others.chain([(member.id(), member.session())]).collect()
}
