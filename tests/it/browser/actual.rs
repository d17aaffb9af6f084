//! Requests without a preflight: which pages can read the response, and which headers of it.

use axum::Router;
use axum::routing::get;
use portcullis::{Cors, OriginSet};
use serde_json::json;

use super::{Chromium, Site, api, assert_reads, assert_unreadable, fetch, for_pages_of};

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_page_of_an_allowed_origin_can_read_a_simple_response() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site));
    let tab = browser.open(&site.url("/"));
    assert_reads(fetch(&tab, &api.url("/"), &json!({})), "GET");
    let form = json!({ "method": "POST", "headers": { "content-type": "text/plain" }, "body": "a" });
    assert_reads(fetch(&tab, &api.url("/"), &form), "POST");
    assert_eq!(api.log(), ["GET", "POST"], "without a preflight");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_page_of_a_disallowed_origin_can_send_a_simple_request_but_not_read_the_response() {
    let (browser, allowed, disallowed) = (Chromium::start(), Site::blank(), Site::blank());
    let api = api(for_pages_of(&allowed));
    let tab = browser.open(&disallowed.url("/"));
    assert_unreadable(&fetch(&tab, &api.url("/"), &json!({})));
    assert_unreadable(&fetch(&tab, &api.url("/"), &json!({ "method": "POST", "body": "a" })));
    assert_eq!(api.log(), ["GET", "POST"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_allowed_page_under_another_name_of_its_host_is_disallowed() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site));
    for (host, is_allowed) in [("localhost", true), ("LocalHost", true), ("127.0.0.1", false), ("a.localhost", false)] {
        let tab = browser.open(&site.origin_as(host));
        let response = fetch(&tab, &api.url("/"), &json!({}));
        assert_eq!(response.is_ok(), is_allowed, "{host}: {response:?}");
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn patterns_allow_every_port_and_every_subdomain() {
    let (browser, one, other) = (Chromium::start(), Site::blank(), Site::blank());
    let patterns = OriginSet::new(["http://localhost:*", "http://*.app.localhost:*"]).unwrap();
    let api = api(Cors::builder().origins(patterns));
    let other_at = |host| (other.origin_as(host), host);
    for ((origin, name), is_allowed) in [
        ((one.origin(), "one port"), true),
        ((other.origin(), "another port"), true),
        (other_at("b.app.localhost"), true),
        (other_at("a.b.app.localhost"), true),
        (other_at("app.localhost"), false),
        (other_at("bapp.localhost"), false),
    ] {
        let response = fetch(&browser.open(&origin), &api.url("/"), &json!({}));
        assert_eq!(response.is_ok(), is_allowed, "{name}: {response:?}");
    }
}

/// A script that fetches this URL in a sandboxed frame. Returns the frame's origin, and the text or the error that it
/// read.
fn fetch_in_a_sandbox(url: &str) -> String {
    let fetch = format!("fetch('{url}').then((response) => response.text()).catch(String)");
    format!(
        "new Promise((resolve) => {{
            addEventListener('message', ({{ origin, data }}) => resolve(origin + ' ' + data));
            const frame = document.createElement('iframe');
            frame.sandbox = 'allow-scripts';
            frame.srcdoc = `<script>{fetch}.then((text) => parent.postMessage(text, '*'))</` + 'script>';
            document.body.append(frame);
        }})"
    )
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_sandboxed_frame_can_read_only_what_any_origin_may_read() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let (for_site, for_any) = (api(for_pages_of(&site)), api(Cors::builder().any_origin()));
    for (api, expected) in [(for_site, "null TypeError: Failed to fetch"), (for_any, "null GET")] {
        let tab = browser.open(&site.url("/"));
        assert_eq!(tab.run(&fetch_in_a_sandbox(&api.url("/"))), expected);
        assert_eq!(api.log(), ["GET"]);
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn only_exposed_headers_are_readable() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let headers = [("x-exposed", "1"), ("x-hidden", "2"), ("content-language", "en"), ("set-cookie", "a=b")];
    let handler = get(move || async move { (headers, "body") });
    let cors = for_pages_of(&site).expose_headers(["X-Exposed"]).build().unwrap();
    let api = Site::of(Router::new().route("/", handler).layer(cors));
    let response = fetch(&browser.open(&site.url("/")), &api.url("/"), &json!({})).unwrap();
    let names: Vec<_> = response.headers.keys().map(String::as_str).collect();
    assert_eq!(names, ["content-language", "content-length", "content-type", "x-exposed"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_star_exposes_all_headers_to_requests_without_credentials() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let handler = get(async || ([("x-hidden", "2"), ("set-cookie", "a=b")], "body"));
    let cors = for_pages_of(&site).expose_headers(["*"]).build().unwrap();
    let api = Site::of(Router::new().route("/", handler).layer(cors));
    let response = fetch(&browser.open(&site.url("/")), &api.url("/"), &json!({})).unwrap();
    assert_eq!((response.header("x-hidden"), response.header("set-cookie")), (Some("2"), None));
}
