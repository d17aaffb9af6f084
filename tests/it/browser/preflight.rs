//! Requests that need a preflight: which are allowed, why others are denied, and how long the result is cached.

use std::time::Duration;

use portcullis::{Cors, OriginSet};
use serde_json::{Value, json};

use super::{Chromium, Site, api, assert_reads, assert_unreadable, fetch, for_pages_of};

/// A PUT with a token and a custom header.
fn put() -> Value {
    json!({ "method": "PUT", "headers": { "authorization": "Bearer a", "x-request-id": "1" }, "body": "a" })
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_put_with_a_token_and_a_custom_header_is_allowed() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).allow_methods(["PUT"]).allow_headers(["Authorization", "X-Request-Id"]));
    assert_reads(fetch(&browser.open(&site.url("/")), &api.url("/"), &put()), "PUT");
    assert_eq!(api.log(), ["preflight PUT", "PUT"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_put_is_not_sent_if_its_method_is_disallowed() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).allow_methods(["DELETE"]).any_header());
    assert_unreadable(&fetch(&browser.open(&site.url("/")), &api.url("/"), &put()));
    assert_eq!(api.log(), ["preflight PUT"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_put_is_not_sent_if_one_of_its_headers_is_disallowed() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).any_method().allow_headers(["Authorization"]));
    assert_unreadable(&fetch(&browser.open(&site.url("/")), &api.url("/"), &put()));
    assert_eq!(api.log(), ["preflight PUT"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_put_is_not_sent_if_its_origin_is_disallowed() {
    let (browser, allowed, disallowed) = (Chromium::start(), Site::blank(), Site::blank());
    let api = api(for_pages_of(&allowed).any_method().any_header());
    assert_unreadable(&fetch(&browser.open(&disallowed.url("/")), &api.url("/"), &put()));
    assert_eq!(api.log(), ["preflight PUT"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn any_method_and_any_header_allow_a_token() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).any_method().any_header());
    assert_reads(fetch(&browser.open(&site.url("/")), &api.url("/"), &put()), "PUT");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_post_of_json_with_a_token_is_allowed_by_default() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site));
    let headers = json!({ "authorization": "Bearer a", "content-type": "application/json" });
    let post = json!({ "method": "POST", "headers": headers, "body": "{}" });
    assert_reads(fetch(&browser.open(&site.url("/")), &api.url("/"), &post), "POST");
    assert_eq!(api.log(), ["preflight POST", "POST"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn the_browser_converts_methods_except_patch_to_upper_case() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).allow_methods(["DELETE", "PATCH", "PUT"]));
    let tab = browser.open(&site.url("/"));
    for (method, expected, log) in [
        ("put", Some("PUT"), &["preflight PUT", "PUT"][..]),
        ("delete", Some("DELETE"), &["preflight DELETE", "DELETE"]),
        ("PATCH", Some("PATCH"), &["preflight PATCH", "PATCH"]),
        ("patch", None, &["preflight patch"]),
    ] {
        let response = fetch(&tab, &api.url("/"), &json!({ "method": method }));
        assert_eq!(response.as_ref().ok().map(|response| response.body.as_str()), expected, "{method}: {response:?}");
        assert_eq!(api.log(), log, "{method}");
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_explicit_options_request_reaches_the_handler_after_its_preflight() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).allow_methods(["OPTIONS"]));
    let tab = browser.open(&site.url("/"));
    assert_reads(fetch(&tab, &api.url("/"), &json!({ "method": "OPTIONS" })), "OPTIONS");
    assert_eq!(api.log(), ["preflight OPTIONS", "OPTIONS"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_preflight_is_cached_for_max_age_per_url_and_origin() {
    let (browser, site, other) = (Chromium::start(), Site::blank(), Site::blank());
    let origins = OriginSet::new([site.origin(), other.origin()]).unwrap();
    let cors = Cors::builder().origins(origins).allow_methods(["PUT"]).allow_headers(["x-a", "x-b"]);
    let api = api(cors.max_age(Duration::from_secs(60)));
    let tab = browser.open(&site.url("/"));
    let put = |name: &str| json!({ "method": "PUT", "headers": { name: "1" } });
    for (path, name, log) in [
        ("/", "x-a", &["preflight PUT", "PUT"][..]),
        ("/", "x-a", &["PUT"]),
        ("/", "x-b", &["preflight PUT", "PUT"]),
        ("/", "x-b", &["PUT"]),
        ("/b", "x-a", &["preflight PUT /b", "PUT /b"]),
    ] {
        assert_reads(fetch(&tab, &api.url(path), &put(name)), "PUT");
        assert_eq!(api.log(), log, "{path} {name}");
    }
    assert_reads(fetch(&browser.open(&other.url("/")), &api.url("/"), &put("x-a")), "PUT");
    assert_eq!(api.log(), ["preflight PUT", "PUT"], "another origin");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_preflight_with_a_max_age_of_zero_is_not_cached() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).allow_methods(["PUT"]).max_age(Duration::ZERO));
    let tab = browser.open(&site.url("/"));
    for _ in 0..2 {
        assert_reads(fetch(&tab, &api.url("/"), &json!({ "method": "PUT" })), "PUT");
    }
    assert_eq!(api.log(), ["preflight PUT", "PUT", "preflight PUT", "PUT"]);
}
