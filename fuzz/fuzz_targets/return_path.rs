//! The path to which a login page returns: a browser resolves it to a page of the app.

#![no_main]

use url::Url;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let page = Url::parse("https://app.example/login").expect("a URL");
    for path in portcullis::fuzzing::return_paths(data) {
        let target = page.join(&path).expect("a path of the app");
        assert!(path.starts_with('/') && target.origin() == page.origin(), "{path} leads to {target}");
    }
});
