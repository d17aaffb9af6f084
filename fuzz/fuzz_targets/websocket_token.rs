//! A token in the list of protocols of a WebSocket.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis::fuzzing::websocket_token(data));
