//! The line that is being typed.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use crate::text::cells::{Ordered, width};
use crate::text::escape::is_unsafe;

/// Bytes of a line at most; what a message may have is less.
const LIMIT: usize = 64 * 1024;

/// Stands for the end of a line in what was pasted. It is seen, and nobody types it.
const BREAK: char = '\u{2424}';

/// Lines that can be called back.
const REMEMBERED: usize = 100;

/// The line, and where in it one types.
#[derive(Debug, Default)]
pub(crate) struct Input {
    text: String,
    /// In bytes, between two characters.
    cursor: usize,
    /// What was said before, the last one last.
    said: Vec<String>,
    /// Which of them is shown, and what was typed before that was called back.
    recalled: Option<(usize, String)>,
}

/// What is visible of the line: text from left to right, and the column of the cursor in it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Visible {
    pub(crate) text: String,
    pub(crate) cursor: usize,
}

impl Input {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Types or pastes text. Line ends and tabs become spaces; what is invisible and changes the order of
    /// text stays out, since others see it escaped.
    pub(crate) fn insert(&mut self, text: &str) {
        for c in text.replace("\r\n", "\n").chars() {
            let c = if matches!(c, '\n' | '\r' | '\t') {
                ' '
            } else {
                c
            };
            if !is_unsafe(c) && self.text.len() + c.len_utf8() <= LIMIT {
                self.text.insert(self.cursor, c);
                self.cursor += c.len_utf8();
            }
        }
        self.settle();
    }

    /// Pastes text. Lines stay lines: each will be said as one.
    pub(crate) fn paste(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let lines = text.trim_end_matches('\n');
        self.insert(&lines.replace('\n', BREAK.encode_utf8(&mut [0; 4])));
    }

    /// How many lines there are to say.
    pub(crate) fn count(&self) -> usize {
        lines(&self.text).count()
    }

    /// Whether there is nothing to say.
    pub(crate) fn is_blank(&self) -> bool {
        self.count() == 0
    }

    /// Takes the line, and remembers it.
    pub(crate) fn take(&mut self) -> String {
        self.recalled = None;
        self.cursor = 0;
        let text = core::mem::take(&mut self.text);
        if !text.is_empty() && self.said.last() != Some(&text) {
            self.said.push(text.clone());
            if self.said.len() > REMEMBERED {
                self.said.remove(0);
            }
        }
        text
    }

    /// Puts a line back that could not be said.
    pub(crate) fn put_back(&mut self, text: String) {
        self.cursor = text.len();
        self.text = text;
    }

    pub(crate) fn left(&mut self) {
        self.cursor = self.before(self.cursor);
    }

    pub(crate) fn right(&mut self) {
        self.cursor = self.after(self.cursor);
    }

    pub(crate) const fn home(&mut self) {
        self.cursor = 0;
    }

    pub(crate) const fn end(&mut self) {
        self.cursor = self.text.len();
    }

    pub(crate) fn word_left(&mut self) {
        self.cursor = self.word_before();
    }

    pub(crate) fn word_right(&mut self) {
        let words = self.text[self.cursor..].unicode_word_indices();
        let ends = words.map(|(at, word)| at + word.len());
        self.cursor = ends.min().map_or(self.text.len(), |end| self.cursor + end);
    }

    pub(crate) fn backspace(&mut self) {
        let before = self.before(self.cursor);
        self.cut(before, self.cursor);
    }

    pub(crate) fn delete(&mut self) {
        self.cut(self.cursor, self.after(self.cursor));
    }

    pub(crate) fn delete_word(&mut self) {
        self.cut(self.word_before(), self.cursor);
    }

    pub(crate) fn delete_to_start(&mut self) {
        self.cut(0, self.cursor);
    }

    pub(crate) fn delete_to_end(&mut self) {
        self.cut(self.cursor, self.text.len());
    }

    /// Calls back what was said before that.
    pub(crate) fn earlier(&mut self) {
        let (at, typed) = match self.recalled.take() {
            Some((at, typed)) => (at.saturating_sub(1), typed),
            None if self.said.is_empty() => return,
            None => (self.said.len() - 1, self.text.clone()),
        };
        self.put_back(self.said[at].clone());
        self.recalled = Some((at, typed));
    }

