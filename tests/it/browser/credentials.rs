//! Cookies across origins: when they are sent, and when the response can be read.

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::any;
use portcullis::cors::CorsBuilder;
use portcullis::{Cors, OriginSet};
use serde_json::{Value, json};

use super::{Chromium, Site, Tab, assert_reads, assert_unreadable, fetch, for_pages_of};

/// An app that responds with the cookies that it received, behind this `Cors`.
fn cookie_echo(cors: CorsBuilder) -> Site {
    let handler = any(async |headers: HeaderMap| {
        let cookies = headers.get_all("cookie").iter().map(|value| value.to_str().unwrap());
        format!("cookies: {}", cookies.collect::<Vec<_>>().join("; "))
    });
    Site::of(Router::new().fallback(handler).layer(cors.build().unwrap()))
}

/// Opens this URL and sets a cookie on its host.
fn open_with_cookie<'a>(browser: &'a Chromium, url: &str, cookie: &str) -> Tab<'a> {
    let tab = browser.open(url);
    tab.run(&format!("document.cookie = {}", json!(cookie)));
    assert_ne!(tab.run("document.cookie"), "", "{cookie} is stored");
    tab
}

fn with_credentials() -> Value {
    json!({ "credentials": "include" })
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn with_credentials_allowed_cookies_are_sent_and_responses_readable() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = cookie_echo(for_pages_of(&site).allow_credentials().allow_methods(["PUT"]));
    // Cookies do not depend on the port: the page and the app share them.
    let tab = open_with_cookie(&browser, &site.url("/"), "a=1");
    assert_reads(fetch(&tab, &api.url("/"), &with_credentials()), "cookies: a=1");
    let put = json!({ "method": "PUT", "credentials": "include" });
    assert_reads(fetch(&tab, &api.url("/"), &put), "cookies: a=1");
    assert_eq!(api.log(), ["GET", "preflight PUT", "PUT"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn without_credentials_allowed_a_response_to_a_cookie_is_unreadable() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = cookie_echo(for_pages_of(&site).allow_methods(["PUT"]));
    let tab = open_with_cookie(&browser, &site.url("/"), "a=1");
    assert_unreadable(&fetch(&tab, &api.url("/"), &with_credentials()));
    assert_unreadable(&fetch(&tab, &api.url("/"), &json!({ "method": "PUT", "credentials": "include" })));
    assert_eq!(api.log(), ["GET", "preflight PUT"], "the PUT is not sent");
    assert_reads(fetch(&tab, &api.url("/"), &json!({})), "cookies: ");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn with_any_origin_a_response_to_a_cookie_is_unreadable() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = cookie_echo(Cors::builder().any_origin());
    let tab = open_with_cookie(&browser, &site.url("/"), "a=1");
    assert_unreadable(&fetch(&tab, &api.url("/"), &with_credentials()));
    assert_reads(fetch(&tab, &api.url("/"), &json!({})), "cookies: ");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_response_to_a_cookie_of_a_disallowed_origin_is_unreadable() {
    let (browser, allowed, disallowed) = (Chromium::start(), Site::blank(), Site::blank());
    let api = cookie_echo(for_pages_of(&allowed).allow_credentials());
    let tab = open_with_cookie(&browser, &disallowed.url("/"), "a=1");
    assert_unreadable(&fetch(&tab, &api.url("/"), &with_credentials()));
    assert_eq!(api.log(), ["GET"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn ports_of_localhost_are_one_site_and_127_0_0_1_is_another() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let origins = ["localhost", "127.0.0.1"].map(|host| site.origin_as(host));
    let api = cookie_echo(Cors::builder().origins(OriginSet::new(&origins).unwrap()).allow_credentials());
    for cookie in ["strict=1; SameSite=Strict", "lax=1; SameSite=Lax", "none=1; SameSite=None; Secure"] {
        open_with_cookie(&browser, &api.url("/"), cookie);
    }
    let [same, cross] = origins.map(|origin| fetch(&browser.open(&origin), &api.url("/"), &with_credentials()));
    assert_reads(same, "cookies: strict=1; lax=1; none=1");
    assert_reads(cross, "cookies: none=1");
}
