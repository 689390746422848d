//! `groupcast_tests::fuzz::decode`, for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let reached = groupcast_tests::fuzz::decode::decode(octets);
    groupcast_fuzz::check(&reached);
});
