//! Reading a key file line by line.

use core::fmt;
use core::str::FromStr;

use groupcast::Name;
use groupcast::seal::{KeyError, KeySet};

use super::KeyFile;
use super::key::{NotAKey, key_from_text};

impl FromStr for KeyFile {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        let mut group = None;
        let mut sending = None;
        let mut others = Vec::new();
        let mut last = 0;
        for (number, line) in numbered(text) {
            last = number;
            let at = |fault| LineError { line: last, fault };
            let Some((name, value)) = setting(line).map_err(at)? else {
                continue;
            };
            match name {
                "group" if group.is_some() => return Err(at(Fault::Again("group"))),
                "group" => group = Some(group_name(&value).map_err(at)?),
                "send" if sending.is_some() => return Err(at(Fault::Again("send"))),
                "send" => sending = Some(key_from_text(&value).map_err(|e| at(Fault::Key(e)))?),
                "also" => {
                    let key = key_from_text(&value).map_err(|e| at(Fault::Key(e)))?;
                    others.push((last, key));
                }
                _ => return Err(at(Fault::Unknown)),
            }
        }
        let mut keys = KeySet::new(sending.ok_or(LineError {
            line: last,
            fault: Fault::NothingToSend,
        })?);
        for (line, key) in others {
            let fault = |error| LineError {
                line,
                fault: Fault::Keys(error),
            };
            keys.accept(key).map_err(fault)?;
        }
        Ok(Self {
            group: group.unwrap_or_default(),
            keys,
        })
    }
}

/// The lines and their numbers, from 1, without a byte order mark.
pub(crate) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    (1..).zip(text.lines())
}

/// Reads `name = "value"`, with a comment behind it or not; `None` if there is only a comment.
pub(crate) fn setting(line: &str) -> Result<Option<(&str, zeroize::Zeroizing<String>)>, Fault> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, rest) = line.split_once('=').ok_or(Fault::NotASetting)?;
    let quoted = rest.trim_start().strip_prefix('"').ok_or(Fault::NoQuotes)?;
    let mut value = zeroize::Zeroizing::new(String::with_capacity(quoted.len()));
    let mut characters = quoted.chars();
    loop {
        match characters.next().ok_or(Fault::NoQuotes)? {
            '"' => break,
            '\\' => value.push(
                characters
                    .next()
                    .filter(|next| matches!(next, '"' | '\\'))
                    .ok_or(Fault::Escape)?,
            ),
            character => value.push(character),
        }
    }
    let rest = characters.as_str().trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        Ok(Some((name.trim_end(), value)))
    } else {
        Err(Fault::NotASetting)
    }
}

/// A group's name that can stand in a key file.
pub(super) fn group_name(name: &str) -> Result<Name, Fault> {
    if name.chars().any(char::is_control) {
        return Err(Fault::GroupName);
    }
    Name::new(name).ok_or(Fault::GroupName)
}

/// What is wrong with a key file, and where.
///
/// Nothing of the line is shown: it may be a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LineError {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
}

impl core::error::Error for LineError {}

/// What is wrong with a line of a key file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// It is not `name = "value"`.
    NotASetting,
    /// The value has no quotes, or only one.
    NoQuotes,
    /// A backslash before something else than a quote or a backslash.
    Escape,
    /// The name is none of those that there are.
    Unknown,
    /// There is a second one.
    Again(&'static str),
    /// The group's name is too long, or has control characters.
    GroupName,
    /// The key cannot be read.
    Key(NotAKey),
    /// The keys do not go together.
    Keys(KeyError),
    /// The file ends without a key to send with.
    NothingToSend,
    /// In a file of a key to sign with: another name than `sign`.
    NotSign,
    /// The file ends without a key to sign with.
    NothingToSignWith,
    /// The name of a publisher is empty, too long, or has characters that cannot stand there.
    PublisherName,
    /// The name or the key of a publisher is there already.
    PublisherTwice,
    /// The file ends without anybody to trust.
    NobodyToTrust,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASetting => {
                f.write_str("this is not a setting; write name = \"value\", or # before a remark")
            }
            Self::NoQuotes => f.write_str("put the value between quotes: name = \"value\""),
            Self::Escape => f.write_str("a backslash stands only before a quote or a backslash"),
            Self::Unknown => {
                f.write_str("there is no such setting; there are group, send and also")
            }
            Self::Again(name) => write!(
                f,
                "there is a second {name}; leave one out{}",
                if *name == "send" {
                    ", or write also for the other"
                } else {
                    ""
                }
            ),
            Self::GroupName => f.write_str(
                "the group's name is longer than 32 bytes of UTF-8 or has control characters; \
                 choose another",
            ),
            Self::Key(error) => error.fmt(f),
            Self::Keys(error) => error.fmt(f),
            Self::NothingToSend => {
                f.write_str("there is no key to send with; write send = \"gk1-…\"")
            }
            Self::NotSign => f.write_str("there is no such setting; there is only sign"),
            Self::NothingToSignWith => {
                f.write_str("there is no key to sign with; write sign = \"gs1-…\"")
            }
            Self::PublisherName => f.write_str(
                "a publisher's name has 1 to 32 octets of UTF-8, no = # or quote, no control character, \
                 and no space at its ends; choose another",
            ),
            Self::PublisherTwice => {
                f.write_str("this publisher's name or key is there already; leave one out")
            }
            Self::NobodyToTrust => {
                f.write_str("there is nobody to trust; write a line NAME = \"gp1-…\" for each")
            }
        }
    }
}

