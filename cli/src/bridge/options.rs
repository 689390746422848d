//! Options of `groupcast bridge`.

use std::ffi::OsString;

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct Bridge {
    /// What the bridge is to do: `tunnel mqtts://HOST --site NAME`, with its options. `tunnel --help` lists them.
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    pub(crate) arguments: Vec<OsString>,
}
