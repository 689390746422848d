//! How fast the simulated network is: `cargo run --release -p groupcast-sim --example throughput`.

use core::error::Error;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::time::Instant;

use groupcast::embedded_nal::{UdpClientStack, UdpFullStack};
use groupcast::multicast::{Interface, UdpMulticast};
use groupcast_sim::{Link, Network};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const PORT: u16 = 12345;

fn main() -> Result<(), Box<dyn Error>> {
    let faulty = Link::wifi()
        .with_loss(0.1)
        .with_burst(0.05, 5.0)
        .with_duplicate(0.05);
    println!("| hosts | link | payload | datagrams sent/s | copies/s |");
    println!("|---|---|---|---|---|");
    for (hosts, length) in [(2, 64), (2, 1200), (10, 1200), (100, 1200), (1000, 1200)] {
        for (name, link) in [("LAN", Link::lan()), ("Wi-Fi with faults", faulty)] {
            let (sent, copies) = measure(hosts, length, link)?;
            println!("| {hosts} | {name} | {length} | {sent:.0} | {copies:.0} |");
        }
    }
    Ok(())
}

/// Everyone sends to all in turn, 1000 datagrams per second. Datagrams and copies per second of wall
/// time.
fn measure(hosts: usize, length: usize, link: Link) -> Result<(f64, f64), Box<dyn Error>> {
    let network = Network::new(1).with_link(link);
    let mut members = Vec::new();
    for _ in 0..hosts {
        let mut stack = network.stack(network.add_host());
        let mut socket = stack.socket()?;
        stack.bind(&mut socket, PORT)?;
        stack.join_multicast(&mut socket, GROUP.into(), Interface::Default)?;
        members.push((stack, socket));
    }
    let payload = vec![0x5a; length];
    let mut buffer = vec![0; length];
    let rounds = 1_000_000 / hosts;
    let start = Instant::now();
    for round in 0..rounds {
        let (stack, socket) = &mut members[round % hosts];
        if stack
            .send_to(socket, SocketAddr::from((GROUP, PORT)), &payload)
            .is_err()
        {
            return Err("a simulated network refuses nothing unless asked".into());
        }
        let end = network.now() + Duration::from_millis(1);
        while network.now() < end {
            network.advance_to(network.next_arrival().map_or(end, |at| at.min(end)));
            for host in network.take_ready() {
                let (stack, socket) = &mut members[host.number() as usize - 1];
                while stack.receive(socket, &mut buffer).is_ok() {}
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let counters = network.counters();
    assert!(counters.is_balanced() && counters.overflowed == 0);
    Ok((
        counters.sent as f64 / seconds,
        counters.copies as f64 / seconds,
    ))
}
