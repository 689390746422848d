//! Links with cortex-m-rt's script; memory.x is the device crate's.

fn main() {
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
}
