//! Variables, profiles, and where a setting comes from that cannot be.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::process::{Running, command, group, run};

/// A folder with a file of settings.
fn settings(name: &str, text: &str) -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("groupcast")).unwrap();
    let file = folder.join("groupcast").join("config.toml");
    fs::write(&file, text).unwrap();
    (folder, file)
}

/// What `interfaces` says, with these variables and arguments, and no group but theirs.
fn interfaces(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_groupcast"));
    command.env("GROUPCAST_CONFIG", "/dev/null");
    for (name, value) in variables {
        if *name == "XDG_CONFIG_HOME" {
            command.env_remove("GROUPCAST_CONFIG");
        }
        command.env(name, value);
    }
    command.arg("interfaces").args(arguments).output().unwrap()
}

/// The group that it would use.
fn would_use(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = interfaces(variables, arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.lines().last().unwrap();
    last.split_once(" would use ").unwrap().0.to_owned()
}

/// What is wrong. The exit code tells that it is a setting.
fn fault(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = interfaces(variables, arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_command_line_goes_before_variables_and_those_before_profiles() {
    let (folder, file) = settings(
        "order",
        "group = \"239.7.0.1:7001\"\ninterface = \"127.0.0.1\"\n[profiles.x]\ngroup = \"239.7.0.2:7002\"\n",
    );
    let file = ("GROUPCAST_CONFIG", file.to_str().unwrap());
    let variable = ("GROUPCAST_GROUP", "239.7.0.3:7003");
    let profile = ("GROUPCAST_PROFILE", "x");
    let option = ["--group", "239.7.0.4:7004"];
    let loopback = ("GROUPCAST_INTERFACE", "127.0.0.1");
    assert_eq!(would_use(&[loopback], &[]), "239.1.2.3:12345");
    assert_eq!(would_use(&[file], &[]), "239.7.0.1:7001");
    assert_eq!(would_use(&[file, profile], &[]), "239.7.0.2:7002");
    assert_eq!(would_use(&[file], &["--profile", "x"]), "239.7.0.2:7002");
    assert_eq!(would_use(&[file, profile, variable], &[]), "239.7.0.3:7003");
    let all = would_use(&[file, profile, variable], &option);
    assert_eq!(all, "239.7.0.4:7004");
    let usual = ("XDG_CONFIG_HOME", folder.to_str().unwrap());
    assert_eq!(would_use(&[usual], &[]), "239.7.0.1:7001");
    assert_eq!(
        would_use(&[usual, loopback], &["--config", "/dev/null"]),
        "239.1.2.3:12345"
    );
}

#[test]
fn what_cannot_be_says_where_it_comes_from() {
    let (_, file) = settings(
        "blame",
        "[profiles.i]\ninterface = \"nothing0\"\n[profiles.g]\ninterface = \"127.0.0.1\"\ngroup = \"192.0.2.1:7\"\n",
    );
    let config = ("GROUPCAST_CONFIG", file.to_str().unwrap());
    let interface = |value| ("GROUPCAST_INTERFACE", value);
    for (variables, arguments, expected) in [
        (
            vec![interface("nothing0")],
            vec![],
            "(the interface is from GROUPCAST_INTERFACE)",
        ),
        (
            vec![interface("")],
            vec![],
            "the variable GROUPCAST_INTERFACE is \"\": an interface is",
        ),
        (
            vec![("GROUPCAST_GROUP", " ")],
            vec![],
            "the variable GROUPCAST_GROUP is \" \": a group is",
        ),
        (
            vec![("GROUPCAST_NAME", "")],
            vec![],
            "the variable GROUPCAST_NAME is \"\": a name is not empty",
        ),
        (
            vec![("GROUPCAST_KEY_FILE", "")],
            vec![],
            "the variable GROUPCAST_KEY_FILE is \"\": ",
        ),
        (
            vec![("GROUPCAST_GROUP", "192.0.2.1:7")],
            vec![],
            "(the group is from GROUPCAST_GROUP)",
        ),
        (vec![config], vec!["--profile", "i"], "config.toml, line 2)"),
        (vec![config], vec!["--profile", "g"], "config.toml, line 5)"),
        (
            vec![config],
            vec!["--profile", "h"],
            "there is no profile \"h\"; there are: g, i",
        ),
        (
            vec![],
            vec!["--config", "/nothing/x"],
            "cannot read the settings in /nothing/x",
        ),
        (
            vec![("XDG_CONFIG_HOME", "/nothing")],
            vec!["--profile", "h"],
            "/nothing/groupcast/config.toml is not there",
        ),
    ] {
        let said = fault(&variables, &arguments);
        assert!(
            said.contains(expected),
            "{variables:?} {arguments:?}: {said}"
        );
    }
    // What can be seen on the command line is not told again, and an option makes a bad variable harmless.
    let seen = fault(&[interface("")], &["--interface", "nothing0"]);
    assert!(
        !seen.contains("GROUPCAST") && !seen.contains("the interface is from"),
        "{seen}"
    );
    let option = fault(
        &[interface("")],
        &["--interface", "127.0.0.1", "--hop-limit", "x"],
    );
    assert!(
        option.contains("--hop-limit") && !option.contains("GROUPCAST"),
        "{option}"
    );
}

#[test]
fn a_key_file_of_a_profile_lies_beside_the_settings() {
    let (folder, file) = settings("key", "[profiles.kitchen]\nkey-file = \"kitchen.keys\"\n");
    let key = folder.join("groupcast").join("kitchen.keys");
    run(group(110), ["keygen", "--out", key.to_str().unwrap()]).expect(0);
    let start = |arguments: &[&str]| {
        let mut command = command(group(110));
        command.env("GROUPCAST_CONFIG", &file).args(arguments);
        Running::spawn(&mut command)
    };
    let mut listener = start(&["listen", "--json", "--profile", "kitchen"]);
    listener.wait_until_joined();
    run(group(110), ["send", "--name", "stranger", "open"]).expect(0);
    start(&["send", "--profile", "kitchen", "--name", "ana", "sealed"])
        .ended()
        .expect(0);
    assert_eq!(listener.message()["text"], "sealed");
    fs::remove_file(&key).unwrap();
    let missing = start(&["send", "--profile", "kitchen", "x"])
        .ended()
        .expect(2);
    assert!(
        missing.stderr.contains("config.toml, line 2)"),
        "{missing:#?}"
    );
}

#[test]
fn a_group_name_that_does_not_fit_the_key_is_told_where_it_is() {
    let profile = "[profiles.kitchen]\ngroup-name = \"cellar\"\nkey-file = \"kitchen.keys\"\n";
    let (folder, file) = settings("misfit", profile);
    let key = folder.join("groupcast").join("kitchen.keys");
    let make = [
        "keygen",
        "--group-name",
        "kitchen",
        "--out",
        key.to_str().unwrap(),
    ];
    run(group(175), make).expect(0);
    let mut members = command(group(175));
    members.env("GROUPCAST_CONFIG", &file);
    let ended = Running::spawn(members.args(["members", "--profile", "kitchen"])).ended();
    let ended = ended.expect(2);
    assert!(
        ended.stderr.contains("take the group's name out of ")
            && ended.stderr.contains("config.toml, line 2"),
        "{ended:#?}"
    );
}

#[test]
fn who_speaks_has_a_name_and_who_looks_has_none() {
    let group = group(111);
    let mut listener = Running::joined(group, ["listen", "--json", "--name", "ear"]);
    let mut looking = command(group);
    let mut looking = Running::spawn(
        looking
            .args(["members", "--watch"])
            .env("GROUPCAST_NAME", "eva"),
    );
    let joined = listener.event("joined");
    assert_eq!(joined["from"], joined["sender"]);
    looking.wait_for_stderr("group ");
    let mut speaker = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = command(group);
        command.args(arguments).envs(variables.iter().copied());
        let mut running = Running::spawn(command.stdin(Stdio::piped()));
        // A chat says what it reads; the others do not read.
        let _ = running.child.stdin.take().unwrap().write_all(b"hi\n");
        let from = listener.message()["from"].clone();
        running.ended().expect(0);
        from.as_str().unwrap().to_owned()
    };
    let ana = [("GROUPCAST_NAME", "ana"), ("USER", "user")];
    let user = [("USER", "user")];
    let nobody = [("USER", ""), ("LOGNAME", "")];
    let send = ["send", "hello"];
    let chat = ["chat", "--plain"];
    assert_eq!(speaker(&send, &ana), "ana");
    assert_eq!(speaker(&["send", "hello", "--name", "ben"], &ana), "ben");
    assert_eq!(speaker(&send, &user), host_name());
    assert_eq!(speaker(&chat, &ana), "ana");
    assert_eq!(speaker(&chat, &user), "user");
    assert_eq!(speaker(&chat, &nobody), host_name());
    looking.terminated().expect(0);
}

/// What this machine is called, up to the first dot.
fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    name.split('.').next().unwrap().to_owned()
}
