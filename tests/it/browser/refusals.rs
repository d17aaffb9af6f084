//! What inner layers refuse, as a page sees it.

use axum::Router;
use axum::routing::get;
use portcullis::rate_limit::Key;
use portcullis::{Quota, RateLimit, RequireScope, SecurityHeaders, Stack};
use serde_json::{Value, json};

use super::{Answer, Chromium, Site, Tab, fetched, for_pages_of, is_hidden, reads};
use crate::support::tokens;

fn handled() -> Router {
    Router::new().route("/", get(async || "handled"))
}

/// Lets one request an hour through.
fn once_an_hour() -> RateLimit {
    let limit = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::global());
    limit.ietf_draft_headers().build().unwrap()
}

/// What a page reads of a refusal: its problem is told by the body, too.
#[track_caller]
fn refused(tab: &Tab<'_>, api: &Site, options: &Value, status: u16) -> Answer {
    let answer = fetched(tab, &api.url("/"), options).unwrap();
    assert_eq!(answer.status, status);
    assert_eq!(answer.field("content-type"), Some("application/problem+json"));
    assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap()["status"], status);
    answer
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_429_is_read_with_when_to_come_again_and_the_fields_of_the_limit() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = Site::of(handled().layer(once_an_hour()).layer(for_pages_of(&site).build().unwrap()));
    let tab = browser.open(&site.url("/"));
    reads(fetched(&tab, &api.url("/"), &json!({})), "handled");
    let answer = refused(&tab, &api, &json!({}), 429);
    let seconds: u32 = answer.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
    assert_eq!((answer.field("x-ratelimit-limit"), answer.field("x-ratelimit-remaining")), (Some("1"), Some("0")));
    for name in ["x-ratelimit-reset", "ratelimit", "ratelimit-policy"] {
        assert!(answer.field(name).is_some(), "{name}: {:?}", answer.fields);
    }
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_429_of_a_limit_outside_of_cors_is_only_a_failure_to_fetch() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let api = Site::of(handled().layer(for_pages_of(&site).build().unwrap()).layer(once_an_hour()));
    let tab = browser.open(&site.url("/"));
    reads(fetched(&tab, &api.url("/"), &json!({})), "handled");
    is_hidden(&fetched(&tab, &api.url("/"), &json!({})));
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_401_is_read_with_its_challenge() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let auth = tokens::strict_auth().build().unwrap();
    let api = Site::of(handled().layer(auth).layer(for_pages_of(&site).build().unwrap()));
    let tab = browser.open(&site.url("/"));
    let answer = refused(&tab, &api, &json!({}), 401);
    assert_eq!(answer.field("www-authenticate"), Some("Bearer realm=\"api\""));
    let forged = json!({ "headers": { "authorization": "Bearer a.b.c" } });
    let answer = refused(&tab, &api, &forged, 401);
    assert!(answer.field("www-authenticate").unwrap().contains("invalid_token"), "{:?}", answer.fields);
    let honest = format!("Bearer {}", tokens::token(tokens::valid_claims().to_string()));
    reads(fetched(&tab, &api.url("/"), &json!({ "headers": { "authorization": honest } })), "handled");
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn a_403_is_read_with_the_scope_that_is_missing() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let scope = RequireScope::all(["write:page"]).unwrap();
    let app = handled().layer(scope).layer(tokens::strict_auth().build().unwrap());
    let api = Site::of(app.layer(for_pages_of(&site).build().unwrap()));
    let bearer = format!("Bearer {}", tokens::token(tokens::valid_claims().to_string()));
    let options = json!({ "headers": { "authorization": bearer } });
    let answer = refused(&browser.open(&site.url("/")), &api, &options, 403);
    assert!(answer.field("www-authenticate").unwrap().contains("scope=\"write:page\""), "{:?}", answer.fields);
}

#[test]
#[ignore = "needs a browser: run tests/run"]
fn all_that_a_whole_stack_answers_is_read_by_an_allowed_page_and_hidden_from_another() {
    let (browser, site) = (Chromium::start(), Site::blank());
    let by_user = RateLimit::builder().quota(Quota::per_hour(1).unwrap()).key(Key::user()).build().unwrap();
    let stack = Stack::builder()
        .security_headers(SecurityHeaders::api().build().unwrap())
        .cors(for_pages_of(&site).build().unwrap())
        .authenticate(tokens::strict_auth().build().unwrap())
        .limit_by_user(by_user);
    let api = Site::of(handled().layer(stack.build().unwrap()));
    let bearer = format!("Bearer {}", tokens::token(tokens::valid_claims().to_string()));
    let options = json!({ "headers": { "authorization": bearer } });

    let tab = browser.open(&site.url("/"));
    refused(&tab, &api, &json!({}), 401);
    reads(fetched(&tab, &api.url("/"), &options), "handled");
    assert!(refused(&tab, &api, &options, 429).field("retry-after").is_some());
    assert_eq!(api.log(), ["GET", "preflight GET", "GET", "GET"]);

    let tab = browser.open(&site.origin_as("127.0.0.1"));
    is_hidden(&fetched(&tab, &api.url("/"), &json!({})));
    is_hidden(&fetched(&tab, &api.url("/"), &options));
    assert_eq!(api.log(), ["GET", "preflight GET"]);
}
