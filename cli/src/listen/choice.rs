//! Which messages and events are shown: `--channel`, `--class`, `--from`, `--no-events`.

use core::net::{IpAddr, SocketAddr};

use groupcast::{Channel, Event, MemberId, Peer};

use super::options::Listen;

/// What is wanted. An empty list is everything.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    options: &'a Listen,
}

impl<'a> Choice<'a> {
    pub(super) const fn new(options: &'a Listen) -> Self {
        Self { options }
    }

    /// Whether it is to be shown, counted and handed on.
    pub(super) fn takes(&self, event: &Event<'_>) -> bool {
        match event {
            Event::Message(message) => {
                self.takes_channel(message.channel())
                    && self.takes_from(Some((message.name(), message.sender())), message.address())
            }
            Event::Raw(raw) => {
                self.options.channel.is_empty()
                    && self.options.class.is_empty()
                    && self.takes_from(None, raw.address())
            }
            Event::Gap(gap) => !self.has_no_events() && self.takes_member(gap.peer()),
            Event::Joined(member)
            | Event::Left(member)
            | Event::Lost(member)
            | Event::Restarted(member) => !self.has_no_events() && self.takes_member(member),
            _ => !self.has_no_events(),
        }
    }

    /// Whether lost messages are told beside the results: who wants messages alone wants to know of that, too.
    pub(super) fn is_told_aside(&self, event: &Event<'_>) -> bool {
        match event {
            Event::Gap(gap) => self.has_no_events() && self.takes_member(gap.peer()),
            _ => false,
        }
    }

    /// Lines of a form of one's own are about messages.
    fn has_no_events(&self) -> bool {
        self.options.no_events || self.options.format.is_some()
    }

    fn takes_channel(&self, channel: Channel) -> bool {
        let Listen {
            channel: channels,
            class: classes,
            ..
        } = self.options;
        let class = channel.class();
        (channels.is_empty() || channels.contains(&channel.number()))
            && (classes.is_empty() || classes.iter().any(|wanted| wanted.class() == class))
    }

    fn takes_member(&self, member: &Peer) -> bool {
        self.takes_from(Some((member.name(), member.id())), member.address())
    }

    fn takes_from(&self, member: Option<(&str, MemberId)>, address: SocketAddr) -> bool {
        let from = &self.options.from;
        from.is_empty() || from.iter().any(|wanted| is(wanted, member, address.ip()))
    }
}

/// Whether somebody is called that, has that id, or is at that address.
fn is(wanted: &str, member: Option<(&str, MemberId)>, address: IpAddr) -> bool {
    let is_member = member.is_some_and(|(name, id)| name == wanted || wanted.parse() == Ok(id));
    is_member || wanted.parse() == Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_found_by_name_id_or_address() {
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let ana = Some(("ana", MemberId::new(0x7f3a).unwrap()));
        for wanted in ["ana", "7f3a", "00007F3A", "10.0.0.1"] {
            assert!(is(wanted, ana, address), "{wanted}");
        }
        for other in ["an", "anna", "7f3b", "10.0.0.2", "", "10.0.0.1:1"] {
            assert!(!is(other, ana, address), "{other}");
        }
        // A raw datagram has no name, and none is not an empty one.
        assert!(is("10.0.0.1", None, address));
        assert!(!is("", None, address) && !is("ana", None, address));
        // A name that looks like an id is one, too.
        let ada = Some(("ada", MemberId::new(1).unwrap()));
        assert!(is("ada", ada, address) && is("1", ada, address));
    }
}
