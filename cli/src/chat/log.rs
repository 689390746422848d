//! What is said, written to a file, too.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::process::clock::{self, Zone};

/// A file that what is said is added to.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens it. A new one is for its owner alone: what is said in a sealed group stands there in the open.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(path)
            .map_err(|error| unwritable(path, &error))?;
        let path = path.to_owned();
        let mut log = Self { path, file };
        // So that it is known at once whether it can be written, and where one talk ends in it and the next begins.
        let begin = format!("-- from {} on --", Zone::here().whole(clock::millis()));
        log.write(&[begin])?;
        Ok(log)
    }

    pub(crate) fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// Adds lines.
    pub(crate) fn write(&mut self, lines: &[String]) -> Result<(), String> {
        let mut text = lines.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| unwritable(&self.path, &error))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> String {
    format!("cannot write to {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_stays() {
        let name = format!("groupcast-log-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        for line in ["one", "two"] {
            let mut log = Log::open(&path).unwrap();
            log.write(&[line.to_owned()]).unwrap();
            log.write(&[]).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert!(
            matches!(lines[..], [a, "one", b, "two"] if a.starts_with("-- from ") && b.starts_with("-- from "))
        );
        assert!(Log::open(Path::new("/dev/full")).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
