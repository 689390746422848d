//! Where keys go: a new file of `--out`, or what a shell makes of `> FILE`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::process::failure::Failure;
use crate::text::escape::escaped;

/// Who may read a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum For {
    Oneself,
    Everybody,
}

/// Refuses a file that is there, before anybody is asked for a passphrase.
pub(super) fn is_new(path: &Path) -> Result<(), Failure> {
    if path.symlink_metadata().is_ok() {
        return Err(unwritable(path, &io::ErrorKind::AlreadyExists.into()));
    }
    Ok(())
}

/// Writes a new file. One that is for oneself is private from the moment it is there.
pub(super) fn write(path: &Path, text: &str, readers: For) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(
        &mut options,
        match readers {
            For::Oneself => 0o600,
            // Whom to trust is not for others to change, whatever the umask.
            For::Everybody => 0o644,
        },
    );
    let mut file = options.open(path).map_err(|e| unwritable(path, &e))?;
    let written = file.write_all(text.as_bytes());
    let written = written.and_then(|()| file.write_all(b"\n"));
    if let Err(error) = written.and_then(|()| file.sync_all()) {
        // Half a key is of no use.
        let _ = fs::remove_file(path);
        return Err(unwritable(path, &error));
    }
    if readers == For::Everybody {
        return Ok(());
    }
    let name = path.display().to_string();
    if !is_private(&file) {
        aside!(
            "groupcast: others may be able to read {}: this file system keeps no modes; move it to one that does",
            escaped(&name)
        );
    } else if cfg!(unix) {
        aside!("{}: yours alone (mode 0600)", escaped(&name));
    }
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let path = path.display().to_string();
    let path = escaped(&path);
    Failure::Settings(if error.kind() == io::ErrorKind::AlreadyExists {
        format!(
            "{path} is there already, and may hold a key that is in use; choose another name, or remove it first"
        )
    } else {
        format!("cannot write the file {path}: {error}; choose another place")
    })
}

#[cfg(unix)]
fn is_private(file: &fs::File) -> bool {
    use std::os::unix::fs::PermissionsExt;

    let metadata = file.metadata();
    metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o077 == 0)
}

/// Elsewhere a file is as private as its folder.
#[cfg(not(unix))]
fn is_private(_: &fs::File) -> bool {
    true
}

/// What there was before in the file that a shell makes standard output. A file that is new is as old as what is in it;
/// what `> FILE` has emptied is older, and `>> FILE` leaves what there is.
#[cfg(unix)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Before {
    Nothing,
    Emptied,
    Something,
}

#[cfg(unix)]
fn before() -> Before {
    use std::os::fd::AsFd;

    let file = io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map(fs::File::from);
    let Ok(metadata) = file.and_then(|file| file.metadata()) else {
        return Before::Nothing;
    };
    if !metadata.is_file() {
        return Before::Nothing;
    }
    if metadata.len() > 0 {
        return Before::Something;
    }
    // Not every file system knows when a file was made.
    match (metadata.created(), metadata.modified()) {
        (Ok(created), Ok(modified)) if created < modified => Before::Emptied,
        _ => Before::Nothing,
    }
}

/// Refuses to write a key file behind what is in it, which nobody could read then, and says if something is gone. A
/// shell empties a file before this begins.
#[cfg(unix)]
pub(super) fn tell_of_before() -> Result<(), Failure> {
    match before() {
        Before::Nothing => Ok(()),
        Before::Emptied => {
            aside!(
                "groupcast: this file was there before, and the shell has emptied it: if it held a key, that is gone, and \
                 whoever uses it must have this one; `groupcast keygen --out FILE` never replaces a file"
            );
            Ok(())
        }
        Before::Something => Err(Failure::Settings(
            "there is something in this file already, and a key file has one key; choose another name, or \
             `groupcast keygen --out FILE`"
                .to_owned(),
        )),
    }
}

/// What a shell makes of `> FILE` can be read by everybody, as a rule. If standard output is such a file, takes
/// that from them as far as it can be taken, and says how far.
#[cfg(unix)]
pub(super) fn keep_private() {
    use std::fs::{File, Permissions};
    use std::os::fd::AsFd;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    const ADVICE: &str = "`groupcast keygen --out FILE` makes a file private from the first moment";
    let file = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let looked = file.and_then(|file| Ok((file.metadata()?, file)));
    let Ok((before, file)) = looked else {
        // Nobody can have it, then.
        return;
    };
    if !before.is_file() {
        return;
    }
    let user = rustix::process::geteuid().as_raw();
    if before.uid() != user {
        aside!(
            "groupcast: the file belongs to another user (uid {}), who can read the key; {ADVICE}",
            before.uid()
        );
    }
    if before.permissions().mode() & 0o077 == 0 {
        return;
    }
    let changed = file.set_permissions(Permissions::from_mode(0o600));
    match changed {
        Ok(()) if is_private(&file) => aside!(
            "groupcast: the file can now be read by its owner only (mode 0600); who opened it before can still read it, \
             and {ADVICE}"
        ),
        Ok(()) => aside!(
            "groupcast: others can read the file, and that cannot be changed (this file system keeps no modes); {ADVICE}"
        ),
        Err(error) => aside!(
            "groupcast: others can read the file, and that cannot be changed ({error}); {ADVICE}"
        ),
    }
}
