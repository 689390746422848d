//! `groupcast_tests::fuzz::gateway`, for libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let reached = groupcast_tests::fuzz::gateway::gateway(octets);
    groupcast_fuzz::check(&reached);
});
