//! A member that hears many others.

use core::time::Duration;

use groupcast::wire::{Data, Frame, Header, Hello, Suite, Sync, open_group_tag};
use groupcast::{Instant, MemberId, Name, Session, Storage};

use super::{GROUP, Side, Wire, datagram};

/// As `Desktop`, with places for a thousand members.
type Hall = Storage<1024, 32, 1024, 6554, 524_288, 65_536, { groupcast::Sends::UNLIMITED }>;

/// How much later each datagram is than the one before.
const STEP: Duration = Duration::from_millis(1);

/// Of a crowd so many send reliable messages, unless all do.
const FEW: usize = 8;

/// What the members say, one after the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Says {
    /// HELLO, as everybody does now and then.
    Hello,
    /// A best-effort message of 64 octets.
    BestEffort,
    /// A reliable message of 64 octets. Only eight say something, the others are just there.
    Reliable,
    /// The same, said by everybody.
    ReliableByAll,
}

/// A member of an open group, and others whose datagrams are made up.
#[derive(Debug)]
pub struct Crowd {
    receiver: Side<Box<Hall>>,
    now: Instant,
    /// How many datagrams, and how many messages, each of the others has sent.
    sent: Vec<(u64, u32)>,
    turn: usize,
    answers: Wire,
}

impl Crowd {
    /// A member that knows `members` others.
    ///
    /// # Panics
    ///
    /// It does not get to know them.
    #[must_use]
    pub fn new(members: usize) -> Self {
        let mut crowd = Self {
            receiver: Side::new(1, None),
            // Old enough to begin with streams where they can be repaired.
            now: Instant::from_millis(2_000),
            sent: vec![(0, 0); members],
            turn: 0,
            answers: Wire::default(),
        };
        for _ in 0..2 * members {
            let hello = crowd.next(Says::Hello);
            crowd.hear(&hello);
        }
        assert_eq!(crowd.receiver.group.peers().count(), members);
        crowd
    }

    /// The datagram of the member whose turn it is.
    ///
    /// # Panics
    ///
    /// There are more members than there are ids.
    #[must_use]
    pub fn next(&mut self, says: Says) -> Vec<u8> {
        let members = self.sent.len();
        let speakers = match says {
            Says::Reliable => FEW.min(members),
            _ => members,
        };
        let at = self.turn % speakers;
        self.turn += 1;
        let (counter, messages) = &mut self.sent[at];
        *counter += 1;
        let id = u32::try_from(at + 1).ok().and_then(MemberId::new);
        let header = Header {
            suite: Suite::Open,
            tag: open_group_tag(GROUP, &Name::EMPTY),
            sender: id.expect("ids are from 1 on"),
            session: Session::new(1),
            counter: *counter,
        };
        let reliable = match says {
            Says::Hello => {
                // 20 of the whole group in a second, in units of 10 ms.
                let interval = u16::try_from(5 * members).unwrap_or(u16::MAX).max(100);
                let hello = Hello {
                    max_datagram: 1472,
                    max_message: 1023,
                    interval,
                    ..Hello::new(Name::EMPTY)
                };
                let sync = Sync {
                    next: *messages,
                    low: 0,
                    round_trip: 0,
                    group_size: 0,
                    states: 0,
                };
                return datagram(&header, &[Frame::Hello(hello), Frame::Sync(sync)]);
            }
            Says::BestEffort => false,
            Says::Reliable | Says::ReliableByAll => true,
        };
        let data = Data {
            class: if reliable { 2 } else { 0 },
            latest: false,
            repair: false,
            copy: false,
            signed: false,
            channel: 1,
            horizon: if reliable {
                u8::try_from(*messages).unwrap_or(u8::MAX)
            } else {
                0
            },
            fragment: 0,
            last: 0,
            sequence: *messages,
            payload: &[b'x'; 64],
        };
        *messages += u32::from(reliable);
        datagram(&header, &[Frame::Data(data)])
    }

    /// The member takes a datagram. Returns how many messages arrived.
    pub fn hear(&mut self, datagram: &[u8]) -> usize {
        self.now += STEP;
        let from = ([10, 0, 1, 1], 12345).into();
        let messages = self.receiver.take(self.now, from, datagram);
        self.receiver.flush(self.now, &mut self.answers);
        self.answers.clear();
        messages
    }
}
