//! Events as a stream.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_core::Stream;
use groupcast::OwnedEvent;

use super::member::AsyncMember;
use crate::error::Error;

/// The events of an [`AsyncMember`]: what [`AsyncMember::events`] returns. It never ends.
#[derive(Debug)]
pub struct Events<'a>(&'a mut AsyncMember);

impl<'a> Events<'a> {
    pub(super) const fn new(member: &'a mut AsyncMember) -> Self {
        Self(member)
    }
}

impl Stream for Events<'_> {
    type Item = Result<OwnedEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Err(error) = ready!(self.0.poll_recv(cx)) {
                return Poll::Ready(Some(Err(error)));
            }
            if let Some(event) = self.0.take_event() {
                return Poll::Ready(Some(Ok(event.into())));
            }
        }
    }
}
