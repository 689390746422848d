//! Text of strangers, made safe for a terminal.

use core::fmt;

/// Shows text on one line, without anything that a terminal would obey.
///
/// Control characters are shown as in Rust (`\n`, `\u{1b}`), and so are the invisible characters that
/// turn the direction of writing or break lines. A backslash stays as it is.
pub(crate) const fn escaped(text: &str) -> Escaped<'_> {
    Escaped(text)
}

/// See [`escaped`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = 0;
        for (at, c) in self.0.char_indices().filter(|(_, c)| is_unsafe(*c)) {
            f.write_str(&self.0[plain..at])?;
            write!(f, "{}", c.escape_default())?;
            plain = at + c.len_utf8();
        }
        f.write_str(&self.0[plain..])
    }
}

/// Whether a terminal would obey this character rather than show it.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Direction marks, line and paragraph separators, embeddings, overrides, isolates.
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                // An invisible mark, and characters of the deprecated tag block.
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(octets: &[u8]) -> String {
    use fmt::Write;
    octets.iter().fold(
        String::with_capacity(octets.len() * 2),
        |mut text, octet| {
            // Writing to a string does not fail.
            let _ = write!(text, "{octet:02x}");
            text
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_language_stays_as_it_is() {
        for text in [
            "",
            "Hello, multicast!",
            "여보세요 🎉",
            "C:\\new",
            "é = e\u{301}",
        ] {
            assert_eq!(escaped(text).to_string(), text);
        }
    }

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        let text = "a\u{1b}[31mb\nc\rd\te\0f\u{7f}g\u{9b}h\u{202e}i";
        assert_eq!(
            escaped(text).to_string(),
            "a\\u{1b}[31mb\\nc\\rd\\te\\u{0}f\\u{7f}g\\u{9b}h\\u{202e}i"
        );
    }

    #[test]
    fn octets_read_as_hexadecimal() {
        assert_eq!(hex(&[]), "");
        assert_eq!(hex(&[0, 0xc1, 0xff]), "00c1ff");
    }
}
