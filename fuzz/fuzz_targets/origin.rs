//! A URL, whose origin is the one that browsers send.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(origin) = portcullis::fuzzing::origin(data) else { return };
    match url::Url::parse(origin) {
        Ok(url) => assert_eq!(url.origin().ascii_serialization(), origin),
        // Punycode is left to whoever resolves the name.
        Err(_) => assert!(origin.contains("xn--"), "no URL: {origin}"),
    }
});
