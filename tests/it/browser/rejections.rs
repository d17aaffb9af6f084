//! Rejections by inner layers, as a page sees them.

use axum::Router;
use axum::routing::get;
use portcullis::rate_limit::Key;
use portcullis::{Quota, RateLimit, RequireScope, SecurityHeaders, Stack};
use serde_json::{Value, json};

use super::{Chromium, PageResponse, Site, Tab, assert_reads, assert_unreadable, fetch, for_pages_of};
use crate::support::tokens;

fn handled_app() -> Router {
    Router::new().route("/", get(async || "handled"))
}

/// A limit of one request per hour.
fn once_per_hour() -> RateLimit {
    let limit = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::global());
    limit.ietf_draft_headers().build().unwrap()
}

/// Fetches a rejection, and asserts that the page can read its status and its problem details.
#[track_caller]
fn fetch_rejection(tab: &Tab<'_>, api: &Site, options: &Value, status: u16) -> PageResponse {
    let response = fetch(tab, &api.url("/"), options).unwrap();
    assert_eq!(response.status, status);
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    assert_eq!(serde_json::from_str::<Value>(&response.body).unwrap()["status"], status);
    response
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_429_is_readable_with_retry_after_and_the_rate_limit_headers() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = Site::of(handled_app().layer(once_per_hour()).layer(for_pages_of(&site).build().unwrap()));
    let tab = browser.open(&site.url("/"));
    assert_reads(fetch(&tab, &api.url("/"), &json!({})), "handled");
    let response = fetch_rejection(&tab, &api, &json!({}), 429);
    let seconds: u32 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
    assert_eq!(
        (response.header("x-ratelimit-limit"), response.header("x-ratelimit-remaining")),
        (Some("1"), Some("0"))
    );
    for name in ["x-ratelimit-reset", "ratelimit", "ratelimit-policy"] {
        assert!(response.header(name).is_some(), "{name}: {:?}", response.headers);
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_429_of_a_rate_limit_outside_cors_is_unreadable() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = Site::of(handled_app().layer(for_pages_of(&site).build().unwrap()).layer(once_per_hour()));
    let tab = browser.open(&site.url("/"));
    assert_reads(fetch(&tab, &api.url("/"), &json!({})), "handled");
    assert_unreadable(&fetch(&tab, &api.url("/"), &json!({})));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_401_is_readable_with_its_challenge() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let auth = tokens::strict_auth().build().unwrap();
    let api = Site::of(handled_app().layer(auth).layer(for_pages_of(&site).build().unwrap()));
    let tab = browser.open(&site.url("/"));
    let response = fetch_rejection(&tab, &api, &json!({}), 401);
    assert_eq!(response.header("www-authenticate"), Some("Bearer realm=\"api\""));
    let forged = json!({ "headers": { "authorization": "Bearer a.b.c" } });
    let response = fetch_rejection(&tab, &api, &forged, 401);
    assert!(response.header("www-authenticate").unwrap().contains("invalid_token"), "{:?}", response.headers);
    let valid = format!("Bearer {}", tokens::token(tokens::valid_claims().to_string()));
    assert_reads(fetch(&tab, &api.url("/"), &json!({ "headers": { "authorization": valid } })), "handled");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_403_is_readable_with_the_missing_scope() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let scope = RequireScope::new("write:page").unwrap();
    let app = handled_app().layer(scope).layer(tokens::strict_auth().build().unwrap());
    let api = Site::of(app.layer(for_pages_of(&site).build().unwrap()));
    let bearer = format!("Bearer {}", tokens::token(tokens::valid_claims().to_string()));
    let options = json!({ "headers": { "authorization": bearer } });
    let response = fetch_rejection(&browser.open(&site.url("/")), &api, &options, 403);
    assert!(response.header("www-authenticate").unwrap().contains("scope=\"write:page\""), "{:?}", response.headers);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn every_response_of_a_stack_is_readable_only_for_allowed_pages() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let by_user = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::user()).build().unwrap();
    let stack = Stack::builder()
        .security_headers(SecurityHeaders::api().build().unwrap())
        .cors(for_pages_of(&site).build().unwrap())
        .authenticate(tokens::strict_auth().build().unwrap())
        .limit_by_user(by_user);
    let api = Site::of(handled_app().layer(stack.build().unwrap()));
    let bearer = format!("Bearer {}", tokens::token(tokens::valid_claims().to_string()));
    let options = json!({ "headers": { "authorization": bearer } });

    let tab = browser.open(&site.url("/"));
    fetch_rejection(&tab, &api, &json!({}), 401);
    assert_reads(fetch(&tab, &api.url("/"), &options), "handled");
    assert!(fetch_rejection(&tab, &api, &options, 429).header("retry-after").is_some());
    assert_eq!(api.log(), ["GET", "preflight GET", "GET", "GET"]);

    let tab = browser.open(&site.origin_as("127.0.0.1"));
    assert_unreadable(&fetch(&tab, &api.url("/"), &json!({})));
    assert_unreadable(&fetch(&tab, &api.url("/"), &options));
    assert_eq!(api.log(), ["GET", "preflight GET"]);
}
