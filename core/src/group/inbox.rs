//! The datagram that came in last, and how far it has been read.

use crate::wire::{Frame, FrameError, Frames};

/// A receive buffer over any storage; code is written for the unsized [`Inbox`].
#[derive(Debug)]
pub(crate) struct Inbox<B: ?Sized = [u8]> {
    pub(crate) content: Content,
    pub(crate) octets: B,
}

/// What the receive buffer holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    /// Nothing that is still to be read.
    Nothing,
    /// A raw datagram.
    Raw { len: usize },
    /// Frames, from `at` to `end`.
    Frames { at: usize, end: usize },
}

impl<const N: usize> Inbox<[u8; N]> {
    pub(crate) const fn new() -> Self {
        Self {
            content: Content::Nothing,
            octets: [0; N],
        }
    }
}

impl Inbox {
    pub(crate) fn clear(&mut self) {
        self.content = Content::Nothing;
    }

    /// Reads the next frame. With it comes where it ends in the buffer.
    pub(crate) fn next_frame(&mut self) -> Option<(Result<Frame<'_>, FrameError>, usize)> {
        let Content::Frames { at, end } = self.content else {
            return None;
        };
        let mut frames = Frames::new(self.octets.get(at..end).unwrap_or_default());
        let frame = frames.next();
        let at = end.saturating_sub(frames.remaining());
        self.content = match frame {
            Some(_) => Content::Frames { at, end },
            None => Content::Nothing,
        };
        Some((frame?, at))
    }

    /// The frames that are still to be read.
    pub(crate) fn rest(&self) -> &[u8] {
        let Content::Frames { at, end } = self.content else {
            return &[];
        };
        self.octets.get(at..end).unwrap_or_default()
    }

    /// Where the datagram's frames end.
    pub(crate) const fn end(&self) -> usize {
        match self.content {
            Content::Frames { end, .. } => end,
            _ => 0,
        }
    }

    /// Whether something is still to be read.
    pub(crate) const fn is_busy(&self) -> bool {
        !matches!(self.content, Content::Nothing)
    }
}
