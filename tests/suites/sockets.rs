//! The std adapter on real sockets, on the loopback interface only: nothing leaves this machine.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::time::Instant;

use embedded_nal::{
    AddrType, Dns, TcpClientStack, TcpFullStack, UdpClientStack as Udp, UdpFullStack, nb,
};
use groupcast::multicast::{Interface, UdpError, UdpErrorKind, UdpMulticast};
use groupcast_std::{Error, Socket, StdStack, wait};
use groupcast_tests::Place;
use socket2::{Domain, SockRef, Type};

const SOON: Duration = Duration::from_secs(60);
const LO: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn stack(place: Place) -> StdStack {
    let group = SocketAddr::new(place.group, place.port);
    let lo = LO.to_string().parse().unwrap();
    StdStack::builder()
        .group(group)
        .interface(lo)
        .build()
        .unwrap()
}

fn open(stack: &mut StdStack, port: u16) -> Socket {
    let mut socket = Udp::socket(stack).unwrap();
    UdpFullStack::bind(stack, &mut socket, port).unwrap();
    socket
}

fn member(stack: &mut StdStack) -> Socket {
    let group = stack.group();
    let mut socket = open(stack, group.port());
    stack
        .join_multicast(&mut socket, group.ip(), Interface::Default)
        .unwrap();
    socket
}

fn receive(stack: &mut StdStack, socket: &mut Socket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2048];
    let deadline = Instant::now() + SOON;
    loop {
        match Udp::receive(stack, socket, &mut buffer) {
            Ok((length, source)) => return (buffer[..length].to_vec(), source),
            Err(nb::Error::WouldBlock) => assert!(Instant::now() < deadline, "nothing came"),
            Err(nb::Error::Other(error)) => panic!("{error}"),
        }
        wait(&[socket], Duration::from_secs(1)).unwrap();
    }
}

/// A socket as other programs make it: no adapter of ours involved.
fn plain_socket(place: Place) -> socket2::Socket {
    let socket = socket2::Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_multicast_if_v4(&LO).unwrap();
    socket
        .bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, place.port)).into())
        .unwrap();
    let IpAddr::V4(group) = place.group else {
        panic!("a place has IPv4 groups")
    };
    socket.join_multicast_v4(&group, &LO).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    socket
}

#[test]
fn a_program_without_groupcast_talks_with_us_both_ways() {
    let place = Place::new();
    let other = std::net::UdpSocket::from(plain_socket(place));
    let mut stack = stack(place);
    let mut ear = member(&mut stack);
    other.send_to(b"Hello, multicast!", stack.group()).unwrap();
    assert_eq!(receive(&mut stack, &mut ear).0, b"Hello, multicast!");
    let mut mouth = open(&mut stack, 0);
    stack
        .send_to(
            &mut mouth,
            SocketAddr::new(place.group, place.port),
            b"Hello, you!",
        )
        .unwrap();
    let mut buffer = [0; 64];
    let mut received = Vec::new();
    // The other program hears itself too.
    while received != b"Hello, you!" {
        let (length, _) = other.recv_from(&mut buffer).unwrap();
        received = buffer[..length].to_vec();
    }
}

/// Sends `count` datagrams of `segment` octets, numbered from `first`, the last 10 octets shorter.
fn send_numbered(stack: &mut StdStack, mouth: &mut Socket, first: u8, count: u8, segment: usize) {
    let numbers = first..first + count;
    let octets: Vec<u8> = numbers.flat_map(|n| vec![n; segment]).collect();
    let octets = &octets[..octets.len() - 10];
    let group = stack.group();
    let sent = stack.send_segments(mouth, group, octets, segment).unwrap();
    assert_eq!(sent, octets.len());
}

#[test]
fn a_program_without_groupcast_hears_segments_as_datagrams() {
    let place = Place::new();
    let other = std::net::UdpSocket::from(plain_socket(place));
    let mut stack = stack(place);
    let mut mouth = open(&mut stack, 0);
    // More than one system call sends.
    send_numbered(&mut stack, &mut mouth, 0, 70, 1000);
    let mut buffer = [0; 2048];
    for n in 0..70 {
        let (length, _) = other.recv_from(&mut buffer).unwrap();
        assert_eq!(length, if n == 69 { 990 } else { 1000 });
        assert!(buffer[..length].iter().all(|octet| *octet == n));
    }
}

