//! The topics of a tunnel.
//!
//! | topic | what |
//! |---|---|
//! | `gc/t/<group>/m/<site>` | what was sent to the group in that site |
//! | `gc/t/<group>/u/<to>/<member>/<site>` | what was sent to one member of the site *to*, in the last one |
//! | `gc/t/<group>/n/<site>/<tunnel>` | what that tunnel has to say to other tunnels |
//!
//! Whoever publishes is the last site, or the last but one, so a broker can be told what each site may.

use core::net::SocketAddr;

use groupcast::{MemberId, Session};

use super::site::Site;

/// A member's life: an id, and the session in which it has it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Life {
    /// Who it is.
    pub id: MemberId,
    /// Since its program was started.
    pub session: Session,
}

/// What a topic says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Topic {
    ToGroup { from: Site },
    ToOne { to: Site, member: Life, from: Site },
    Note { from: Site, tunnel: u64 },
}

/// How the topics of a group begin.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    root: String,
}

impl Topics {
    pub(super) fn new(prefix: &str, group: SocketAddr) -> Self {
        let address = group.ip().to_string().replace(['.', ':'], "-");
        Self {
            root: format!("{prefix}/t/{address}-{}", group.port()),
        }
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// What to subscribe to in this site.
    pub(super) fn filters(&self, site: &Site) -> [String; 3] {
        let root = &self.root;
        [
            format!("{root}/m/+"),
            format!("{root}/u/{site}/+/+"),
            format!("{root}/n/+/+"),
        ]
    }

    pub(super) fn write(&self, topic: &Topic) -> String {
        let root = &self.root;
        match topic {
            Topic::ToGroup { from } => format!("{root}/m/{from}"),
            Topic::ToOne { to, member, from } => {
                let Life { id, session } = member;
                format!(
                    "{root}/u/{to}/{:08x}{:016x}/{from}",
                    id.get(),
                    session.get()
                )
            }
            Topic::Note { from, tunnel } => format!("{root}/n/{from}/{tunnel:016x}"),
        }
    }

    pub(super) fn read(&self, topic: &str) -> Option<Topic> {
        let rest = topic.strip_prefix(&self.root)?.strip_prefix('/')?;
        let mut parts = rest.split('/');
        let kind = parts.next()?;
        let read = match kind {
            "m" => Topic::ToGroup {
                from: site(&mut parts)?,
            },
            "u" => Topic::ToOne {
                to: site(&mut parts)?,
                member: life(parts.next()?)?,
                from: site(&mut parts)?,
            },
            "n" => Topic::Note {
                from: site(&mut parts)?,
                tunnel: number(parts.next()?, 16)?,
            },
            _ => return None,
        };
        parts.next().is_none().then_some(read)
    }
}

fn site<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Site> {
    parts.next()?.parse().ok()
}

fn life(text: &str) -> Option<Life> {
    let (id, session) = text.split_at_checked(8)?;
    let id = u32::try_from(number(id, 8)?).ok()?;
    Some(Life {
        id: MemberId::new(id)?,
        session: Session::new(number(session, 16)?),
    })
}

/// Exactly so many hexadecimal digits.
pub(super) fn number(text: &str, digits: usize) -> Option<u64> {
    let fits = text.len() == digits && text.bytes().all(|c| c.is_ascii_hexdigit());
    fits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn topics(group: &str) -> Topics {
        Topics::new("gc", group.parse().unwrap())
    }

    #[test]
    fn topics_are_read_as_they_are_written() {
        let topics = topics("239.1.2.3:12345");
        let [a, b] = ["a", "b.2"].map(|name| name.parse::<Site>().unwrap());
        let member = Life {
            id: MemberId::new(0x1f).unwrap(),
            session: Session::new(7),
        };
        for (topic, text) in [
            (
                Topic::ToGroup { from: a.clone() },
                "gc/t/239-1-2-3-12345/m/a",
            ),
            (
                Topic::ToOne {
                    to: a.clone(),
                    member,
                    from: b,
                },
                "gc/t/239-1-2-3-12345/u/a/0000001f0000000000000007/b.2",
            ),
            (
                Topic::Note { from: a, tunnel: 9 },
                "gc/t/239-1-2-3-12345/n/a/0000000000000009",
            ),
        ] {
            assert_eq!(topics.write(&topic), text);
            assert_eq!(topics.read(text), Some(topic));
            assert_eq!(topics.read(&format!("{text}/x")), None);
        }
    }

    #[test]
    fn groups_of_both_families_have_topics_of_their_own() {
        assert_eq!(topics("[ff02::7701]:17702").root(), "gc/t/ff02--7701-17702");
        assert_ne!(topics("239.1.2.3:1").root(), topics("239.1.2.31:1").root());
        let (one, other) = (topics("239.1.2.3:1"), topics("239.1.2.3:12"));
        assert_eq!(one.read(&format!("{}/m/a", other.root())), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in ".*", tail in "[mun/a-f0-9+]*") {
            let topics = topics("239.1.2.3:12345");
            let _ = topics.read(&text);
            if let Some(topic) = topics.read(&format!("{}/{tail}", topics.root())) {
                let again = topics.read(&topics.write(&topic));
                prop_assert_eq!(again, Some(topic));
            }
        }
    }
}
