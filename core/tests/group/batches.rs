//! A node on a stack that sends several datagrams in one call sends what it would send one by one.

use core::net::{IpAddr, SocketAddr};
use std::collections::VecDeque;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpError, UdpErrorKind, UdpMulticast};
use groupcast::{Channel, Config, Node, Storage};

use crate::hub::{CHANNEL, address, config, group_address, member, ms};

/// Room for more datagrams than a stack takes in one call.
type Wide = Storage<8, 2, 16, 83, 16_384, 16_384>;

/// A stack that takes as many datagrams as it likes, and fails now and then.
#[derive(Default)]
struct Stack<const MOST: usize> {
    /// What was sent, and what was refused, in order.
    sent: Vec<(SocketAddr, Vec<u8>)>,
    incoming: VecDeque<(Vec<u8>, SocketAddr)>,
    /// What happens to the next calls: so many datagrams are taken, none for want of room (0), or the
    /// first is refused (`None`).
    moods: &'static [Option<usize>],
    calls: usize,
    refused: u64,
    /// The most datagrams that one call brought.
    widest: usize,
}

#[derive(Debug)]
struct Refused;

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("refused")
    }
}

impl core::error::Error for Refused {}

impl UdpError for Refused {
    fn kind(&self) -> UdpErrorKind {
        UdpErrorKind::NoRoute
    }
}

impl<const MOST: usize> Stack<MOST> {
    fn take<'a>(
        &mut self,
        to: SocketAddr,
        mut datagrams: impl Iterator<Item = &'a [u8]>,
    ) -> nb::Result<usize, Refused> {
        let mood = match self.moods {
            [] => Some(usize::MAX),
            moods => moods[self.calls % moods.len()],
        };
        self.calls += 1;
        if mood == Some(0) {
            return Err(nb::Error::WouldBlock);
        }
        let before = self.sent.len();
        let mut octets = 0;
        for datagram in datagrams.by_ref().take(mood.unwrap_or(1)) {
            octets += datagram.len();
            self.sent.push((to, datagram.to_vec()));
        }
        let taken = self.sent.len() - before;
        self.widest = self.widest.max(taken + datagrams.count());
        if mood.is_none() {
            self.refused += 1;
            return Err(nb::Error::Other(Refused));
        }
        Ok(octets)
    }
}

impl<const MOST: usize> UdpClientStack for Stack<MOST> {
    type UdpSocket = bool;
    type Error = Refused;

    fn socket(&mut self) -> Result<bool, Refused> {
        Ok(false)
    }

    fn connect(&mut self, _: &mut bool, _: SocketAddr) -> Result<(), Refused> {
        Err(Refused)
    }

    fn send(&mut self, _: &mut bool, _: &[u8]) -> nb::Result<(), Refused> {
        Err(nb::Error::Other(Refused))
    }

    fn receive(
        &mut self,
        joined: &mut bool,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Refused> {
        let next = joined.then(|| self.incoming.pop_front()).flatten();
        let (octets, from) = next.ok_or(nb::Error::WouldBlock)?;
        buffer[..octets.len()].copy_from_slice(&octets);
        Ok((octets.len(), from))
    }

    fn close(&mut self, _: bool) -> Result<(), Refused> {
        Ok(())
    }
}

impl<const MOST: usize> UdpFullStack for Stack<MOST> {
    fn bind(&mut self, _: &mut bool, _: u16) -> Result<(), Refused> {
        Ok(())
    }

    fn send_to(&mut self, _: &mut bool, to: SocketAddr, octets: &[u8]) -> nb::Result<(), Refused> {
        self.take(to, core::iter::once(octets)).map(|_| ())
    }
}

impl<const MOST: usize> UdpMulticast for Stack<MOST> {
    const MOST_SEGMENTS: usize = MOST;

    fn join_multicast(
        &mut self,
        joined: &mut bool,
        _: IpAddr,
        _: Interface,
    ) -> Result<(), Refused> {
        *joined = true;
        Ok(())
    }

