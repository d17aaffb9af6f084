//! The response of an authorization server about a token.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::introspection_response(data));
