//! Options of `groupcast interfaces`.

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct Interfaces {
    /// Only the names of those that can be used and that a shell takes without quotes, one a line: what completions
    /// ask for.
    #[arg(long, conflicts_with = "json")]
    pub(crate) names: bool,
}
