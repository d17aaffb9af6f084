//! Requests that need no preflight: who reads the answer, and which fields of it.

use axum::Router;
use axum::routing::get;
use portcullis::{Cors, OriginSet};
use serde_json::json;

use super::{Chromium, Site, api, fetched, for_pages_of, is_hidden, reads};

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_simple_request_of_an_allowed_origin_is_read_by_its_page() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site));
    let tab = browser.open(&site.url("/"));
    reads(fetched(&tab, &api.url("/"), &json!({})), "GET");
    let form = json!({ "method": "POST", "headers": { "content-type": "text/plain" }, "body": "a" });
    reads(fetched(&tab, &api.url("/"), &form), "POST");
    assert_eq!(api.log(), ["GET", "POST"], "and needs no preflight");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_simple_request_of_a_refused_origin_is_served_and_not_readable() {
    let (browser, allowed, refused) = (Chromium::start(), Site::blank(), Site::blank());
    let api = api(for_pages_of(&allowed));
    let tab = browser.open(&refused.url("/"));
    is_hidden(&fetched(&tab, &api.url("/"), &json!({})));
    is_hidden(&fetched(&tab, &api.url("/"), &json!({ "method": "POST", "body": "a" })));
    assert_eq!(api.log(), ["GET", "POST"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_allowed_page_under_another_name_of_its_host_is_refused() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = api(for_pages_of(&site));
    for (host, is_allowed) in [("localhost", true), ("LocalHost", true), ("127.0.0.1", false), ("a.localhost", false)] {
        let tab = browser.open(&site.origin_as(host));
        let answer = fetched(&tab, &api.url("/"), &json!({}));
        assert_eq!(answer.is_ok(), is_allowed, "{host}: {answer:?}");
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn patterns_let_in_every_port_and_every_subdomain() {
    let (browser, one, other) = (Chromium::start(), Site::blank(), Site::blank());
    let patterns = OriginSet::new(["http://localhost:*", "http://*.app.localhost:*"]).unwrap();
    let api = api(Cors::builder().origins(patterns));
    let below = |host| (other.origin_as(host), host);
    for ((origin, name), is_allowed) in [
        ((one.origin(), "one port"), true),
        ((other.origin(), "another port"), true),
        (below("b.app.localhost"), true),
        (below("a.b.app.localhost"), true),
        (below("app.localhost"), false),
        (below("bapp.localhost"), false),
    ] {
        let answer = fetched(&browser.open(&origin), &api.url("/"), &json!({}));
        assert_eq!(answer.is_ok(), is_allowed, "{name}: {answer:?}");
    }
}

/// What a frame of the page that has an origin of its own reads of this URL, after that origin.
fn read_in_a_sandbox(url: &str) -> String {
    let fetch = format!("fetch('{url}').then((answer) => answer.text()).catch(String)");
    format!(
        "new Promise((keep) => {{
            addEventListener('message', ({{ origin, data }}) => keep(origin + ' ' + data));
            const frame = document.createElement('iframe');
            frame.sandbox = 'allow-scripts';
            frame.srcdoc = `<script>{fetch}.then((text) => parent.postMessage(text, '*'))</` + 'script>';
            document.body.append(frame);
        }})"
    )
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_sandboxed_frame_has_no_origin_and_reads_only_what_any_origin_may() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let (named, open) = (api(for_pages_of(&site)), api(Cors::builder().any_origin()));
    for (api, told) in [(named, "null TypeError: Failed to fetch"), (open, "null GET")] {
        let tab = browser.open(&site.url("/"));
        assert_eq!(tab.run(&read_in_a_sandbox(&api.url("/"))), told);
        assert_eq!(api.log(), ["GET"]);
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn exposed_fields_are_readable_and_others_are_not() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let fields = [("x-exposed", "1"), ("x-hidden", "2"), ("content-language", "en"), ("set-cookie", "a=b")];
    let handler = get(move || async move { (fields, "body") });
    let cors = for_pages_of(&site).expose_headers(["X-Exposed"]).build().unwrap();
    let api = Site::of(Router::new().route("/", handler).layer(cors));
    let answer = fetched(&browser.open(&site.url("/")), &api.url("/"), &json!({})).unwrap();
    let names: Vec<_> = answer.fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["content-language", "content-length", "content-type", "x-exposed"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_star_exposes_all_fields_to_pages_without_credentials() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let handler = get(async || ([("x-hidden", "2"), ("set-cookie", "a=b")], "body"));
    let cors = for_pages_of(&site).expose_headers(["*"]).build().unwrap();
    let api = Site::of(Router::new().route("/", handler).layer(cors));
    let answer = fetched(&browser.open(&site.url("/")), &api.url("/"), &json!({})).unwrap();
    assert_eq!((answer.field("x-hidden"), answer.field("set-cookie")), (Some("2"), None));
}
