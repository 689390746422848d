//! Looking for something in the history.

/// What is looked for, and where it was found.
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub(crate) text: String,
    /// The number of the entry where it is.
    pub(crate) at: Option<u64>,
}

impl Search {
    /// Looks for it from `from` on, over entries with these lines. Where nothing is found, what was found before
    /// stays.
    pub(crate) fn look(
        &mut self,
        from: impl Iterator<Item = u64>,
        line: impl Fn(u64) -> Option<String>,
    ) -> Option<u64> {
        let wanted = self.text.to_lowercase();
        if wanted.is_empty() {
            self.at = None;
            return None;
        }
        let mut from = from;
        let found = from
            .find(|number| line(*number).is_some_and(|line| line.to_lowercase().contains(&wanted)));
        self.at = found.or(self.at);
        found
    }
}

/// Whether a text speaks of or to somebody with this name.
pub(crate) fn mentions(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.trim().to_lowercase());
    let is_word = |c: &char| c.is_ascii_alphanumeric();
    // Scripts that put particles behind names have no ends of words to look for.
    let begins = name.chars().next().filter(is_word).is_some();
    let ends = name.chars().next_back().filter(is_word).is_some();
    !name.is_empty()
        && text.match_indices(&name).any(|(at, found)| {
            let before = text[..at].chars().next_back().filter(is_word);
            let after = text[at + found.len()..].chars().next().filter(is_word);
            (!begins || before.is_none()) && (!ends || after.is_none())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_words() {
        for text in ["ana?", "hello Ana", "@ana: look", "(ANA)", "ana"] {
            assert!(mentions(text, "ana"), "{text}");
        }
        for text in ["banana", "anabel", "an a", ""] {
            assert!(!mentions(text, "ana"), "{text}");
        }
        assert!(mentions("은지님, 안녕하세요", "은지"));
        assert!(mentions("ask ana lee.", "Ana Lee"));
        assert!(!mentions("anything", " ") && !mentions("anything", ""));
    }

    #[test]
    fn what_is_looked_for_is_found_from_the_newest_on() {
        let lines = ["one", "Two", "three", "two again"];
        let line = |n: u64| {
            lines
                .get(usize::try_from(n).unwrap())
                .map(|l| (*l).to_owned())
        };
        let mut search = Search::default();
        assert_eq!(search.look((0..4).rev(), line), None, "nothing to look for");
        search.text = "TWO".to_owned();
        assert_eq!(search.look((0..4).rev(), line), Some(3));
        assert_eq!(search.look((0..3).rev(), line), Some(1));
        assert_eq!(
            (search.look((0..1).rev(), line), search.at),
            (None, Some(1))
        );
    }
}
