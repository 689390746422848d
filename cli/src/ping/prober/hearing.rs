//! What the prober hears, and what that answers.

use core::net::SocketAddr;
use core::time::Duration;
use std::time::Instant;

use groupcast::Name;
use groupcast::wire::{Frame, Header};

use super::{Answer, ECHOES_WAITING, INTERVAL, MIN_GAP, Present, Prober, STREAM, UNIT, Way, up_to};
use crate::network::framing::{Read, Seen};
use crate::process::failure::Failure;

/// Who joins is answered within this time, later in large groups.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

impl Prober {
    /// Hears a datagram, if one has come: to this member alone, or to the group. What it answers, if anything.
    pub(super) fn hear(&mut self, is_own: bool) -> Result<Option<Option<Answer>>, Failure> {
        let received = if is_own {
            self.mouth.hear()?
        } else {
            self.ear.hear()?
        };
        let Some((datagram, source)) = received else {
            return Ok(None);
        };
        let at = Instant::now();
        let (header, frames) = match self.framing.read(datagram) {
            Read::Framed(header, frames) => (header, frames),
            Read::Foreign(stranger) => {
                self.unreadable.hear(at, &stranger);
                return Ok(Some(None));
            }
            Read::Raw | Read::Damaged => return Ok(Some(None)),
        };
        if header.sender == self.id {
            return Ok(Some(None));
        }
        let mut heard = Heard::default();
        for frame in frames.map_while(Result::ok) {
            match frame {
                Frame::Hello(hello) => {
                    let challenge = hello.challenge().filter(|c| c.is_for(self.id));
                    heard.challenge = challenge.map(|challenge| challenge.number);
                    heard.proof = hello.sends_back(self.challenge);
                    heard.probe = hello.probe;
                    heard.join = hello.join;
                    heard.hello = Some((hello.name, hello.interval));
                }
                Frame::Bye(_) => heard.bye = true,
                Frame::Ack(ack) => {
                    // The low half.
                    let is_mine = ack.session == self.session.get() as u32;
                    heard.ack = is_mine && ack.target == self.id.get();
                }
                _ => {}
            }
        }
        if heard.join {
            let within = ANSWER_WITHIN.max(self.share());
            let earliest = self.last.map_or(at, |last| last + MIN_GAP);
            self.next = self.next.min(earliest.max(at + up_to(within)?));
        }
        let answer = self.note(&header, source, at, is_own, &heard);
        if is_own && heard.probe {
            let hello = self.hello();
            let datagram = self.write_to_one(&[Frame::Hello(hello), Frame::Sync(STREAM)])?;
            // It asks again if this fails.
            let _ = self.mouth.say_to(source, &datagram);
        }
        Ok(Some(answer))
    }

    /// Notes what a member said. The answer, if it is one.
    fn note(
        &mut self,
        header: &Header,
        source: SocketAddr,
        at: Instant,
        is_own: bool,
        heard: &Heard,
    ) -> Option<Answer> {
        if self.is_sealed()
            && let Some(challenge) = heard.challenge
            && self.echoes.len() < ECHOES_WAITING
        {
            self.echoes.push(challenge);
            self.hasten();
        }
        let from = header.sender;
        let known = self.present.get_mut(&from);
        let known = known.filter(|present| present.session == header.session);
        let present = match (known, heard.hello) {
            (Some(present), _) => present,
            (None, Some((name, _))) => {
                if self.is_sealed() && !heard.proof {
                    // It may be from the past.
                    self.asks = true;
                    self.hasten();
                    return None;
                }
                let present = Present {
                    name,
                    address: source,
                    session: header.session,
                    seen: Seen::default(),
                    heard: at,
                    interval: INTERVAL,
                };
                self.present.insert(from, present);
                self.present.get_mut(&from)?
            }
            (None, None) => return None,
        };
        if !present.seen.is_new(header.counter) {
            return None;
        }
        present.heard = at;
        if let Some((name, interval)) = heard.hello {
            present.name = name;
            present.address = source;
            if interval > 0 {
                present.interval = UNIT * u32::from(interval);
            }
        }
        if heard.bye {
            self.present.remove(&from);
            return None;
        }
        let way = match heard {
            Heard { ack: true, .. } => Way::Multicast,
            Heard {
                hello: Some(_),
                probe: false,
                ..
            } if is_own => Way::Unicast,
            _ => return None,
        };
        Some(Answer { from, way, at })
    }
}

/// What was in a datagram.
#[derive(Debug, Default)]
struct Heard {
    /// Name, and interval.
    hello: Option<(Name, u16)>,
    join: bool,
    probe: bool,
    /// What we are to send back.
    challenge: Option<u64>,
    /// Whether it sent back our own.
    proof: bool,
    bye: bool,
    ack: bool,
}
