//! What is published, and in which order.

use core::time::Duration;

use groupcast::{Channel, MemberId};

use super::Gateway;
use super::action::{Action, JSON, Token};
use super::gaps::Place;
use super::group::is_state;
use super::news::News;
use super::settings::Body;
use super::store::Store;
use super::told::Told;
use super::topics::clean;
use super::values::{Kept, Key};
use crate::publication::{Publication, Qos};

/// For how long best effort and Latest are worth delivering.
const FRESH: Duration = Duration::from_secs(10);

/// Best effort that waits for the connection.
const MOST_BEST_EFFORT: usize = 256;

/// Reason codes of PUBACK.
const TOO_LARGE: u8 = 0x95;
const QUOTA: u8 = 0x97;

/// Not said, but done: the broker ends the connection. The reason is "unspecified error".
const ENDS_CONNECTION: u8 = 0x80;

/// What is on the way.
#[derive(Debug)]
pub(super) enum Flight {
    Message,
    Value(Key, u64),
    Info(MemberId, u64),
    Gap(u64),
    Other(Box<Publication>),
}

fn property(name: &str, text: String) -> (String, String) {
    (name.to_owned(), text)
}

/// What is told of messages and gaps beside them.
fn told_by(mid: String, name: &str, time: u64) -> Vec<(String, String)> {
    vec![
        property("gc-mid", mid),
        property("gc-name", clean(name)),
        property("gc-time", time.to_string()),
    ]
}

impl<S: Store> Gateway<S> {
    /// The topic of a message: the map's, or the usual one.
    fn topic(&self, sender: MemberId, name: &str, channel: Channel) -> String {
        let mapped = self.settings.map.topic(sender, name, channel);
        mapped.map_or_else(
            || self.topics.message(sender, channel),
            |entry| entry.topic.clone(),
        )
    }

    fn publication(&self, told: &Told<'_>) -> Publication {
        let class = told.channel.class();
        let is_numbered = class.is_reliable();
        let mut properties = told_by(told.mid(), told.name, told.time);
        if told.is_signed {
            properties.push(property("gc-signed", "unverified".to_owned()));
        }
        let (payload, content_type) = match self.settings.body {
            Body::Raw => (told.payload.to_vec(), None),
            Body::Json => (told.json(), Some(JSON.to_owned())),
        };
        Publication {
            topic: self.topic(told.sender, told.name, told.channel),
            payload,
            qos: if is_numbered {
                Qos::AtLeastOnce
            } else {
                Qos::AtMostOnce
            },
            retained: is_state(told.channel),
            expiry: match is_numbered {
                false => Some(FRESH),
                true if is_state(told.channel) => self.settings.state_expiry,
                true => self.settings.expiry,
            },
            content_type,
            user_properties: properties,
        }
    }

    /// A value that is to be published, or that takes the place of one that was not.
    pub(super) fn set_value(&mut self, told: &Told<'_>) {
        let publication = self.publication(told);
        let key = (told.sender, told.channel.number(), is_state(told.channel));
        match self.values.set(self.now, key, publication) {
            Kept::New => {}
            Kept::Replaced => self.counters.replaced += 1,
            Kept::NoRoom => {
                self.counters.too_many_values += 1;
                let values = self.settings.values;
                self.tell(News::TooManyValues { values });
            }
        }
    }

    pub(super) fn publish_best_effort(&mut self, told: &Told<'_>) {
        if self.is_connected {
            let publication = self.publication(told);
            self.publish_unacknowledged(publication);
        } else {
            self.counters.offline += 1;
        }
    }

    /// A value of the class Latest: at once, or when the broker is there.
    pub(super) fn publish_newest(&mut self, told: &Told<'_>) {
        if self.is_connected {
            let publication = self.publication(told);
            self.publish_unacknowledged(publication);
        } else {
            self.set_value(told);
        }
    }

    fn publish_unacknowledged(&mut self, publication: Publication) {
        if self.waiting_best_effort >= MOST_BEST_EFFORT {
            self.counters.congested += 1;
        } else if publication.size() > self.maximum_packet {
            self.refused_other(publication.topic, TOO_LARGE);
        } else {
            self.waiting_best_effort += 1;
            self.actions.push_back(Action::Publish {
                token: None,
                publication,
            });
        }
    }

    /// What waits of the class Latest, if it is worth it.
    pub(super) fn publish_latest(&mut self) {
        for (at, publication) in self.values.take_latest() {
            if self.now.since(at) < FRESH {
                self.publish_unacknowledged(publication);
            } else {
                self.counters.expired += 1;
            }
        }
    }

    /// The next publish that the broker is to acknowledge, if it takes one.
    pub(super) fn next_publish(&mut self) -> Option<Action> {
        loop {
            let most = self.suspicion.at_once(self.receive_maximum);
            if !self.is_connected || self.is_paused || self.flights.len() >= most {
                return None;
            }
            let token = Token(self.next_token);
            let (flight, publication, was_sent) = self.next_flight(token)?;
            self.next_token += 1;
            if publication.size() > self.maximum_packet {
                self.settle(token, flight, Some(TOO_LARGE), publication.topic);
                continue;
            }
            self.flights.insert(token, flight);
            self.suspicion.sent(&publication);
            self.counters.published += 1;
            self.counters.resent += u64::from(was_sent);
            return Some(Action::Publish {
                token: Some(token),
                publication,
            });
        }
    }

