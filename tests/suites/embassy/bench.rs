//! Hosts on an Ethernet, their tasks, and what their members have met.

use core::cell::RefCell;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::rc::Rc;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpMulticast};
use groupcast::{AnyNode, AsyncNode, Channel, Config, Event, Reactor};
use groupcast_embassy::embassy_net::{ConfigV4, Stack};
use groupcast_embassy::{Buffers, EmbassyStack, Socket};
use groupcast_tests::embassy_rig::{address, host, with_address};
use groupcast_tests::ether::Ether;
use groupcast_tests::tasks::{TaskId, Tasks, either, sleep};

pub(crate) const PORT: u16 = 12345;
pub(crate) const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 1, 2, 3));
pub(crate) const GROUP_SOCKET: SocketAddr = SocketAddr::new(GROUP, PORT);
pub(crate) const CONFIG: Config = Config::new(GROUP_SOCKET);
pub(crate) const COMMANDS: Channel = Channel::reliable_ordered(1);
pub(crate) const VALUES: Channel = Channel::state(2);

pub(crate) const IGMP_REPORT: u8 = 0x16;
pub(crate) const IGMP_LEAVE: u8 = 0x17;

/// Octets a second.
pub(crate) const FAST_ETHERNET: u64 = 12_500_000;

/// Hosts on an Ethernet, and their tasks.
pub(crate) struct Bench {
    pub(crate) ether: Ether,
    pub(crate) tasks: Tasks,
    pub(crate) hosts: Vec<Stack<'static>>,
    networks: Vec<TaskId>,
}

impl Bench {
    pub(crate) fn new(hosts: usize) -> Self {
        Self::of((0..hosts).map(|number| with_address(address(number))))
    }

    /// Hosts with these settings.
    pub(crate) fn of(configs: impl IntoIterator<Item = ConfigV4>) -> Self {
        let (ether, tasks) = (Ether::new(1), Tasks::new());
        let hosts = configs.into_iter();
        let hosts = hosts.map(|config| host(&ether, &tasks, config));
        let (hosts, networks) = hosts.unzip();
        Self {
            ether,
            tasks,
            hosts,
            networks,
        }
    }

    /// The network task of a host.
    pub(crate) fn network_task(&self, host: usize) -> TaskId {
        self.networks[host]
    }

