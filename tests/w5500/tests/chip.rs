//! Nodes on an imitation of the chip, and what the crate `w5500` does on it without our stack.

mod imitation;

use core::cell::RefCell;
use core::net::{Ipv4Addr, SocketAddr};

use groupcast::embedded_nal::{UdpClientStack, UdpFullStack, nb};
use groupcast::multicast::{Interface, UdpError, UdpErrorKind, UdpMulticast};
use groupcast::{Channel, Class, Config, Event, Instant, Node, Tiny};
use groupcast_w5500::{SharedBus, Stack};
use w5500::{Device, DeviceState, MacAddress, Manual, Mode, UninitializedDevice};

use imitation::{Chip, Wire};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

type Bus = RefCell<Chip>;

fn start<'a>(bus: &'a Bus, ip: Ipv4Addr) -> Device<SharedBus<'a, Chip>, DeviceState<Manual>> {
    let mac = MacAddress::new(2, 0, 0, 0, 0, ip.octets()[3]);
    UninitializedDevice::new(SharedBus::new(bus))
        .initialize_manual(mac, ip, Mode::default())
        .expect("the chip answers")
}

fn stack(bus: &Bus, ip: Ipv4Addr) -> Stack<'_, Chip, Manual> {
    Stack::new(start(bus, ip), SharedBus::new(bus))
}

fn two_chips() -> (Wire, Bus, Bus) {
    let wire = Wire::default();
    let (here, there) = (wire.add_chip(), wire.add_chip());
    (wire, RefCell::new(here), RefCell::new(there))
}

fn group(port: u16) -> SocketAddr {
    SocketAddr::from((GROUP, port))
}

#[test]
fn two_nodes_meet_and_a_reliable_message_arrives() {
    const COMMANDS: Channel = Channel::reliable_ordered(1);
    let (wire, here, there) = two_chips();
    let config = Config::new(group(12345));
    let open = |bus, ip, name, seed| {
        let config = config.with_name(name);
        Node::new(stack(bus, ip), Tiny::new(), config, [seed; 32]).expect("it opens")
    };
    let mut boiler = open(&here, HERE, "boiler", 1);
    let mut panel = open(&there, THERE, "panel", 2);
    assert_eq!(
        wire.reports(),
        [GROUP, GROUP],
        "each chip reported its membership"
    );

    let mut heard = Vec::new();
    for millis in 0..3_000 {
        let now = Instant::from_millis(millis);
        if millis == 1_000 {
            boiler.queue(now, COMMANDS, b"on").expect("there is room");
        }
        while boiler.poll(now).expect("the stack works").is_some() {}
        while let Some(event) = panel.poll(now).expect("the stack works") {
            if let Event::Message(message) = event {
                heard.push((message.name().to_owned(), message.payload().to_owned()));
            }
        }
    }
    assert_eq!(heard, [("boiler".to_owned(), b"on".to_vec())]);
    assert_eq!(
        boiler
            .peers()
            .map(|m| m.name().to_owned())
            .collect::<Vec<_>>(),
        ["panel"]
    );
    assert!(boiler.max_message(Class::State) > 500);
    assert_eq!(
        wire.lost(),
        0,
        "nothing was sent to a hardware address that nobody has"
    );
    assert_eq!(wire.largest_ttl(), 1);
}

#[test]
fn a_socket_has_one_group_and_hears_no_other() {
    let (_, here, there) = two_chips();
    let (mut here, mut there) = (stack(&here, HERE), stack(&there, THERE));
    let mut member = there.socket().unwrap();
    let unbound = there.join_multicast(&mut member, GROUP.into(), Interface::Default);
    assert!(unbound.is_err());
    there.bind(&mut member, 5000).unwrap();
    let mut sender = here.socket().unwrap();
    here.bind(&mut sender, 0).unwrap();
    let mut buffer = [0; 100];

    here.send_to(&mut sender, group(5000), b"early").unwrap();
    assert!(matches!(
        there.receive(&mut member, &mut buffer),
        Err(nb::Error::WouldBlock)
    ));

    there
        .join_multicast(&mut member, GROUP.into(), Interface::Default)
        .unwrap();
    there
        .join_multicast(&mut member, GROUP.into(), Interface::Default)
        .unwrap();
    let other = Ipv4Addr::new(239, 1, 2, 4);
    let second = there.join_multicast(&mut member, other.into(), Interface::Default);
    assert_eq!(second.unwrap_err().kind(), UdpErrorKind::TooManyGroups);
    here.send_to(&mut sender, (other, 5000).into(), b"other")
        .unwrap();
    here.send_to(&mut sender, group(5000), b"ours").unwrap();
    here.send_to(&mut sender, (THERE, 5000).into(), b"alone")
        .unwrap();
    let (len, from) = there.receive(&mut member, &mut buffer).unwrap();
    assert_eq!((&buffer[..len], from.ip()), (&b"ours"[..], HERE.into()));
    let (len, _) = there.receive(&mut member, &mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"alone");

    there
        .leave_multicast(&mut member, GROUP.into(), Interface::Default)
        .unwrap();
    here.send_to(&mut sender, group(5000), b"late").unwrap();
    assert!(matches!(
        there.receive(&mut member, &mut buffer),
        Err(nb::Error::WouldBlock)
    ));
    there.close(member).unwrap();
}

