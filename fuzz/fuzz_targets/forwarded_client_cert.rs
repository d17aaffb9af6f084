//! `X-Forwarded-Client-Cert` headers of Envoy.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::forwarded_client_cert(data));
