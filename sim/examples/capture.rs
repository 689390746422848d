//! A simulated group as a capture for Wireshark, with every kind of frame in it:
//! `cargo run -p groupcast-sim --example capture -- cli/wireshark/sample.pcapng`.
//!
//! It makes the same file every time, to the byte, until the engine or the simulation changes.

use core::error::Error;
use core::net::SocketAddr;
use core::time::Duration;
use std::fs::File;
use std::io::BufWriter;

use groupcast::seal::{FirstContact, GroupKey, KeySet};
use groupcast::wire::{self, Busy, Frame, Header, Suite, open_group_tag};
use groupcast::{Channel, Config, MemberId, Name, SendError, Session};
use groupcast_sim::{Capture, Link, SimNet};

const TEMPERATURE: Channel = Channel::state(1);
const POSITION: Channel = Channel::latest(2);
const COMMANDS: Channel = Channel::reliable_ordered(3);
const FILES: Channel = Channel::reliable_unordered(4);

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: capture FILE")?;
    let group: SocketAddr = "239.1.2.3:12345".parse()?;
    let link = Link::wifi().with_loss(0.2);
    let mut net: SimNet = SimNet::new(7).with_link(link);
    let network = net.network().clone().with_recorded_trace();
    let config = Config::new(group);

    let boiler = net.join(config.with_name("boiler"));
    let panel = net.join(config.with_name("panel"));
    net.run_for(Duration::from_millis(1_500));
    net[panel]
        .send(Channel::best_effort(0), b"Hello, multicast!")
        .map_err(refused)?;
    net[panel]
        .send_raw(b"Hello from another program")
        .map_err(refused)?;
    for tenth in 0..40 {
        net[boiler]
            .send(TEMPERATURE, format!("{}.{}", 21, tenth % 10).as_bytes())
            .map_err(refused)?;
        net[boiler]
            .send(POSITION, &[tenth, tenth])
            .map_err(refused)?;
        if tenth % 10 == 0 {
            net[panel]
                .send(COMMANDS, format!("valve {tenth}").as_bytes())
                .map_err(refused)?;
        }
        net.run_for(Duration::from_millis(20));
    }
    let last = net[panel].send(FILES, &[0x5a; 1_400]).map_err(refused)?;
    net[panel].confirm(last).map_err(refused)?;
    net.run_for(Duration::from_millis(500));

    // Somebody who comes late, and two who talk in a sealed group at the same address.
    let late = net.join(config.with_name("여보세요"));
    let keys = KeySet::new(GroupKey::new([7; 32]));
    let kitchen = config.with_group_name("kitchen");
    let ana = net.join_sealed(kitchen.with_name("ana"), keys.clone(), FirstContact::Verify);
    let ben = net.join_sealed(kitchen.with_name("ben"), keys, FirstContact::Verify);
    net.run_for(Duration::from_secs(2));
    net[ana]
        .send(COMMANDS, b"nobody else reads this")
        .map_err(refused)?;
    net.run_for(Duration::from_millis(300));

    // What the engine sends seldom or never: a plea for a pause, and a datagram that was damaged.
    let header = Header {
        suite: Suite::Open,
        tag: open_group_tag(group, &Name::EMPTY),
        sender: MemberId::new(0x2a).ok_or("an id")?,
        session: Session::new(0x0102_0304_0506_0708),
        counter: 1,
    };
    let mut datagram = [0; 64];
    let len = wire::emit(&header, &[Frame::Busy(Busy { wait: 250 })], &mut datagram)?;
    let (host, source) = (net[panel].host(), "10.0.0.99:4000".parse()?);
    network.forge(host, source, group, &datagram[..len]);
    datagram[len / 2] ^= 0x10;
    network.forge(host, source, group, &datagram[..len]);
    net.run_for(Duration::from_millis(100));

    // A power cut, a return, and all leave.
    net.crash(panel);
    net.run_for(Duration::from_secs(3));
    net.restart(panel);
    net.run_for(Duration::from_secs(1));
    for key in [boiler, panel, late, ana, ben] {
        net[key].leave();
    }
    net.run_for(Duration::from_millis(500));

    let mut capture = Capture::new(BufWriter::new(File::create(path)?), "groupcast-sim", "sim")?;
    capture.write_trace(&network.take_trace())?;
    Ok(capture.flush()?)
}

fn refused(error: SendError) -> String {
    format!("not sent: {error:?}")
}
