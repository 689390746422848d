//! What questions and answers mean: who has what, and who wants the State values.

use crate::time::Span;

use super::engine::Engine;
use super::frames::retry;
use super::inbox::Source;
use super::serial::is_before;
use crate::storage::Views;
use crate::time::Instant;
use crate::wire::{Ack, AckRequest, Ask};

impl Engine {
    pub(crate) fn on_ack_request(
        &mut self,
        views: &mut Views<'_>,
        now: Instant,
        source: Source,
        request: AckRequest,
    ) {
        let Some(index) = source.index else { return };
        let mut parts = views.parts();
        let at = parts.streams.find(index).or_else(|| {
            let position = parts.roster.position(index)?;
            self.new_stream(&mut parts, now, source, index, position)
        });
        let Some(at) = at else { return };
        let spread = Span::from_millis(u64::from(request.spread));
        let due = now + self.tools.random.up_to(spread);
        if let Some(stream) = views.streams.get_mut(at)
            && is_before(request.sequence, stream.next)
        {
            stream.ack_by(views.roster.ack_due(index, now, stream.next, due));
        }
        views.streams.note(at, self.tools.config.max_wait);
    }

    pub(crate) fn on_ack(&mut self, views: &mut Views<'_>, now: Instant, source: Source, ack: Ack) {
        let is_mine = ack.target == self.id.get() && ack.session == self.session.life();
        let Some(index) = source.index.filter(|_| is_mine) else {
            return;
        };
        self.sending
            .on_ack(now, views.roster, views.history, index, ack);
    }

    pub(crate) fn on_ask(&mut self, views: &mut Views<'_>, now: Instant, ask: Ask) {
        if ask.target == self.id.get() {
            if ask.session == self.session.life() {
                views.states.on_ask();
            }
            return;
        }
        let members = views.roster.group_size();
        let Some(index) = views.roster.find_number(ask.target) else {
            return;
        };
        if !views.takes_streams()
            && let Some(peer) = views.roster.peer_mut(index)
            && peer.member.session.life() == ask.session
        {
            return self.put_off_values(peer, now, members);
        }
        let Some(at) = views.streams.find(index) else {
            return;
        };
        let stream = views.streams.get_mut(at);
        if let Some(stream) = stream.filter(|stream| stream.session == ask.session)
            && let Some(due) = stream.states_at
        {
            // It is only put off.
            let again = now + retry(stream.round_trip(), members, &mut self.tools.random);
            stream.states_at = Some(due.max(again));
        }
    }
}
