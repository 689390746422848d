//! `groupcast man` and `groupcast completions`.

use std::path::PathBuf;
use std::process::Command;

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
fn a_shell_completes_interfaces() {
    let names = run(group(0), ["interfaces", "--names"]).expect(0).stdout;
    assert!(names.contains(&"lo".to_owned()), "{names:?}");
    let script = |shell| run(group(0), ["completions", shell]).expect(0).stdout;
    for (shell, hook) in [
        ("zsh", ":{compadd -- $(groupcast interfaces --names "),
        ("fish", "-l interface "),
    ] {
        let script = script(shell);
        let lines = script.iter().filter(|line| line.contains(hook));
        let hooked = lines.filter(|line| line.contains("(groupcast interfaces --names "));
        assert!(hooked.count() > 10, "{shell}");
    }
    // As bash does it when somebody presses the key.
    let ask = |words: &str| {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_groupcast"));
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", program.parent().unwrap().display());
        let press = format!(
            "{}\nCOMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _groupcast groupcast \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\"",
            script("bash").join("\n")
        );
        let pressed = Command::new("bash")
            .args(["-c", &press])
            .env("PATH", path)
            .output();
        String::from_utf8(pressed.unwrap().stdout).unwrap()
    };
    for words in [
        "groupcast listen --interface l",
        "groupcast listen -i lo",
        "groupcast -i l",
    ] {
        let said = ask(words);
        assert!(
            said.split_whitespace().any(|word| word == "lo"),
            "{words}: {said:?}"
        );
    }
    assert_eq!(ask("groupcast listen --interface nothing").trim(), "");
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
