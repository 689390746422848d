//! What the fuzz targets share.

use groupcast_tests::fuzz::Reached;

/// What the negative control is not to reach: deep enough that luck alone does not find it.
const PLANTED: [&str; 3] = ["nack", "sends-repair", "confirmed"];

/// Panics where a fault is planted.
pub fn check(reached: &Reached) {
    if cfg!(feature = "planted")
        && let Some(found) = PLANTED.iter().find(|name| reached.contains(*name))
    {
        panic!("the planted fault was found: {found}");
    }
}