#[test]
fn what_arrives_together_is_received_one_by_one() {
    let place = Place::new();
    let mut stack = stack(place);
    let mut ear = member(&mut stack);
    let mut mouth = open(&mut stack, 0);
    let group = stack.group();
    send_numbered(&mut stack, &mut mouth, 0, 20, 1400);
    stack.send_to(&mut mouth, group, b"").unwrap();
    send_numbered(&mut stack, &mut mouth, 20, 50, 64);
    // One that does not fit its buffer is lost, and no other.
    assert_eq!(receive(&mut stack, &mut ear).0, [0; 1400]);
    let truncated = Udp::receive(&mut stack, &mut ear, &mut [0; 1399]);
    let kind = groupcast_tests::rig::kind(&truncated.unwrap_err());
    assert_eq!(kind, Some(UdpErrorKind::Truncated));
    // The system has nothing more to tell, but there is more.
    assert!(wait(&[&ear], Duration::ZERO).unwrap());
    for n in 2..70 {
        if n == 20 {
            assert_eq!(receive(&mut stack, &mut ear).0, b"");
        }
        let length = match n {
            0..19 => 1400,
            19 => 1390,
            69 => 54,
            _ => 64,
        };
        assert_eq!(receive(&mut stack, &mut ear).0, vec![n; length]);
    }
    assert!(!wait(&[&ear], Duration::ZERO).unwrap());
}

/// The limit of the system for buffers would be smaller than bursts: what it allows is asked for.
#[test]
#[cfg(target_os = "linux")]
fn sockets_have_the_largest_buffers_that_are_allowed() {
    let limit = |name| -> usize {
        let path = format!("/proc/sys/net/core/{name}");
        let text = std::fs::read_to_string(path).unwrap();
        text.trim().parse().unwrap()
    };
    let mut stack = stack(Place::new());
    let socket = open(&mut stack, 0);
    // Linux doubles what is asked for; whoever may administer the network gets more.
    assert!(socket.receive_buffer().unwrap() >= 2 * limit("rmem_max").min(4 << 20));
    assert!(socket.send_buffer().unwrap() >= 2 * limit("wmem_max").min(1 << 20));
}

