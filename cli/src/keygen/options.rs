//! Options of `groupcast keygen`.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct Keygen {
    /// Write into this file, which must not be there yet: private from the first moment (mode 0600). What a
    /// shell makes of > FILE can be opened by others until the key is in it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Make the key of a passphrase of 16 characters or more: asked for, or the first line of standard
    /// input. Whoever records a datagram can try passphrases, so let dice choose it, and name the group:
    /// without --group-name, the same passphrase gives the same key everywhere.
    #[arg(long)]
    pub(crate) passphrase: bool,

    /// Not a new key, but the one that this key file sends with, as an array.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "passphrase",
        requires = "array"
    )]
    pub(crate) from: Option<PathBuf>,

    /// Make a key to sign messages with, for a publisher: `groupcast keygen --sign --out FILE`. --name is what
    /// those who trust it may call it.
    #[arg(long, conflicts_with_all = ["passphrase", "from", "array"])]
    pub(crate) sign: bool,

    /// Not a key, but the line that trusts the key in this file of --sign, for `listen --trust`; or its
    /// public key as an array.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["passphrase", "from", "sign"])]
    pub(crate) public: Option<PathBuf>,

    /// As an array in C, for a board.
    #[arg(long, group = "array")]
    pub(crate) c_array: bool,

    /// As an array in Rust, for a board.
    #[arg(long, group = "array")]
    pub(crate) rust_array: bool,
}
