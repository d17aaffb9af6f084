//! An app that starts, with its issuer up or down.

use axum::http::StatusCode;
use portcullis::{Issuer, JwtAuth};

use super::network::Network;
use super::{App, World, settle};

#[tokio::test]
async fn an_app_starts_while_its_issuer_is_down_and_answers_503_until_keys_arrive() {
    let world = World::new().await;
    world.network.is_down();
    let app = world.app();
    assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.handled(), 0);
    world.network.leads_to(&world.issuer);
    world.advance(1.2);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
}

#[tokio::test]
async fn retry_after_names_the_time_of_the_next_fetch() {
    let world = World::new().await;
    world.network.is_down();
    let app = world.app();
    for _ in 0..7 {
        world.advance(70.0);
        app.ask(&world.good()).await;
    }
    let response = app.ask(&world.good()).await;
    let wait: f64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let calls = world.network.calls();
    world.network.leads_to(&world.issuer);
    world.advance(wait - 1.0 - 0.001);
    assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.network.calls(), calls);
    world.advance(1.0 + 0.001);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK, "who waits that long does not come too early");
}

#[tokio::test]
async fn an_app_does_nothing_before_its_first_request() {
    let world = World::new().await;
    let app = world.app();
    settle().await;
    assert_eq!(world.network.calls(), 0);
    assert!(!app.auth.is_ready());
}

#[tokio::test]
async fn a_request_to_an_app_without_keys_waits_for_them() {
    let world = World::new().await;
    let app = world.app();
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    assert_eq!(world.network.calls(), 1);
}

#[tokio::test]
async fn ready_tells_whether_the_keys_of_every_issuer_are_at_hand() {
    let (one, other) = (World::new().await, World::new().await);
    let urls = [other.issuer.jwks_url()];
    let (first, second) = (one.issuer.jwks(), other.issuer.jwks());
    let network = Network::to(&one.issuer);
    let set = network.clone();
    let of = move |url: &str| if urls.iter().any(|other| other == url) { second.clone() } else { first.clone() };
    let of_both = of.clone();
    set.answers(move |url| {
        let text = if url.contains("/jwks") { of(url) } else { String::new() };
        axum::http::Response::new(text.into_bytes())
    });
    let auth = JwtAuth::builder().add_issuer(one.trusted()).add_issuer(other.trusted()).audience("api");
    let app = App::new(auth.fetch(network.clone()));
    assert_eq!(app.status(&one.good()).await, StatusCode::OK);
    assert!(!app.auth.is_ready(), "the other issuer's keys were not asked for");
    network.answers(move |url| axum::http::Response::new(of_both(url).into_bytes()));
    assert_eq!(app.status(&other.good()).await, StatusCode::OK);
    assert!(app.auth.is_ready());
}

#[tokio::test]
async fn an_app_that_is_asked_nothing_but_whether_it_is_ready_becomes_so() {
    let world = World::new().await;
    let app = world.app();
    assert!(!app.auth.is_ready());
    settle().await;
    assert!(app.auth.is_ready());
    assert_eq!(world.network.calls(), 1);
}

#[tokio::test]
async fn an_app_that_is_asked_whether_it_is_ready_leaves_an_issuer_that_is_down_its_time() {
    let world = World::new().await;
    world.network.is_down();
    let app = world.app();
    for _ in 0..100 {
        assert!(!app.auth.is_ready());
        settle().await;
    }
    assert_eq!(world.network.calls(), 1);
}

#[tokio::test]
async fn an_app_whose_keys_are_given_is_ready_from_the_start() {
    let issuer = Issuer::hs256("https://own.example", [7; 32]);
    let auth = JwtAuth::builder().issuer(issuer).audience("api").build().unwrap();
    assert!(auth.is_ready() && auth.prefetch_keys().await);
}

#[tokio::test]
async fn warm_up_fetches_what_is_missing_once_an_issuer_and_says_whether_all_is_there() {
    let (one, other) = (World::new().await, World::new().await);
    let builder = JwtAuth::builder().add_issuer(one.trusted()).add_issuer(other.trusted()).audience("api");
    let app = App::new(builder.fetch(one.network.clone()).clock(one.clock.clock()));
    assert!(app.auth.prefetch_keys().await);
    assert_eq!(one.network.urls(), [one.issuer.jwks_url(), other.issuer.jwks_url()]);
    assert!(app.auth.prefetch_keys().await);
    assert_eq!(one.network.calls(), 2, "nothing is missing any more");
}

#[tokio::test]
async fn warm_up_says_no_while_the_issuer_is_down_and_yes_afterwards() {
    let world = World::new().await;
    world.network.is_down();
    let app = world.app();
    assert!(!app.auth.prefetch_keys().await);
    assert!(!app.auth.is_ready());
    assert!(!app.auth.prefetch_keys().await, "within the back-off");
    assert_eq!(world.network.calls(), 1);
    world.network.leads_to(&world.issuer);
    world.advance(1.2);
    assert!(app.auth.prefetch_keys().await);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    assert_eq!(world.network.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn warm_up_shares_the_fetch_of_a_request() {
    let world = World::new().await;
    let app = world.app();
    world.network.hold();
    let (asking, token) = (app.clone(), world.good());
    let request = tokio::spawn(async move { asking.status(&token).await });
    settle().await;
    let auth = app.auth.clone();
    let warmed = tokio::spawn(async move { auth.prefetch_keys().await });
    settle().await;
    world.network.release();
    assert!(warmed.await.unwrap());
    assert_eq!(request.await.unwrap(), StatusCode::OK);
    assert_eq!(world.network.calls(), 1);
}