#[test]
fn the_stack_says_which_interface_it_uses() {
    let stack = stack(Place::new());
    let choice = stack.choice();
    assert_eq!(choice.address, IpAddr::V4(LO));
    assert!(choice.loopback);
    assert_eq!(choice.reason, "chosen by address");
    if cfg!(target_os = "linux") {
        let line = choice.to_string();
        assert!(
            choice
                .mtu
                .is_some_and(|mtu| line.contains(&format!("MTU {mtu}"))),
            "{line}"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn every_socket_is_set_up_for_its_interface_one_hop_and_its_own_groups() {
    let place = Place::new();
    let mut stack = stack(place);
    for port in [0, place.port] {
        let socket = open(&mut stack, port);
        let fd = socket.as_fd().unwrap();
        let options = SockRef::from(&fd);
        assert_eq!(options.multicast_if_v4().unwrap(), LO);
        assert_eq!(options.multicast_ttl_v4().unwrap(), 1);
        assert!(options.multicast_loop_v4().unwrap());
        assert!(!options.multicast_all_v4().unwrap());
        assert_eq!(options.reuse_address().unwrap(), port != 0);
        assert!(options.nonblocking().unwrap());
    }
}

#[test]
#[cfg(unix)]
fn the_builders_options_reach_the_sockets() {
    let place = Place::new();
    let mut stack = StdStack::builder()
        .group(SocketAddr::new(place.group, place.port))
        .interface(LO.to_string().parse().unwrap())
        .hop_limit(7)
        .loopback(false)
        .receive_buffer(50_000)
        .send_buffer(40_000)
        .build()
        .unwrap();
    let socket = open(&mut stack, 0);
    let fd = socket.as_fd().unwrap();
    assert_eq!(SockRef::from(&fd).multicast_ttl_v4().unwrap(), 7);
    assert!(!SockRef::from(&fd).multicast_loop_v4().unwrap());
    // Linux doubles them.
    let (receive, send) = (
        socket.receive_buffer().unwrap(),
        socket.send_buffer().unwrap(),
    );
    assert!((50_000..=100_000).contains(&receive), "{receive}");
    assert!((40_000..=80_000).contains(&send), "{send}");
}

#[test]
fn waiting_ends_with_a_datagram_or_with_the_time() {
    let place = Place::new();
    let mut stack = stack(place);
    let mut ear = member(&mut stack);
    let mut mouth = open(&mut stack, 0);
    let unopened = Udp::socket(&mut stack).unwrap();
    let start = Instant::now();
    assert!(!wait(&[&unopened, &ear, &mouth], Duration::from_millis(30)).unwrap());
    assert!(start.elapsed() >= Duration::from_millis(30));
    let group = stack.group();
    stack.send_to(&mut mouth, group, b"wake up").unwrap();
    let start = Instant::now();
    assert!(wait(&[&unopened, &ear, &mouth], SOON).unwrap());
    assert!(start.elapsed() < SOON);
    assert!(wait(&[&ear], SOON).unwrap(), "what is not received stays");
    assert_eq!(receive(&mut stack, &mut ear).0, b"wake up");
    assert!(!wait(&[&ear], Duration::ZERO).unwrap());
    assert!(!wait(&[&unopened], Duration::from_millis(1)).unwrap());
}

#[test]
#[cfg(unix)]
fn waiting_can_include_other_handles() {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    let mut stack = stack(Place::new());
    let ear = member(&mut stack);
    let (mut writer, reader) = UnixStream::pair().unwrap();
    let ready = groupcast_std::wait_with(&[&ear], &[reader.as_fd()], Duration::ZERO).unwrap();
    assert!(!ready.sockets && !ready.others);
    writer.write_all(b"x").unwrap();
    let ready = groupcast_std::wait_with(&[&ear], &[reader.as_fd()], SOON).unwrap();
    assert!(!ready.sockets && ready.others);
    let mut mouth = open(&mut stack, 0);
    let group = stack.group();
    stack.send_to(&mut mouth, group, b"x").unwrap();
    wait(&[&ear], SOON).unwrap();
    let ready = groupcast_std::wait_with(&[&ear], &[reader.as_fd()], SOON).unwrap();
    assert!(ready.sockets && ready.others);
}

#[test]
fn a_socket_must_be_opened_once_and_only_once() {
    let mut stack = stack(Place::new());
    let group = stack.group();
    let mut socket = Udp::socket(&mut stack).unwrap();
    assert!(matches!(socket.local_address(), Err(Error::NotOpen)));
    let sent = stack.send_to(&mut socket, group, b"");
    assert!(matches!(sent, Err(nb::Error::Other(Error::NotOpen))));
    let joined = stack.join_multicast(&mut socket, group.ip(), Interface::Default);
    assert_eq!(joined.unwrap_err().kind(), UdpErrorKind::Closed);
    UdpFullStack::bind(&mut stack, &mut socket, 0).unwrap();
    assert_ne!(socket.local_address().unwrap().port(), 0);
    let again = UdpFullStack::bind(&mut stack, &mut socket, 0);
    assert!(matches!(again, Err(Error::AlreadyOpen)));
}

#[test]
fn a_destination_of_the_other_family_is_refused() {
    let mut stack = stack(Place::new());
    let mut mouth = open(&mut stack, 0);
    let sent = stack.send_to(&mut mouth, "[::1]:9999".parse().unwrap(), b"x");
    assert!(
        matches!(sent, Err(nb::Error::Other(Error::WrongFamily { .. }))),
        "{sent:?}"
    );
}

#[test]
fn send_goes_to_the_peer_or_to_where_send_to_went() {
    let place = Place::new();
    let mut stack = stack(place);
    let mut ear = open(&mut stack, place.port);
    let at = SocketAddr::new(LO.into(), place.port);
    let mut mouth = open(&mut stack, 0);
    let nowhere = Udp::send(&mut stack, &mut mouth, b"x");
    assert!(matches!(
        nowhere,
        Err(nb::Error::Other(Error::NoDestination))
    ));
    stack.send_to(&mut mouth, at, b"one").unwrap();
    Udp::send(&mut stack, &mut mouth, b"two").unwrap();
    assert_eq!(receive(&mut stack, &mut ear).0, b"one");
    assert_eq!(receive(&mut stack, &mut ear).0, b"two");
    let mut connected = Udp::socket(&mut stack).unwrap();
    Udp::connect(&mut stack, &mut connected, at).unwrap();
    Udp::send(&mut stack, &mut connected, b"three").unwrap();
    let (three, from) = receive(&mut stack, &mut ear);
    assert_eq!(three, b"three");
    stack.send_to(&mut ear, from, b"back").unwrap();
    assert_eq!(receive(&mut stack, &mut connected), (b"back".to_vec(), at));
}

/// The system reports the refusal on a connected socket, at the next call. It is no error of that call.
#[test]
fn a_refused_datagram_does_not_disturb_a_connected_socket() {
    let place = Place::new();
    let mut stack = stack(place);
    let at = SocketAddr::new(LO.into(), place.port);
    let mut socket = Udp::socket(&mut stack).unwrap();
    Udp::connect(&mut stack, &mut socket, at).unwrap();
    for _ in 0..5 {
        Udp::send(&mut stack, &mut socket, b"anybody?").unwrap();
        let received = Udp::receive(&mut stack, &mut socket, &mut [0; 16]);
        assert!(
            matches!(received, Err(nb::Error::WouldBlock)),
            "{received:?}"
        );
        Udp::send(&mut stack, &mut socket, b"once").unwrap();
        Udp::send(&mut stack, &mut socket, b"and again").unwrap();
    }
    let mut ear = open(&mut stack, place.port);
    Udp::send(&mut stack, &mut socket, b"there you are").unwrap();
    assert_eq!(receive(&mut stack, &mut ear).0, b"there you are");
}

#[test]
fn a_port_that_is_not_shared_is_reported_with_advice() {
    let place = Place::new();
    let selfish = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, place.port)).unwrap();
    let mut stack = stack(place);
    let mut socket = Udp::socket(&mut stack).unwrap();
    let error = UdpFullStack::bind(&mut stack, &mut socket, place.port).unwrap_err();
    assert_eq!(error.kind(), UdpErrorKind::AddressInUse);
    let text = error.to_string();
    assert!(
        text.contains(&place.port.to_string()) && text.contains("choose another port"),
        "{text}"
    );
    drop(selfish);
    UdpFullStack::bind(&mut stack, &mut socket, place.port).expect("the socket is not poisoned");
}

#[test]
#[cfg(target_os = "linux")]
fn the_limit_of_memberships_is_reported_and_can_be_lived_with() {
    let limit = std::fs::read_to_string("/proc/sys/net/ipv4/igmp_max_memberships").unwrap();
    let limit: u8 = limit
        .trim()
        .parse()
        .expect("this test is made for a limit below 256");
    let place = Place::new();
    let mut stack = stack(place);
    let mut ear = open(&mut stack, place.port);
    let IpAddr::V4(group) = place.group else {
        panic!("a place has IPv4 groups")
    };
    let [a, b, c, _] = group.octets();
    let group = |n| IpAddr::V4(Ipv4Addr::new(a, b + 32, c, n));
    for n in 0..limit {
        stack
            .join_multicast(&mut ear, group(n), Interface::Default)
            .unwrap();
    }
    let error = stack
        .join_multicast(&mut ear, group(limit), Interface::Default)
        .unwrap_err();
    assert_eq!(error.kind(), UdpErrorKind::TooManyGroups);
    assert!(
        error.to_string().contains("igmp_max_memberships"),
        "{error}"
    );
    stack
        .leave_multicast(&mut ear, group(0), Interface::Default)
        .unwrap();
    stack
        .join_multicast(&mut ear, group(limit), Interface::Default)
        .unwrap();
}

#[test]
fn an_interface_that_does_not_exist_is_reported_with_those_that_do() {
    let place = Place::new();
    let error = StdStack::builder()
        .group(SocketAddr::new(place.group, place.port))
        .interface("no-such-interface".parse().unwrap())
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), UdpErrorKind::NoInterface);
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}

