//! `groupcast man` and `groupcast completions`: what clap knows of the options, for `man` and for shells.

mod hooks;
pub(crate) mod options;

use std::fs;
use std::io;
use std::path::Path;

use clap::Command;
use clap_complete::Shell;

use crate::output::Output;
use crate::process::failure::Failure;
use options::Man;

/// What the exit codes mean: the one table of them.
pub(crate) const EXIT_CODES: [(u8, &str); 5] = [
    (0, "Done; or ended by Ctrl-C with nothing left to do."),
    (
        1,
        "Trouble with the network, or with standard input or output, that makes going on impossible; or that lost \
         what nobody confirms.",
    ),
    (
        2,
        "Something asked for cannot be: an option, an interface, a file, a message too long. Or the doctor found a \
         fault.",
    ),
    (
        3,
        "What was waited for did not come, in time or before Ctrl-C: the members and confirmations of --expect, the \
         messages of --count, answers to ping. Or not all was sent that was to be, or a command of --exec failed. Or a simulated group broke its \
         promise.",
    ),
    (
        130,
        "Ended by a second Ctrl-C; or by the first, while it waited for a file, a name or a key to be read.",
    ),
];

/// What the file of settings may say.
const SETTINGS: &str = "\
profile = \"home\"               # without --profile; may be left out
name = \"ana\"                   # here for all profiles

[profiles.home]
group = \"239.1.2.4:12345\"
interface = \"eth0\"

[profiles.kitchen]
group-name = \"kitchen\"
key-file = \"kitchen.keys\"      # beside this file, or from / or ~ on
";

/// Where settings are looked for.
const ORDER: &str = "What the command line does not say is taken from variables (GROUPCAST_GROUP, \
    GROUPCAST_NAME, ...), then from the profile, then from the top of the file. demo, sim, bench and keygen take \
    nothing from the file.";

/// What stands below the options: settings, and the table.
pub(crate) fn below() -> String {
    let lines = EXIT_CODES.map(|(code, meaning)| format!("\n  {code:<3}  {meaning}"));
    let settings: String = SETTINGS.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "The file of settings, ~/.config/groupcast/config.toml, may say:\n\n{settings}\n{ORDER}\n\nExit \
         codes:{}",
        lines.concat()
    )
}

/// The file of settings, as a section of the manual page.
fn files() -> String {
    let settings = SETTINGS.replace('-', "\\-");
    let order = ORDER.replace('-', "\\-");
    format!(
        ".SH FILES\n.TP\n\\fI~/.config/groupcast/config.toml\\fR\nWhat it may say:\n.nf\n\n{settings}.fi\n.PP\n\
         {order}\n"
    )
}

/// The table, as a section of the manual page.
fn exit_status() -> String {
    let entries = EXIT_CODES.map(|(code, meaning)| {
        let meaning = meaning.replace('-', "\\-");
        format!(".TP\n\\fB{code}\\fR\n{meaning}\n")
    });
    format!(".SH \"EXIT STATUS\"\n{}", entries.concat())
}

/// The pages of all commands into a directory, or that of `groupcast` to standard output.
pub(crate) fn man(command: Command, options: &Man) -> Result<(), Failure> {
    let command = command.disable_help_subcommand(true);
    if let Some(directory) = &options.directory {
        return clap_mangen::generate_to(command.clone(), directory)
            .and_then(|()| fs::write(directory.join("groupcast.1"), page(command)?))
            .map_err(|error| unwritable(directory, &error));
    }
    let page = page(command).map_err(|error| Failure::output(&error))?;
    print(&page)
}

/// The page of `groupcast` itself.
fn page(command: Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    // They have sections of their own.
    let command = command.after_help("");
    clap_mangen::Man::new(command).render(&mut page)?;
    page.extend_from_slice(files().as_bytes());
    page.extend_from_slice(exit_status().as_bytes());
    Ok(page)
}

/// A script that completes what is typed in a shell.
pub(crate) fn completions(mut command: Command, shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "groupcast", &mut script);
    let script = hooks::with_interfaces(shell, &String::from_utf8_lossy(&script));
    print(script.as_bytes())
}

fn print(text: &[u8]) -> Result<(), Failure> {
    Output::new(false).line(String::from_utf8_lossy(text).trim_end())
}

fn unwritable(directory: &Path, error: &io::Error) -> Failure {
    Failure::Settings(format!(
        "cannot write into the directory {}: {error}",
        directory.display()
    ))
}
