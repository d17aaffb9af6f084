//! A pattern for the names of issuers, and the name of an issuer in the next line.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::issuer_pattern(data));
