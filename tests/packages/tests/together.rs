//! What the packages' documentation promises: virtual time for tests, sockets for the desktop.

use core::time::Duration;

use groupcast::{Board, Config, Limit, Tiny, TinyPeer};
use groupcast_from_packages::{Boiler, TEMPERATURE};
use groupcast_sim::{Link, SimNet};
use groupcast_std::Member;

const GROUP: &str = "239.1.2.3:12345";

#[test]
fn a_lossy_network_on_virtual_time() {
    let mut net = SimNet::new(7).with_link(Link::perfect().with_loss(0.2));
    let config = Config::new(GROUP.parse().unwrap());
    let boiler = net.join_with::<Tiny>(config.with_name("boiler"));
    let panel = net.join_with::<Board>(config.with_name("panel"));
    net[boiler].send(TEMPERATURE, b"21.5").unwrap();
    let arrives = |net: &SimNet| net[panel].last(TEMPERATURE) == Some(&b"21.5"[..]);
    assert!(net.run_until(Duration::from_secs(30), arrives));
}

#[test]
fn two_members_on_this_machine() {
    let member = |name| {
        let builder = Member::builder(GROUP.parse().unwrap()).name(name);
        builder
            .interface("127.0.0.1".parse().unwrap())
            .join()
            .unwrap()
    };
    let (mut boiler, mut panel) = (member("boiler"), member("panel"));
    let mut says = Boiler {
        says: Some(b"21.5"),
        ..Boiler::default()
    };
    let mut hears = Boiler::default();
    for _ in 0..500 {
        boiler.run(&mut says, Duration::from_millis(10)).unwrap();
        panel.run(&mut hears, Duration::from_millis(10)).unwrap();
        if hears.heard == b"21.5" {
            return;
        }
    }
    panic!("nothing arrived in ten seconds");
}

#[test]
fn sizes_are_constants() {
    const _: () = assert!(Tiny::MAX_MESSAGE >= 900 && TinyPeer::MAX_MESSAGE >= 400);
    assert_eq!(Board::LIMIT, Limit::Receive);
}
