//! Bad input: each says what is wrong and what to do, and is exit 2.

use std::ffi::OsStr;
use std::net::UdpSocket;

use crate::process::{group, run, run_with_input};

fn refused<A: AsRef<OsStr>>(args: &[A], advice: &str) {
    let ended = run(group(70), args).expect(2);
    assert!(
        ended.stderr.contains(advice),
        "expected {advice:?}: {ended:#?}"
    );
    assert!(ended.stdout.is_empty(), "{ended:#?}");
}

#[test]
fn settings_that_cannot_be_are_refused_by_every_command() {
    let long = "x".repeat(33);
    let cases: [(&[&str], &str); 15] = [
        (
            &["--group", "192.168.1.2:12345"],
            "not a multicast address; use one of 239.",
        ),
        (
            &["--group", "239.1.2.3:0"],
            "port 0 cannot be a group's port; choose",
        ),
        (&["--group", "239.1.2.3"], "239.1.2.3:12345"),
        (&["--group", "239.1.2.3:99999"], "239.1.2.3:12345"),
        (&["--group", "239.1.2.999:7"], "239.1.2.3:12345"),
        (
            &["--group", "[ff02::1%nonsense0]:7"],
            "no interface named nonsense0",
        ),
        (
            &["--group", "[ff02::1234]:12345"],
            "use an IPv4 group there",
        ),
        (
            &["--interface", "nonsense0"],
            "no interface named nonsense0; there are: ",
        ),
        (
            &["--interface", "203.0.113.9"],
            "no interface with address 203.0.113.9; there are: ",
        ),
        (
            &["--interface", "999999"],
            "no interface with index 999999; there are: ",
        ),
        (
            &["--name", &long],
            "longer than 32 bytes of UTF-8; shorten it",
        ),
        (&["--group-name", &long], "shorten it"),
        (&["--id", "0"], "hexadecimal digits and not 0"),
        (&["--id", "ghost"], "hexadecimal digits and not 0"),
        (&["--hop-limit", "256"], "256 is not in 0..=255"),
    ];
    for (options, advice) in cases {
        for command in [&["listen"][..], &["send", "hello"], &["members"], &["demo"]] {
            // The demonstration's members have names of their own.
            if command[0] == "demo" && options[0] == "--name" {
                continue;
            }
            refused_for(command, options, advice);
        }
    }
}

fn refused_for(command: &[&str], options: &[&str], advice: &str) {
    // `--group` may be said once only, and the helper says it.
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_groupcast"));
    process.env("GROUPCAST_INTERFACE", "127.0.0.1");
    let output = process.args(command).args(options).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        output.status.code(),
        Some(2),
        "{command:?} {options:?}: {stderr}"
    );
    assert!(stderr.contains(advice), "{command:?} {options:?}: {stderr}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_name_that_is_no_text_is_refused() {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let name = OsStr::from_bytes(b"an\xffa");
        refused(
            &[OsStr::new("listen"), OsStr::new("--name"), name],
            "invalid UTF-8",
        );
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    refused(&["shout"], "unrecognized subcommand");
    refused(&["send"], "nothing to send");
    refused(&["send", "--rate", "9", "hello"], "lines of standard input");
    refused(
        &["send", "--repeat", "2"],
        "--repeat and --interval are for",
    );
    refused(&["send", "hello", "--lines"], "cannot be used with");
    refused(
        &["send", "--raw", "--channel", "1", "hello"],
        "cannot be used with",
    );
    refused(
        &["send", "--channel", "256", "hello"],
        "256 is not in 0..=255",
    );
    refused(&["listen", "--count", "0"], "a whole number, 1 or more");
    refused(
        &["listen", "--exec", " "],
        "a command is what a shell can run",
    );
    refused(&["listen", "--timeout", "-1"], "a number of seconds");
    refused(&["listen", "--count", "-1"], "a whole number, 1 or more");
    refused(&["listen", "--timeout", "soon"], "a number of seconds");
}

#[test]
fn a_port_that_another_program_does_not_share_is_named() {
    let group = group(71);
    let _other = UdpSocket::bind(("0.0.0.0", group.port())).unwrap();
    let ended = run(group, ["listen"]).expect(2);
    assert!(
        ended.stderr.contains(&group.port().to_string()),
        "{ended:#?}"
    );
    assert!(ended.stderr.contains("does not share it"), "{ended:#?}");
}

#[test]
fn a_message_too_long_names_the_limit() {
    let message = "x".repeat(65_536);
    run(group(72), ["send", &message]).expect(0);
    refused(
        &["send", &format!("{message}x")],
        "65537 bytes, and at most 65536 are possible",
    );
    // A value is never split.
    let message = "x".repeat(1162);
    run(group(72), ["send", "--class", "latest", &message]).expect(0);
    refused(
        &["send", "--class", "latest", &format!("{message}x")],
        "1163 bytes, and at most 1162 are possible",
    );
    let message = "x".repeat(1472);
    run(group(72), ["send", "--raw", &message]).expect(0);
    refused(
        &["send", "--raw", &format!("{message}x")],
        "1473 bytes, and at most 1472 are possible",
    );
}

#[test]
fn what_would_be_misread_as_framed_is_not_sent_raw() {
    let ended = run_with_input(group(73), &["send", "--raw", "--lines"], b"\xc1\x10\n").expect(2);
    assert!(
        ended.stderr.contains("must not begin with the byte c1"),
        "{ended:#?}"
    );
    refused(&["send", "--raw", ""], "must not be empty");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    refused(
        &["send", "--file", "/nonsense/file"],
        "cannot read /nonsense/file",
    );
    refused(&["send", "--file", "/"], "cannot read /");
}
