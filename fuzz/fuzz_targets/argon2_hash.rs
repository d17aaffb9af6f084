//! The stored password hash of this crate.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::argon2_hash(data));
