//! Puts the linker script of the log where the linker looks for it. A firmware's own build script names it.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::copy("log.x", out.join("log.x")).expect("log.x can be copied");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rerun-if-changed=log.x");
}
