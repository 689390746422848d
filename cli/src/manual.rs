//! `groupcast man` and `groupcast completions`: what clap knows of the options, for `man` and for shells.

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::failure::Failure;
use crate::options::{Cli, Man};
use crate::output::Output;

/// The pages of all commands into a directory, or that of `groupcast` to standard output.
pub(crate) fn man(options: &Man) -> Result<(), Failure> {
    let command = Cli::command().disable_help_subcommand(true);
    if let Some(directory) = &options.directory {
        return clap_mangen::generate_to(command, directory)
            .map_err(|error| unwritable(directory, &error));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::output(&error))?;
    print(&page)
}

/// A script that completes what is typed in a shell.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "groupcast", &mut script);
    print(&script)
}

/// Help that was asked for, which is a result, or what is wrong with the command line.
pub(crate) fn usage(said: &clap::Error) -> ExitCode {
    let printed = said.print();
    match printed {
        Err(error) if !said.use_stderr() => Failure::output(&error).report(),
        _ => ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2)),
    }
}

fn print(text: &[u8]) -> Result<(), Failure> {
    Output::new(false).line(String::from_utf8_lossy(text).trim_end())
}

fn unwritable(directory: &Path, error: &std::io::Error) -> Failure {
    Failure::Settings(format!(
        "cannot write into the directory {}: {error}",
        directory.display()
    ))
}