#[test]
fn nothing_is_joined_again_while_nothing_changes() {
    let mut stack = stack(Place::new());
    let mut ear = member(&mut stack);
    // Longer than the interval at which the stack looks at the interfaces.
    let end = Instant::now() + Duration::from_millis(2500);
    while Instant::now() < end {
        let received = Udp::receive(&mut stack, &mut ear, &mut [0; 16]);
        assert!(matches!(received, Err(nb::Error::WouldBlock)));
        wait(&[&ear], Duration::from_millis(100)).unwrap();
    }
    assert_eq!(stack.rejoins(), 0);
}

#[test]
fn tcp_and_dns_are_handed_on() {
    let place = Place::new();
    let mut stack = stack(place);
    let found = stack.get_host_by_name("localhost", AddrType::IPv4).unwrap();
    assert_eq!(found, IpAddr::V4(LO));
    let mut server = TcpClientStack::socket(&mut stack).unwrap();
    TcpFullStack::bind(&mut stack, &mut server, place.port).unwrap();
    stack.listen(&mut server).unwrap();
    let mut client = TcpClientStack::socket(&mut stack).unwrap();
    let at = SocketAddr::new(found, place.port);
    nb::block!(TcpClientStack::connect(&mut stack, &mut client, at)).unwrap();
    let (mut accepted, _) = nb::block!(stack.accept(&mut server)).unwrap();
    nb::block!(TcpClientStack::send(&mut stack, &mut client, b"over TCP")).unwrap();
    let mut buffer = [0; 16];
    let length = nb::block!(TcpClientStack::receive(
        &mut stack,
        &mut accepted,
        &mut buffer
    ))
    .unwrap();
    assert_eq!(&buffer[..length], b"over TCP");
}
