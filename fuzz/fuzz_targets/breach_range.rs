//! The response of a range service about breached passwords.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::breach_range(data));
