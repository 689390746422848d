//! `groupcast man` and `groupcast completions`.

use std::path::PathBuf;

use crate::process::{group, run};

/// The commands that `groupcast --help` lists.
fn commands() -> Vec<String> {
    let help = run(group(0), ["--help"]).expect(0).stdout;
    let from = help.iter().position(|line| line == "Commands:").unwrap();
    help[from + 1..]
        .iter()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn shells_complete_every_command_and_option() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(group(0), ["completions", shell]).expect(0);
        let script = script.stdout.join("\n");
        for word in commands().iter().map(String::as_str).chain(["key-file"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    run(group(0), ["completions", "cmd"]).expect(2);
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let commands = commands();
    assert!(commands.contains(&"man".to_owned()), "{commands:?}");
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("man");
    std::fs::create_dir_all(&directory).unwrap();
    run(group(0), ["man", directory.to_str().unwrap()]).expect(0);
    for command in &commands {
        let page = directory.join(format!("groupcast-{command}.1"));
        let page = std::fs::read_to_string(&page).unwrap();
        assert!(page.contains(".TH"), "{page}");
        assert!(page.contains("\\-\\-help"), "{command}: {page}");
    }

    let printed = run(group(0), ["man"]).expect(0).stdout.join("\n");
    let written = std::fs::read_to_string(directory.join("groupcast.1")).unwrap();
    assert_eq!(printed, written.trim_end());
    for expected in ["GROUPCAST_INTERFACE", "[profiles.kitchen]", "EXIT STATUS"] {
        assert!(printed.contains(expected), "{printed}");
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let ended = run(group(0), ["man", "/nowhere/man"]).expect(2);
    assert!(ended.stderr.contains("/nowhere/man"), "{ended:#?}");
}
