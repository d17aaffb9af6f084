//! A challenge's realm, error code, description and scopes, one per line of input.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::challenge(data));
