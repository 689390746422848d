//! What is retained at the broker beside State: who is there, and what Home Assistant is to know.

use groupcast::MemberId;
use serde_json::json;

use super::Gateway;
use super::ghosts::Found;
use super::map::TopicEntry;
use super::store::Store;
use crate::publication::Publication;

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

    /// The same of all members.
    pub(super) fn announce_all(&mut self) {
        let all = self
            .senders
            .all()
            .map(|(id, sender)| (id, sender.name.clone()));
        for (id, name) in all.collect::<Vec<_>>() {
            self.announce(id, &name);
        }
    }

    fn discovery(&self, id: MemberId, name: &str, entry: &TopicEntry) -> Option<Publication> {
        let told = entry.home_assistant.as_ref()?;
        let object = format!("gc_{id}_{}", entry.channel.number());
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
            "device": {"identifiers": [format!("gc_{id}")], "name": name},
        });
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

    /// Deletes a member's `info` at the broker.
    pub(super) fn forget_info(&mut self, id: MemberId) {
        if self.is_connected {
            let topic = self.topics.info(id);
            self.others
                .push_back(Publication::new(topic, Vec::new()).retained());
        }
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
        });
        let payload = value.to_string().into_bytes();
        let publication = Publication::new(self.topics.info(id), payload);
        self.others.push_back(publication.retained().json());
    }
}
