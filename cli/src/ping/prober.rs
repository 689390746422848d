//! A member that asks questions, without an engine: an engine answers them, and asks none of its own.
//!
//! | way | question | answer |
//! |---|---|---|
//! | multicast | ACKREQ to the group, for a stream in which nothing was sent | ACK |
//! | unicast | PROBE | HELLO |
//!
//! Both answers come by unicast (PROTOCOL S12, M13), so what differs is the way of the question. Nothing is
//! delivered to any application, save that a member joined and left.

mod hearing;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::time::Instant;

use groupcast::wire::{AckRequest, Bye, Challenge, Frame, Header, Hello, Sync, Time};
use groupcast::{MemberId, Name, Session};
use groupcast_std::{Choice, entropy};

use crate::network::framing::{Framing, Seen};
use crate::network::socket::{Ear, Mouth, wait_for_both};
use crate::network::unreadable::Unreadable;
use crate::options::Common;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::text::escape::escaped;

/// HELLOs come this often in small groups, and more seldom in large ones, in which 20 come in a second.
const INTERVAL: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
const SHARE: Duration = Duration::from_millis(50);

/// And no sooner than this after another.
const MIN_GAP: Duration = Duration::from_millis(100);

/// The units of the interval in HELLO, and the default where none is stated.
const UNIT: Duration = Duration::from_millis(10);

/// Who is silent for so many halves of its interval is gone.
const GONE: u32 = 7;

/// HELLOs that ask the others for theirs.
const JOINS: u32 = 2;

/// When the BYEs are sent, one after the other.
const BYES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(30),
    Duration::from_millis(70),
];

/// Challenges that are sent back in one HELLO, and that wait for it.
const ECHOES: usize = 16;
const ECHOES_WAITING: usize = 256;

/// The sequence number before the first: whoever follows the stream has everything up to it.
const NOTHING_SENT: u32 = u32::MAX;

/// How a question goes to members.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Multicast,
    Unicast,
}

impl Way {
    pub(super) const ALL: [Self; 2] = [Self::Multicast, Self::Unicast];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Multicast => "multicast",
            Self::Unicast => "unicast",
        }
    }
}

/// A member that answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) from: MemberId,
    pub(crate) way: Way,
    pub(crate) at: Instant,
}

/// Another member, as far as is known.
#[derive(Debug)]
pub(crate) struct Present {
    pub(crate) name: Name,
    /// Where its HELLO came from.
    pub(crate) address: SocketAddr,
    session: Session,
    seen: Seen,
    heard: Instant,
    interval: Duration,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Prober {
    ear: Ear,
    mouth: Mouth,
    framing: Framing,
    id: MemberId,
    session: Session,
    /// That of the last datagram sent.
    number: u64,
    name: Name,
    start: Instant,
    /// When the next HELLO is due, and when the last one was sent.
    next: Instant,
    last: Option<Instant>,
    hellos: u32,
    /// In a sealed group: what the others have to send back, and whether somebody has to be asked.
    challenge: u64,
    asks: bool,
    /// Challenges of others, to be sent back.
    echoes: Vec<u64>,
    /// Whether the network has refused something.
    is_troubled: bool,
    pub(crate) present: BTreeMap<MemberId, Present>,
    pub(crate) unreadable: Unreadable,
}

impl Prober {
    pub(crate) fn join(common: &Common) -> Result<Self, Failure> {
        let ear = Ear::open(common)?;
        let mouth = Mouth::open(common)?;
        let framing = Framing::new(common, ear.group())?;
        let unreadable = Unreadable::new(ear.group(), framing.is_sealed());
        let name = common.name.as_deref().unwrap_or_default();
        let name = Name::new(name)
            .ok_or_else(|| Failure::Settings("the name is longer than 32 bytes".to_owned()))?;
        let [session, challenge, id, _] = random()?;
        // Drawn until it is not 0 would be the same: nobody can tell.
        let drawn = MemberId::new(id as u32 | 1);
        let now = Instant::now();
        Ok(Self {
            ear,
            mouth,
            framing,
            id: common.id.or(drawn).ok_or_else(|| {
                // An odd number is not 0.
                Failure::Trouble("no id".to_owned())
            })?,
            session: Session::new(session),
            number: 0,
            name,
            start: now,
            next: now,
            last: None,
            hellos: 0,
            challenge,
            asks: false,
            echoes: Vec::new(),
            is_troubled: false,
            present: BTreeMap::new(),
            unreadable,
        })
    }

