//! Options of `groupcast completions` and `groupcast man`.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// A directory that is there.
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}
