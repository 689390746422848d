//! Text in the cells of a terminal: how wide it is, where its lines break, and in which order its
//! characters stand.
//!
//! A character here is what a person takes for one, a grapheme: a letter with its accents, a Korean
//! syllable, an emoji. It takes one cell or two.

use core::ops::Range;

use unicode_bidi::BidiInfo;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// What stands for text that was cut off.
const CUT: &str = "…";

/// Code points of a character that are shown. The longest emoji have ten.
const CODE_POINTS: usize = 12;

/// Where lines of this text break: the first has `first` columns, the others have `rest`. At least one
/// character stands on each line but the first. Spaces at which a line breaks stand on neither line.
pub(crate) fn wrap(text: &str, first: usize, rest: usize) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut used, mut room) = (0, 0, first);
    // Where the line may break: its end there, the start of the next, and what is used of that.
    let mut chance: Option<(usize, usize)> = None;
    let mut after_wide = false;
    for (at, character) in text.grapheme_indices(true) {
        let columns = character.width();
        if character == " " {
            let before = chance.filter(|(end, next)| *next == at && end < next);
            chance = Some((before.map_or(at, |(end, _)| end), at + 1));
            after_wide = false;
        } else {
            // Han and kana break anywhere; Korean, which has spaces, is broken there if possible.
            if after_wide && columns == 2 && is_ideograph(character) {
                chance = Some((at, at));
            }
            after_wide = columns == 2 && is_ideograph(character);
        }
        while used + columns > room && character != " " {
            let (end, next) = match chance.take() {
                Some(chance) => chance,
                None if at == start && (used > 0 || room >= rest) => break,
                None => (at, at),
            };
            lines.push(start..end);
            start = next;
            used = width(&text[start..at.max(start)]);
            room = rest;
        }
        used += columns;
    }
    lines.push(start..text.len());
    lines
}

fn is_ideograph(character: &str) -> bool {
    let c = character.chars().next().unwrap_or_default();
    matches!(c, '\u{2e80}'..='\u{312f}' | '\u{3190}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// How many columns text takes.
pub(crate) fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Text cut to this many columns.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut fitting = String::new();
    let mut used = width(CUT);
    if used > columns {
        return fitting;
    }
    for character in text.graphemes(true) {
        used += character.width();
        if used > columns {
            break;
        }
        fitting.push_str(character);
    }
    fitting + CUT
}

/// Text whose characters can be put in the order in which they stand.
///
/// Full-screen programs do this themselves, and ask the terminal to leave it at that: only they know
/// where a message ends and a frame begins.
#[derive(Debug)]
pub(crate) struct Ordered<'t> {
    text: &'t str,
    /// `None`: all of it is written from left to right.
    bidi: Option<BidiInfo<'t>>,
}

impl<'t> Ordered<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let bidi = (!text.is_ascii())
            .then(|| BidiInfo::new(text, None))
            .filter(BidiInfo::has_rtl);
        Self { text, bidi }
    }

    /// The characters of a line, from left to right: each with its place in the text.
    pub(crate) fn line(&self, line: Range<usize>) -> Vec<(usize, &'t str)> {
        let characters = |run: Range<usize>| {
            let start = run.start;
            let characters = self.text[run].grapheme_indices(true);
            characters.map(move |(at, character)| (start + at, tamed(character)))
        };
        // Control characters, which end paragraphs, are escaped: there is one paragraph.
        let Some((bidi, paragraph)) = self.bidi.as_ref().zip(self.paragraph()) else {
            return characters(line).collect();
        };
        let (levels, runs) = bidi.visual_runs(paragraph, line);
        let mut ordered = Vec::new();
        for run in runs {
            if levels[run.start].is_rtl() {
                ordered.extend(characters(run).rev().map(|(at, c)| (at, mirrored(c))));
            } else {
                ordered.extend(characters(run));
            }
        }
        ordered
    }

    fn paragraph(&self) -> Option<&unicode_bidi::ParagraphInfo> {
        self.bidi.as_ref()?.paragraphs.first()
    }

    /// The characters of a line as text, from left to right.
    pub(crate) fn shown(&self, line: Range<usize>) -> String {
        self.line(line).into_iter().map(|(_, c)| c).collect()
    }
}

