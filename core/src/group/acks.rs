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
        if let Some(confirm) = self.confirm
            && is_before(confirm.last, ack.next)
        {
            let has_all = !is_before(confirm.first, ack.since);
            views.roster.change(index, |peer| peer.answer(has_all));
        }
        self.follow(views, now, index, ack.next);
    }

    /// A receiver is at `next` in this member's stream.
    pub(crate) fn follow(&mut self, views: &mut Views<'_>, now: Instant, index: usize, next: u32) {
        let sent = self.sent_next(views);
        if self.flow_window(views.view()).is_none() {
            return;
        }
        let further = match views.roster.reach(index) {
            Some(before) => is_before(before, next),
            None => self.flow.welcomes(now),
        };
        if further && !is_before(sent, next) {
            views.roster.set_reach(index, next);
            self.flow.advance(views.roster.slowest());
        }
    }

    pub(crate) fn on_ask(&mut self, views: &mut Views<'_>, now: Instant, ask: Ask) {
        if ask.target == self.id.get() {
            if ask.session == self.session.life() {
                views.states.on_ask();
            }
            return;
        }
        let members = self.group_size(views.roster);
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
