//! Fetches that fail: what stays in use, and when the next one starts.

use axum::http::{Response, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use super::network::status;
use super::{World, seconds, settle};
use crate::support::log_capture::LogCapture;

#[tokio::test]
async fn a_failed_fetch_keeps_good_keys() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.network.is_down();
    world.advance(661.0);
    for _ in 0..5 {
        assert_eq!(app.status(&world.good()).await, StatusCode::OK);
        settle().await;
        world.advance(70.0);
    }
    assert_eq!(world.network.calls(), 6, "every refresh was tried, and failed");
}

#[tokio::test]
async fn fetches_that_fail_are_tried_again_after_a_second_doubling_to_a_minute() {
    let world = World::new().await;
    let app = world.app();
    world.network.is_down();
    assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
    for (tries, wait) in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0].into_iter().enumerate() {
        world.advance(wait * 0.9 - 0.001);
        assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(world.network.calls(), tries + 1, "less than {wait} s less a tenth");
        world.advance(wait * 0.2 + 0.002);
        assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(world.network.calls(), tries + 2, "{wait} s and a tenth");
    }
}

#[tokio::test]
async fn a_fetch_that_succeeds_ends_the_back_off() {
    let world = World::new().await;
    let app = world.app();
    world.network.is_down();
    for _ in 0..6 {
        assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
        world.advance(70.0);
    }
    world.network.leads_to(&world.issuer);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    world.network.is_down();
    world.advance(661.0);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    settle().await;
    let calls = world.network.calls();
    world.advance(1.2);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    settle().await;
    assert_eq!(world.network.calls(), calls + 1, "a second after the first failure, not a minute");
}

/// Answers that bring no key.
fn unusable() -> Vec<(&'static str, Response<Vec<u8>>)> {
    let text = |text: &str| Response::new(text.as_bytes().to_vec());
    let redirect = Response::builder().status(302).header("location", "https://evil.example/jwks").body(Vec::new());
    let padded = json!({ "keys": [], "padding": "x".repeat(300 * 1024) }).to_string();
    vec![
        ("500", status(500)),
        ("404", status(404)),
        ("204", status(204)),
        ("a redirect", redirect.unwrap()),
        ("300 KiB", text(&padded)),
        ("nothing", text("")),
        ("HTML", text("<!doctype html><title>Sign in</title>")),
        ("no keys", text(r#"{"keys":[]}"#)),
        ("no set", text("{}")),
        ("an array", text("[]")),
        ("no UTF-8", Response::new(vec![0xff, 0xfe])),
        ("a shared secret", text(r#"{"keys":[{"kty":"oct","kid":"key-1","alg":"HS256","k":"c2VjcmV0"}]}"#)),
        ("a kind of key to come", text(r#"{"keys":[{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}]}"#)),
    ]
}

#[tokio::test]
async fn an_answer_that_brings_no_key_is_a_failed_fetch_and_the_old_set_stays() {
    for (name, answer) in unusable() {
        let world = World::new().await;
        let app = world.warm_app().await;
        world.network.answers(move |_| answer.clone());
        assert_eq!(app.status(&world.of_kid("new")).await, StatusCode::SERVICE_UNAVAILABLE, "{name}: nobody can tell");
        assert_eq!(app.status(&world.good()).await, StatusCode::OK, "{name}");
        assert_eq!(world.network.calls(), 2, "{name}");
        assert!(app.auth.is_ready(), "{name}");
    }
}

#[tokio::test]
async fn good_keys_under_another_status_than_200_are_not_used() {
    for status in [201, 203, 206, 302, 304, 401, 404, 500, 503] {
        let world = World::new().await;
        let set = world.issuer.jwks();
        world.network.answers(move |_| Response::builder().status(status).body(set.clone().into()).unwrap());
        assert_eq!(world.app().status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE, "{status}");
    }
}

#[tokio::test]
async fn an_answer_that_brings_no_key_leaves_an_app_without_keys_at_503() {
    for (name, answer) in unusable() {
        let world = World::new().await;
        let app = world.app();
        world.network.answers(move |_| answer.clone());
        assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE, "{name}");
        assert!(!app.auth.is_ready(), "{name}");
    }
}

#[tokio::test]
async fn keys_of_256_kib_are_read_and_no_byte_more() {
    for (bytes, expected) in [(256 * 1024, StatusCode::OK), (256 * 1024 + 1, StatusCode::SERVICE_UNAVAILABLE)] {
        let world = World::new().await;
        let mut set = world.issuer.jwks().into_bytes();
        set.resize(bytes, b' ');
        world.network.publishes(set);
        assert_eq!(world.app().status(&world.good()).await, expected, "{bytes}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_answers_is_given_up_after_five_seconds() {
    let world = World::new().await;
    let app = world.app();
    world.network.hold();
    let start = Instant::now();
    assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
    let waited = start.elapsed();
    assert!((seconds(5.0)..seconds(5.1)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn metadata_and_keys_together_have_five_seconds() {
    let world = World::new().await;
    let app = super::App::new(world.builder(portcullis::Issuer::discover(world.issuer.url())));
    let (issuer, uri) = (world.issuer.clone(), world.issuer.jwks_url());
    world.network.answers(move |url| {
        let metadata = json!({ "issuer": issuer.url(), "jwks_uri": uri }).to_string();
        Response::new(if url == uri { issuer.jwks() } else { metadata }.into_bytes())
    });
    world.network.delays(seconds(3.0));
    let start = Instant::now();
    assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
    let waited = start.elapsed();
    assert!((seconds(5.0)..seconds(5.1)).contains(&waited), "{waited:?}");
    world.network.delays(seconds(2.0));
    world.advance(2.0);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_does_not_cancel_the_fetch_of_the_others() {
    let world = World::new().await;
    let app = world.app();
    world.network.hold();
    let requests: Vec<_> = (0..2)
        .map(|_| {
            let (app, token) = (app.clone(), world.good());
            tokio::spawn(async move { app.status(&token).await })
        })
        .collect();
    settle().await;
    let [cancelled, waiting] = requests.try_into().unwrap();
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    world.network.release();
    assert_eq!(waiting.await.unwrap(), StatusCode::OK);
    assert_eq!(world.network.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_whose_only_request_is_cancelled_brings_the_keys_all_the_same() {
    let world = World::new().await;
    let app = world.app();
    world.network.hold();
    let (asking, token) = (app.clone(), world.good());
    let request = tokio::spawn(async move { asking.status(&token).await });
    settle().await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    world.network.release();
    settle().await;
    assert!(app.auth.is_ready());
    assert_eq!(world.network.calls(), 1);
}

#[tokio::test]
async fn a_client_that_panics_does_not_lock_out() {
    let world = World::new().await;
    let app = world.app();
    let log = LogCapture::start();
    world.network.panics();
    assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(log.count("the client stopped without an answer"), 1, "{}", log.text());
    world.network.leads_to(&world.issuer);
    world.advance(1.2);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
}

#[tokio::test]
async fn a_client_that_panics_leaves_the_keys_at_hand_in_use() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.network.panics();
    assert_eq!(app.status(&world.of_kid("new")).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
}

#[tokio::test]
async fn a_failed_fetch_is_logged_once_with_its_issuer_and_the_reason() {
    let world = World::new().await;
    let app = world.app();
    let log = LogCapture::start();
    world.network.is_down();
    for _ in 0..3 {
        assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(log.count("could not be fetched"), 1, "{}", log.text());
    assert!(log.text().contains("connection refused") && log.text().contains(world.issuer.url()), "{}", log.text());
}
