//! An `Origin` and a `Host`, each on a line: the origin is the app's own if a browser gives it to a page of that host.

#![no_main]

use http::header::{HOST, ORIGIN};
use http::{HeaderValue, Request};
use portcullis::Csrf;
use url::Url;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let [origin, host] = [lines.next(), lines.next()].map(|line| HeaderValue::from_bytes(line.unwrap_or_default()));
    let (Ok(origin), Ok(host)) = (origin, host) else { return };
    let request = Request::post("/").header(ORIGIN, &origin).header(HOST, &host);
    let is_own = Csrf::default().check(&request.body(()).expect("a request").into_parts().0).is_ok();

    let (Ok(origin), Ok(host)) = (origin.to_str(), host.to_str()) else {
        return assert!(!is_own, "a header that is not ASCII is admitted");
    };
    let scheme = if origin.starts_with("https://") { "https" } else { "http" };
    let page = format!("{scheme}://{}", host.to_ascii_lowercase());
    let origin_of_page = Url::parse(&page).ok().map(|url| url.origin().ascii_serialization());
    // Browsers write an origin in one form, and `Host` in the same one.
    let is_serialized = Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == origin);
    if is_serialized && is_own {
        assert_eq!(origin_of_page.as_deref(), Some(origin), "the origin of another host is admitted");
    }
    if origin_of_page.is_some_and(|own| own == origin && own == page) {
        assert!(is_own, "the app's own origin is rejected");
    }
});
