//! What a site is called.

use core::fmt;
use core::str::FromStr;

/// The name of a site: 1 to 32 letters of ASCII, digits, `-`, `_` and `.`, so that it can be part of a topic.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Site(String);

impl Site {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Site({})", self.0)
    }
}

/// A text is not the name of a site.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotASite;

impl fmt::Display for NotASite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a site's name is 1 to 32 letters from a to z, digits, hyphens, dots and underscores",
        )
    }
}

impl core::error::Error for NotASite {}

impl FromStr for Site {
    type Err = NotASite;

    fn from_str(text: &str) -> Result<Self, NotASite> {
        let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        if text.is_empty() || text.len() > 32 || !text.bytes().all(fits) {
            return Err(NotASite);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_a_topic() {
        assert_eq!(
            "plant-2.north_".parse::<Site>().unwrap().as_str(),
            "plant-2.north_"
        );
        for bad in ["", "a/b", "+", "#", "a b", "ü", &"x".repeat(33)] {
            assert!(bad.parse::<Site>().is_err(), "{bad}");
        }
    }
}
