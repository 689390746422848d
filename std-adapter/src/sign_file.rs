//! Files for signed messages: the key of a publisher, and the list of those whom a receiver trusts.
//!
//! ```text
//! # A key to sign messages with. Keep it secret.
//! # Whoever is to trust it puts this line into a file:
//! #     boss = "gp1-…"
//! sign = "gs1-…"
//! ```
//!
//! A file of trusted publishers has such a line for each: a name of the receiver's choice, and a public
//! key. Names have no `=`, `#`, `"` or control character. Keys are written as in a
//! [`key_file`](crate::key_file).
//!
//! ```
//! use groupcast_std::sign_file::{self, Trusted};
//!
//! let key = sign_file::generate()?;
//! let trusted: Trusted = sign_file::trust_line("boss", &key.public())?.parse()?;
//! assert_eq!(trusted.name_of(&key.public()), Some("boss"));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use core::str::FromStr;
use std::path::Path;

use groupcast::Name;
use groupcast::sign::{PublicKey, SigningKey};
use zeroize::Zeroizing;

use crate::entropy;
use crate::error::Error;
use crate::key_file::{
    Fault, KeyFileError, LineError, in_file, is_private, is_unchangeable, numbered,
    public_key_from_text, public_key_to_text, read_text, setting, signing_key_from_text,
    signing_key_to_text,
};

/// A new key to sign with, from the operating system's random numbers.
///
/// # Errors
///
/// The system has no random numbers to give.
pub fn generate() -> Result<SigningKey, Error> {
    loop {
        // All zeros are refused, and come once in 2^256 times.
        if let Ok(key) = SigningKey::new(&Zeroizing::new(entropy::seed()?)) {
            return Ok(key);
        }
    }
}

/// The content of a file with this key. It is secret. `name` is what those who trust it may call it.
///
/// # Errors
///
/// The name cannot stand in a file.
pub fn to_text(key: &SigningKey, name: &str) -> Result<Zeroizing<String>, Fault> {
    let line = trust_line(name, &key.public())?;
    let mut text = Zeroizing::new(String::with_capacity(512));
    text.push_str("# A key to sign messages with. Keep it secret.\n");
    text.push_str("# Whoever is to trust it puts this line into a file:\n");
    text.push_str(&format!("#     {line}\nsign = \""));
    text.push_str(&signing_key_to_text(key));
    text.push_str("\"\n");
    Ok(text)
}

/// The line that trusts this key under this name.
///
/// # Errors
///
/// The name cannot stand in a file.
pub fn trust_line(name: &str, key: &PublicKey) -> Result<String, Fault> {
    let name = publisher_name(name)?;
    Ok(format!("{name} = \"{}\"", public_key_to_text(key)))
}

/// Reads the file of a key to sign with, which on Unix belongs to this process's user or to root, and nobody
/// else may be able to read or write.
///
/// # Errors
///
/// The file cannot be read, others can read, change or replace it, or its content is wrong.
pub fn load(path: impl AsRef<Path>) -> Result<SigningKey, KeyFileError> {
    let path = path.as_ref();
    let text = read_text(path, is_private)?;
    in_file(path, signing_key(&text))
}

/// Reads a file of trusted publishers, which on Unix belongs to this process's user or to root, and nobody else
/// may be able to write or replace.
///
/// # Errors
///
/// The file cannot be read, others can change or replace it, or its content is wrong.
pub fn load_trusted(path: impl AsRef<Path>) -> Result<Trusted, KeyFileError> {
    let path = path.as_ref();
    let text = read_text(path, is_unchangeable)?;
    in_file(path, text.parse())
}

fn signing_key(text: &str) -> Result<SigningKey, LineError> {
    let mut key = None;
    let mut last = 0;
    for (number, line) in numbered(text) {
        last = number;
        let at = |fault| LineError { line: last, fault };
        match setting(line).map_err(at)? {
            None => {}
            Some(("sign", _)) if key.is_some() => return Err(at(Fault::Again("sign"))),
            Some(("sign", value)) => {
                key = Some(signing_key_from_text(&value).map_err(|e| at(Fault::Key(e)))?);
            }
            Some(_) => return Err(at(Fault::NotSign)),
        }
    }
    key.ok_or(LineError {
        line: last,
        fault: Fault::NothingToSignWith,
    })
}

fn publisher_name(name: &str) -> Result<&str, Fault> {
    let strange = |c: char| c.is_control() || matches!(c, '=' | '#' | '"');
    let is_trimmed = name.trim() == name;
    if name.is_empty() || !is_trimmed || name.len() > Name::CAPACITY || name.contains(strange) {
        return Err(Fault::PublisherName);
    }
    Ok(name)
}

/// The publishers that a receiver trusts, each with a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trusted {
    names: Vec<String>,
    keys: Vec<PublicKey>,
}

