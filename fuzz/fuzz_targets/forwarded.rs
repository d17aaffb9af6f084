//! Lines of `X-Forwarded-For` and of `Forwarded`, one a line of input.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::forwarded(data));
