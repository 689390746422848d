//! `groupcast_tests::fuzz::receive::sealed`, for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let reached = groupcast_tests::fuzz::receive::sealed(octets);
    groupcast_fuzz::check(&reached);
});
