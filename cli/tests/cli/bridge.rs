//! `groupcast bridge` starts another program. Here that is a script, which says what it was told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{Running, command, group};

/// This command in a directory where no bridge is beside it, as the installed one may be.
fn alone(directory: &Path) -> Command {
    let program = directory.join("groupcast");
    // Not a copy: a process that another test starts meanwhile would have it open, and then it cannot be started.
    let _ = fs::remove_file(&program);
    fs::hard_link(env!("CARGO_BIN_EXE_groupcast"), &program).unwrap();
    let mut alone = Command::new(program);
    alone
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let usual = command(group(87));
    for (name, value) in usual.get_envs() {
        match value {
            Some(value) => alone.env(name, value),
            None => alone.env_remove(name),
        };
    }
    alone
}

#[test]
fn it_is_started_where_it_is_installed_and_otherwise_missed() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let directory = directory.join(format!("groupcast-bridge-{}", std::process::id()));
    let path = directory.join("path");
    fs::create_dir_all(&path).unwrap();
    let line = [
        "bridge",
        "tunnel",
        "mqtt://127.0.0.1",
        "--site",
        "a b",
        "--help",
    ];

    let spawned = Running::spawn(alone(&directory).args(line).env("PATH", &path));
    let missed = spawned.ended().expect(2);
    assert!(
        missed.stderr.contains("cargo install --path bridge"),
        "{missed:?}"
    );

    let script = path.join("groupcast-bridge");
    let text =
        "#!/bin/sh\nprintf '%s\\n' \"$@\" \"$GROUPCAST_GROUP\" \"$GROUPCAST_INTERFACE\"\nexit 3\n";
    // By another program, for the same reason.
    let source = directory.join("script");
    fs::write(&source, text).unwrap();
    let copied = Command::new("cp").args([&source, &script]).status();
    assert!(copied.unwrap().success());
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let mut started = alone(&directory);
    started
        .args(["--group", "239.9.8.7:6"])
        .args(line)
        .env("PATH", &path);
    let started = Running::spawn(&mut started).ended().expect(3);
    let said = [
        "tunnel",
        "mqtt://127.0.0.1",
        "--site",
        "a b",
        "--help",
        "239.9.8.7:6",
        "127.0.0.1",
    ];
    assert_eq!(started.stdout, said);
    // Where nobody names a group, the bridge's own file may.
    let mut usual = alone(&directory);
    usual
        .args(["bridge", "x"])
        .env("PATH", &path)
        .env_remove("GROUPCAST_GROUP");
    let usual = Running::spawn(&mut usual).ended().expect(3);
    assert_eq!(usual.stdout, ["x", "", "127.0.0.1"]);
    fs::remove_dir_all(&directory).unwrap();
}
