//! A token that was never seen before with each request: what it costs to verify it, and to remember it as well.

use std::cell::Cell;

use axum::Router;
use axum::body::Body;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use portcullis::Algorithm;

use crate::asked::Asked;
use crate::cases::plain;
use crate::ours;

/// More than are remembered, by far.
const TOKENS: usize = 20_000;

thread_local! {
    static BEARERS: Vec<HeaderValue> = (0..TOKENS).map(|n| ours::bearer_of(&format!("ann{n}"))).collect();
    static NEXT: Cell<usize> = const { Cell::new(0) };
}

fn with_the_next() -> Request<Body> {
    let next = NEXT.replace((NEXT.get() + 1) % TOKENS);
    let mut request = plain();
    request.headers_mut().insert(AUTHORIZATION, BEARERS.with(|bearers| bearers[next].clone()));
    request
}

/// The bare handler, and the layer that remembers none and as many as it does unless told otherwise.
pub fn apps() -> [Asked; 3] {
    let apps: [fn() -> Router; 3] =
        [ours::handled, || ours::auth(Algorithm::Hs256, false), || ours::auth(Algorithm::Hs256, true)];
    apps.map(|app| Asked::asking(app(), with_the_next))
}
