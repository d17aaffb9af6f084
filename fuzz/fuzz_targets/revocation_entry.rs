//! An entry of the stream of revocations.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::revocation_entry(data));
