//! The claims of a `ClaimMap`, separated by vertical bars, then the JSON payload of a token on the next line.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::claim_map(data));
