//! How long a message may be in a memory, and what to enlarge for longer ones.

use core::fmt;

use super::Storage;
use crate::config::{check_memory, default_max_datagram};
use crate::error::ConfigError;
use crate::group::{MAX_FRAGMENTS, Pool, UNIT, longest, receivable};
use crate::rooms::{Rooms, Sends};
use crate::wire::{Data, Header, Suite};

/// What to enlarge first for longer messages: one of a [`Storage`]'s parameters. See [`Storage::LIMIT`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Limit {
    /// `RECEIVE`: the message does not fit the buffer where it is put together; or, below 1,201 bytes, datagrams are
    /// as small as it is.
    Receive,
    /// `STREAMS`, which is 0: a member that takes no reliable messages takes none in fragments, and takes others for
    /// members like itself as long as it is alone.
    Streams,
    /// `WINDOW`: half of it does not hold as many fragments.
    Window,
    /// `BLOCKS`: half of them do not hold as many bytes.
    Blocks,
    /// `HISTORY`: it does not hold all fragments for repair.
    History,
    /// `SENDS`, which is [`Sends::VALUES`](crate::Sends::VALUES): messages are in one datagram each.
    Sends,
    /// None of them: a message has 256 fragments at most.
    Protocol,
}

impl fmt::Display for Limit {
    /// The parameter's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Receive => "RECEIVE",
            Self::Streams => "STREAMS",
            Self::Window => "WINDOW",
            Self::Blocks => "BLOCKS",
            Self::History => "HISTORY",
            Self::Sends => "SENDS",
            Self::Protocol => "256 fragments",
        })
    }
}

impl<
    const PEERS: usize,
    const STREAMS: usize,
    const WINDOW: usize,
    const BLOCKS: usize,
    const HISTORY: usize,
    const RECEIVE: usize,
    const SENDS: u8,
> Storage<PEERS, STREAMS, WINDOW, BLOCKS, HISTORY, RECEIVE, SENDS>
{
    const CAPACITY: Capacity = Capacity {
        streams: STREAMS,
        window: WINDOW,
        blocks: BLOCKS,
        history: HISTORY,
        receive: RECEIVE,
        sends: SENDS,
    };

    /// The most bytes of a message among members with this memory, in an open group with the default settings: of the
    /// class `BestEffort`, and of the reliable ones unless `SENDS` is [`Sends::VALUES`](crate::Sends::VALUES). It is
    /// what [`Node::max_message`](crate::Node::max_message) returns as long as the member is alone. 0 if no member can be made in this
    /// memory, since it does not hold a datagram.
    ///
    /// A build can fail where it is too small:
    ///
    /// ```
    /// use groupcast::{Limit, Storage};
    ///
    /// type Memory = Storage<8, 2, 16, 64, 4400, 2049>;
    /// const _: () = assert!(Memory::MAX_MESSAGE >= 2_000);
    /// assert_eq!((Memory::MAX_MESSAGE, Memory::LIMIT), (2_048, Limit::Receive));
    /// ```
    ///
    /// What else decides, and `max_message` knows: the others, of whom the smallest counts; the class, since a value of
    /// `Latest` or `State` is in one datagram; [`Config::with_max_datagram`](crate::Config::with_max_datagram). In a
    /// sealed group each datagram has room for 12 bytes less, and a signature takes 64.
    pub const MAX_MESSAGE: usize = Self::CAPACITY.max_message();

    /// What to enlarge for a larger [`MAX_MESSAGE`](Self::MAX_MESSAGE): the parameter that makes the difference alone. If
    /// only several together do, the one that allows least.
    ///
    /// | | `MAX_MESSAGE` | `LIMIT` |
    /// |---|---|---|
    /// | [`TinyPeer`](crate::TinyPeer) | 474 | `RECEIVE` |
    /// | [`Tiny`](crate::Tiny) | 986 | `RECEIVE` |
    /// | [`Board`](crate::Board) | 1,472 | `RECEIVE` |
    /// | [`Desktop`](crate::Desktop) | 65,536 | `RECEIVE` |
    pub const LIMIT: Limit = Self::CAPACITY.limit();
}

