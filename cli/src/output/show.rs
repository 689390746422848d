//! What is to be shown of an event.

use groupcast::sign::NotTrusted;

/// What is to be shown of an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Show<'t> {
    /// Nothing.
    No,
    /// All of it, as it is.
    Yes,
    /// A message, and which trusted publisher signed it.
    SignedBy(&'t str),
    /// That there was a message, and why it is not trusted; not what it says.
    Untrusted(NotTrusted),
}

impl Show<'_> {
    /// Whether a message is shown.
    pub(crate) const fn is_shown(self) -> bool {
        matches!(self, Self::Yes | Self::SignedBy(_))
    }
}
