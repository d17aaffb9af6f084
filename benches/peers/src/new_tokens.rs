//! Requests that each have a new token: the cost of verifying it, and of verifying and caching it.

use std::cell::Cell;

use axum::Router;
use axum::body::Body;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use portcullis::Algorithm;

use crate::cases::plain;
use crate::ours;
use crate::prepared::PreparedCase;

/// Many more than the cache holds, so that a token has been evicted when it is sent again.
const TOKENS: usize = 20_000;

thread_local! {
    static BEARERS: Vec<HeaderValue> = (0..TOKENS).map(|n| ours::bearer_of(&format!("ann{n}"))).collect();
    static NEXT: Cell<usize> = const { Cell::new(0) };
}

fn with_new_token() -> Request<Body> {
    let next = NEXT.replace((NEXT.get() + 1) % TOKENS);
    let mut request = plain();
    request.headers_mut().insert(AUTHORIZATION, BEARERS.with(|bearers| bearers[next].clone()));
    request
}

/// The bare handler, the layer without a cache, and the layer with a cache of the default capacity.
pub fn cases() -> [PreparedCase; 3] {
    let apps: [fn() -> Router; 3] =
        [ours::bare, || ours::auth(Algorithm::Hs256, false), || ours::auth(Algorithm::Hs256, true)];
    apps.map(|app| PreparedCase::with_app(app(), with_new_token))
}