/// A character without accents without end, which would cover the lines above and below.
fn tamed(character: &str) -> &str {
    let end = character.char_indices().nth(CODE_POINTS);
    end.map_or(character, |(end, _)| &character[..end])
}

/// What a character looks like where one reads from right to left.
fn mirrored(character: &str) -> &str {
    match character {
        "(" => ")",
        ")" => "(",
        "[" => "]",
        "]" => "[",
        "{" => "}",
        "}" => "{",
        "<" => ">",
        ">" => "<",
        "«" => "»",
        "»" => "«",
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, first: usize, rest: usize) -> Vec<&str> {
        wrap(text, first, rest)
            .into_iter()
            .map(|line| &text[line])
            .collect()
    }

    #[test]
    fn lines_break_at_spaces_or_in_long_words() {
        assert_eq!(wrapped("", 5, 5), [""]);
        assert_eq!(wrapped("one two", 7, 7), ["one two"]);
        assert_eq!(wrapped("one two", 6, 6), ["one", "two"]);
        assert_eq!(wrapped("one two three", 3, 5), ["one", "two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 3, 4), ["abc", "defg", "h ij"]);
        assert_eq!(wrapped("a bcdefgh", 3, 3), ["a", "bcd", "efg", "h"]);
        assert_eq!(wrapped("ab   cd", 2, 2), ["ab", "cd"]);
    }

    #[test]
    fn wide_characters_are_not_cut_in_two() {
        assert_eq!(wrapped("여보세요 친구", 8, 8), ["여보세요", "친구"]);
        assert_eq!(wrapped("여보세요", 3, 3), ["여", "보", "세", "요"]);
        assert_eq!(wrapped("漢字漢字 ab", 6, 6), ["漢字漢", "字 ab"]);
        // One that is wider than the line stands alone.
        assert_eq!(wrapped("여보", 1, 1), ["여", "보"]);
    }

    #[test]
    fn no_text_is_lost_however_narrow() {
        for text in [
            "one two three",
            "여보세요 👋🏽 שלום עולם",
            "e\u{301}e\u{301} x",
            "   ",
            " a  b ",
        ] {
            for columns in 0..12 {
                for first in 0..=columns {
                    let all: String = wrapped(text, first, columns).concat();
                    let visible = |text: &str| text.replace(' ', "");
                    assert_eq!(visible(&all), visible(text), "{first} {columns}");
                    for line in wrapped(text, first, columns) {
                        let line = line.trim_end();
                        assert!(width(line) <= columns || line.graphemes(true).count() == 1);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(fit("short", 5), "short");
        assert_eq!(fit("too long", 5), "too …");
        assert_eq!(fit("여보세요", 6), "여보…");
        assert_eq!(fit("여보세요", 0), "");
        assert_eq!(width("여e\u{301}👨‍👩‍👧"), 5);
    }

    #[test]
    fn what_is_written_from_right_to_left_stands_so() {
        let shown = |text: &str| Ordered::new(text).shown(0..text.len());
        assert_eq!(shown("hello, 여보세요"), "hello, 여보세요");
        assert_eq!(shown("שלום"), "םולש");
        // The text reads from the right, numbers and foreign words in it from the left.
        assert_eq!(shown("שלום 12 (abc)"), "(abc) 12 םולש");
        assert_eq!(shown("say שלום now"), "say םולש now");
        // Points and accents stay with their letters.
        assert_eq!(shown("בָּא"), "אבָּ");
        let text = "שלום עולם";
        let lines = wrap(text, 5, 5);
        let ordered = Ordered::new(text);
        let lines: Vec<_> = lines.into_iter().map(|line| ordered.shown(line)).collect();
        assert_eq!(lines, ["םולש", "םלוע"]);
    }
}
