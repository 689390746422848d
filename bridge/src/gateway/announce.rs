//! What is retained at the broker beside State: who is there, and what Home Assistant is to know.

use std::collections::BTreeSet;

use groupcast::{Channel, MemberId};
use serde_json::json;

use super::Gateway;
use super::ghosts::Found;
use super::map::{From, TopicEntry};
use super::settings::Body;
use super::store::Store;
use crate::publication::Publication;

/// Where in an object of JSON the value is.
const VALUE: &str = "{{ value_json.text }}";

impl<S: Store> Gateway<S> {
    pub(super) fn availability(&self, text: &str) -> Publication {
        Publication::new(self.topics.bridge(), text.as_bytes().to_vec()).retained()
    }

    /// Tells Home Assistant of a member's channels, if the map says so.
    pub(super) fn announce(&mut self, id: MemberId, name: &str) {
        if !self.is_connected {
            return;
        }
        let entries = self.settings.map.topics.iter();
        let announced = entries.filter(|entry| entry.from.is(id, name));
        let announced = announced.filter_map(|entry| self.discovery(id, name, entry));
        let announced: Vec<_> = announced.collect();
        self.others.extend(announced);
    }

    /// The same of all members: last those who are there, and came last. A member that was started again may have another
    /// id, and what is said of it last is what holds.
    pub(super) fn announce_all(&mut self) {
        let all = self.senders.all();
        let mut all: Vec<_> = all
            .map(|(id, sender)| (sender.is_online, sender.since, id, sender.name.clone()))
            .collect();
        all.sort();
        for (_, _, id, name) in all {
            self.announce(id, &name);
        }
    }

    fn discovery(&self, id: MemberId, name: &str, entry: &TopicEntry) -> Option<Publication> {
        let told = entry.home_assistant.as_ref()?;
        let object = object_id(&entry.topic);
        let device = match &entry.from {
            From::Id(id) => id.to_string(),
            From::Name(name) => name.clone(),
        };
        let device = object_id(&format!("{}/{device}", self.topics.root()));
        let mut config = json!({
            "name": told.name,
            "unique_id": object,
            "state_topic": entry.topic,
            "availability": [
                {"topic": self.topics.bridge()},
                {
                    "topic": self.topics.info(id),
                    "value_template": "{{ 'online' if value_json.online else 'offline' }}",
                },
            ],
            "availability_mode": "all",
            "device": {"identifiers": [device], "name": name},
        });
        if self.settings.body == Body::Json
            && let Some(config) = config.as_object_mut()
        {
            config.insert("value_template".to_owned(), VALUE.into());
        }
        let optional = [
            ("unit_of_measurement", &told.unit),
            ("device_class", &told.device_class),
        ];
        for (key, value) in optional {
            if let (Some(value), Some(config)) = (value, config.as_object_mut()) {
                config.insert(key.to_owned(), value.as_str().into());
            }
        }
        let topic = format!("homeassistant/{}/{object}/config", told.component);
        let config = config.to_string().into_bytes();
        Some(Publication::new(topic, config).retained().json())
    }

    /// Deletes what the broker retains of a member: its `info`, and its State values on these channels. What the map has a
    /// topic for stays: another member may say it now.
    pub(super) fn forget_member(&mut self, id: MemberId, values: &BTreeSet<u8>) {
        if !self.is_connected {
            return;
        }
        let values = values.iter().map(|number| Channel::state(*number));
        let topics = values.map(|channel| self.topics.message(id, channel));
        let topics: Vec<_> = topics.chain([self.topics.info(id)]).collect();
        let deleted = topics.into_iter();
        let deleted = deleted.map(|topic| Publication::new(topic, Vec::new()).retained());
        self.others.extend(deleted);
    }

    /// Says of a member that the broker has as online, and that is not there, that it is away.
    pub(super) fn correct_info(&mut self, id: MemberId, found: &Found) {
        let value = json!({
            "name": found.name,
            "session": found.session,
            "online": false,
            "bridge": false,
            "since": self.unix_seconds(),
            "seen": found.seen,
            "state": found.values,
        });
        let payload = value.to_string().into_bytes();
        let publication = Publication::new(self.topics.info(id), payload);
        self.others.push_back(publication.retained().json());
    }
}

/// What Home Assistant knows something by, for ever: a member's id may be another at each start. Letters, digits, `_` and `-`
/// are all that may be in it, so a checksum tells those apart that are the same without the rest.
fn object_id(text: &str) -> String {
    let letters = text.chars();
    let letters = letters.map(|c| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => c,
        _ => '_',
    });
    let letters: String = letters.take(64).collect();
    format!("gc_{letters}_{:08x}", crc32c::crc32c(text.as_bytes()))
}
