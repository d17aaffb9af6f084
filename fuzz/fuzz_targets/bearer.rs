//! `Authorization` headers, one per line of input.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::bearer(data));
