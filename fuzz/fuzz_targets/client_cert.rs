//! `Client-Cert` headers (RFC 9440).

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::client_cert(data));
