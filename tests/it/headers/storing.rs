//! Responses to authenticated users have `Cache-Control: no-store`, unless the handler set `Cache-Control`.

use axum::Router;
use axum::routing::get;
use portcullis::testing::{TokenBuilder, as_anonymous, as_user};
use portcullis::{Issuer, JwtAuth, SecurityHeaders, UserContext};

use super::{get_root, header, layered};
use crate::support::response::TestResponse;

const CACHE_CONTROL: &str = "cache-control";

fn handled_app() -> Router {
    let cacheable = get(|| async { ([("cache-control", "private, max-age=60")], "cacheable") });
    Router::new().route("/", get(|| async { "handled" })).route("/cacheable", cacheable)
}

#[tokio::test]
async fn a_response_to_a_user_has_no_store() {
    for builder in [SecurityHeaders::api(), SecurityHeaders::html(), SecurityHeaders::owasp()] {
        let app = layered(builder, handled_app().layer(as_user(UserContext::new("ann"))));
        assert_eq!(header(&get_root(&app, &[]).await.headers, CACHE_CONTROL), "no-store");
        assert_eq!(
            header(&TestResponse::get(&app, "/cacheable", &[]).await.headers, CACHE_CONTROL),
            "private, max-age=60"
        );
    }
}

/// axum's `Sse` sets `Cache-Control: no-cache`, which allows a cache to store the stream.
#[tokio::test]
async fn an_event_stream_to_a_user_has_no_store() {
    let events = [("content-type", "text/event-stream"), ("cache-control", "no-cache")];
    let app = Router::new().route("/", get(move || async move { (events, ": welcome\n\n") }));
    let user = layered(SecurityHeaders::api(), app.clone().layer(as_user(UserContext::new("ann"))));
    assert_eq!(header(&get_root(&user, &[]).await.headers, CACHE_CONTROL), "no-store");
    for unmarked in [layered(SecurityHeaders::api(), app.clone()), app.layer(as_user(UserContext::new("ann")))] {
        assert_eq!(header(&get_root(&unmarked, &[]).await.headers, CACHE_CONTROL), "no-cache");
    }
}

#[tokio::test]
async fn a_response_to_an_anonymous_caller_keeps_the_handlers_headers() {
    let anonymous = layered(SecurityHeaders::api(), handled_app().layer(as_anonymous()));
    assert_eq!(header(&get_root(&anonymous, &[]).await.headers, CACHE_CONTROL), "");
    let open = layered(SecurityHeaders::api(), handled_app());
    assert_eq!(header(&get_root(&open, &[]).await.headers, CACHE_CONTROL), "");
}

#[tokio::test]
async fn a_layer_without_no_store_adds_no_cache_control() {
    let user = || handled_app().layer(as_user(UserContext::new("ann")));
    assert_eq!(header(&get_root(&user(), &[]).await.headers, CACHE_CONTROL), "");
    for builder in [SecurityHeaders::api().without("cache-control"), SecurityHeaders::helmet()] {
        assert_eq!(header(&get_root(&layered(builder, user()), &[]).await.headers, CACHE_CONTROL), "");
    }
    let with_no_store = layered(SecurityHeaders::builder().no_store(), user());
    assert_eq!(header(&get_root(&with_no_store, &[]).await.headers, CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn a_request_with_a_token_gets_no_store_and_one_without_does_not() {
    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    let auth = JwtAuth::builder()
        .issuer(Issuer::hs256("https://auth.example.com", SECRET))
        .audience("api")
        .optional()
        .build()
        .unwrap();
    let app = layered(SecurityHeaders::api(), handled_app().layer(auth));
    let token = TokenBuilder::first_party("https://auth.example.com", SECRET, "ann").audience("api").sign();
    let bearer = format!("Bearer {token}");
    let response = get_root(&app, &[("authorization", &bearer)]).await;
    assert_eq!((response.status.as_u16(), header(&response.headers, CACHE_CONTROL)), (200, "no-store"));
    assert_eq!(header(&get_root(&app, &[]).await.headers, CACHE_CONTROL), "");
}
