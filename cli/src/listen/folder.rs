//! `--save`: each message as a new file in a folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::letter::Letter;
use crate::process::failure::Failure;
use crate::text::escape::escaped;

/// Files of one millisecond, sender and number, at most: more than can be.
const SAME: u32 = 10_000;

/// Bytes of a sender's name in that of a file.
const NAME: usize = 32;

/// Where messages are kept.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes it if it is not there.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let path = path.to_owned();
        match fs::create_dir(&path) {
            Ok(()) => {}
            Err(_) if path.is_dir() => {}
            Err(error) => {
                let path = path.display().to_string();
                return Err(Failure::Settings(format!(
                    "cannot make the folder {}: {error}; choose another place",
                    escaped(&path)
                )));
            }
        }
        Ok(Self { path })
    }

    /// Keeps a message, and tells where. No file that is there is touched.
    pub(super) fn keep(&self, letter: &Letter<'_>) -> Result<String, Failure> {
        let failed = |error: io::Error| {
            let path = self.path.display().to_string();
            Failure::Trouble(format!("cannot save into {}: {error}", escaped(&path)))
        };
        let (mut file, path) = self.create(letter).map_err(failed)?;
        if let Err(error) = file.write_all(letter.payload) {
            // Half a message is none.
            let _ = fs::remove_file(&path);
            return Err(failed(error));
        }
        Ok(path.display().to_string())
    }

    fn create(&self, letter: &Letter<'_>) -> io::Result<(File, PathBuf)> {
        let (stem, ending) = name_of(letter);
        let mut options = OpenOptions::new();
        // Follows no link, either.
        options.write(true).create_new(true);
        for number in 1..=SAME {
            let name = match number {
                1 => format!("{stem}.{ending}"),
                number => format!("{stem}-{number}.{ending}"),
            };
            let path = self.path.join(name);
            match options.open(&path) {
                Ok(file) => return Ok((file, path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// What a file is called: when it came, from whom, its number; and its ending. Others choose names: of those, letters
/// and digits of ASCII are left.
fn name_of(letter: &Letter<'_>) -> (String, &'static str) {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let from: String = letter.from.chars().take(NAME).map(safe).collect();
    let number = letter.member.map(|member| format!("-{}", member.sequence));
    let ending = match core::str::from_utf8(letter.payload) {
        Ok(_) => "txt",
        Err(_) => "bin",
    };
    let number = number.unwrap_or_default();
    (format!("{}-{from}{number}", letter.millis), ending)
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letters;
    use super::*;

    #[test]
    fn names_of_others_become_names_of_files_without_harm() {
        for (from, name) in [
            ("ana", "1764316800123-ana-42"),
            ("../../etc/passwd", "1764316800123-______etc_passwd-42"),
            ("/etc", "1764316800123-_etc-42"),
            ("a\\b:c\0d.e~$(f)", "1764316800123-a_b_c_d_e___f_-42"),
            ("여보 세요", "1764316800123-_____-42"),
        ] {
            let [framed, _] = letters(from, b"text");
            assert_eq!(name_of(&framed), (name.to_owned(), "txt"));
        }
        let [_, raw] = letters("", &[0xff]);
        assert_eq!(
            name_of(&raw),
            ("1764316800123-10_0_0_1_40000".to_owned(), "bin")
        );
    }

    #[test]
    fn nothing_that_is_there_is_touched() {
        let path = std::env::temp_dir().join(format!("groupcast-folder-{}", std::process::id()));
        let folder = Folder::open(&path).unwrap();
        let [letter, _] = letters("ana", b"one");
        #[cfg(unix)]
        {
            let outside = path.join("outside");
            fs::write(&outside, "precious").unwrap();
            let link = path.join("1764316800123-ana-42.txt");
            std::os::unix::fs::symlink(&outside, link).unwrap();
            let kept = folder.keep(&letter).unwrap();
            assert!(kept.ends_with("1764316800123-ana-42-2.txt"), "{kept}");
            assert_eq!(fs::read_to_string(&outside).unwrap(), "precious");
        }
        let kept = [(); 2].map(|()| folder.keep(&letter).unwrap());
        assert_ne!(kept[0], kept[1]);
        for kept in kept {
            assert_eq!(fs::read_to_string(kept).unwrap(), "one");
        }
        // Again, as a folder that is there; and a file is none.
        Folder::open(&path).unwrap();
        let file = path.join("file");
        fs::write(&file, "").unwrap();
        assert!(Folder::open(&file).is_err());
        fs::remove_dir_all(&path).unwrap();
    }
}