    /// Calls back what was said after that, and at last what was being typed.
    pub(crate) fn later(&mut self) {
        if let Some((at, typed)) = self.recalled.take() {
            if let Some(next) = self.said.get(at + 1) {
                self.put_back(next.clone());
                self.recalled = Some((at + 1, typed));
            } else {
                self.put_back(typed);
            }
        }
    }

    /// What of it fits into this many columns, the cursor among it.
    pub(crate) fn visible(&self, columns: usize) -> Visible {
        // The place where one types on has its column, too.
        let text = format!("{} ", self.text);
        let characters = Ordered::new(&text).line(0..text.len());
        let mut cells: Vec<(&str, usize, usize)> = Vec::new();
        let (mut column, mut cursor) = (0, 0);
        for (at, character) in characters {
            if at == self.cursor {
                cursor = column;
            }
            cells.push((character, column, width(character)));
            column += width(character);
        }
        // As much as possible to the left of the cursor, and a quarter to its right.
        let hidden = (cursor + columns / 4 + 1)
            .min(column)
            .saturating_sub(columns);
        let fits = |&&(_, at, width): &&(&str, usize, usize)| {
            at >= hidden && at + width <= hidden + columns
        };
        let start = cells.iter().find(fits).map_or(0, |(_, at, _)| *at);
        Visible {
            text: cells.iter().filter(fits).map(|(c, _, _)| *c).collect(),
            cursor: cursor.saturating_sub(start),
        }
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
        self.settle();
    }

    /// What was typed or deleted may have made one character of two.
    fn settle(&mut self) {
        let mut cursor = GraphemeCursor::new(self.cursor, self.text.len(), true);
        if cursor.is_boundary(&self.text, 0) != Ok(true) {
            self.cursor = self.after(self.cursor);
        }
    }

    fn before(&self, at: usize) -> usize {
        let mut cursor = GraphemeCursor::new(at, self.text.len(), true);
        cursor
            .prev_boundary(&self.text, 0)
            .ok()
            .flatten()
            .unwrap_or(0)
    }

    fn after(&self, at: usize) -> usize {
        let len = self.text.len();
        let mut cursor = GraphemeCursor::new(at, len, true);
        cursor
            .next_boundary(&self.text, 0)
            .ok()
            .flatten()
            .unwrap_or(len)
    }

    fn word_before(&self) -> usize {
        let words = self.text[..self.cursor].unicode_word_indices();
        words.map(|(at, _)| at).next_back().unwrap_or(0)
    }
}

/// The lines in what was typed or pasted, but for those without anything on them.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(BREAK).filter(|line| !line.trim().is_empty())
}

