//! `groupcast_tests::fuzz::receive`, for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let reached = groupcast_tests::fuzz::receive::receive(octets);
    groupcast_fuzz::check(&reached);
});
