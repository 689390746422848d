//! A simulated Ethernet: hosts that share a medium, as drivers of embassy-net. `smoltcp_rig` has them as devices of smoltcp.

use core::cell::RefCell;
use core::task::{Context, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::rc::Rc;

use groupcast_embassy::embassy_net::driver;

use crate::swarm::dice::Dice;
use crate::tasks;

/// The largest frame, in octets, without its checksum.
pub(crate) const LARGEST_FRAME: usize = 1514;

/// A shared medium: what one host sends all others receive, or lose.
#[derive(Clone, Debug)]
pub struct Ether(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    /// What waits at each host.
    queues: Vec<VecDeque<Vec<u8>>>,
    /// Whether each host is plugged in.
    plugged: Vec<bool>,
    /// Every frame that was sent, with its sender.
    sent: Vec<(usize, Vec<u8>)>,
    /// How many frames each host can send before its device has no more room, if there is a limit.
    room: Vec<Option<usize>>,
    /// How many frames wait at each host before more are lost, if there is a limit.
    ring: Vec<Option<usize>>,
    /// How many octets a second each host sends, if there is a limit, and until when each is at it.
    rate: Option<u64>,
    busy: Vec<Duration>,
    /// The task of each host, if there is one.
    tasks: Vec<Option<Waker>>,
    loss: f64,
    dice: Dice,
}

/// A host's device.
#[derive(Debug)]
pub struct Port {
    ether: Ether,
    number: usize,
}

impl Ether {
    /// A medium without hosts. `seed` chooses which frames are lost.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(State {
            queues: Vec::new(),
            plugged: Vec::new(),
            sent: Vec::new(),
            room: Vec::new(),
            ring: Vec::new(),
            rate: None,
            busy: Vec::new(),
            tasks: Vec::new(),
            loss: 0.0,
            dice: Dice::new(seed, 0),
        })))
    }

    /// Sets how likely each receiver loses a frame, from 0 to 1.
    pub fn set_loss(&self, loss: f64) {
        self.0.borrow_mut().loss = loss;
    }

    /// Plugs in a device.
    #[must_use]
    pub fn plug(&self) -> Port {
        let mut medium = self.0.borrow_mut();
        medium.queues.push(VecDeque::new());
        medium.plugged.push(true);
        medium.room.push(None);
        medium.ring.push(None);
        medium.busy.push(Duration::ZERO);
        medium.tasks.push(None);
        let number = medium.queues.len() - 1;
        Port {
            ether: self.clone(),
            number,
        }
    }

    /// Takes a host off the medium, or back on it.
    pub fn set_plugged(&self, host: usize, on: bool) {
        let mut medium = self.0.borrow_mut();
        medium.plugged[host] = on;
        medium.wake(host);
    }

    /// Says how many frames a host's device takes before it has no more room; `None` for no limit.
    pub fn set_room(&self, host: usize, frames: Option<usize>) {
        let mut medium = self.0.borrow_mut();
        medium.room[host] = frames;
        medium.wake(host);
    }

    /// Says how many frames wait at a host before more are lost; `None` for no limit.
    pub fn set_ring(&self, host: usize, frames: Option<usize>) {
        self.0.borrow_mut().ring[host] = frames;
    }

    /// Says how many octets a second each host sends, if it is one with tasks.
    pub fn set_rate(&self, octets: u64) {
        self.0.borrow_mut().rate = Some(octets);
    }

    /// How many frames wait at a host.
    #[must_use]
    pub fn waiting(&self, host: usize) -> usize {
        self.0.borrow().queues[host].len()
    }

    /// Puts a frame on the medium that none of the hosts has sent.
    pub fn inject(&self, frame: &[u8]) {
        let mut medium = self.0.borrow_mut();
        for host in 0..medium.queues.len() {
            medium.deliver(host, frame);
        }
    }

    /// Takes the frames that a host has sent since the last call.
    #[must_use]
    pub fn take_sent(&self, host: usize) -> Vec<Vec<u8>> {
        let mut medium = self.0.borrow_mut();
        let sent = core::mem::take(&mut medium.sent);
        let (taken, kept): (Vec<_>, Vec<_>) = sent.into_iter().partition(|(from, _)| *from == host);
        medium.sent = kept;
        taken.into_iter().map(|(_, frame)| frame).collect()
    }

    fn send(&self, from: usize, frame: &[u8]) {
        let mut medium = self.0.borrow_mut();
        medium.sent.push((from, frame.to_vec()));
        if let Some(rate) = medium.rate {
            let micros = frame.len() as u64 * 1_000_000 / rate;
            medium.busy[from] = tasks::now() + Duration::from_micros(micros);
        }
        if let Some(room) = &mut medium.room[from] {
            *room = room.checked_sub(1).expect("a device sends only with room");
        }
        let on = medium.plugged[from];
        for to in 0..medium.queues.len() {
            let loss = medium.loss;
            if to != from && on && medium.plugged[to] && !medium.dice.chance(loss) {
                medium.deliver(to, frame);
            }
        }
    }
}

