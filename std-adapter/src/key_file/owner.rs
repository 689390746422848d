//! Who can read, change or replace a file, as far as owners and modes tell.

use std::fs::{self, Metadata};
use std::path::Path;

use super::KeyFileError;

/// Nobody but this process's user and root can read, change or replace the file.
pub(crate) fn is_private(path: &Path, metadata: &Metadata) -> Result<(), KeyFileError> {
    let mode = mode(metadata);
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(KeyFileError::OpenToOthers { path, mode });
    }
    is_unchangeable(path, metadata)
}

/// Nobody but this process's user and root can change or replace the file.
pub(crate) fn is_unchangeable(path: &Path, metadata: &Metadata) -> Result<(), KeyFileError> {
    let mode = mode(metadata);
    if mode & 0o022 != 0 {
        let path = path.to_owned();
        return Err(KeyFileError::ChangeableByOthers { path, mode });
    }
    is_own(path, metadata)?;
    stays(path)
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

/// Nobody else can put another file in its place: everybody may write to none of the directories above it, but to
/// one like `/tmp`, where each can remove only what is theirs.
fn stays(path: &Path) -> Result<(), KeyFileError> {
    const EVERYBODY: u32 = 0o002;
    const ONLY_ONES_OWN: u32 = 0o1000;
    // Pipes have no directory, and nobody can replace them.
    let Ok(real) = fs::canonicalize(path) else {
        return Ok(());
    };
    // Where the file is, and where a link to it is.
    let link = path.parent().and_then(|above| fs::canonicalize(above).ok());
    let above = real
        .ancestors()
        .skip(1)
        .chain(link.iter().flat_map(|link| link.ancestors()));
    for directory in above {
        let mode = fs::metadata(directory).as_ref().map_or(0, mode);
        if mode & EVERYBODY != 0 && mode & ONLY_ONES_OWN == 0 {
            return Err(KeyFileError::ReplaceableByOthers {
                path: path.to_owned(),
                directory: directory.to_owned(),
                mode,
            });
        }
    }
    Ok(())
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

    #[cfg(unix)]
    #[test]
    fn a_directory_where_everybody_can_replace_files_is_refused() {
        use std::fs::Permissions;
        use std::os::unix::fs::{PermissionsExt, symlink};

        let top = std::env::temp_dir().join(format!("groupcast-stays-{}", std::process::id()));
        let inner = top.join("inner");
        fs::create_dir_all(&inner).unwrap();
        let (file, link) = (inner.join("keys"), top.join("link"));
        fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        let mut seen = Vec::new();
        for (directory, mode) in [
            (&top, 0o755),
            (&top, 0o1777),
            (&top, 0o777),
            (&inner, 0o773),
        ] {
            fs::set_permissions(directory, Permissions::from_mode(mode)).unwrap();
            seen.push((stays(&file), stays(&link)));
            fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
        }
        fs::remove_dir_all(&top).unwrap();
        for (direct, linked) in &seen[..2] {
            assert!(direct.is_ok() && linked.is_ok(), "{direct:?} {linked:?}");
        }
        for (direct, linked) in &seen[2..] {
            for refused in [direct, linked] {
                let text = refused.as_ref().unwrap_err().to_string();
                assert!(text.contains("chmod o-w "), "{text}");
            }
        }
    }
}
