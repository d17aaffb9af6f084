//! Many requests at once: floods of unknown kids, and the herd at an issuer that comes back.

use axum::http::StatusCode;
use tokio::task::JoinHandle;

use super::{App, World, settle};

fn ask(app: &App, token: String) -> JoinHandle<StatusCode> {
    let app = app.clone();
    tokio::spawn(async move { app.ask(&token).await.status() })
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_random_kids_cause_one_fetch_and_good_tokens_are_answered_meanwhile() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let good = world.good();
    let template = world.of_kid("nobody");
    let rest = template.split_once('.').unwrap().1.to_owned();
    world.network.hold();
    let mut flood = Vec::new();
    for n in 0..10_000 {
        let kid = u64::wrapping_mul(n, 0x9e37_79b9_7f4a_7c15);
        flood.push(ask(&app, format!("{}.{rest}", header(&format!("{kid:x}")))));
        if n % 500 == 0 {
            settle().await;
            assert_eq!(app.status(&good).await, StatusCode::OK, "while the fetch hangs");
        }
    }
    settle().await;
    assert_eq!(world.network.calls(), 2, "the start, and one more");
    world.network.release();
    for request in flood {
        assert_eq!(request.await.unwrap(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(app.status(&good).await, StatusCode::OK);
    assert_eq!(world.network.calls(), 2);
    assert_eq!(app.handled(), 21);
}

#[tokio::test]
async fn random_kids_over_ten_seconds_cause_one_fetch() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let rest = world.of_kid("nobody").split_once('.').unwrap().1.to_owned();
    for n in 0..1_000 {
        let token = format!("{}.{rest}", header(&format!("k{n}")));
        assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED);
        world.advance(0.01);
    }
    assert_eq!(world.network.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_herd_at_an_app_without_keys_causes_one_fetch() {
    let world = World::new().await;
    let app = world.app();
    world.network.hold();
    let requests: Vec<_> = (0..500).map(|_| ask(&app, world.good())).collect();
    settle().await;
    assert_eq!(world.network.calls(), 1);
    world.network.release();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(world.network.calls(), 1);
}

#[tokio::test]
async fn a_herd_at_keys_past_their_hard_age_causes_one_fetch_a_back_off() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.network.is_down();
    world.advance(3.0 * 86_400.0);
    let requests: Vec<_> = (0..500).map(|_| ask(&app, world.good())).collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(world.network.calls(), 2);
    world.network.leads_to(&world.issuer);
    world.advance(1.2);
    let requests: Vec<_> = (0..500).map(|_| ask(&app, world.good())).collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(world.network.calls(), 3);
}

#[tokio::test]
async fn a_herd_at_keys_past_their_soft_age_causes_one_fetch() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.advance(700.0);
    let requests: Vec<_> = (0..500).map(|_| ask(&app, world.good())).collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    settle().await;
    assert_eq!(world.network.calls(), 2);
}

#[tokio::test]
async fn an_issuer_that_flaps_during_a_rotation_refuses_nobody_for_long() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let old = world.lasting();
    world.issuer.rotate();
    world.network.is_down();
    assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE, "the new key cannot be had");
    assert_eq!(app.status(&old).await, StatusCode::OK);
    world.network.leads_to(&world.issuer);
    world.advance(31.0);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    assert_eq!(app.status(&old).await, StatusCode::OK);
}

fn header(kid: &str) -> String {
    use base64::Engine;
    let text = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}