impl State {
    fn deliver(&mut self, host: usize, frame: &[u8]) {
        let queue = &mut self.queues[host];
        if self.ring[host].is_none_or(|ring| queue.len() < ring) {
            queue.push_back(frame.to_vec());
        }
        self.wake(host);
    }

    fn wake(&mut self, host: usize) {
        if let Some(task) = self.tasks[host].take() {
            task.wake();
        }
    }
}

impl Port {
    /// Which host this is: the first plugged in is 0.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.number
    }

    /// Takes the frame that waits longest, if there is room for an answer to it.
    pub(crate) fn take(&mut self) -> Option<(Received, Room)> {
        let room = self.room()?;
        let frame = self.ether.0.borrow_mut().queues[self.number].pop_front()?;
        Some((Received(frame), room))
    }

    /// Room for a frame to send, if there is some.
    pub(crate) fn room(&self) -> Option<Room> {
        let full = self.ether.0.borrow().room[self.number] == Some(0);
        (!full).then(|| Room(self.ether.clone(), self.number))
    }
}

impl driver::Driver for Port {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received, Room)> {
        self.ether.0.borrow_mut().tasks[self.number] = Some(cx.waker().clone());
        self.take()
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<Room> {
        let mut medium = self.ether.0.borrow_mut();
        medium.tasks[self.number] = Some(cx.waker().clone());
        let free = medium.busy[self.number];
        drop(medium);
        if free > tasks::now() {
            tasks::wake_at(free, cx.waker());
            return None;
        }
        self.room()
    }

    fn link_state(&mut self, cx: &mut Context<'_>) -> driver::LinkState {
        let mut medium = self.ether.0.borrow_mut();
        medium.tasks[self.number] = Some(cx.waker().clone());
        if medium.plugged[self.number] {
            driver::LinkState::Up
        } else {
            driver::LinkState::Down
        }
    }

    fn capabilities(&self) -> driver::Capabilities {
        let mut capabilities = driver::Capabilities::default();
        capabilities.max_transmission_unit = LARGEST_FRAME;
        capabilities
    }

    fn hardware_address(&self) -> driver::HardwareAddress {
        let last = u8::try_from(self.number + 1).expect("few hosts");
        driver::HardwareAddress::Ethernet([2, 0, 0, 0, 0, last])
    }
}

/// A received frame.
#[derive(Debug)]
pub struct Received(pub(crate) Vec<u8>);

/// Room for a frame to send.
#[derive(Debug)]
pub struct Room(Ether, usize);

impl Room {
    /// Sends a frame of this length, which `write` writes.
    pub(crate) fn send<R>(self, length: usize, write: impl FnOnce(&mut [u8]) -> R) -> R {
        assert!(length <= LARGEST_FRAME, "a frame of {length} octets");
        let mut frame = vec![0; length];
        let result = write(&mut frame);
        self.0.send(self.1, &frame);
        result
    }
}

impl driver::RxToken for Received {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, read: F) -> R {
        read(&mut self.0)
    }
}

impl driver::TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        self.send(length, write)
    }
}