/// The sizes of a memory that say how long a message may be.
#[derive(Clone, Copy, Debug)]
struct Capacity {
    streams: usize,
    window: usize,
    blocks: usize,
    history: usize,
    receive: usize,
    sends: u8,
}

impl Capacity {
    const fn rooms(self) -> Rooms {
        Rooms::new(self.streams > 0, self.sends)
    }

    /// What keeps a member from being made in this memory.
    const fn check(self) -> Result<(), ConfigError> {
        let datagram = default_max_datagram(self.receive);
        check_memory(datagram, self.receive, self.history)
    }

    /// The most bytes of a message in one datagram.
    const fn fragment(self) -> usize {
        let around = Header::LEN.saturating_add(Suite::Open.trailer_len());
        let datagram = default_max_datagram(self.receive) as usize;
        datagram.saturating_sub(around.saturating_add(Data::OVERHEAD))
    }

    /// The most bytes of a message that can be received.
    const fn receivable(self) -> usize {
        if !self.rooms().receive_streams() {
            return 0;
        }
        let stored = Pool::capacity_of(self.blocks);
        (receivable(self.receive, self.window, stored) as usize).saturating_mul(UNIT)
    }

    const fn max_message(self) -> usize {
        if self.check().is_err() {
            return 0;
        }
        if !self.rooms().repair() {
            return self.fragment();
        }
        longest(self.fragment(), self.history, self.receivable())
    }

    /// With more of one size. Of the buffer little more: it must not ask for datagrams that the history does not hold.
    const fn enlarged(mut self, limit: Limit) -> Self {
        match limit {
            Limit::Receive => self.receive = self.receive.saturating_add(UNIT),
            Limit::Streams => self.streams = self.streams.saturating_add(1),
            Limit::Window => self.window = usize::MAX,
            Limit::Blocks => self.blocks = usize::MAX,
            Limit::History => self.history = usize::MAX,
            Limit::Sends => self.sends = Sends::UNLIMITED,
            Limit::Protocol => {}
        }
        self
    }

    const fn grows_with(self, limit: Limit) -> bool {
        self.enlarged(limit).max_message() > self.max_message()
    }

    const fn limit(self) -> Limit {
        match self.check() {
            Err(ConfigError::ReceiveBufferTooSmall { .. }) => return Limit::Receive,
            Err(_) => return Limit::History,
            Ok(()) => {}
        }
        if self.grows_with(Limit::Receive) {
            return Limit::Receive;
        }
        if !self.rooms().repair() {
            return Limit::Sends;
        }
        if !self.rooms().receive_streams() {
            return Limit::Streams;
        }
        if self.grows_with(Limit::Window) {
            return Limit::Window;
        }
        if self.grows_with(Limit::Blocks) {
            return Limit::Blocks;
        }
        if self.grows_with(Limit::History) {
            return Limit::History;
        }
        self.shortest()
    }

