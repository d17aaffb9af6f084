//! The browser's cache, which two origins of one site share: with `Vary`, each gets its own response.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::extract::Request;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN};
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use portcullis::{Cors, OriginSet};
use serde_json::{Value, json};

use super::{Chromium, Site, assert_reads, assert_unreadable, fetch, for_pages_of};

/// An app whose responses are numbered and may be cached for ten minutes.
fn numbered_responses() -> Router {
    let count = Arc::new(AtomicUsize::new(0));
    let handler = get(move || async move {
        let number = count.fetch_add(1, SeqCst) + 1;
        ([("cache-control", "max-age=600")], number.to_string())
    });
    Router::new().route("/", handler)
}

/// Like `numbered_responses`, but echoes the origin without `Vary`.
fn without_vary() -> Router {
    numbered_responses().layer(from_fn(async |request: Request, next: Next| {
        let origin = request.headers().get(ORIGIN).cloned();
        let mut response = next.run(request).await;
        response.headers_mut().extend(origin.map(|origin| (ACCESS_CONTROL_ALLOW_ORIGIN, origin)));
        response
    }))
}

/// Allows pages of both sites.
fn cors_for_both(one: &Site, other: &Site) -> Cors {
    Cors::builder().origins(OriginSet::new([one.origin(), other.origin()]).unwrap()).build().unwrap()
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_response_cached_for_one_origin_is_fetched_again_for_another() {
    let (browser, one, other) = (Chromium::start(), Site::blank(), Site::blank());
    let api = Site::of(numbered_responses().layer(cors_for_both(&one, &other)));
    let tab = browser.open(&one.url("/"));
    assert_reads(fetch(&tab, &api.url("/"), &json!({})), "1");
    assert_reads(fetch(&tab, &api.url("/"), &json!({})), "1");
    assert_eq!(api.log(), ["GET"], "the second one is from the cache");
    assert_reads(fetch(&browser.open(&other.url("/")), &api.url("/"), &json!({})), "2");
    assert_eq!(api.log(), ["GET"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn without_vary_another_origin_gets_the_cached_response_and_cannot_read_it() {
    let (browser, one, other) = (Chromium::start(), Site::blank(), Site::blank());
    let api = Site::of(without_vary());
    assert_reads(fetch(&browser.open(&one.url("/")), &api.url("/"), &json!({})), "1");
    let tab = browser.open(&other.url("/"));
    assert_unreadable(&fetch(&tab, &api.url("/"), &json!({})));
    assert_eq!(api.log(), ["GET"], "no request reaches the app");
    assert_reads(fetch(&tab, &api.url("/"), &json!({ "cache": "reload" })), "2");
}

/// The options of a request without `Origin`, as for an image. The page cannot read its response.
fn no_cors() -> Value {
    json!({ "mode": "no-cors" })
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_response_cached_without_an_origin_is_fetched_again_with_one() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = Site::of(numbered_responses().layer(for_pages_of(&site).build().unwrap()));
    let tab = browser.open(&site.url("/"));
    assert_eq!(fetch(&tab, &api.url("/"), &no_cors()).unwrap().status, 0);
    assert_reads(fetch(&tab, &api.url("/"), &json!({})), "2");
    assert_eq!(api.log(), ["GET", "GET"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn without_vary_a_response_cached_without_an_origin_is_unreadable_with_one() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = Site::of(without_vary());
    let tab = browser.open(&site.url("/"));
    assert_eq!(fetch(&tab, &api.url("/"), &no_cors()).unwrap().status, 0);
    assert_unreadable(&fetch(&tab, &api.url("/"), &json!({})));
    assert_eq!(api.log(), ["GET"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_response_for_any_origin_is_cached_for_all() {
    let (browser, one, other) = (Chromium::start(), Site::blank(), Site::blank());
    let api = Site::of(numbered_responses().layer(Cors::builder().any_origin().build().unwrap()));
    for site in [&one, &other] {
        assert_reads(fetch(&browser.open(&site.url("/")), &api.url("/"), &json!({})), "1");
    }
    assert_eq!(api.log(), ["GET"]);
}