    pub(crate) const fn group(&self) -> SocketAddr {
        self.ear.group()
    }

    pub(crate) const fn choice(&self) -> &Choice {
        self.ear.choice()
    }

    pub(crate) const fn id(&self) -> MemberId {
        self.id
    }

    pub(crate) const fn is_sealed(&self) -> bool {
        self.framing.is_sealed()
    }

    /// Takes part in the group until `end`, or until a signal comes, and tells of answers.
    pub(crate) fn run_until(
        &mut self,
        end: Instant,
        mut answered: impl FnMut(Answer, &BTreeMap<MemberId, Present>) -> bool,
    ) -> Result<(), Failure> {
        while !signal::end_requested() {
            let now = Instant::now();
            if self.next <= now {
                self.say_hello(now)?;
            }
            let half = |present: &Present| present.interval / 2 * GONE;
            self.present
                .retain(|_, present| now.duration_since(present.heard) < half(present));
            let mut heard = false;
            for is_own in [true, false] {
                while let Some(answer) = self.hear(is_own)? {
                    heard = true;
                    if let Some(answer) = answer
                        && answered(answer, &self.present)
                    {
                        return Ok(());
                    }
                }
            }
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            if !heard {
                self.ear.tell_of_changes();
                let limit = end.min(self.next).saturating_duration_since(now);
                wait_for_both(&self.ear, &self.mouth, limit.min(signal::LOOK))?;
            }
        }
        Ok(())
    }

    /// Asks everybody, by multicast. Returns when.
    pub(crate) fn ask_all(&mut self) -> Result<Instant, Failure> {
        let request = AckRequest {
            sequence: NOTHING_SENT,
            // A thousand answers a second, of large groups.
            spread: match self.present.len() {
                ..=SMALL => 0,
                members => u16::try_from(members).unwrap_or(u16::MAX),
            },
        };
        // Who missed the HELLO learns here from where on to follow.
        let datagram = self.write(&[Frame::Sync(STREAM), Frame::AckRequest(request)])?;
        let now = Instant::now();
        self.say(&datagram)?;
        Ok(now)
    }

    /// Asks one member, by unicast. Returns when; `None` if it could not be sent.
    pub(crate) fn ask(&mut self, member: MemberId) -> Result<Option<Instant>, Failure> {
        let Some(address) = self.present.get(&member).map(|present| present.address) else {
            return Ok(None);
        };
        let probe = Hello {
            probe: true,
            ..self.hello()
        };
        let datagram = self.write_to_one(&[Frame::Hello(probe), Frame::Sync(STREAM)])?;
        let now = Instant::now();
        Ok(self.mouth.say_to(address, &datagram).is_ok().then_some(now))
    }

    /// Says good-bye.
    pub(crate) fn leave(mut self) -> Result<(), Failure> {
        for pause in BYES {
            std::thread::sleep(pause);
            let datagram = self.write(&[Frame::Bye(Bye { reason: 0 })])?;
            let sent = self.mouth.say_at_once(&datagram);
            self.goes_on(sent)?;
        }
        Ok(())
    }

    /// Says a datagram to the group. What the network refuses is lost as if on its way.
    fn say(&mut self, datagram: &[u8]) -> Result<(), Failure> {
        let sent = self.mouth.say(datagram).map(|_| ());
        self.goes_on(sent)
    }

    /// Tells of trouble with the network, the first time.
    fn goes_on(&mut self, sent: Result<(), Failure>) -> Result<(), Failure> {
        match sent {
            Err(Failure::Trouble(trouble)) => {
                if !self.is_troubled {
                    let trouble = escaped(&trouble);
                    aside!("groupcast: network trouble: {trouble}; going on");
                }
                self.is_troubled = true;
                Ok(())
            }
            sent => sent,
        }
    }

