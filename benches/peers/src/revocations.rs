//! Users of verified tokens, which carry what their credential can be revoked by.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use portcullis::testing::TokenBuilder;
use portcullis::{Extractor, Issuer, JwtAuth, Revocations, UserContext};
use tower::ServiceExt;

pub const ISSUER: &str = crate::ours::ISSUER;

/// Sends the token of each user to an app with these revocations, and returns the users that its handler received.
pub fn verified_users(revocations: &Revocations, users: usize) -> Vec<UserContext> {
    let issuer = Issuer::hs256(ISSUER, crate::ours::SECRET).first_party();
    let auth = JwtAuth::builder().issuer(issuer).audience(crate::ours::AUDIENCE).revocations(revocations);
    let received = Arc::new(Mutex::new(Vec::new()));
    let store = Arc::clone(&received);
    let handler = async move |Extractor(user): Extractor<UserContext>| {
        store.lock().expect("no panic").push(user);
    };
    let app = Router::new().route("/", get(handler)).layer(auth.build().expect("a layer"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for number in 0..users {
        let token = TokenBuilder::first_party(ISSUER, crate::ours::SECRET, &format!("user-{number}"));
        let token = token.audience(crate::ours::AUDIENCE).session_id(format!("session-{number}"));
        let token = token.claim("jti", format!("id-{number}")).sign();
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        let response = runtime.block_on(app.clone().oneshot(request.body(Body::empty()).expect("a request")));
        assert_eq!(response.expect("a router does not fail").status(), 200);
    }
    std::mem::take(&mut received.lock().expect("no panic"))
}
