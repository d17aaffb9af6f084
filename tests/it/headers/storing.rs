//! Answers to authenticated users are not stored, unless their handler says otherwise.

use axum::Router;
use axum::routing::get;
use portcullis::testing::{TokenBuilder, as_anonymous, as_user};
use portcullis::{Issuer, JwtAuth, SecurityHeaders, UserContext};

use super::{around, field, get_root};
use crate::support::response::TestResponse;

const STORED: &str = "cache-control";

fn handled() -> Router {
    let own = get(|| async { ([("cache-control", "private, max-age=60")], "own") });
    Router::new().route("/", get(|| async { "handled" })).route("/own", own)
}

#[tokio::test]
async fn the_answer_to_a_user_is_not_stored() {
    for builder in [SecurityHeaders::api(), SecurityHeaders::html(), SecurityHeaders::owasp()] {
        let app = around(builder, handled().layer(as_user(UserContext::new("ann"))));
        assert_eq!(field(&get_root(&app, &[]).await.headers, STORED), "no-store");
        assert_eq!(field(&TestResponse::get(&app, "/own", &[]).await.headers, STORED), "private, max-age=60");
    }
}

#[tokio::test]
async fn the_answer_to_nobody_known_is_the_handlers() {
    let anonymous = around(SecurityHeaders::api(), handled().layer(as_anonymous()));
    assert_eq!(field(&get_root(&anonymous, &[]).await.headers, STORED), "");
    let open = around(SecurityHeaders::api(), handled());
    assert_eq!(field(&get_root(&open, &[]).await.headers, STORED), "");
}

#[tokio::test]
async fn it_is_asked_for() {
    let user = || handled().layer(as_user(UserContext::new("ann")));
    assert_eq!(field(&get_root(&user(), &[]).await.headers, STORED), "");
    for builder in [SecurityHeaders::api().without("cache-control"), SecurityHeaders::helmet()] {
        assert_eq!(field(&get_root(&around(builder, user()), &[]).await.headers, STORED), "");
    }
    let asked = around(SecurityHeaders::builder().no_store(), user());
    assert_eq!(field(&get_root(&asked, &[]).await.headers, STORED), "no-store");
}

#[tokio::test]
async fn a_token_makes_a_user_of_a_caller_and_no_token_none() {
    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    let auth = JwtAuth::builder()
        .issuer(Issuer::hs256("https://auth.example.com", SECRET))
        .audience("api")
        .optional()
        .build()
        .unwrap();
    let app = around(SecurityHeaders::api(), handled().layer(auth));
    let token = TokenBuilder::first_party("https://auth.example.com", SECRET, "ann").audience("api").sign();
    let bearer = format!("Bearer {token}");
    let answer = get_root(&app, &[("authorization", &bearer)]).await;
    assert_eq!((answer.status.as_u16(), field(&answer.headers, STORED)), (200, "no-store"));
    assert_eq!(field(&get_root(&app, &[]).await.headers, STORED), "");
}