    /// A stack on a host, with the usual buffers.
    pub(crate) fn stack(&self, host: usize) -> EmbassyStack<'static> {
        self.stack_with::<8, 4800>(host)
    }

    /// A stack on a host, with queues of so many records and bytes.
    pub(crate) fn stack_with<const DATAGRAMS: usize, const BYTES: usize>(
        &self,
        host: usize,
    ) -> EmbassyStack<'static> {
        let buffers = Box::leak(Box::new(Buffers::<2, DATAGRAMS, BYTES, 1500>::new()));
        EmbassyStack::new(self.hosts[host], buffers)
    }

    /// A task of a member that only listens, and what it meets.
    pub(crate) fn listen<N, R>(&self, node: AsyncNode<N, R>) -> (TaskId, Rc<RefCell<Diary>>)
    where
        N: AnyNode + 'static,
        R: Reactor<N::Stack> + 'static,
    {
        let mut node = node;
        let diary = Rc::<RefCell<Diary>>::default();
        let notes = diary.clone();
        let task = self.tasks.spawn(async move {
            loop {
                let event = node.recv().await.unwrap();
                notes.borrow_mut().note(&event);
            }
        });
        (task, diary)
    }

    /// A task of a member that waits for another, and then sends so many reliable messages, one after the other or with
    /// a pause between them.
    pub(crate) fn send<N, R>(
        &self,
        node: AsyncNode<N, R>,
        messages: u32,
        pause: Duration,
    ) -> (TaskId, Rc<RefCell<Diary>>)
    where
        N: AnyNode + 'static,
        R: Reactor<N::Stack> + 'static,
    {
        let mut node = node;
        let diary = Rc::<RefCell<Diary>>::default();
        let notes = diary.clone();
        let task = self.tasks.spawn(async move {
            while notes.borrow().peers == 0 {
                let event = node.recv().await.unwrap();
                notes.borrow_mut().note(&event);
            }
            for number in 0..messages {
                // What has arrived comes first: who only sends does not hear the others.
                while let Ok(event) = either(node.recv(), sleep(pause)).await {
                    notes.borrow_mut().note(&event.unwrap());
                }
                let payload = number.to_be_bytes();
                let note = |event: Event<'_>| notes.borrow_mut().note(&event);
                node.send(COMMANDS, &payload, note).await.unwrap();
            }
            loop {
                let event = node.recv().await.unwrap();
                notes.borrow_mut().note(&event);
            }
        });
        (task, diary)
    }

    /// IGMP messages that a host has sent since the last call: their types, and where from.
    pub(crate) fn igmp(&self, host: usize) -> Vec<(u8, Ipv4Addr)> {
        let frames = self.ether.take_sent(host).into_iter();
        let address = |frame: &[u8]| Ipv4Addr::from(<[u8; 4]>::try_from(&frame[26..30]).unwrap());
        frames
            .filter(|frame| frame[12..14] == [0x08, 0x00] && frame[23] == 2)
            .map(|frame| {
                let igmp = frame[14 + usize::from(frame[14] & 0x0f) * 4];
                (igmp, address(&frame))
            })
            .collect()
    }

    /// ARP requests that a host has sent since the last call.
    pub(crate) fn arp_requests(&self, host: usize) -> usize {
        let frames = self.ether.take_sent(host).into_iter();
        let request = |frame: &Vec<u8>| frame[12..14] == [0x08, 0x06] && frame[21] == 1;
        frames.filter(request).count()
    }

    /// Hop limits of the UDP packets over IPv4 that a host has sent since the last call.
    pub(crate) fn hop_limits(&self, host: usize) -> Vec<u8> {
        let frames = self.ether.take_sent(host).into_iter();
        frames
            .filter(|frame| frame[12..14] == [0x08, 0x00] && frame[23] == 17)
            .map(|frame| frame[22])
            .collect()
    }

    pub(crate) fn run_for(&self, interval: Duration) {
        self.tasks.run_for(interval);
    }
}

/// What a member has met.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    pub(crate) peers: usize,
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) missing: u64,
    pub(crate) gaps: usize,
}

impl Diary {
    pub(crate) fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Joined(_) => self.peers += 1,
            Event::Left(_) | Event::Lost(_) => self.peers -= 1,
            Event::Message(message) => self.messages.push(message.payload().to_vec()),
            Event::Gap(gap) => {
                self.gaps += 1;
                self.missing += gap.lost().len();
            }
            _ => {}
        }
    }

    /// The numbers 0, 1, 2 … and nothing else.
    pub(crate) fn is_complete(&self, messages: u32) -> bool {
        let numbers = (0..messages).map(|number| number.to_be_bytes().to_vec());
        self.messages.len() == messages as usize && self.messages.iter().cloned().eq(numbers)
    }
}

pub(crate) fn bound(stack: &mut EmbassyStack<'static>, port: u16) -> Socket {
    let mut socket = stack.socket().unwrap();
    stack.bind(&mut socket, port).unwrap();
    socket
}

pub(crate) fn member(stack: &mut EmbassyStack<'static>, group: IpAddr) -> Socket {
    let mut socket = bound(stack, PORT);
    stack
        .join_multicast(&mut socket, group, Interface::Default)
        .unwrap();
    socket
}

pub(crate) fn receive(stack: &mut EmbassyStack<'static>, socket: &mut Socket) -> Option<Vec<u8>> {
    let mut buffer = [0; 1500];
    match stack.receive(socket, &mut buffer) {
        Ok((length, _)) => Some(buffer[..length].to_vec()),
        Err(nb::Error::WouldBlock) => None,
        Err(nb::Error::Other(error)) => panic!("{error}"),
    }
}
