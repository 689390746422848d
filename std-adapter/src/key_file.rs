//! Key files: the keys of a sealed group, as text that only its owner can read.
//!
//! ```text
//! # The keys of a sealed group. Keep them secret.
//! group = "kitchen"
//! send = "gk1-aaaq…mdy-x3kq"
//! also = "gk1-…"
//! ```
//!
//! `group` is the group's name, and may be left out. With the key `send` a member sends; it accepts that
//! one and up to three `also`. A key is `gk1-`, 52 characters of base32 (RFC 4648: letters and the digits 2
//! to 7) and 4 characters to check them by, the first 20 bits of SHA-256(`gk1-` | key). So a key that was
//! copied badly is told from one that is another group's. Capitals are read, too.
//!
//! Files are UTF-8, with a byte order mark or without; or UTF-16 with one, as some shells of Windows write them.
//!
//! To change a key: make a new one; add it as `also` everywhere; make it `send` and the old one `also`
//! everywhere; take the old one away.
//!
//! ```
//! use groupcast_std::key_file::KeyFile;
//!
//! let made = KeyFile::generate("kitchen")?;
//! let read: KeyFile = made.to_text().parse()?;
//! assert_eq!(read.keys(), made.keys());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod key;
mod owner;
mod parse;
mod text;

use core::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use groupcast::Name;
use groupcast::seal::{GroupKey, KeySet};
use zeroize::Zeroizing;

use crate::entropy;
use crate::error::Error;

pub use key::{
    KeyKind, NotAKey, key_from_text, key_to_text, public_key_from_text, public_key_to_text,
    signing_key_from_text, signing_key_to_text,
};
pub(crate) use owner::{is_private, is_unchangeable};
pub use parse::{Fault, LineError};
pub(crate) use parse::{numbered, setting};
pub(crate) use text::first_line;

/// No key file is longer.
const TOO_MUCH: u64 = 64 * 1024;

/// What a key file holds.
#[derive(Clone, Eq, PartialEq)]
pub struct KeyFile {
    group: Name,
    keys: KeySet,
}

impl KeyFile {
    /// A file with one key.
    ///
    /// # Errors
    ///
    /// The group's name is longer than 32 bytes, or has control characters.
    pub fn new(group: &str, key: GroupKey) -> Result<Self, Fault> {
        Ok(Self {
            group: parse::group_name(group)?,
            keys: KeySet::new(key),
        })
    }

    /// A file with a new key, from the operating system's random numbers.
    ///
    /// # Errors
    ///
    /// What is wrong with the group's name; or the system has no random numbers to give.
    pub fn generate(group: &str) -> Result<Self, Error> {
        let key = GroupKey::new(entropy::seed()?);
        Self::new(group, key).map_err(|fault| KeyFileError::Name(fault).into())
    }

    /// The group's name. Empty: none.
    #[must_use]
    pub const fn group_name(&self) -> &Name {
        &self.group
    }

    /// The keys.
    #[must_use]
    pub const fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The file's content. It is secret, and wiped from memory when it is dropped.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let name = self
            .group
            .as_str()
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        let mut text = Zeroizing::new(String::with_capacity(1024));
        text.push_str("# The keys of a sealed group. Keep them secret.\n");
        text.push_str(&format!("group = \"{name}\"\n"));
        for (index, key) in self.keys.iter().enumerate() {
            text.push_str(if index == 0 { "send = \"" } else { "also = \"" });
            text.push_str(&key_to_text(key));
            text.push_str("\"\n");
        }
        text
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFile({:?}, secret)", self.group)
    }
}

/// Reads a key file, which on Unix belongs to this process's user or to root, and nobody else may be able to
/// read, write or replace.
///
/// # Errors
///
/// The file cannot be read, others can read, change or replace it, or its content is wrong.
pub fn load(path: impl AsRef<Path>) -> Result<KeyFile, KeyFileError> {
    load_with(path.as_ref(), is_private)
}

