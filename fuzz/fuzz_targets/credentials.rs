//! `Authorization` headers, one per line of input, read by the sources of gates.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::credentials(data));
