//! The form of a back-channel logout, and the claims of a logout token.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::logout_token(data));
