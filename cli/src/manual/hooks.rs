//! What clap's scripts for shells do not complete: names of interfaces, which only the machine knows.

use clap_complete::Shell;

/// Prints them.
const ASK: &str = "groupcast interfaces --names 2>/dev/null";

/// The script with interfaces. Shells that are not here complete options, and no interfaces.
pub(super) fn with_interfaces(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => in_bash(script),
        Shell::Zsh => in_zsh(script),
        Shell::Fish => in_fish(script),
        _ => script.to_owned(),
    }
}

/// Below each of these there is what completes it: files.
fn in_bash(script: &str) -> String {
    let mut is_interface = false;
    let lines = script.lines().map(|line| {
        let here = core::mem::take(&mut is_interface);
        is_interface = matches!(line.trim(), "--interface)" | "-i)");
        if here {
            line.replace(
                r#"compgen -f "${cur}""#,
                &format!(r#"compgen -W "$({ASK})" -- "${{cur}}""#),
            )
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn in_zsh(script: &str) -> String {
    let action = format!(":NAME|INDEX|ADDR:{{compadd -- $({ASK})}}");
    script.replace(":NAME|INDEX|ADDR:_default", &action)
}

fn in_fish(script: &str) -> String {
    let lines = script.lines().map(|line| {
        if line.contains(" -l interface ") {
            format!("{line} -f -a \"({ASK})\"")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
