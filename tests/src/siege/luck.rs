//! What members of sealed groups do beside crashing: keys are changed while something is under way, and devices
//! sleep while their clocks stand.

use core::time::Duration;

use groupcast::seal::{Entropy, Seal};
use groupcast::{Group, Instant, Tiny};
use groupcast_sim::{MemberKey, SimNet};

use super::drive::Siege;
use super::plan::{CHANNELS, group};
use crate::swarm::dice::Dice;

/// How long devices sleep at most, in milliseconds.
const LONGEST: u64 = 100_000;

/// Who sleeps until when.
pub(super) type Sleeper = (usize, Instant);

impl Siege<'_> {
    /// A member says something, and sends with the other key from now on or from soon on.
    pub(super) fn rotate(&mut self) -> Option<()> {
        let member = self.dice.place(self.keys.len());
        if self.net[self.keys[member]].is_paused() {
            return Some(());
        }
        for _ in 0..self.dice.between(1, 4) {
            let channel = self.dice.pick(&CHANNELS);
            self.send(member, channel);
        }
        let under_way = self.dice.pick(&[0, 1, 3, 30]);
        self.pass(Duration::from_millis(under_way))?;
        self.change_key(member);
        Some(())
    }

    /// A member's device sleeps, and its clock with it, or its program stands still. The stranger may keep what is said meanwhile.
    pub(super) fn fall_asleep(&mut self) {
        let member = self.dice.place(self.keys.len());
        let key = self.keys[member];
        if !self.net[key].is_running() || self.net[key].is_paused() {
            return;
        }
        let millis = self.dice.pick(&[3_000, 20_000, LONGEST]);
        let until = self.net.now() + Duration::from_millis(self.dice.between(500, millis));
        if self.dice.chance(0.3) {
            // A process that is stopped: its clock goes on, and all that is said waits in its sockets.
            self.net[key].pause();
        } else {
            self.net[key].sleep();
            let host = self.net[key].host();
            self.watch.stranger.keep_all(host);
        }
        self.asleep.push((member, until));
    }

    /// Whoever has slept long enough wakes up, and the first it hears is what was kept. All: everybody does.
    pub(super) fn wake_up(&mut self, all: bool) -> Option<()> {
        let now = self.net.now();
        while let Some(at) = self
            .asleep
            .iter()
            .position(|(_, until)| all || *until <= now)
        {
            let (member, _) = self.asleep.swap_remove(at);
            let key = self.keys[member];
            let host = self.net[key].host();
            let totals = &mut self.watch.judge.totals;
            self.watch.stranger.give_back(host, totals);
            // Over the stranger's link, before its clock has gone on.
            self.pass(Duration::from_millis(1))?;
            if self.net[key].is_paused() {
                wake(&mut self.net, key);
            }
        }
        Some(())
    }
}

/// A member goes on, and is told that time has passed.
fn wake(net: &mut SimNet, key: MemberKey) {
    net[key].resume();
    let clock = net[key].clock();
    if let Some(node) = net[key].node_mut() {
        node.woke(clock);
    }
}

/// Random octets that cannot be random start nobody: what is wrong.
pub(super) fn takes_no_constants(dice: &mut Dice) -> Result<(), String> {
    let (first, step) = (dice.roll() as u8, dice.pick(&[0, 1, u8::MAX]));
    let octets: [u8; 32] = core::array::from_fn(|n| first.wrapping_add(step.wrapping_mul(n as u8)));
    let keys = super::keys(0);
    let seal = Seal::new(&keys, Entropy::new().with_random(&octets));
    let config = groupcast::Config::new(group());
    match Group::sealed(Box::new(Tiny::new()), config, seal) {
        Ok(_) => Err(format!("{octets:02x?} are taken for random")),
        Err(_) => Ok(()),
    }
}