impl core::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_file::{KeyKind, key_to_text};
    use groupcast::seal::GroupKey;

    fn key(octet: u8) -> String {
        key_to_text(&GroupKey::new([octet; 32])).to_string()
    }

    fn fault(text: &str) -> (usize, Fault) {
        let error = text.parse::<KeyFile>().unwrap_err();
        (error.line, error.fault)
    }

    #[test]
    fn what_people_write_is_read() {
        let text = format!(
            "\u{20}# keys\r\n\r\n  also=\"{}\"  # old\r\nsend = \"{}\"\r\n group =\"k \\\"1\\\" \\\\\"",
            key(2),
            key(1)
        );
        let file: KeyFile = text.parse().unwrap();
        assert_eq!(file.group_name().as_str(), "k \"1\" \\");
        let secrets: Vec<_> = file.keys().iter().map(|key| key.secret()[0]).collect();
        assert_eq!(secrets, [1, 2]);
        assert_eq!(file.to_text().parse::<KeyFile>().unwrap(), file);
    }

    #[test]
    fn a_file_without_a_name_is_of_a_group_without_a_name() {
        let file: KeyFile = format!("send = \"{}\"", key(1)).parse().unwrap();
        assert!(file.group_name().is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let send = format!("send = \"{}\"\n", key(1));
        let also = |octet| format!("also = \"{}\"\n", key(octet));
        let damaged = send.replacen("gk1-a", "gk1-b", 1);
        let other = NotAKey::Other {
            wanted: KeyKind::Group,
            found: None,
        };
        let long = format!("group = \"{}\"", "x".repeat(33));
        let cases: [(String, usize, Fault); 14] = [
            (String::new(), 0, Fault::NothingToSend),
            ("# nothing\n\n".into(), 2, Fault::NothingToSend),
            (format!("\n{}", key(1)), 2, Fault::NotASetting),
            ("send = gk1".into(), 1, Fault::NoQuotes),
            ("send = \"gk1".into(), 1, Fault::NoQuotes),
            ("group = \"\\n\"".into(), 1, Fault::Escape),
            ("group = \"a\" b".into(), 1, Fault::NotASetting),
            ("key = \"a\"".into(), 1, Fault::Unknown),
            (format!("{send}{send}"), 2, Fault::Again("send")),
            (long, 1, Fault::GroupName),
            ("send = \"secret\"".into(), 1, Fault::Key(other)),
            (damaged, 1, Fault::Key(NotAKey::Damaged)),
            (
                format!("{send}{}", also(1)),
                2,
                Fault::Keys(KeyError::Twice),
            ),
            (
                [send.clone(), also(2), also(3), also(4), also(5)].concat(),
                5,
                Fault::Keys(KeyError::TooMany),
            ),
        ];
        for (text, line, expected) in cases {
            assert_eq!(fault(&text), (line, expected), "{text}");
        }
        assert_eq!(
            fault("group = \"a\"\ngroup = \"a\""),
            (2, Fault::Again("group"))
        );
    }

    #[test]
    fn errors_show_nothing_of_a_key() {
        let secret = key(7);
        let stolen = &secret[4..12];
        for text in [
            secret.clone(),
            format!("send = {secret}"),
            format!("{secret} = \"send\""),
            format!("send = \"{secret}x\""),
        ] {
            let said = text.parse::<KeyFile>().unwrap_err().to_string();
            assert!(!said.contains(stolen), "{said}");
        }
    }
}
