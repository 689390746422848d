//! What is set: on the command line, else in the environment, else in a file, else as usual.

mod called;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches};

use super::usage::usage;
use super::{Called, Cli, common};
use crate::options::file::{self, Settings};
use crate::options::origin::Origin;
use crate::options::{Common, GROUP, INTERFACE, KEY_FILE, NAME};
use crate::process::failure::Failure;

/// The settings of this call, or the exit code if there is nothing else to do.
pub(crate) fn read() -> Result<Cli, ExitCode> {
    let matches = matches()?;
    if let Some(said) = common::misplaced(&matches) {
        return Err(usage(said));
    }
    let mut cli = Cli::from_arg_matches(&matches).map_err(usage)?;
    complete(&mut cli, &matches).map_err(Failure::report)?;
    Ok(cli)
}

/// The command line, and variables of the environment. A variable that cannot be is told as such, because clap tells
/// of the option that it stands for, which nobody has given; and where that option is given, it does no harm.
fn matches() -> Result<ArgMatches, ExitCode> {
    let mut command = common::command();
    loop {
        let said = match command.clone().try_get_matches() {
            Ok(matches) => return Ok(matches),
            Err(said) => said,
        };
        let Some((id, variable)) = at_fault(&command, &said) else {
            return Err(usage(said));
        };
        let without = without(command, &variable);
        if let Ok(matches) = without.clone().try_get_matches()
            && matches.value_source(&id) != Some(ValueSource::CommandLine)
        {
            return Err(bad(&variable, &said).report());
        }
        command = without;
    }
}

/// The variable that made an error, and the option that it stands for.
fn at_fault(command: &Command, said: &clap::Error) -> Option<(String, OsString)> {
    if !matches!(
        said.kind(),
        ErrorKind::ValueValidation | ErrorKind::InvalidValue | ErrorKind::InvalidUtf8
    ) {
        return None;
    }
    let set = command.get_arguments().filter_map(|arg| {
        let variable = arg.get_env()?.to_owned();
        std::env::var_os(&variable)?;
        Some((arg.get_id().to_string(), variable))
    });
    let mut set = set.collect::<Vec<_>>().into_iter();
    set.find(|(_, variable)| {
        let other = without(command.clone(), variable).try_get_matches();
        other
            .err()
            .is_none_or(|other| other.to_string() != said.to_string())
    })
}

fn bad(variable: &OsStr, said: &clap::Error) -> Failure {
    let why = core::error::Error::source(said).map(ToString::to_string);
    let why = why.unwrap_or_else(|| "this is not UTF-8".to_owned());
    let value = std::env::var_os(variable).unwrap_or_default();
    Failure::Settings(format!(
        "the variable {} is {value:?}: {why}",
        variable.display()
    ))
}

/// The command line as if a variable were not set.
fn without(command: Command, variable: &OsStr) -> Command {
    command.mut_args(|arg| {
        if arg.get_env() == Some(variable) {
            arg.env(None::<&'static str>)
        } else {
            arg
        }
    })
}

/// What the command line does not say.
fn complete(cli: &mut Cli, matches: &ArgMatches) -> Result<(), Failure> {
    let called = cli.command.called();
    let has_file = cli.command.has_file();
    let common = &mut cli.common;
    let source = |id: &str| matches.value_source(id);
    let variable = |id: &str, name: &str| match source(id) {
        Some(ValueSource::EnvVariable) => Origin::Variable(name.to_owned()),
        _ => Origin::Plain,
    };
    common.origins.group = variable("group", GROUP);
    common.origins.interface = variable("interface", INTERFACE);
    common.origins.key_file = variable("key_file", KEY_FILE);
    common.origins.name = variable("name", NAME);
    // Whoever only looks is not to be taken for whoever speaks.
    if called == Called::Nobody && common.origins.name != Origin::Plain {
        common.name = None;
    }
    if has_file {
        let is_set = source("group") != Some(ValueSource::DefaultValue);
        fill(common, is_set, called)?;
    }
    if common.name.is_none() {
        common.name = match called {
            Called::AsUser => called::user(),
            Called::AsHost => called::host(),
            Called::Nobody => None,
        };
    }
    Ok(())
}

/// What the file says of what is not set yet.
fn fill(common: &mut Common, has_group: bool, called: Called) -> Result<(), Failure> {
    let asked = common.profile.as_deref();
    let Some(settings) = Settings::load(common.config.as_deref())? else {
        return asked.map_or(Ok(()), |asked| Err(file::missing(asked)));
    };
    let profile = settings.profile(asked)?;
    let origins = &mut common.origins;
    if let Some(said) = profile.group.filter(|_| !has_group) {
        origins.group = settings.origin(&said);
        common.group = said.value;
    }
    let key_file = (&mut common.key_file, &mut origins.key_file);
    settings.fill(key_file, profile.key_file);
    let interface = (&mut common.interface, &mut origins.interface);
    settings.fill(interface, profile.interface);
    let group_name = (&mut common.group_name, &mut origins.group_name);
    settings.fill(group_name, profile.group_name);
    if called != Called::Nobody {
        settings.fill((&mut common.name, &mut origins.name), profile.name);
    }
    Ok(())
}
