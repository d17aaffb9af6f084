//! Requests that need leave first: what is allowed, what is refused and by what, and for how long leave is kept.

use std::time::Duration;

use portcullis::{Cors, OriginSet};
use serde_json::{Value, json};

use super::{Chromium, Site, api, fetched, for_pages_of, is_hidden, reads};

/// A PUT with a token and a field of its own.
fn put() -> Value {
    json!({ "method": "PUT", "headers": { "authorization": "Bearer a", "x-request-id": "1" }, "body": "a" })
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_put_with_a_token_and_a_field_of_its_own_is_allowed() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).allow_methods(["PUT"]).allow_headers(["Authorization", "X-Request-Id"]));
    reads(fetched(&browser.open(&site.url("/")), &api.url("/"), &put()), "PUT");
    assert_eq!(api.log(), ["preflight PUT", "PUT"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_put_is_refused_where_its_method_is_not_allowed_and_is_not_sent() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).allow_methods(["DELETE"]).any_header());
    is_hidden(&fetched(&browser.open(&site.url("/")), &api.url("/"), &put()));
    assert_eq!(api.log(), ["preflight PUT"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_put_is_refused_where_one_of_its_fields_is_not_allowed_and_is_not_sent() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).any_method().allow_headers(["Authorization"]));
    is_hidden(&fetched(&browser.open(&site.url("/")), &api.url("/"), &put()));
    assert_eq!(api.log(), ["preflight PUT"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_put_is_refused_where_its_origin_is_not_allowed_and_is_not_sent() {
    let (browser, allowed, refused) = (Chromium::start(), Site::blank(), Site::blank());
    let api = api(for_pages_of(&allowed).any_method().any_header());
    is_hidden(&fetched(&browser.open(&refused.url("/")), &api.url("/"), &put()));
    assert_eq!(api.log(), ["preflight PUT"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn leave_for_any_method_and_any_field_covers_a_token() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).any_method().any_header());
    reads(fetched(&browser.open(&site.url("/")), &api.url("/"), &put()), "PUT");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_post_of_json_with_a_token_is_allowed_by_default() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site));
    let headers = json!({ "authorization": "Bearer a", "content-type": "application/json" });
    let post = json!({ "method": "POST", "headers": headers, "body": "{}" });
    reads(fetched(&browser.open(&site.url("/")), &api.url("/"), &post), "POST");
    assert_eq!(api.log(), ["preflight POST", "POST"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn methods_are_put_into_upper_case_by_the_browser_but_for_patch() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).allow_methods(["DELETE", "PATCH", "PUT"]));
    let tab = browser.open(&site.url("/"));
    for (method, told, log) in [
        ("put", Some("PUT"), &["preflight PUT", "PUT"][..]),
        ("delete", Some("DELETE"), &["preflight DELETE", "DELETE"]),
        ("PATCH", Some("PATCH"), &["preflight PATCH", "PATCH"]),
        ("patch", None, &["preflight patch"]),
    ] {
        let answer = fetched(&tab, &api.url("/"), &json!({ "method": method }));
        assert_eq!(answer.as_ref().ok().map(|answer| answer.body.as_str()), told, "{method}: {answer:?}");
        assert_eq!(api.log(), log, "{method}");
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_explicit_options_reaches_its_handler_after_its_preflight() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).allow_methods(["OPTIONS"]));
    let tab = browser.open(&site.url("/"));
    reads(fetched(&tab, &api.url("/"), &json!({ "method": "OPTIONS" })), "OPTIONS");
    assert_eq!(api.log(), ["preflight OPTIONS", "OPTIONS"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn leave_is_kept_for_max_age_by_url_and_by_origin() {
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
        reads(fetched(&tab, &api.url(path), &put(name)), "PUT");
        assert_eq!(api.log(), log, "{path} {name}");
    }
    reads(fetched(&browser.open(&other.url("/")), &api.url("/"), &put("x-a")), "PUT");
    assert_eq!(api.log(), ["preflight PUT", "PUT"], "another origin");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn leave_with_a_max_age_of_zero_is_asked_for_each_time() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site).allow_methods(["PUT"]).max_age(Duration::ZERO));
    let tab = browser.open(&site.url("/"));
    for _ in 0..2 {
        reads(fetched(&tab, &api.url("/"), &json!({ "method": "PUT" })), "PUT");
    }
    assert_eq!(api.log(), ["preflight PUT", "PUT", "preflight PUT", "PUT"]);
}
