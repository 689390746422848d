//! How long first contact takes while the stranger plays back as much as it can.
//!
//! It has recorded the HELLOs of many lives of all members, and plays them back, up to eight every ten
//! milliseconds, while one of the members starts once more: what crowds out challenges best is what others
//! sealed, and the newcomer itself in lives that nobody remembers.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use groupcast::seal::FirstContact;
use groupcast::{Config, MemberId, Tiny};
use groupcast_sim::{Link, MemberKey, SimNet};

use super::plan::group;
use crate::swarm::dice::Dice;

/// Members of the group.
const MEMBERS: u32 = 3;

/// Lives that each of them had before.
const LIVES: u32 = 20;

/// How often the stranger sends.
const STEP: Duration = Duration::from_millis(10);

/// After this time it is given up.
pub const GIVEN_UP: Duration = Duration::from_secs(60);

/// How long a member that starts during a flood of `at_once` replays each 10 ms takes to be on all rosters,
/// and to have all on its own. `fixed`: members have the same id in every life.
#[must_use]
pub fn first_contact(seed: u64, at_once: u64, fixed: bool) -> Duration {
    let mut dice = Dice::new(seed, 4);
    let mut net = SimNet::new(seed)
        .with_memory::<Tiny>()
        .with_link(Link::lan());
    let network = net.network().clone();
    let tape: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
    let record = Rc::clone(&tape);
    network.set_observer(move |_, octets| record.borrow_mut().push(octets.to_vec()));
    let config = |n: u32| {
        let config = Config::new(group()).with_name(["ana", "ben", "cleo"][n as usize]);
        if fixed {
            config.with_id(MemberId::new(1 + n).expect("not zero"))
        } else {
            config
        }
    };
    let join = |n| net.join_sealed(config(n), super::keys(0), FirstContact::Verify);
    let members: Vec<_> = (0..MEMBERS).map(join).collect();
    for _ in 0..LIVES {
        for member in &members {
            net.run_for(Duration::from_millis(700));
            net.restart(*member);
        }
    }
    // Nobody is to know the lives before.
    for member in &members {
        net.restart(*member);
    }
    let newcomer = members[0];
    net.crash(newcomer);
    net.run_for(Duration::from_secs(20));
    network.set_observer(|_, _| {});
    let stranger = network.add_host();
    let tape = tape.take();
    let source = (stranger.ipv4(), group().port()).into();
    let mut step = |net: &mut SimNet| {
        for _ in 0..at_once {
            network.forge(stranger, source, group(), &tape[dice.place(tape.len())]);
        }
        net.run_for(STEP);
    };
    for _ in 0..100 {
        step(&mut net);
    }
    net.restart(newcomer);
    let began = net.now();
    while net.now().since(began) < GIVEN_UP {
        let complete = |member: MemberKey| net[member].peer_names().len() + 1 == members.len();
        if members.iter().all(|member| complete(*member)) {
            break;
        }
        step(&mut net);
    }
    net.now().since(began)
}
