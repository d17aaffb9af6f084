//! An X.509 certificate or a public key, in DER or PEM.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::certificate(data));
