//! The peer's address, then `X-Forwarded-For` or `Forwarded` headers, one per line of input.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::client_address(data));