    /// Writes a datagram to the group.
    fn write(&mut self, frames: &[Frame<'_>]) -> Result<Vec<u8>, Failure> {
        self.number += 1;
        self.framing
            .write(self.id, self.session, self.number, frames)
    }

    /// Writes a datagram to one member, which says so (PROTOCOL §2.1).
    fn write_to_one(&mut self, frames: &[Frame<'_>]) -> Result<Vec<u8>, Failure> {
        self.number += 1;
        let counter = self.number | Header::TO_ONE;
        self.framing.write(self.id, self.session, counter, frames)
    }

    /// All members' share of HELLOs, oneself included (PROTOCOL M3).
    fn share(&self) -> Duration {
        SHARE * u32::try_from(self.present.len() + 1).unwrap_or(u32::MAX)
    }

    fn interval(&self) -> Duration {
        self.share().clamp(INTERVAL, LONGEST)
    }

    fn hello(&self) -> Hello<'static> {
        let interval = self.interval().as_millis() / UNIT.as_millis();
        Hello {
            // No limit of the group sinks for our sake.
            max_datagram: u16::MAX,
            max_message: u16::MAX,
            interval: u16::try_from(interval).unwrap_or(u16::MAX),
            ..Hello::new(self.name)
        }
    }

    /// Says HELLO to the group.
    fn say_hello(&mut self, now: Instant) -> Result<(), Failure> {
        let join = self.hellos < JOINS;
        let mut options = Vec::new();
        if self.is_sealed() && (join || self.asks) {
            let mut option = [0; Hello::OPTION_HEADER_LEN + Challenge::MAX_LEN];
            let challenge = Challenge {
                number: self.challenge,
                target: None,
            };
            let len = challenge.write(&mut option);
            options.extend_from_slice(&option[..len]);
            self.asks = false;
        }
        let echoes = self.echoes.len().min(ECHOES);
        if echoes > 0 {
            options.push(Hello::ECHOES);
            // 128 at most.
            options.push((echoes * Hello::CHALLENGE_LEN) as u8);
            for echo in self.echoes.drain(..echoes) {
                options.extend_from_slice(&echo.to_be_bytes());
            }
        }
        let hello = Hello {
            join,
            options: &options,
            ..self.hello()
        };
        let time = Time {
            // Modulo 2^32.
            stamp: now.duration_since(self.start).as_micros() as u32,
            echoes: &[],
        };
        let datagram =
            self.write(&[Frame::Hello(hello), Frame::Time(time), Frame::Sync(STREAM)])?;
        self.say(&datagram)?;
        self.hellos += 1;
        self.last = Some(now);
        let wait = if self.hellos < JOINS {
            INTERVAL
        } else {
            self.interval()
        };
        // 0.75 to 1.25 of it.
        self.next = now + wait * 3 / 4 + up_to(wait / 2)?;
        Ok(())
    }

    /// The next HELLO comes as soon as it may.
    fn hasten(&mut self) {
        let earliest = self.last.map_or(self.next, |last| last + MIN_GAP);
        self.next = self.next.min(earliest);
    }
}

/// Groups up to this size answer at once.
const SMALL: usize = 50;

/// Where our stream stands: at its beginning.
const STREAM: Sync = Sync {
    next: 0,
    low: 0,
    round_trip: 0,
    group_size: 0,
    states: 0,
};

/// A random time up to this one.
fn up_to(limit: Duration) -> Result<Duration, Failure> {
    let [number, ..] = random()?;
    Ok(limit.mul_f64(number as f64 / u64::MAX as f64))
}

/// Four random numbers.
fn random() -> Result<[u64; 4], Failure> {
    let seed = entropy::seed()?;
    let (words, _) = seed.as_chunks::<8>();
    let mut numbers = [0; 4];
    for (number, word) in numbers.iter_mut().zip(words) {
        *number = u64::from_be_bytes(*word);
    }
    Ok(numbers)
}
