//! Parses a URL; its origin must be the one that browsers send.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(origin) = portcullis::fuzzing::origin(data) else { return };
    match url::Url::parse(origin) {
        Ok(url) => assert_eq!(url.origin().ascii_serialization(), origin),
        // Portcullis does not validate Punycode, which matters only to name resolution.
        Err(_) => assert!(origin.contains("xn--"), "no URL: {origin}"),
    }
});