impl Trusted {
    /// Their keys, for a [`Verifier`](groupcast::sign::Verifier).
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// What the holder of this key is called; `None` if it is not trusted.
    #[must_use]
    pub fn name_of(&self, key: &PublicKey) -> Option<&str> {
        let at = self.keys.iter().position(|known| known == key)?;
        self.names.get(at).map(String::as_str)
    }
}

impl FromStr for Trusted {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        let mut trusted = Self {
            names: Vec::new(),
            keys: Vec::new(),
        };
        let mut last = 0;
        for (number, line) in numbered(text) {
            last = number;
            let at = |fault| LineError { line: last, fault };
            let Some((name, value)) = setting(line).map_err(at)? else {
                continue;
            };
            let name = publisher_name(name).map_err(at)?;
            let key = public_key_from_text(&value).map_err(|e| at(Fault::Key(e)))?;
            if trusted.names.iter().any(|known| known == name) || trusted.keys.contains(&key) {
                return Err(at(Fault::PublisherTwice));
            }
            trusted.names.push(name.to_owned());
            trusted.keys.push(key);
        }
        if trusted.keys.is_empty() {
            return Err(LineError {
                line: last,
                fault: Fault::NobodyToTrust,
            });
        }
        Ok(trusted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_file::{KeyKind, NotAKey};

    fn key(octet: u8) -> SigningKey {
        SigningKey::new(&[octet; 32]).unwrap()
    }

    fn line(name: &str, octet: u8) -> String {
        trust_line(name, &key(octet).public()).unwrap()
    }

    #[test]
    fn a_key_reads_as_it_was_written_and_its_line_is_in_it() {
        let text = to_text(&key(1), "boss").unwrap();
        assert_eq!(signing_key(&text).unwrap().seed(), &[1; 32]);
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("#     "));
        let trusted: Trusted = lines.next().unwrap().parse().unwrap();
        assert_eq!(trusted.name_of(&key(1).public()), Some("boss"));
        assert_eq!(trusted.name_of(&key(2).public()), None);
    }

    #[test]
    fn two_new_keys_differ() {
        let [one, two] = [(); 2].map(|()| generate().unwrap().public());
        assert_ne!(one, two);
    }

    #[test]
    fn what_people_write_is_read() {
        let text = format!(
            "# all of them\r\n\n  {}  # the boss\n{}\n",
            line("boss", 1),
            line("night shift", 2)
        );
        let trusted: Trusted = text.parse().unwrap();
        assert_eq!(trusted.keys(), [key(1).public(), key(2).public()]);
        assert_eq!(trusted.name_of(&key(2).public()), Some("night shift"));
    }

    #[test]
    fn what_is_wrong_with_a_list_is_said_with_its_line() {
        let secret = signing_key_to_text(&key(1));
        let damaged = line("a", 1).replacen("gp1-", "gp1-2", 1);
        let other = NotAKey::Other {
            wanted: KeyKind::Public,
            found: Some(KeyKind::Signing),
        };
        let cases = [
            (String::new(), 0, Fault::NobodyToTrust),
            ("# nobody\n".into(), 1, Fault::NobodyToTrust),
            (format!("\na = \"{}\"", *secret), 2, Fault::Key(other)),
            (damaged, 1, Fault::Key(NotAKey::Damaged)),
            (public_key_to_text(&key(1).public()), 1, Fault::NotASetting),
            (line("a", 1).replace("a =", " ="), 1, Fault::PublisherName),
            (
                [line("a", 1), line("a", 2)].join("\n"),
                2,
                Fault::PublisherTwice,
            ),
            (
                [line("a", 1), line("b", 1)].join("\n"),
                2,
                Fault::PublisherTwice,
            ),
        ];
        for (text, line, fault) in cases {
            assert_eq!(
                text.parse::<Trusted>(),
                Err(LineError { line, fault }),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said_and_nothing_of_it_shown() {
        let text = to_text(&key(1), "boss").unwrap();
        let twice = format!("{}{}", *text, *text);
        let public = text.replace("gs1-", "gp1-");
        let cases = [
            (String::new(), 0, Fault::NothingToSignWith),
            (twice, 8, Fault::Again("sign")),
            (text.replace("sign =", "send ="), 4, Fault::NotSign),
        ];
        for (text, line, fault) in cases {
            assert_eq!(signing_key(&text).unwrap_err(), LineError { line, fault });
        }
        let error = signing_key(&public).unwrap_err();
        assert_eq!(error.line, 4);
        let secret = signing_key_to_text(&key(1));
        assert!(!error.to_string().contains(&secret[4..12]), "{error}");
    }

    #[test]
    fn names_that_would_not_be_read_again_are_not_written() {
        for name in ["", " a", "a ", "a=b", "#a", "a\"", "a\nb", &"x".repeat(33)] {
            assert_eq!(to_text(&key(1), name), Err(Fault::PublisherName), "{name}");
        }
    }
}
