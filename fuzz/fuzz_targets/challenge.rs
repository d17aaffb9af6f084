//! A challenge of a realm, an error code, its description and scopes, one a line of input.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::challenge(data));
