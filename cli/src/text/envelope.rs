//! What `groupcast chat` says is text, with the time at which it was said behind it: cli/CHAT.md.
//!
//! The time is in characters that are not shown, so that whoever knows nothing of it shows the text.

use groupcast::Channel;

/// Where chats ask and tell what those said who have left.
pub(crate) const NOTES: Channel = Channel::best_effort(255);

/// With what they begin.
const NOTE: &[u8] = br#"{"groupcast_chat":"#;

/// Whether a message is one of theirs, which is nothing that somebody says.
pub(crate) fn is_note(channel: Channel, payload: &[u8]) -> bool {
    channel == NOTES && payload.starts_with(NOTE)
}

/// Begins the time. It is a variation selector that no character uses, as are the digits.
const MARK: char = '\u{e01ef}';

/// The first of the digits, which have seven bits each.
const ZERO: u32 = 0xe0100;
const DIGITS: u32 = 7;

/// Bytes of it all: each character has four.
const LEN: usize = 4 * (1 + DIGITS as usize);

/// Text that was said at this time, in milliseconds since 1970.
pub(crate) fn seal(text: &str, millis: u64) -> String {
    let mut said = String::with_capacity(text.len() + LEN);
    said.push_str(text);
    said.push(MARK);
    for place in (0..DIGITS).rev() {
        // Seven bits fit.
        let digit = (millis >> (7 * place) & 0x7f) as u32;
        said.extend(char::from_u32(ZERO + digit));
    }
    said
}

/// The text, and when its sender says that it said it.
pub(crate) fn open(said: &str) -> (&str, Option<u64>) {
    let Some((text, time)) = said
        .len()
        .checked_sub(LEN)
        .and_then(|at| said.split_at_checked(at))
    else {
        return (said, None);
    };
    let mut characters = time.chars();
    if characters.next() != Some(MARK) {
        return (said, None);
    }
    let mut millis = 0;
    for character in characters {
        match u32::from(character).checked_sub(ZERO) {
            Some(digit @ 0..=0x7f) => millis = millis << 7 | u64::from(digit),
            _ => return (said, None),
        }
    }
    (text, Some(millis))
}

/// As [`open`], of a payload that may be no text.
pub(crate) fn open_payload(payload: &[u8]) -> (&[u8], Option<u64>) {
    let Ok(said) = core::str::from_utf8(payload) else {
        return (payload, None);
    };
    let (text, millis) = open(said);
    (text.as_bytes(), millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_comes_first_and_the_time_is_not_seen() {
        let time = 1_764_316_800_123;
        for text in ["", "hello", "여보세요 👋🏽", "e\u{301}", "שלום", "❤\u{fe0f}"] {
            let said = seal(text, time);
            assert!(said.starts_with(text));
            assert_eq!(said.len(), text.len() + 32);
            assert_eq!(open(&said), (text, Some(time)));
            // Neither takes it a cell of a terminal, nor does a terminal obey it.
            assert_eq!(
                crate::text::cells::width(&said),
                crate::text::cells::width(text)
            );
            assert_eq!(crate::text::escape::escaped(&said).to_string(), said);
        }
        assert_eq!(open(&seal("x", (1 << 49) - 1)), ("x", Some((1 << 49) - 1)));
    }

    #[test]
    fn what_is_none_stays_as_it_is() {
        let said = seal("hello", 7);
        for text in [
            "",
            "hello",
            "한국어로 쓴 조금 더 긴 글입니다, 서른두 바이트보다",
            said.trim_end_matches('\u{e0107}'),
            &said[5..9],
            &format!("{said}x"),
        ] {
            assert_eq!(open(text), (text, None), "{text:?}");
        }
        assert_eq!(open_payload(&[0xff; 64]), (&[0xff; 64][..], None));
        assert_eq!(open_payload(said.as_bytes()), (&b"hello"[..], Some(7)));
    }

    #[test]
    fn a_note_is_told_from_what_is_said() {
        let note = br#"{"groupcast_chat":"ask"}"#;
        assert!(is_note(NOTES, note));
        assert!(!is_note(NOTES, b"{}") && !is_note(Channel::best_effort(0), note));
    }

    #[test]
    fn the_page_says_the_same() {
        let page = include_str!("../../CHAT.md");
        let octets = crate::text::escape::hex(seal("hi", 1_764_316_800_123).as_bytes());
        assert!(page.contains(&octets), "{octets}");
    }
}
