//! What the command line asks for: `PROGRAM [NUMBER] [NAME=VALUE | NAME]…`.

use crate::{host, number};

/// The command line. Without one, everything is by default.
pub struct Options {
    text: [u8; Self::LENGTH],
}

impl Options {
    /// What is longer is not read.
    const LENGTH: usize = 256;

    /// Asks the host.
    pub fn read() -> Self {
        let mut buffer = [0; Self::LENGTH];
        let mut text = [0; Self::LENGTH];
        let line = host::command_line(&mut buffer).unwrap_or_default();
        for (to, from) in text.iter_mut().zip(line.bytes()) {
            *to = from;
        }
        Self { text }
    }

    /// The words behind the program's name.
    fn words(&self) -> impl Iterator<Item = &str> {
        let text = core::str::from_utf8(&self.text).unwrap_or_default();
        let words = text.trim_end_matches('\0').split(' ');
        words.filter(|word| !word.is_empty()).skip(1)
    }

    /// Which board this is, 1 to 9. Default: 1.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn number(&self) -> u8 {
        let first = self.words().next().and_then(number);
        first.filter(|number| (1..=9).contains(number)).unwrap_or(1) as u8
    }

    /// The value of `NAME=VALUE`.
    pub fn value(&self, name: &str) -> Option<u32> {
        let mut pairs = self.words().filter_map(|word| word.split_once('='));
        let (_, value) = pairs.find(|(key, _)| *key == name)?;
        number(value)
    }

    /// Whether the word is there.
    pub fn has(&self, name: &str) -> bool {
        self.words().any(|word| word == name)
    }
}
