//! What is in the history as lines of text, for standard output and for a file.

use super::history::Entry;
use super::room::Room;
use crate::escape::escaped;

/// An entry as a line of its own.
pub(crate) fn line(room: &Room, entry: &Entry) -> String {
    match entry {
        Entry::Said { note, text, .. } => {
            let label = room.label_of(entry);
            let note = if note.is_empty() {
                String::new()
            } else {
                format!(" ({note})")
            };
            format!("{label}{note}: {}", escaped(text))
        }
        Entry::Own { text, .. } => format!("{}: {}", room.own_label(), escaped(text)),
        Entry::Bare { from, text } => format!("{from} (bare): {}", escaped(text)),
        Entry::Change { text } => format!("* {}", escaped(text)),
        Entry::Trouble { text } => format!("! {}", escaped(text)),
        Entry::Local { text } => escaped(text).to_string(),
    }
}
