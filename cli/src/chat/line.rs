//! What is in the history as lines of text, for standard output and for a file.

use super::history::Entry;
use super::room::Room;
use crate::text::escape::escaped;

/// An entry as a line of its own. Of what was said earlier it says when.
pub(crate) fn line(room: &Room, number: u64) -> Option<String> {
    let (when, entry) = room.history.timed(number)?;
    let is_earlier = matches!(
        entry,
        Entry::Said {
            is_earlier: true,
            ..
        }
    );
    let text = text(room, entry);
    Some(if is_earlier {
        let time = when.map_or_else(|| "--:--".to_owned(), |when| room.setting.zone.of_day(when));
        format!("[{time}] {text}")
    } else {
        text
    })
}

/// As [`line`], with day and time.
pub(crate) fn dated(room: &Room, number: u64) -> Option<String> {
    let (when, entry) = room.history.timed(number)?;
    let time = when.map_or_else(String::new, |when| room.setting.zone.whole(when) + " ");
    Some(time + &text(room, entry))
}

fn text(room: &Room, entry: &Entry) -> String {
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
        Entry::Raw { from, text } => format!("{from} (raw): {}", escaped(text)),
        Entry::Change { text } => format!("* {}", escaped(text)),
        Entry::Trouble { text } => format!("! {}", escaped(text)),
        Entry::Local { text } => escaped(text).to_string(),
        Entry::Divider { text } => format!("-- {text} --"),
    }
}
