//! Puts the memory map where the linker looks for it, and names the linker script of cortex-m-rt, which asks for it,
//! and that of the log.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::copy("memory.x", out.join("memory.x")).expect("memory.x can be copied");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-bins=-Tlog.x");
    println!("cargo:rerun-if-changed=memory.x");
}
