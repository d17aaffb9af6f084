//! The browser's cache between two origins of one site, which share it: with `Vary` each page gets its own answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::extract::Request;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN};
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use portcullis::{Cors, OriginSet};
use serde_json::{Value, json};

use super::{Chromium, Site, fetched, for_pages_of, is_hidden, reads};

/// Answers that may be kept for ten minutes and are numbered.
fn numbered() -> Router {
    let count = Arc::new(AtomicUsize::new(0));
    let handler = get(move || async move {
        let number = count.fetch_add(1, SeqCst) + 1;
        ([("cache-control", "max-age=600")], number.to_string())
    });
    Router::new().route("/", handler)
}

/// As `numbered`, with the origin echoed by hand and no `Vary`.
fn without_vary() -> Router {
    numbered().layer(from_fn(async |request: Request, next: Next| {
        let origin = request.headers().get(ORIGIN).cloned();
        let mut response = next.run(request).await;
        response.headers_mut().extend(origin.map(|origin| (ACCESS_CONTROL_ALLOW_ORIGIN, origin)));
        response
    }))
}

/// Lets both sites in.
fn both(one: &Site, other: &Site) -> Cors {
    Cors::builder().origins(OriginSet::new([one.origin(), other.origin()]).unwrap()).build().unwrap()
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_answer_kept_for_one_origin_is_fetched_anew_for_another() {
    let (browser, one, other) = (Chromium::start(), Site::blank(), Site::blank());
    let api = Site::of(numbered().layer(both(&one, &other)));
    let tab = browser.open(&one.url("/"));
    reads(fetched(&tab, &api.url("/"), &json!({})), "1");
    reads(fetched(&tab, &api.url("/"), &json!({})), "1");
    assert_eq!(api.log(), ["GET"], "for its own page it is kept");
    reads(fetched(&browser.open(&other.url("/")), &api.url("/"), &json!({})), "2");
    assert_eq!(api.log(), ["GET"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn without_vary_another_origin_is_refused_from_the_cache() {
    let (browser, one, other) = (Chromium::start(), Site::blank(), Site::blank());
    let api = Site::of(without_vary());
    reads(fetched(&browser.open(&one.url("/")), &api.url("/"), &json!({})), "1");
    let tab = browser.open(&other.url("/"));
    is_hidden(&fetched(&tab, &api.url("/"), &json!({})));
    assert_eq!(api.log(), ["GET"], "the app is not asked");
    reads(fetched(&tab, &api.url("/"), &json!({ "cache": "reload" })), "2");
}

/// Has the page fetch as it does an image: no `Origin` is sent, and nothing is read.
fn blind() -> Value {
    json!({ "mode": "no-cors" })
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_answer_kept_for_a_request_without_origin_is_fetched_anew_for_one_with() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = Site::of(numbered().layer(for_pages_of(&site).build().unwrap()));
    let tab = browser.open(&site.url("/"));
    assert_eq!(fetched(&tab, &api.url("/"), &blind()).unwrap().status, 0);
    reads(fetched(&tab, &api.url("/"), &json!({})), "2");
    assert_eq!(api.log(), ["GET", "GET"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn without_vary_an_answer_kept_for_a_request_without_origin_is_refused_to_one_with() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = Site::of(without_vary());
    let tab = browser.open(&site.url("/"));
    assert_eq!(fetched(&tab, &api.url("/"), &blind()).unwrap().status, 0);
    is_hidden(&fetched(&tab, &api.url("/"), &json!({})));
    assert_eq!(api.log(), ["GET"]);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn an_answer_that_any_origin_may_read_is_kept_for_all() {
    let (browser, one, other) = (Chromium::start(), Site::blank(), Site::blank());
    let api = Site::of(numbered().layer(Cors::builder().any_origin().build().unwrap()));
    for site in [&one, &other] {
        reads(fetched(&browser.open(&site.url("/")), &api.url("/"), &json!({})), "1");
    }
    assert_eq!(api.log(), ["GET"]);
}