/// Lines as they were pasted.
pub(crate) fn joined<'l>(lines: impl IntoIterator<Item = &'l str>) -> String {
    let lines: Vec<_> = lines.into_iter().collect();
    lines.join(BREAK.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Input {
        let mut input = Input::default();
        input.insert(text);
        input
    }

    /// The text with a bar where the cursor is.
    fn show(input: &Input) -> String {
        let (before, after) = input.text.split_at(input.cursor);
        format!("{before}|{after}")
    }

    #[test]
    fn the_cursor_moves_over_what_a_person_takes_for_a_character() {
        let mut input = typed("e\u{301}한👨‍👩‍👧🇰🇷");
        let mut stops = vec![show(&input)];
        for _ in 0..5 {
            input.left();
            stops.push(show(&input));
        }
        assert_eq!(
            stops,
            [
                "e\u{301}한👨‍👩‍👧🇰🇷|",
                "e\u{301}한👨‍👩‍👧|🇰🇷",
                "e\u{301}한|👨‍👩‍👧🇰🇷",
                "e\u{301}|한👨‍👩‍👧🇰🇷",
                "|e\u{301}한👨‍👩‍👧🇰🇷",
                "|e\u{301}한👨‍👩‍👧🇰🇷",
            ]
        );
        input.right();
        input.delete();
        input.delete();
        input.backspace();
        assert_eq!(show(&input), "|🇰🇷");
        input.backspace();
        input.right();
        input.right();
        input.delete();
        assert_eq!(show(&input), "🇰🇷|");
    }

    #[test]
    fn the_cursor_is_never_inside_a_character() {
        // Jamo that are typed one by one become a syllable.
        let mut input = typed("\u{1112}");
        input.insert("\u{1161}");
        input.left();
        assert_eq!(input.cursor, 0);
        // A letter before an accent that stood alone.
        let mut input = typed("\u{301}x");
        input.home();
        input.insert("e");
        assert_eq!(show(&input), "e\u{301}|x");
        // What joins when something between is deleted.
        let mut input = typed("🇰x🇷");
        input.left();
        input.backspace();
        assert_eq!(show(&input), "🇰🇷|");
    }

    #[test]
    fn words_and_ends() {
        let mut input = typed("one two, three");
        input.word_left();
        assert_eq!(show(&input), "one two, |three");
        input.word_left();
        assert_eq!(show(&input), "one |two, three");
        input.word_right();
        assert_eq!(show(&input), "one two|, three");
        input.delete_word();
        assert_eq!(show(&input), "one |, three");
        input.delete_to_end();
        input.insert("x");
        input.home();
        input.insert("y");
        input.end();
        input.left();
        input.delete_to_start();
        assert_eq!(show(&input), "|x");
    }

    #[test]
    fn what_would_confuse_others_cannot_be_typed() {
        let input = typed("a\u{1b}[2Jb\nc\r\nd\te\u{202e}f\u{200f}");
        assert_eq!(input.text(), "a[2Jb c d ef");
        let mut input = typed(&"x".repeat(LIMIT - 1));
        input.insert("yéz");
        assert_eq!(input.text().len(), LIMIT);
    }

    #[test]
    fn pasted_lines_stay_lines() {
        let mut input = typed("see: ");
        input.paste("one\r\n\ttwo\n\n  \rthree\n\n");
        assert_eq!(input.count(), 3);
        assert_eq!(input.visible(80).text, "see: one␤ two␤␤  ␤three ");
        let text = input.take();
        assert_eq!(
            lines(&text).collect::<Vec<_>>(),
            ["see: one", " two", "three"]
        );
        assert_eq!(joined(["one", "two"]), "one␤two");
        let mut input = Input::default();
        input.paste("one\n");
        assert_eq!((input.count(), input.text()), (1, "one"));
        input.paste("\n");
        assert!(!input.is_blank() && typed("  ").is_blank());
    }

    #[test]
    fn what_was_said_is_called_back() {
        let mut input = Input::default();
        input.earlier();
        for text in ["one", "two", "two"] {
            input.insert(text);
            assert_eq!(input.take(), text);
        }
        input.insert("thr");
        input.earlier();
        assert_eq!(show(&input), "two|");
        input.earlier();
        input.earlier();
        assert_eq!(show(&input), "one|");
        input.later();
        input.later();
        assert_eq!(show(&input), "thr|");
    }

    #[test]
    fn what_does_not_fit_scrolls() {
        let visible = |input: &Input, columns| {
            let Visible { text, cursor } = input.visible(columns);
            (text, cursor)
        };
        let mut input = typed("hello");
        assert_eq!(visible(&input, 8), ("hello ".to_owned(), 5));
        assert_eq!(visible(&input, 4), ("llo ".to_owned(), 3));
        input.home();
        assert_eq!(visible(&input, 4), ("hell".to_owned(), 0));
        let mut input = typed("안녕하세요");
        assert_eq!(visible(&input, 20), ("안녕하세요 ".to_owned(), 10));
        // Half a syllable is not shown.
        assert_eq!(visible(&input, 6), ("세요 ".to_owned(), 4));
        input.left();
        input.left();
        assert_eq!(visible(&input, 6), ("녕하세".to_owned(), 4));
        for columns in 0..4 {
            assert!(input.visible(columns).text.len() <= 3 * columns);
        }
    }

    #[test]
    fn one_types_on_at_the_left_of_what_is_written_from_right_to_left() {
        let mut input = typed("שלום");
        let at = |input: &Input| input.visible(20);
        assert_eq!(
            at(&input),
            Visible {
                text: " םולש".to_owned(),
                cursor: 0
            }
        );
        input.insert(" 12");
        assert_eq!(
            at(&input),
            Visible {
                text: " 12 םולש".to_owned(),
                cursor: 0
            }
        );
        input.home();
        assert_eq!(at(&input).cursor, 7);
        let input = typed("say שלום");
        assert_eq!(
            at(&input),
            Visible {
                text: "say םולש ".to_owned(),
                cursor: 8
            }
        );
    }
}