    /// What is to be published next: what tells who is there, then what is lost, then values and messages in turn.
    fn next_flight(&mut self, token: Token) -> Option<(Flight, Publication, bool)> {
        if let Some(publication) = self.others.pop_front() {
            let flight = Flight::Other(Box::new(publication.clone()));
            return Some((flight, publication, false));
        }
        if let Some((id, version, sender)) = self.senders.send() {
            let info = Publication::new(self.topics.info(id), sender.json());
            return Some((Flight::Info(id, version), info.retained().json(), false));
        }
        if let Some(gap) = self.gaps.send() {
            let mut publication = Publication::new(self.topics.gap(gap.sender), gap.json()).json();
            publication.user_properties = told_by(gap.mid(), &gap.name, gap.time);
            return Some((Flight::Gap(gap.id), publication, false));
        }
        self.is_value_next = !self.is_value_next;
        if self.is_value_next {
            self.next_value().or_else(|| self.next_message(token))
        } else {
            self.next_message(token).or_else(|| self.next_value())
        }
    }

    fn next_value(&mut self) -> Option<(Flight, Publication, bool)> {
        let (key, version, publication) = self.values.send()?;
        Some((Flight::Value(key, version), publication.clone(), false))
    }

    fn next_message(&mut self, token: Token) -> Option<(Flight, Publication, bool)> {
        let sent = self.queue.send(&mut self.store, token);
        let (message, was_sent) = match sent {
            Ok(sent) => sent.map(|(message, was_sent)| (message.clone(), was_sent))?,
            Err(error) => {
                self.is_paused = true;
                self.store_failed(&error);
                return None;
            }
        };
        self.is_stale = true;
        let publication = self.publication(&Told::from(&message));
        Some((Flight::Message, publication, was_sent))
    }

    /// The broker has what was published under this token; or it refused it, with this reason code, which is 128 or more.
    /// 0x97, quota exceeded, is tried again.
    pub fn handle_acknowledged(
        &mut self,
        now: groupcast::Instant,
        token: Token,
        refused: Option<u8>,
    ) {
        self.advance(now);
        let Some(flight) = self.flights.remove(&token) else {
            self.counters.unknown_token += 1;
            return;
        };
        self.settle(
            token,
            flight,
            refused.filter(|reason| *reason >= 0x80),
            String::new(),
        );
        self.count();
    }

    /// Something was published, or refused with a reason.
    fn settle(&mut self, token: Token, flight: Flight, refused: Option<u8>, topic: String) {
        if refused == Some(QUOTA) {
            self.counters.quota += 1;
            self.is_paused = true;
            match flight {
                Flight::Message => self.queue.again(token),
                Flight::Value(key, _) => self.values.again(key),
                Flight::Info(id, _) => self.senders.again(id),
                Flight::Gap(id) => self.gaps.again(id),
                Flight::Other(publication) => self.others.push_front(*publication),
            }
            return;
        }
        match (flight, refused) {
            (Flight::Message, refused) => self.settle_message(token, refused),
            (Flight::Value(key, version), refused) => {
                self.values.settled(key, version);
                match refused {
                    None => self.counters.acknowledged_states += 1,
                    Some(reason) => {
                        let channel = Channel::state(key.1);
                        let topic = self.topic(key.0, &self.name_of(key.0), channel);
                        self.refused_other(topic, reason);
                    }
                }
            }
            (Flight::Info(id, version), refused) => {
                self.senders.settled(id, version);
                if let Some(reason) = refused {
                    self.refused_other(self.topics.info(id), reason);
                }
            }
            (Flight::Gap(id), None) => {
                self.is_stale = true;
                self.counters.gaps_acknowledged += 1;
                self.gaps.acknowledged(id);
            }
            (Flight::Gap(id), Some(reason)) => {
                self.gaps.refused(id);
                let topic = if topic.is_empty() {
                    "a gap topic".to_owned()
                } else {
                    topic
                };
                self.refused_other(topic, reason);
            }
            (Flight::Other(_), None) => {}
            (Flight::Other(publication), Some(reason)) => {
                self.refused_other(publication.topic, reason);
            }
        }
    }

    fn settle_message(&mut self, token: Token, refused: Option<u8>) {
        let Some((message, is_logged)) = self.queue.settle(token) else {
            return;
        };
        self.is_stale = true;
        match refused {
            None => {
                self.counters.acknowledged += 1;
                if !is_logged {
                    self.mark(&message);
                }
            }
            Some(reason) => {
                self.counters.refused_reliable += 1;
                self.lose(&message, is_logged, Place::Broker);
                let topic = self.topic(message.sender, &message.name, message.channel);
                self.tell(News::Refused { topic, reason });
            }
        }
    }

    fn refused_other(&mut self, topic: String, reason: u8) {
        self.counters.refused_others += 1;
        self.tell(News::Refused { topic, reason });
    }

    /// A message with which the broker ends the connection each time, alone on its way, would keep all others from it for ever.
    fn give_up_the_culprit(&mut self) {
        if !self.suspicion.ended(self.now, self.flights.len()) {
            return;
        }
        if let Some((token, flight)) = self.flights.pop_first() {
            self.settle(token, flight, Some(ENDS_CONNECTION), String::new());
        }
    }

    /// Nothing that is on the way is known to arrive.
    pub(super) fn forget_flights(&mut self) {
        self.give_up_the_culprit();
        self.flights.clear();
        self.is_paused = false;
        self.queue.disconnected();
        self.gaps.disconnected();
    }
}
