//! The name of an account, and the value of a device cookie.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::login_protection(data));
