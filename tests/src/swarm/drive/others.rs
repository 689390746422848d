//! What is done by those who are no members, and how members start and speak where that is part of their luck.

use std::sync::OnceLock;

use groupcast::sign::{PublicKey, SigningKey, Verifier};
use groupcast::{Channel, Event, SendError, Sequence};
use groupcast_sim::MemberKey;

use super::super::memory::{LEAF_DATAGRAM, LEAVES, Peer, ROOM, Streamless, WIDE_ROOM};
use super::super::plan::{Action, Kind, Player};
use super::super::stranger::{Forgery, Says, Stranger, Who};
use super::super::world::Life;
use super::Drive;

/// Signatures that a receiver remembers.
const REMEMBERED: usize = 8;

/// The publisher of all signed messages, and the key by which it is known.
fn publisher() -> &'static (SigningKey, [PublicKey; 1]) {
    static KEY: OnceLock<(SigningKey, [PublicKey; 1])> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = SigningKey::new(&[5; 32]).expect("it is not zero");
        let public = [key.public()];
        (key, public)
    })
}

impl Drive<'_> {
    /// A member joins for the first time.
    pub(super) fn join(&mut self, player: &Player) -> MemberKey {
        let settings = player.settings();
        match player.kind {
            Kind::Full => self.net.join(settings),
            Kind::Streamless => self.net.join_with::<Streamless>(settings),
            Kind::Peer => self.net.join_with::<Peer>(settings),
            Kind::Leaf(0) => self.net.join_leaf_with::<LEAF_DATAGRAM, 0, ROOM>(settings),
            Kind::Leaf(4) => self.net.join_leaf_with::<LEAF_DATAGRAM, 4, ROOM>(settings),
            Kind::Leaf(_) => {
                const MOST: usize = LEAVES[2];
                self.net
                    .join_leaf_with::<LEAF_DATAGRAM, MOST, WIDE_ROOM>(settings)
            }
        }
    }

    /// A member starts: with a seed of its luck's, and with eyes for signatures.
    pub(super) fn start(&mut self, member: usize, starts: u64) {
        let key = self.keys[member];
        if let Some(seed) = self.plan.luck.seed(self.plan.seed, member, starts) {
            self.net.restart_with(key, seed);
        }
        // A leaf does not know whose session it is, and verifies nothing (PROTOCOL P5).
        if self.plan.signs && !self.plan.players[member].kind.is_leaf() {
            let (_, trusted) = publisher();
            let mut verifier: Verifier<'_, REMEMBERED> = Verifier::new(trusted);
            let refused = self.watch.refused.clone();
            self.net[key].set_witness(move |event| {
                if let Event::Message(message) = event
                    && let Err(error) = verifier.check(message)
                {
                    let what = format!("{}: {error:?}", message.sequence());
                    refused.borrow_mut().push((member, what));
                }
            });
        }
    }

    /// A member says something.
    pub(super) fn say(
        &mut self,
        key: MemberKey,
        channel: Channel,
        payload: &[u8],
    ) -> Result<Sequence, SendError> {
        if !self.plan.signs || self.net[key].node().is_none() {
            return self.net[key].send(channel, payload);
        }
        let member = &mut self.net[key];
        let now = member.clock();
        let node = member.node_mut().ok_or(SendError::HasLeft)?;
        node.queue_signed(now, channel, payload, &publisher().0)
    }

    /// There are strangers, if the plan says so.
    pub(super) fn meet_strangers(&mut self) {
        let is_theirs = |action: &Action| matches!(action, Action::Forge(_) | Action::Puppet(_));
        if !self
            .plan
            .actions
            .iter()
            .any(|(_, action)| is_theirs(action))
        {
            return;
        }
        let hosts: Vec<_> = self.keys.iter().map(|key| self.net[*key].host()).collect();
        let stranger = Stranger::new(self.net.network().clone(), &hosts);
        self.watch.tap.strangers = Some(stranger.address().ip());
        self.stranger = Some(stranger);
        if self.plan.has_puppet {
            let (id, session) = Stranger::puppet();
            let member = self.plan.players.len();
            let now = self.net.now();
            self.oracle.begin(Life::new(member, true, id, session, now));
        }
    }

    pub(super) fn forge(&mut self, forgery: &Forgery) {
        let now = self.net.now();
        let Some(stranger) = &mut self.stranger else {
            return;
        };
        let frames = match &forgery.says {
            Says::Frames(frames) => frames.clone(),
            Says::LacksAll(victim) => {
                let Some(life) = self.oracle.current[*victim] else {
                    return;
                };
                let next = self.watch.tap.next_of(life);
                Stranger::lacks_all(&self.oracle.lives[life], next)
            }
        };
        match forgery.who {
            Who::Stranger(who) => {
                self.oracle.made_up(now, Stranger::id(who));
                stranger.say(who, &frames);
            }
            Who::Member { victim, ahead } => {
                let Some(life) = self.oracle.current[victim] else {
                    return;
                };
                let name = self.oracle.lives[life].name();
                let counter = self.watch.tap.counter_of(name) + ahead;
                stranger.pretend(name, counter, &frames);
            }
        }
    }

    pub(super) fn puppet(&mut self, messages: &[usize]) {
        let Some(stranger) = &mut self.stranger else {
            return;
        };
        let asked = core::mem::take(&mut self.watch.tap.asked_of_puppet);
        stranger.puppet_repairs(&asked);
        let Some(life) = self.oracle.current[self.plan.players.len()] else {
            return;
        };
        let before = self.oracle.lives[life].sent.len();
        let sent = stranger.puppet_talks(self.plan.seed, life, before, messages);
        for sent in sent {
            self.oracle.totals.sent += 1;
            self.oracle.lives[life]
                .note(sent, 0)
                .expect("its numbers rise");
        }
    }
}
