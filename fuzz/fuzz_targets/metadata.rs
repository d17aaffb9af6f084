//! The metadata of an issuer (RFC 8414).

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::metadata(data));