    /// Which of several sizes allows least.
    const fn shortest(self) -> Limit {
        let kept = longest(self.fragment(), self.history, usize::MAX);
        if kept <= self.receivable() {
            let most = self.fragment().saturating_mul(MAX_FRAGMENTS);
            return if kept < most {
                Limit::History
            } else {
                Limit::Protocol
            };
        }
        let stored = Pool::capacity_of(self.blocks);
        let window = receivable(usize::MAX, self.window, usize::MAX);
        let blocks = receivable(usize::MAX, usize::MAX, stored);
        let buffer = receivable(self.receive, usize::MAX, usize::MAX);
        if window <= blocks && window <= buffer {
            Limit::Window
        } else if blocks <= buffer {
            Limit::Blocks
        } else {
            Limit::Receive
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::SocketAddr;
    use std::println;

    use super::*;
    use crate::storage::{Board, Memory, Tiny, TinyPeer};
    use crate::{Channel, Config, Event, Group, Instant, Pace, SendError};

    /// Two members and what is on its way between them.
    struct Pair<M>([Group<M>; 2]);

    impl<M: Memory + Default> Pair<M> {
        fn new() -> Result<Self, ConfigError> {
            let config = Config::new("239.1.2.3:12345".parse().unwrap());
            let member = |seed| {
                let config = config.with_pace(Pace::WIRED);
                Group::new(M::default(), config, [seed; 32]).map_err(|failed| failed.error)
            };
            Ok(Self([member(1)?, member(2)?]))
        }

        /// For two seconds, every datagram arrives. Whether the second member gets this.
        fn deliver(&mut self, from: u64, expected: &[u8]) -> bool {
            let (mut buffer, mut arrived) = ([0; 1472], false);
            for millis in from..from + 2_000 {
                let now = Instant::from_millis(millis);
                for (at, to) in [(0, 1), (1, 0)] {
                    while let Some(sent) = self.0[at].poll_transmit(now, &mut buffer).unwrap() {
                        let address = SocketAddr::from(([10, 0, 0, at as u8 + 1], 40_000));
                        let member = &mut self.0[to];
                        member.handle(now, address, &buffer[..sent.len]).unwrap();
                        while let Some(event) = member.poll_event() {
                            if let Event::Message(message) = event {
                                arrived |= message.payload() == expected;
                            }
                        }
                    }
                }
            }
            arrived
        }
    }

    /// What is said of a memory is what its members do, alone and in company.
    fn check<M: Memory + Default>(max: usize, limit: Limit, takes: bool, sends: bool) {
        let Ok(mut pair) = Pair::<M>::new() else {
            assert_eq!(max, 0, "no member can be made");
            assert!(matches!(limit, Limit::Receive | Limit::History));
            return;
        };
        assert!(max > 0);
        let payload: std::vec::Vec<u8> = (0..max).map(|at| (at * 31 / 8) as u8).collect();
        let too_long = [&payload[..], &[0]].concat();
        let reliable = if sends { max } else { 0 };
        let mut from = 0;
        // First nobody knows of anybody. The message makes them known.
        for turn in 0..2 {
            for (channel, longest) in [
                (Channel::best_effort(1), max),
                (Channel::reliable_ordered(2), reliable),
            ] {
                let ana = &mut pair.0[0];
                let now = Instant::from_millis(from);
                assert_eq!(ana.peers().count(), usize::from(from > 0));
                let is_taken = takes || !channel.class().is_reliable();
                assert_eq!(ana.max_message(channel.class()), longest, "{turn}");
                let refused = ana.queue(now, channel, &too_long);
                if longest == 0 {
                    assert_eq!(refused, Err(SendError::NotReliable));
                    continue;
                }
                let (len, limit) = (max + 1, max);
                assert_eq!(refused, Err(SendError::TooLong { len, limit }));
                ana.queue(now, channel, &payload).unwrap();
                assert_eq!(pair.deliver(from, &payload), is_taken, "{turn} {channel}");
                from += 2_000;
            }
        }
    }

    /// Checks a memory, and says what its limit is.
    macro_rules! check {
        ($peers:literal, $streams:literal, $window:literal, $blocks:literal, $history:literal, $receive:literal,
         $sends:ident) => {{
            type Memory =
                Storage<$peers, $streams, $window, $blocks, $history, $receive, { Sends::$sends }>;
            const MAX: usize = Memory::MAX_MESSAGE;
            const LIMIT: Limit = Memory::LIMIT;
            println!("{:?}: {MAX} bytes, {LIMIT}", Memory::CAPACITY);
            check::<Memory>(MAX, LIMIT, $streams > 0, Sends::$sends != Sends::VALUES);
            LIMIT
        }};
    }

    macro_rules! grid {
        ($($receive:literal)*) => {{ [$(grid!(@ 600, $receive), grid!(@ 2_400, $receive), grid!(@ 16_384, $receive)),*].concat().concat() }};
        (@ $history:literal, $receive:literal) => {
            [
                [
                    check!(4, 2, 2, 200, $history, $receive, RELIABLE),
                    check!(4, 2, 8, 8, $history, $receive, RELIABLE),
                    check!(4, 1, 16, 83, $history, $receive, UNLIMITED),
                    check!(4, 2, 64, 400, $history, $receive, RELIABLE),
                ],
                [
                    check!(4, 0, 0, 8, $history, $receive, RELIABLE),
                    check!(4, 0, 16, 83, $history, $receive, RELIABLE),
                    check!(4, 0, 0, 4, $history, $receive, VALUES),
                    check!(4, 2, 16, 83, $history, $receive, VALUES),
                ],
            ]
        };
    }

    #[test]
    fn the_longest_message_of_a_memory_is_the_one_that_its_members_send_and_take() {
        let limits = grid!(512 513 600 1_024 1_201 1_473 2_500 9_000);
        for limit in SIZES {
            assert!(limits.contains(&limit), "the grid has no case of {limit}");
        }
        // Too large for a test's stack.
        type Large = Storage<1, 1, 2_048, 16_384, 400_000, 524_288>;
        assert_eq!(Large::MAX_MESSAGE, 1_162 * MAX_FRAGMENTS);
        assert_eq!(Large::LIMIT, Limit::Protocol);
    }

    #[test]
    fn what_is_said_of_the_profiles() {
        assert_eq!(
            (TinyPeer::MAX_MESSAGE, TinyPeer::LIMIT),
            (474, Limit::Receive)
        );
        assert_eq!((Tiny::MAX_MESSAGE, Tiny::LIMIT), (986, Limit::Receive));
        assert_eq!((Board::MAX_MESSAGE, Board::LIMIT), (1_472, Limit::Receive));
        #[cfg(not(target_pointer_width = "16"))]
        {
            use crate::storage::Desktop;
            assert_eq!(
                (Desktop::MAX_MESSAGE, Desktop::LIMIT),
                (65_536, Limit::Receive)
            );
        }
    }

    const SIZES: [Limit; 6] = [
        Limit::Receive,
        Limit::Streams,
        Limit::Window,
        Limit::Blocks,
        Limit::History,
        Limit::Sends,
    ];

    /// Many memories that no program has.
    fn capacities() -> impl Iterator<Item = Capacity> {
        let receives = [
            0, 512, 513, 577, 1_025, 1_200, 1_201, 1_300, 1_473, 4_000, 70_000, 400_000,
        ];
        let histories = [
            0, 519, 520, 584, 600, 1_208, 1_600, 2_364, 2_400, 8_192, 1_000_000,
        ];
        let receives = receives.into_iter();
        receives.flat_map(move |receive| {
            histories.into_iter().flat_map(move |history| {
                [1, 2, 4, 8, 64, 4_096].into_iter().flat_map(move |window| {
                    [0, 4, 16, 17, 83, 500, 60_000]
                        .into_iter()
                        .flat_map(move |blocks| {
                            [(0, 0), (0, 1), (2, 0), (2, 1), (2, 2)].map(|(streams, sends)| {
                                Capacity {
                                    streams,
                                    window,
                                    blocks,
                                    history,
                                    receive,
                                    sends,
                                }
                            })
                        })
                })
            })
        })
    }

    #[test]
    fn the_limit_is_what_makes_the_difference_alone_if_something_does() {
        let (mut alone, mut together) = (0, 0);
        for capacity in capacities().filter(|capacity| capacity.check().is_ok()) {
            let limit = capacity.limit();
            if SIZES.into_iter().any(|size| capacity.grows_with(size)) {
                assert!(capacity.grows_with(limit), "{capacity:?}: {limit}");
                alone += 1;
            } else {
                together += 1;
            }
        }
        println!("alone: {alone}, several together: {together}");
        assert!(alone > 1_000 && together > 1_000);
    }

    #[test]
    fn who_enlarges_what_it_says_gets_to_any_length_that_there_is() {
        const LONGEST: usize = 1_162 * MAX_FRAGMENTS;
        // Many steps.
        for (target, nth) in [(1_000, 1), (5_000, 7), (LONGEST, 211)] {
            for mut capacity in capacities().step_by(nth) {
                let begin = capacity;
                let mut steps = 0;
                while capacity.max_message() < target {
                    let limit = capacity.limit();
                    assert!(limit != Limit::Protocol, "{begin:?}");
                    capacity = capacity.enlarged(limit);
                    steps += 1;
                    assert!(
                        steps < LONGEST / UNIT + 64,
                        "{begin:?}: {capacity:?} {limit}"
                    );
                }
                if target == LONGEST {
                    assert_eq!(capacity.limit(), Limit::Protocol, "{capacity:?}");
                }
            }
        }
    }
}
