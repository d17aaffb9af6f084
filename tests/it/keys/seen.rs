//! A token that was verified before: known again, and never longer than its time, its key and its issuer allow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use portcullis::{RequireScope, UserContext};

use super::{App, World, seconds, settle};
use crate::answer::Answer;

/// Asks until it is known for sure.
async fn seen(app: &App, token: &str) {
    for _ in 0..3 {
        assert_eq!(app.status(token).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn it_is_refused_once_it_has_expired() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let token = world.issuer.token("ann").audience("api").expires_in(seconds(100.0)).sign();
    seen(&app, &token).await;
    // A minute of leeway.
    world.advance(159.0);
    assert_eq!(app.status(&token).await, StatusCode::OK);
    world.advance(1.0);
    assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn it_is_refused_once_its_key_is_withdrawn() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let old = world.lasting();
    seen(&app, &old).await;
    world.issuer.rotate();
    world.issuer.withdraw_old_keys();
    // Somebody's new key has the set fetched anew.
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    assert_eq!(app.status(&old).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn it_has_keys_that_are_past_their_age_refreshed_and_waits_for_them_past_their_use() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let token = world.lasting();
    seen(&app, &token).await;
    world.advance(700.0);
    assert_eq!(app.status(&token).await, StatusCode::OK);
    settle().await;
    assert_eq!(world.network.calls(), 2, "a refresh behind the request");
    world.network.is_down();
    world.advance(25.0 * 3_600.0);
    assert_eq!(app.status(&token).await, StatusCode::SERVICE_UNAVAILABLE, "no keys to judge it by");
}

#[tokio::test]
async fn a_token_that_differs_in_one_byte_is_judged_anew() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let token = world.good();
    seen(&app, &token).await;
    for at in [0, token.find('.').unwrap() + 2, token.len() - 40, token.len() - 2] {
        let mut other = token.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert_ne!(app.status(&other).await, StatusCode::OK, "byte {at}");
    }
    assert_eq!(app.status(&token[..token.len() - 1]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status(&token).await, StatusCode::OK);
}

#[tokio::test]
async fn users_are_mapped_and_loaded_for_every_request() {
    let world = World::new().await;
    let (mapped, loaded) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (maps, loads) = (Arc::clone(&mapped), Arc::clone(&loaded));
    let issuer = world.trusted().map_user(move |user| {
        maps.fetch_add(1, SeqCst);
        user
    });
    let app = App::new(world.builder(issuer).load_user(move |user: UserContext| {
        loads.fetch_add(1, SeqCst);
        async move { Ok(user) }
    }));
    assert!(app.auth.warm_up().await);
    seen(&app, &world.good()).await;
    assert_eq!((mapped.load(SeqCst), loaded.load(SeqCst)), (3, 3));
}

#[tokio::test]
async fn what_a_route_requires_is_asked_for_every_request() {
    let world = World::new().await;
    let auth = world.builder(world.trusted()).build().unwrap();
    assert!(auth.warm_up().await);
    let scoped = get(|| async {}).layer(RequireScope::all(["write:all"]).unwrap());
    let app = Router::new().route("/", get(|| async {})).route("/scoped", scoped).layer(auth);
    let bearer = format!("Bearer {}", world.good());
    for _ in 0..3 {
        assert_eq!(Answer::get(&app, "/", &[("authorization", &bearer)]).await.status, 200);
        assert_eq!(Answer::get(&app, "/scoped", &[("authorization", &bearer)]).await.status, 403);
    }
}

#[tokio::test]
async fn with_none_to_be_known_again_everything_is_judged_as_before() {
    let world = World::new().await;
    let app = App::new(world.builder(world.trusted()).seen_tokens(0));
    assert!(app.auth.warm_up().await);
    let token = world.good();
    seen(&app, &token).await;
    world.advance(400.0);
    assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED);
}
