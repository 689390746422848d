//! Who can read or change a file, as far as its owner and its mode tell.

use std::fs::Metadata;
use std::path::Path;

use super::KeyFileError;

/// Nobody but this process's user and root can read or change the file.
pub(crate) fn is_private(path: &Path, metadata: &Metadata) -> Result<(), KeyFileError> {
    let mode = mode(metadata);
    if mode & 0o077 == 0 {
        return is_own(path, metadata);
    }
    Err(KeyFileError::OpenToOthers {
        path: path.to_owned(),
        mode,
    })
}

/// Nobody but this process's user and root can change the file.
pub(crate) fn is_unchangeable(path: &Path, metadata: &Metadata) -> Result<(), KeyFileError> {
    let mode = mode(metadata);
    if mode & 0o022 == 0 {
        return is_own(path, metadata);
    }
    Err(KeyFileError::ChangeableByOthers {
        path: path.to_owned(),
        mode,
    })
}

fn is_own(path: &Path, metadata: &Metadata) -> Result<(), KeyFileError> {
    match users(metadata) {
        Some((owner, user)) if !is_fine(owner, user) => Err(KeyFileError::OwnedByOthers {
            path: path.to_owned(),
            owner,
            user,
        }),
        _ => Ok(()),
    }
}

/// Whether a file of this owner can be changed by nobody but this user and root.
const fn is_fine(owner: u32, user: u32) -> bool {
    owner == user || owner == 0
}

/// Whose the file is, and whose this process is.
#[cfg(unix)]
fn users(metadata: &Metadata) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;

    Some((metadata.uid(), rustix::process::geteuid().as_raw()))
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;

    metadata.permissions().mode() & 0o7777
}

/// Elsewhere there are no owners and modes to look at.
#[cfg(not(unix))]
fn users(_: &Metadata) -> Option<(u32, u32)> {
    None
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_oneself_and_of_root_are_fine() {
        for (owner, user, fine) in [
            (1000, 1000, true),
            (0, 1000, true),
            (0, 0, true),
            (1001, 1000, false),
            (65_534, 0, false),
        ] {
            assert_eq!(is_fine(owner, user), fine, "{owner} {user}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_owner_of_a_file_of_another_user_is_named() {
        use std::fs;

        let path = std::env::temp_dir().join(format!("groupcast-owner-{}", std::process::id()));
        fs::write(&path, "").unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert!(is_own(&path, &metadata).is_ok());
        // Only root can give a file away.
        let given = std::os::unix::fs::chown(&path, Some(65_534), None);
        let checked = is_own(&path, &fs::metadata(&path).unwrap());
        fs::remove_file(&path).unwrap();
        if given.is_ok() && rustix::process::geteuid().is_root() {
            let text = checked.unwrap_err().to_string();
            assert!(text.contains("uid 65534"), "{text}");
            assert!(text.contains("chown 0 "), "{text}");
        }
    }
}
