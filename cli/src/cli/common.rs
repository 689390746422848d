//! Which common options act in which command. The others are not in its help, and are refused: whoever gives one
//! expects something of it.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory};

use super::Cli;

/// Where a command is heard, and where its settings may stand.
const PLACE: &[&str] = &["group", "interface", "wait_interface", "profile", "config"];

/// Who a member is, and how it takes part.
const MEMBER: &[&str] = &[
    "name",
    "id",
    "group_name",
    "key_file",
    "trust_first",
    "raw",
    "hop_limit",
    "hidden",
    "json",
    "verbose",
];

/// What whoever only listens has of it.
const EAR: &[&str] = &["hop_limit", "json", "verbose"];

/// The table: what acts in a command.
fn act(command: &str) -> Option<Vec<&'static str>> {
    let lists: &[&[&'static str]] = match command {
        "listen" | "send" | "chat" | "pipe" | "members" => &[PLACE, MEMBER],
        "ping" => &[
            PLACE,
            EAR,
            &["name", "id", "group_name", "key_file", "hidden"],
        ],
        "top" => &[PLACE, EAR, &["group_name", "key_file"]],
        "record" => &[PLACE, EAR],
        "replay" => &[PLACE, EAR, &["group_name", "key_file"]],
        "read" => &[&["profile", "config", "group_name", "key_file", "json"]],
        "groups" => &[PLACE, &["group_name", "key_file", "json"]],
        "interfaces" => &[PLACE, &["json"]],
        // What it takes from here, it is told by variables.
        "bridge" => &[&["group", "interface", "profile", "config"]],
        "doctor" => &[&[
            "group",
            "interface",
            "profile",
            "config",
            "group_name",
            "key_file",
            "hop_limit",
            "json",
        ]],
        // They have names and settings of their own, and stay on this machine where nothing else is said.
        "demo" | "bench" => &[&[
            "group",
            "interface",
            "wait_interface",
            "group_name",
            "key_file",
            "trust_first",
            "raw",
            "hop_limit",
            "hidden",
            "json",
            "verbose",
        ]],
        "sim" => &[&["json", "verbose"]],
        "keygen" => &[&["name", "group_name", "json"]],
        "completions" | "man" => &[],
        _ => return None,
    };
    Some(lists.concat())
}

/// The command line as clap knows it. A common option that does nothing in a command is hidden there.
pub(crate) fn command() -> Command {
    let mut command = Cli::command();
    let common: Vec<Arg> = command
        .get_arguments()
        .filter(|arg| arg.is_global_set())
        .cloned()
        .collect();
    let names: Vec<_> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names {
        let Some(act) = act(&name) else {
            continue;
        };
        command = command.mut_subcommand(&name, |sub| {
            let idle = common.iter().filter(|arg| {
                let id = arg.get_id().as_str();
                // An option of the command's own of this name takes its place.
                !act.contains(&id) && sub.get_arguments().all(|own| own.get_id() != id)
            });
            // Its variable, if there is one, is read once, above.
            let idle: Vec<_> = idle
                .map(|arg| arg.clone().hide(true).env(None::<&'static str>))
                .collect();
            sub.args(idle)
        });
    }
    command
}

/// An option on the command line that does nothing there.
pub(crate) fn misplaced(matches: &ArgMatches) -> Option<clap::Error> {
    let name = matches.subcommand_name()?;
    let act = act(name)?;
    let mut command = command();
    // So that each command knows all of its options, and what it is called.
    command.build();
    let given = |arg: &&Arg| {
        let id = arg.get_id().as_str();
        arg.is_global_set()
            && !act.contains(&id)
            && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let arg = command.get_arguments().find(given)?;
    let long = arg.get_long().unwrap_or_default();
    let text = format!(
        "--{long} does nothing in `groupcast {name}`; `groupcast {name} --help` shows what it takes"
    );
    let error = command
        .find_subcommand_mut(name)
        .map(|sub| sub.error(ErrorKind::ArgumentConflict, &text));
    Some(error.unwrap_or_else(|| command.error(ErrorKind::ArgumentConflict, &text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn ids() -> BTreeSet<String> {
        let command = Cli::command();
        let common = command.get_arguments().filter(|arg| arg.is_global_set());
        common.map(|arg| arg.get_id().to_string()).collect()
    }

    #[test]
    fn the_table_has_every_command_and_no_option_that_is_none() {
        let (command, ids) = (Cli::command(), ids());
        for sub in command.get_subcommands() {
            let act = act(sub.get_name());
            let act = act.unwrap_or_else(|| panic!("{} is not in the table", sub.get_name()));
            for id in &act {
                assert!(ids.contains(*id), "{id} of {}", sub.get_name());
            }
            let once: BTreeSet<_> = act.iter().collect();
            assert_eq!(once.len(), act.len(), "{}", sub.get_name());
        }
        self::command().debug_assert();
    }

    #[test]
    fn an_option_that_does_nothing_is_refused_and_not_in_the_help() {
        let check = |line: &str| {
            let matches = command().try_get_matches_from(line.split(' ')).unwrap();
            misplaced(&matches).map(|error| error.to_string())
        };
        for line in [
            "groupcast --name ana listen",
            "groupcast listen --name ana",
            "groupcast record --hop-limit 3 a",
            "groupcast bench throughput --json",
            "groupcast keygen --group-name kitchen",
        ] {
            assert_eq!(check(line), None, "{line}");
        }
        for (line, option) in [
            ("groupcast --name ana record a", "--name"),
            ("groupcast record --name ana a", "--name"),
            ("groupcast record a --key-file b", "--key-file"),
            ("groupcast completions bash --json", "--json"),
            ("groupcast sim --group 239.1.2.3:1", "--group"),
            ("groupcast bench throughput --name ana", "--name"),
        ] {
            let told = check(line).unwrap_or_else(|| panic!("{line} is taken"));
            assert!(
                told.contains(&format!("{option} does nothing in")),
                "{told}"
            );
        }
        // Of every command.
        for sub in Cli::command().get_subcommands() {
            let (name, idle) = (
                sub.get_name(),
                !act(sub.get_name()).unwrap().contains(&"name"),
            );
            let line = ["groupcast", "--name", "ana", name, "bash"];
            let words = if sub.get_positionals().next().is_some() {
                5
            } else {
                4
            };
            let Ok(matches) = command().try_get_matches_from(&line[..words]) else {
                assert_eq!(name, "bench", "it has commands of its own");
                continue;
            };
            let told = misplaced(&matches).map(|error| error.to_string());
            assert_eq!(told.is_some(), idle, "{name}: {told:?}");
            if let Some(told) = told {
                assert!(told.contains(&format!("Usage: groupcast {name}")), "{told}");
            }
        }
        let mut command = command();
        let mut help = |name: &str| {
            let sub = command.find_subcommand_mut(name).unwrap();
            sub.render_long_help().to_string()
        };
        assert!(!help("man").contains("--group"));
        assert!(!help("keygen").contains("--interface"));
    }
}
