//! `groupcast keygen`: keys for sealed groups.

use std::fs::{self, File};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use groupcast_std::key_file::{KeyFile, key_from_text, load};
use serde_json::Value;

use crate::process::{group, run, run_with_input};

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("groupcast-keygen-{}-{name}", std::process::id()))
}

/// Runs `groupcast keygen > path` as a shell would: the file can be read by everybody at first.
fn keygen_into(path: &PathBuf, arguments: &[&str]) -> String {
    let file = File::create(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_groupcast"))
        .arg("keygen")
        .args(arguments)
        .stdout(Stdio::from(file))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    stderr
}

/// The bytes of an array in C or Rust.
fn octets(lines: &[String]) -> Vec<u8> {
    let words = lines.iter().flat_map(|line| line.split([' ', ',']));
    let digits = words.filter_map(|word| word.strip_prefix("0x"));
    digits
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}

#[test]
fn a_new_key_file_is_private_and_can_be_loaded() {
    let path = scratch("new");
    let said = keygen_into(&path, &["--group-name", "kitchen"]);
    assert!(said.contains("by its owner only"), "{said}");
    assert!(said.contains("who opened it before"), "{said}");
    assert!(said.contains("--out FILE"), "{said}");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let file = load(&path).unwrap();
    assert_eq!(file.group_name().as_str(), "kitchen");
    fs::remove_file(&path).unwrap();
    // What is private already is not spoken of.
    let mut private = File::options();
    let private = private.write(true).create_new(true).mode(0o600);
    let said = keygen_to(private.open(&path).unwrap(), 0);
    assert_eq!(said, "");
    assert_ne!(load(&path).unwrap().keys(), file.keys());
    fs::remove_file(path).unwrap();
}

/// Runs `groupcast keygen` with this file as standard output. What it says.
fn keygen_to(file: File, code: i32) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_groupcast"))
        .arg("keygen")
        .stdout(Stdio::from(file))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_key_that_a_shell_has_emptied_is_told_of_and_none_is_put_behind_another() {
    let path = scratch("emptied");
    keygen_into(&path, &[]);
    let first = fs::read_to_string(&path).unwrap();
    // `>> FILE`: of two keys in it, none could be read.
    let said = keygen_to(File::options().append(true).open(&path).unwrap(), 2);
    assert!(said.contains("there is something in this file"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), first);
    // `> FILE`. Times of files are not that fine.
    std::thread::sleep(core::time::Duration::from_millis(50));
    let emptied = File::create(&path).unwrap();
    let is_known = fs::metadata(&path).unwrap().created().is_ok();
    let said = keygen_to(emptied, 0);
    assert_eq!(said.contains("was there before"), is_known, "{said}");
    assert_ne!(fs::read_to_string(&path).unwrap(), first);
    fs::remove_file(&path).unwrap();
    // Arrays go behind each other.
    let append = || {
        File::options()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap()
    };
    for _ in 0..2 {
        let array = Command::new(env!("CARGO_BIN_EXE_groupcast"))
            .args(["keygen", "--c-array"])
            .stdout(Stdio::from(append()))
            .output()
            .unwrap();
        assert!(array.status.success(), "{array:?}");
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn programs_are_told_where_a_key_is_and_the_file_is_one_that_commands_take() {
    let path = scratch("told");
    let name = path.to_str().unwrap();
    let args = ["keygen", "--json", "--group-name", "kitchen", "--out", name];
    let ended = run(group(119), args).expect(0);
    let told: Value = serde_json::from_str(&ended.stdout[0]).unwrap();
    assert_eq!(told, serde_json::json!({ "file": name }));
    assert_eq!(load(&path).unwrap().group_name().as_str(), "kitchen");
    fs::remove_file(path).unwrap();
}

#[test]
fn a_file_of_out_is_new_and_private_from_the_first_moment() {
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (keys, boss, trusted) = (scratch("out"), scratch("out-boss"), scratch("out-trusted"));
    let [at, boss_at, trusted_at] = [&keys, &boss, &trusted].map(|path| path.to_str().unwrap());
    let args = ["keygen", "--group-name", "kitchen", "--out", at];
    let ended = run(group(100), args).expect(0);
    assert!(ended.stdout.is_empty(), "{ended:#?}");
    assert!(ended.stderr.contains("yours alone"), "{ended:#?}");
    assert_eq!(mode(&keys), 0o600);
    let made = load(&keys).unwrap();
    assert_eq!(made.group_name().as_str(), "kitchen");
    // What is there is a key in use, perhaps: it stays.
    let ended = run(group(100), args).expect(2);
    assert!(ended.stderr.contains("is there already"), "{ended:#?}");
    assert_eq!(load(&keys).unwrap(), made);

    let args = ["keygen", "--sign", "--name", "boss", "-o", boss_at];
    run(group(100), args).expect(0);
    assert_eq!(mode(&boss), 0o600);
    let args = [
        "keygen", "--public", boss_at, "--name", "boss", "-o", trusted_at,
    ];
    run(group(100), args).expect(0);
    let key = groupcast_std::sign_file::load(&boss).unwrap().public();
    let list = groupcast_std::sign_file::load_trusted(&trusted).unwrap();
    assert_eq!(list.name_of(&key), Some("boss"));

    let link = scratch("out-link");
    std::os::unix::fs::symlink("/nonsense/elsewhere", &link).unwrap();
    for (path, said) in [
        (link.to_str().unwrap(), "is there already"),
        ("/nonsense/file", "cannot write the file /nonsense/file"),
    ] {
        let ended = run(group(100), ["keygen", "--out", path]).expect(2);
        assert!(ended.stderr.contains(said), "{ended:#?}");
    }
    for path in [keys, boss, trusted, link] {
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn two_keys_differ() {
    let [one, two] = [(); 2].map(|()| run(group(120), ["keygen"]).expect(0).stdout.join("\n"));
    let [one, two] = [one, two].map(|text| text.parse::<KeyFile>().unwrap());
    assert_ne!(one.keys(), two.keys());
}

#[test]
fn arrays_and_json_are_the_key_of_the_file() {
    let path = scratch("from");
    keygen_into(&path, &["--group-name", "kitchen"]);
    let file = load(&path).unwrap();
    let from = path.to_str().unwrap();
    for (option, begins) in [
        (
            "--c-array",
            "static const unsigned char groupcast_key[32] = {",
        ),
        ("--rust-array", "pub const KEY: [u8; 32] = ["),
    ] {
        let ended = run(group(121), ["keygen", "--from", from, option]).expect(0);
        assert_eq!(
            ended.stdout[0],
            "// The key of the group \"kitchen\". Keep it secret."
        );
        assert_eq!(ended.stdout[1], begins);
        assert_eq!(octets(&ended.stdout), file.keys().sending().secret());
        // Without a file it is a new one.
        let ended = run(group(121), ["keygen", option]).expect(0);
        assert_eq!(octets(&ended.stdout).len(), 32);
        assert_ne!(octets(&ended.stdout), file.keys().sending().secret());
    }
    fs::remove_file(path).unwrap();
    let ended = run(group(121), ["keygen", "--json", "--group-name", "a"]).expect(0);
    let key: Value = serde_json::from_str(&ended.stdout[0]).unwrap();
    assert_eq!(key["group"], "a");
    key_from_text(key["key"].as_str().unwrap()).unwrap();
}

#[test]
fn a_passphrase_gives_the_same_key_in_the_same_group() {
    let key = |name: &str, input: &[u8]| {
        let arguments = ["keygen", "--passphrase", "--group-name", name];
        let text = run_with_input(group(122), &arguments, input)
            .expect(0)
            .stdout;
        text.join("\n").parse::<KeyFile>().unwrap()
    };
    let ours = key("kitchen", b"seven words that dice have chosen\n");
    assert_eq!(
        ours,
        key("kitchen", b"seven words that dice have chosen\r\nmore\n")
    );
    let marked = b"\xef\xbb\xbfseven words that dice have chosen\r\n";
    assert_eq!(ours, key("kitchen", marked));
    let others = key("cellar", b"seven words that dice have chosen");
    assert_ne!(ours.keys(), others.keys());
}

#[test]
fn that_a_group_without_a_name_has_the_salt_of_all_is_said() {
    let said = |name: &str| {
        let args = ["keygen", "--passphrase", "--group-name", name];
        let words = b"seven words that dice have chosen\n";
        let ended = run_with_input(group(101), &args, words).expect(0);
        ended.stderr.contains("gives the same key everywhere")
    };
    assert!(said(""));
    assert!(!said("kitchen"));
}

#[test]
fn what_cannot_be_is_refused_with_advice() {
    let refused = |arguments: &[&str], input: &[u8], advice: &str| {
        let ended = run_with_input(group(123), arguments, input).expect(2);
        assert!(ended.stderr.contains(advice), "{advice}: {ended:#?}");
        assert!(ended.stdout.is_empty(), "{ended:#?}");
    };
    let passphrase = &["keygen", "--passphrase"];
    refused(
        passphrase,
        b"fifteen letters\n",
        "has 15 characters, and needs 16",
    );
    refused(passphrase, b"", "has 0 characters");
    refused(
        passphrase,
        b"aaaaaaaaaaaaaaaaaaaa\n",
        "seven words that dice chose",
    );
    refused(passphrase, b"\xff\xfe\n", "cannot read the passphrase");
    let long = "x".repeat(33);
    refused(
        &["keygen", "--group-name", &long],
        b"",
        "longer than 32 bytes",
    );
    refused(
        &["keygen", "--group-name", "a\nb"],
        b"",
        "control characters",
    );
    refused(
        &["keygen", "--c-array", "--rust-array"],
        b"",
        "cannot be used with",
    );
    refused(
        &["keygen", "--c-array", "--json"],
        b"",
        "an array is not JSON",
    );
    refused(&["keygen", "--from", "/nonsense/file"], b"", "required");
    let from = &["keygen", "--c-array", "--from", "/nonsense/file"];
    refused(from, b"", "cannot read the key file /nonsense/file");

    let path = scratch("open");
    keygen_into(&path, &["--group-name", "kitchen"]);
    let from = path.to_str().unwrap();
    let other = &[
        "keygen",
        "--c-array",
        "--from",
        from,
        "--group-name",
        "cellar",
    ];
    refused(other, b"", "is for the group \"kitchen\"");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&["keygen", "--c-array", "--from", from], b"", "chmod 600");
    fs::remove_file(path).unwrap();
}
