//! The stored password hash of another framework.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::legacy_hash(data));
