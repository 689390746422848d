//! What is said in a chat.

use groupcast::Message;

/// Begins the time that `groupcast chat` puts behind what is said: cli/CHAT.md.
const TIME: char = '\u{e01ef}';

/// What a message says, without the time at which it was said; `None`: it is no text.
pub fn said<'m>(message: &'m Message<'_>) -> Option<&'m str> {
    message.text()?.split(TIME).next()
}
