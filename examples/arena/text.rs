//! What others call themselves, made fit for a terminal.

use ratatui::text::Line;

/// Text of a stranger, without anything that a terminal would obey rather than show.
pub(crate) fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        // Those that turn the direction of writing or break lines are seen by nobody, and change all behind them.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            '?'
        }
        c if c.is_control() => '?',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// Text of so many columns at most; where it was cut, it says so.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    let is_short = |text: &str, columns| Line::raw(text).width() <= columns;
    if is_short(text, columns) {
        return text.to_owned();
    }
    let mut ends = text.char_indices().rev().map(|(at, _)| at);
    let end = ends.find(|at| is_short(&text[..*at], columns.saturating_sub(1)));
    format!("{}…", &text[..end.unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_steer_no_terminal_and_stay_in_their_column() {
        assert_eq!(plain("a\u{1b}[2J\u{9b}m\u{202e}여"), "a?[2J?m?여");
        assert_eq!(fit("여보세요", 8), "여보세요");
        assert_eq!(fit("여보세요", 6), "여보…");
        assert_eq!(fit("abc", 2), "a…");
    }
}
