//! `groupcast_tests::fuzz::operations`, for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let reached = groupcast_tests::fuzz::operations::operations(octets);
    groupcast_fuzz::check(&reached);
});
