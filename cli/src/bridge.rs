//! `groupcast bridge`: the bridge, a program of its own, since it has MQTT and TLS and this one has not.

pub(crate) mod options;

use std::env;
use std::path::PathBuf;
use std::process::Command;

use groupcast_std::InterfaceSelector;

use crate::options::{Common, GROUP, INTERFACE, USUAL_GROUP};
use crate::process::failure::Failure;
use options::Bridge;

/// The program.
const PROGRAM: &str = "groupcast-bridge";

/// What to do where it is not there.
const MISSING: &str = "groupcast-bridge is not beside groupcast and not on the PATH: it is a program of its own, which \
    `cargo install --path bridge` builds and installs from Groupcast's sources";

/// Becomes the bridge, for the same group and interface.
pub(crate) fn run(common: &Common, options: &Bridge) -> Result<(), Failure> {
    let program = find().ok_or_else(|| Failure::Settings(MISSING.to_owned()))?;
    let mut command = Command::new(&program);
    command.args(&options.arguments);
    // The bridge has the same usual group, and its own file may name another one, before which a variable goes.
    if common.group != USUAL_GROUP {
        command.env(GROUP, &common.group);
    }
    if let Some(interface) = common.interface.as_ref().and_then(text) {
        command.env(INTERFACE, interface);
    }
    let error = start(&mut command);
    Err(Failure::Trouble(format!(
        "cannot start {}: {error}",
        program.display()
    )))
}

/// Beside this program, or else on the path.
fn find() -> Option<PathBuf> {
    let name = format!("{PROGRAM}{}", env::consts::EXE_SUFFIX);
    let beside = env::current_exe().ok();
    let beside = beside
        .as_deref()
        .and_then(std::path::Path::parent)
        .map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let places = beside.into_iter().chain(env::split_paths(&path));
    places
        .map(|place| place.join(&name))
        .find(|file| file.is_file())
}

/// As the command line has it. `None`: it has no words for that.
fn text(interface: &InterfaceSelector) -> Option<String> {
    match interface {
        InterfaceSelector::Auto => Some("auto".to_owned()),
        InterfaceSelector::Name(name) => Some(name.clone()),
        InterfaceSelector::Index(index) => Some(index.to_string()),
        InterfaceSelector::Address(address) => Some(address.to_string()),
        _ => None,
    }
}

/// Runs the program in the place of this one. Returns only if that is not possible.
#[cfg(unix)]
fn start(command: &mut Command) -> std::io::Error {
    use std::os::unix::process::CommandExt;

    command.exec()
}

/// Runs the program, and ends as it ends. Returns only if it does not start.
#[cfg(not(unix))]
fn start(command: &mut Command) -> std::io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
