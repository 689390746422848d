//! What `groupcast send` sends with: a member, or a socket for raw datagrams.

use std::io::{IsTerminal, stderr};
use std::time::Instant;

use core::time::Duration;

use groupcast::sign::{SIGNATURE_LEN, SigningKey};
use groupcast::{Channel, Class, Event, SequenceRange};

use super::options::Send;
use crate::network::raw::Raw;
use crate::options::Common;
use crate::output::Output;
use crate::output::json::results::Sent;
use crate::output::receipt::Receipt;
use crate::process::failure::Failure;
use crate::session::delivery::{Delivery, Expected, Known};
use crate::session::{Session, builder, say_summary};
use crate::text::escape::escaped;

/// What messages are sent with.
pub(super) enum Mouth {
    Member(Box<Talker>),
    Raw(Box<Raw>),
}

/// A member that sends.
pub(super) struct Talker {
    session: Session,
    channel: Channel,
    /// To sign with.
    key: Option<SigningKey>,
    /// Of the reliable classes.
    delivery: Option<Delivery>,
    /// The sequence numbers of the first and the last message said.
    said: Option<SequenceRange>,
    /// How many that are.
    count: u64,
}

impl Mouth {
    pub(super) fn open(
        common: &Common,
        options: &Send,
        key: Option<SigningKey>,
    ) -> Result<Self, Failure> {
        if options.raw {
            let raw = Raw::open(common, options.limits.max_datagram)?;
            return Ok(Self::Raw(Box::new(raw)));
        }
        let session = Session::join(common, builder(common, options.limits)?)?;
        let channel = options.on();
        let expected = options.expect.map(|members| Expected {
            members: usize::try_from(members.get()).unwrap_or(usize::MAX),
            timeout: options.timeout,
            is_for_newcomers: channel.class() == Class::State,
        });
        let reliable = channel.class().is_reliable();
        Ok(Self::Member(Box::new(Talker {
            session,
            channel,
            key,
            delivery: reliable.then(|| Delivery::new(expected)),
            said: None,
            count: 0,
        })))
    }

    /// Waits for those who are to have it.
    pub(super) fn meet(&mut self) -> Result<(), Failure> {
        match self {
            Self::Member(talker) => match &mut talker.delivery {
                Some(delivery) => delivery.meet(&mut talker.session),
                None => Ok(()),
            },
            Self::Raw(..) => Ok(()),
        }
    }

    /// Sends a message; messages said before the next [`attend`](Self::attend) share datagrams. `false`: a
    /// signal came before there was room for it.
    pub(super) fn say(&mut self, message: &[u8]) -> Result<bool, Failure> {
        match self {
            Self::Member(talker) => {
                let Talker {
                    session,
                    delivery,
                    key,
                    channel,
                    ..
                } = &mut **talker;
                let note = |event: &Event<'_>| note(delivery, event);
                let said = session.say(*channel, message, key.as_ref(), note)?;
                if let Some(last) = said {
                    let first = talker.said.map_or(last, SequenceRange::first);
                    talker.said = Some(first.to(last));
                    talker.count += 1;
                }
                Ok(said.is_some())
            }
            Self::Raw(raw) => raw.send(message),
        }
    }

    /// Takes part in the group, and waits for `limit` at most.
    pub(super) fn attend(&mut self, limit: Duration) -> Result<(), Failure> {
        match self {
            Self::Member(talker) => {
                let Talker {
                    session, delivery, ..
                } = &mut **talker;
                session.attend(limit, |event| note(delivery, event))
            }
            Self::Raw(..) => {
                std::thread::sleep(limit);
                Ok(())
            }
        }
    }

    /// Stays until what was said has arrived, as far as its class promises that.
    pub(super) fn settle(&mut self, leave_by: Option<Instant>) -> Result<Known, Failure> {
        let Self::Member(talker) = self else {
            return Ok(Known::Nothing);
        };
        let Talker {
            session,
            delivery,
            said,
            ..
        } = &mut **talker;
        match (delivery, *said) {
            (Some(delivery), Some(said)) => delivery.settle(session, said, leave_by, |_| {}),
            _ => Ok(Known::Nothing),
        }
    }

    pub(super) fn limit(&self) -> usize {
        match self {
            Self::Member(talker) => {
                let limit = talker.session.limit(talker.channel.class());
                let signature = talker.key.as_ref().map_or(0, |_| SIGNATURE_LEN);
                limit.saturating_sub(signature)
            }
            Self::Raw(raw) => raw.limit(),
        }
    }

    /// What became of what was said, as far as it is known now.
    fn told(&self) -> Told {
        let talker = match self {
            Self::Raw(raw) => {
                return Told {
                    is_whole: true,
                    sentence: "; nobody confirms raw datagrams".to_owned(),
                    sent: Sent::raw(raw.sent()),
                };
            }
            Self::Member(talker) => talker,
        };
        let (member, channel) = (&talker.session.member, talker.channel);
        let receipt = talker.delivery.as_ref();
        let receipt = receipt.map(|delivery| match talker.count {
            0 => Receipt::default(),
            _ => delivery.receipt(&talker.session),
        });
        Told {
            is_whole: receipt.as_ref().is_none_or(Receipt::is_whole),
            sentence: receipt.as_ref().map_or_else(
                || format!("; nobody confirms messages of class {}", channel.class()),
                |receipt| receipt.sentence(channel.class()),
            ),
            sent: Sent::by(
                (member.id(), member.session()),
                channel,
                talker.count,
                talker.said,
                receipt.as_ref(),
            ),
        }
    }

    /// Leaves when all is sent, and says what became of it, and whether anything was lost on the way out. What
    /// those have who were to have it was not lost, whatever the network refused for a moment.
    pub(super) fn close(
        self,
        common: &Common,
        leave_by: Option<Instant>,
        settled: &Result<Known, Failure>,
    ) -> Result<(), Failure> {
        let told = self.told();
        let talker = match self {
            Self::Member(talker) => talker,
            Self::Raw(raw) => {
                let told = told.tell(common.json, settled);
                return Failure::all([raw.check(), told]);
            }
        };
        let left = talker.session.leave_by(leave_by)?;
        let counters = left.counters;
        let lost = counters.send_failures;
        let sent = told.sent.without(left.unsent);
        let told = Told { sent, ..told }.tell(common.json, settled);
        if common.verbose {
            aside!(
                "sent {} messages in {} datagrams, {} bytes",
                left.sent(),
                counters.datagrams_sent.saturating_sub(lost),
                counters.bytes_sent
            );
            say_summary(&counters);
        }
        let judged = left.check(matches!(settled, Ok(Known::Arrived)));
        Failure::all([judged, told])
    }
}

/// What is said at the end.
struct Told {
    /// Whether all have it who are here.
    is_whole: bool,
    sentence: String,
    sent: Sent,
}

impl Told {
    /// For programs always; for people if not all have it who are here, or if somebody sits at a terminal.
    fn tell(&self, json: bool, settled: &Result<Known, Failure>) -> Result<(), Failure> {
        let count = self.sent.messages();
        if settled.is_ok() && count > 0 && (!self.is_whole || stderr().is_terminal()) {
            let what = match count {
                1 => String::new(),
                count => format!("{count} messages "),
            };
            aside!("{what}sent{}", escaped(&self.sentence));
        }
        if json {
            return Output::new(true).line(&self.sent.line());
        }
        Ok(())
    }
}

fn note(delivery: &mut Option<Delivery>, event: &Event<'_>) {
    if let Some(delivery) = delivery {
        delivery.note(event);
    }
}