#[test]
fn datagrams_are_whole_or_an_error() {
    let (_, here, there) = two_chips();
    let (mut here, mut there) = (stack(&here, HERE), stack(&there, THERE));
    let mut sender = here.socket().unwrap();
    here.bind(&mut sender, 0).unwrap();
    let mut receiver = there.socket().unwrap();
    there.bind(&mut receiver, 5000).unwrap();
    let to = SocketAddr::from((THERE, 5000));
    let long = here.send_to(&mut sender, to, &[0; 1473]);
    assert!(
        matches!(long, Err(nb::Error::Other(error)) if error.kind() == UdpErrorKind::MessageTooLong)
    );
    // Often enough to go around the chip's buffers.
    for turn in 0..20u8 {
        here.send_to(&mut sender, to, &[turn; 300]).unwrap();
        here.send_to(&mut sender, to, &[turn; 20]).unwrap();
        let mut small = [0; 299];
        let cut = there.receive(&mut receiver, &mut small);
        assert!(
            matches!(cut, Err(nb::Error::Other(error)) if error.kind() == UdpErrorKind::Truncated)
        );
        let (len, _) = there.receive(&mut receiver, &mut small).unwrap();
        assert_eq!(small[..len], [turn; 20]);
        assert!(matches!(
            there.receive(&mut receiver, &mut small),
            Err(nb::Error::WouldBlock)
        ));
    }
}

#[test]
fn a_host_that_does_not_answer_blocks_only_until_the_chip_gives_up() {
    let (wire, here, there) = two_chips();
    let (mut here, mut there) = (stack(&here, HERE), stack(&there, THERE));
    let mut sender = here.socket().unwrap();
    here.bind(&mut sender, 0).unwrap();
    let mut receiver = there.socket().unwrap();
    there.bind(&mut receiver, 5000).unwrap();
    here.send_to(
        &mut sender,
        (Ipv4Addr::new(10, 0, 0, 9), 5000).into(),
        b"lost",
    )
    .unwrap();
    let to = SocketAddr::from((THERE, 5000));
    assert!(matches!(
        here.send_to(&mut sender, to, b"later"),
        Err(nb::Error::WouldBlock)
    ));
    wire.give_up();
    here.send_to(&mut sender, to, b"now").unwrap();
    assert_eq!(there.receive(&mut receiver, &mut [0; 9]).unwrap().0, 3);
}

// What the crate does, and our stack does otherwise. A test that fails here tells of a mended crate.

#[test]
fn the_crate_takes_all_that_waits_for_one_datagram() {
    let (_, here, there) = two_chips();
    let (mut here, mut there) = (stack(&here, HERE), start(&there, THERE));
    let mut sender = here.socket().unwrap();
    here.bind(&mut sender, 0).unwrap();
    let mut receiver = there.socket().unwrap();
    there.bind(&mut receiver, 5000).unwrap();
    for datagram in [b"first", b"again"] {
        here.send_to(&mut sender, (THERE, 5000).into(), datagram)
            .unwrap();
    }
    let mut buffer = [0; 100];
    let (len, _) = there.receive(&mut receiver, &mut buffer).unwrap();
    assert_eq!(len, 2 * (5 + 8));
    assert!(matches!(
        there.receive(&mut receiver, &mut buffer),
        Err(nb::Error::WouldBlock)
    ));
}

#[test]
#[should_panic(expected = "range end index 300 out of range for slice of length 100")]
fn the_crate_panics_at_a_datagram_longer_than_the_buffer() {
    let (_, here, there) = two_chips();
    let (mut here, mut there) = (stack(&here, HERE), start(&there, THERE));
    let mut sender = here.socket().unwrap();
    here.bind(&mut sender, 0).unwrap();
    let mut receiver = there.socket().unwrap();
    there.bind(&mut receiver, 5000).unwrap();
    here.send_to(&mut sender, (THERE, 5000).into(), &[0; 300])
        .unwrap();
    let _ = there.receive(&mut receiver, &mut [0; 100]);
}

#[test]
fn the_crate_sends_to_groups_by_way_of_the_gateway_and_far() {
    let (wire, here, _) = two_chips();
    let mut here = start(&here, HERE);
    let mut sender = here.socket().unwrap();
    here.bind(&mut sender, 5000).unwrap();
    here.send_to(&mut sender, group(5000), b"astray").unwrap();
    assert_eq!((wire.lost(), wire.largest_ttl()), (1, 128));
}

#[test]
fn the_crate_opens_port_0() {
    let (_, here, _) = two_chips();
    let mut here = start(&here, HERE);
    let mut socket = here.socket().unwrap();
    here.bind(&mut socket, 0).unwrap();
    assert_eq!(socket.get_port(), 0);
}