/// Reads a key file that others may be able to read, too: say one that a container is given.
///
/// # Errors
///
/// The file cannot be read, or its content is wrong.
pub fn load_of_any_mode(path: impl AsRef<Path>) -> Result<KeyFile, KeyFileError> {
    load_with(path.as_ref(), |_, _| Ok(()))
}

fn load_with(
    path: &Path,
    check: impl FnOnce(&Path, &Metadata) -> Result<(), KeyFileError>,
) -> Result<KeyFile, KeyFileError> {
    let text = read_text(path, check)?;
    in_file(path, text.parse())
}

/// Says in which file a line is wrong.
pub(crate) fn in_file<T>(path: &Path, read: Result<T, LineError>) -> Result<T, KeyFileError> {
    read.map_err(|error| KeyFileError::Content {
        path: path.to_owned(),
        error,
    })
}

/// The content of a file that `check` has nothing against. It is wiped from memory when it is dropped.
pub(crate) fn read_text(
    path: &Path,
    check: impl FnOnce(&Path, &Metadata) -> Result<(), KeyFileError>,
) -> Result<Zeroizing<String>, KeyFileError> {
    let unreadable = |error| KeyFileError::Unreadable {
        path: path.to_owned(),
        error,
    };
    // The mode is that of the file that is read, whatever happens to its name meanwhile.
    let file = File::open(path).map_err(unreadable)?;
    check(path, &file.metadata().map_err(unreadable)?)?;
    let mut octets = Zeroizing::new(Vec::with_capacity(1024));
    let read = file.take(TOO_MUCH).read_to_end(&mut octets);
    if u64::try_from(read.map_err(unreadable)?).is_ok_and(|octets| octets == TOO_MUCH) {
        let error = io::Error::new(io::ErrorKind::InvalidData, "it is too long for a key file");
        return Err(unreadable(error));
    }
    text::decode(&octets).map_err(unreadable)
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read the key file {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Others than its owner can read or change it.
    #[error(
        "others can read or change the key file {} (mode {mode:04o}); forbid it: chmod 600 {}",
        path.display(),
        path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Others than its owner can change it.
    #[error(
        "others can change the file {} (mode {mode:04o}), and with it who is trusted; forbid it: chmod go-w {}",
        path.display(),
        path.display()
    )]
    ChangeableByOthers {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It belongs to another user than this process's or root.
    #[error(
        "the file {} belongs to another user (uid {owner}), who can change it; take a copy of your own, or as root: \
         chown {user} {}",
        path.display(),
        path.display()
    )]
    OwnedByOthers {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose this process is.
        user: u32,
    },
    /// It lies where everybody can put another file in its place.
    #[error(
        "everybody can replace the file {}: the directory {} has mode {mode:04o}; forbid it: chmod o-w {}",
        path.display(),
        directory.display(),
        directory.display()
    )]
    ReplaceableByOthers {
        /// The file.
        path: PathBuf,
        /// The directory, one of those above it.
        directory: PathBuf,
        /// The directory's mode.
        mode: u32,
    },
    /// Its content is wrong.
    #[error("the key file {}, {error}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Where, and what.
        error: LineError,
    },
    /// The name for a new one is wrong.
    #[error("{0}")]
    Name(Fault),
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn file_with_mode(name: &str, mode: u32, text: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("groupcast-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_unless_that_is_meant() {
        let made = KeyFile::generate("kitchen").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o644] {
            let path = file_with_mode("open", mode, made.to_text().as_bytes());
            let error = load(&path).unwrap_err();
            assert!(
                matches!(error, KeyFileError::OpenToOthers { .. }),
                "{error}"
            );
            let text = error.to_string();
            assert!(text.contains(&format!("{mode:04o}")), "{text}");
            assert!(text.contains("chmod 600"), "{text}");
            assert_eq!(load_of_any_mode(&path).unwrap(), made);
            fs::remove_file(path).unwrap();
        }
        for mode in [0o600, 0o400] {
            let path = file_with_mode("private", mode, made.to_text().as_bytes());
            assert_eq!(load(&path).unwrap(), made);
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        let path = file_with_mode("wrong", 0o600, b"# nothing\nsend = gk1\n");
        let text = load(&path).unwrap_err().to_string();
        fs::remove_file(&path).unwrap();
        assert!(text.contains(&path.display().to_string()), "{text}");
        assert!(text.contains("line 2"), "{text}");
        let text = load(&path).unwrap_err().to_string();
        assert!(text.starts_with("cannot read the key file"), "{text}");
    }

    #[test]
    fn a_file_that_is_no_text_or_endless_is_refused() {
        let path = file_with_mode("binary", 0o600, b"\xff\xfe\0");
        assert!(matches!(load(&path), Err(KeyFileError::Unreadable { .. })));
        fs::remove_file(&path).unwrap();
        let endless = vec![b'#'; 70_000];
        let path = file_with_mode("endless", 0o600, &endless);
        assert!(load(&path).unwrap_err().to_string().contains("too long"));
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_shells_of_windows_write_is_read() {
        let made = KeyFile::generate("küche").unwrap();
        let text = made.to_text().replace('\n', "\r\n");
        let units = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let marked = format!("\u{feff}{text}");
            marked.encode_utf16().flat_map(bytes).collect()
        };
        let marked = format!("\u{feff}{text}").into_bytes();
        for octets in [marked, units(u16::to_le_bytes), units(u16::to_be_bytes)] {
            let path = file_with_mode("windows", 0o600, &octets);
            let loaded = load(&path);
            fs::remove_file(path).unwrap();
            assert_eq!(loaded.unwrap(), made);
        }
        // The same when the text is read by somebody else.
        assert_eq!(format!("\u{feff}{text}").parse::<KeyFile>().unwrap(), made);
        let key = crate::sign_file::generate().unwrap();
        let line = crate::sign_file::trust_line("boss", &key.public()).unwrap();
        let path = file_with_mode(
            "windows-trust",
            0o600,
            format!("\u{feff}{line}\r\n").as_bytes(),
        );
        let trusted = crate::sign_file::load_trusted(&path);
        fs::remove_file(path).unwrap();
        assert_eq!(trusted.unwrap().name_of(&key.public()), Some("boss"));
    }

    #[test]
    fn who_is_trusted_can_be_read_by_all_and_changed_by_one() {
        let key = crate::sign_file::generate().unwrap();
        let line = crate::sign_file::trust_line("boss", &key.public()).unwrap();
        for (mode, is_fine) in [(0o644, true), (0o600, true), (0o664, false), (0o646, false)] {
            let path = file_with_mode("trusted", mode, line.as_bytes());
            let loaded = crate::sign_file::load_trusted(&path);
            fs::remove_file(path).unwrap();
            assert_eq!(loaded.is_ok(), is_fine, "{mode:o}");
            if let Err(error) = loaded {
                assert!(error.to_string().contains("chmod go-w"), "{error}");
            }
        }
    }

    #[test]
    fn a_key_to_sign_with_is_as_private_as_a_groups() {
        let key = crate::sign_file::generate().unwrap();
        let text = crate::sign_file::to_text(&key, "boss").unwrap();
        for (mode, is_fine) in [(0o600, true), (0o640, false), (0o604, false)] {
            let path = file_with_mode("signing", mode, text.as_bytes());
            let loaded = crate::sign_file::load(&path);
            fs::remove_file(path).unwrap();
            assert_eq!(loaded.is_ok(), is_fine, "{mode:o}");
        }
    }

    #[test]
    fn a_key_file_is_shown_without_its_keys() {
        let made = KeyFile::generate("kitchen").unwrap();
        assert_eq!(format!("{made:?}"), "KeyFile(\"kitchen\", secret)");
    }
}
