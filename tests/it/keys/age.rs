//! How long keys are used: the soft age, behind which they are refreshed, and the hard one.

use axum::http::StatusCode;

use super::network::with_cache_control;
use super::{World, seconds, settle};

#[tokio::test(start_paused = true)]
async fn a_request_with_a_known_key_never_waits_for_the_network() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.network.hold();
    for age in [0.0, 700.0, 3600.0, 80_000.0] {
        world.advance(age);
        assert_eq!(app.status(&world.good()).await, StatusCode::OK, "after {age} s more");
        settle().await;
    }
    assert_eq!(world.network.calls(), 4, "one fetch at the start, and one behind each: those that hang count as lost");
}

#[tokio::test]
async fn keys_are_refreshed_behind_the_request_once_they_are_ten_minutes_old() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.advance(539.0);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    settle().await;
    assert_eq!(world.network.calls(), 1, "not before ten minutes less a tenth");
    world.advance(122.0);
    for _ in 0..3 {
        assert_eq!(app.status(&world.good()).await, StatusCode::OK);
        settle().await;
    }
    assert_eq!(world.network.calls(), 2, "once, by ten minutes and a tenth");
}

#[tokio::test]
async fn many_apps_do_not_refresh_their_keys_at_the_same_moment() {
    let world = World::new().await;
    let mut apps = Vec::new();
    for _ in 0..40 {
        apps.push(world.warm_app().await);
    }
    let before = world.network.calls();
    world.advance(600.0);
    for app in &apps {
        assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    }
    settle().await;
    let refreshed = world.network.calls() - before;
    assert!((1..40).contains(&refreshed), "{refreshed} of 40 at ten minutes sharp");
}

#[tokio::test]
async fn max_age_sets_the_soft_age_within_a_minute_and_a_day() {
    for (cache_control, age) in [
        ("max-age=0", 60.0),
        ("no-store", 60.0),
        ("max-age=300", 300.0),
        ("public, max-age=3600, must-revalidate", 3600.0),
        ("max-age=315360000", 86_400.0),
        ("max-age=soon", 600.0),
    ] {
        let world = World::new().await;
        let set = world.issuer.jwks();
        world.network.answers(move |_| with_cache_control(&set, cache_control));
        let app = world.warm_app().await;
        world.advance(age * 0.9 - 1.0);
        assert_eq!(app.status(&world.good()).await, StatusCode::OK);
        settle().await;
        assert_eq!(world.network.calls(), 1, "{cache_control}: too early");
        world.advance(age * 0.2 + 2.0);
        assert_eq!(app.status(&world.good()).await, StatusCode::OK);
        settle().await;
        assert_eq!(world.network.calls(), 2, "{cache_control}: too late");
    }
}

#[tokio::test]
async fn stale_keys_serve_a_day_while_the_issuer_is_down_and_then_requests_are_503() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.network.is_down();
    world.advance(86_400.0 + 539.0);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    assert!(app.auth.is_ready());
    world.advance(122.0);
    assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!app.auth.is_ready());
}

#[tokio::test]
async fn serve_stale_sets_the_hard_age() {
    let world = World::new().await;
    let app = super::App::new(world.builder(world.trusted()).max_stale_keys(seconds(3600.0)));
    assert!(app.auth.prefetch_keys().await);
    world.network.is_down();
    world.advance(3600.0 + 539.0);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    world.advance(122.0);
    assert_eq!(app.status(&world.good()).await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn keys_past_their_hard_age_are_fetched_anew_and_the_request_is_answered() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.advance(10.0 * 86_400.0);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    assert_eq!(world.network.calls(), 2);
}