    fn leave_multicast(
        &mut self,
        joined: &mut bool,
        _: IpAddr,
        _: Interface,
    ) -> Result<(), Refused> {
        *joined = false;
        Ok(())
    }

    fn send_segments(
        &mut self,
        _: &mut bool,
        to: SocketAddr,
        octets: &[u8],
        segment: usize,
    ) -> nb::Result<usize, Refused> {
        self.take(to, octets.chunks(segment))
    }
}

/// What a member sends that meets another one and then has much to say, in messages of all lengths.
fn life<const MOST: usize>(moods: &'static [Option<usize>], lengths: &[usize]) -> Stack<MOST> {
    let mut other = member(Config::new(group_address()), 9);
    let mut hello = [0; 1472];
    let sent = (0..1_000).find_map(|now| other.poll_transmit(ms(now), &mut hello).unwrap());
    let len = sent.expect("a HELLO within a second").len;
    let stack = Stack::<MOST> {
        moods,
        ..Default::default()
    };
    let mut storage = Box::new(Wide::new());
    let mut node = Node::new(stack, &mut *storage, config("ana"), [7; 32])
        .ok()
        .unwrap();
    let hello = (hello[..len].to_vec(), address(9));
    node.parts().0.incoming.push_back(hello);
    let reliable = Channel::reliable_ordered(5);
    for now in (0..40).map(|tenth| ms(1_000 + tenth * 100)) {
        for (nth, length) in lengths.iter().enumerate() {
            let payload = vec![nth as u8; *length];
            let queued = match nth % 3 {
                0 => node.queue(now, CHANNEL, &payload).is_ok(),
                1 => node.queue(now, reliable, &payload).is_ok(),
                _ => node.queue_raw(now, &payload).is_ok(),
            };
            assert!(queued, "there is room");
        }
        // A stack without room is asked again, and errors are told one by one. An event ends it, so that
        // the answer to it meets the next messages.
        loop {
            while !node.flush(now) {}
            if node.poll(now).is_ok() {
                break;
            }
        }
    }
    let failures = node.counters().send_failures;
    assert_eq!(failures, node.parts().0.refused);
    assert!(node.counters().accepted > 0, "the other one was heard");
    node.close().ok().unwrap().0
}

fn alike(moods: &'static [Option<usize>], lengths: &[usize]) {
    let one_by_one = life::<1>(&[], lengths);
    let together = life::<8>(moods, lengths);
    assert_eq!(one_by_one.widest, 1);
    assert!(lengths.len() == 1 || (2..=8).contains(&together.widest));
    assert_eq!(one_by_one.sent.len(), together.sent.len());
    for (nth, (alone, batched)) in one_by_one.sent.iter().zip(&together.sent).enumerate() {
        assert_eq!(alone, batched, "datagram {nth}");
    }
    let to_one = |(to, _): &&(SocketAddr, Vec<u8>)| *to == address(9);
    assert!(
        together.sent.iter().any(|sent| to_one(&sent)),
        "a HELLO to the other"
    );
}

const SAME: [usize; 60] = [64; 60];
const MIXED: [usize; 12] = [3, 700, 700, 1100, 1100, 20, 1162, 5, 900, 100, 100, 1100];

#[test]
fn a_stack_that_takes_all_is_sent_the_same_datagrams() {
    alike(&[], &SAME);
    alike(&[], &MIXED);
}

#[test]
fn a_stack_that_takes_some_is_sent_the_same_datagrams() {
    const MOODS: [Option<usize>; 5] = [Some(2), Some(0), Some(1), Some(0), Some(3)];
    alike(&MOODS, &SAME);
    alike(&MOODS, &MIXED);
}

#[test]
fn a_refused_datagram_costs_no_other() {
    const MOODS: [Option<usize>; 4] = [Some(2), None, Some(0), Some(1)];
    alike(&MOODS, &SAME);
    alike(&MOODS, &MIXED);
}

/// It is no longer than the HELLO before it, which is for one member.
#[test]
fn a_short_datagram_to_the_group_goes_to_the_group() {
    alike(&[], &[3]);
}
