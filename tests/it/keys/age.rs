//! The age of keys: when they are refreshed, and how long stale keys are used.

use axum::http::StatusCode;

use super::{Fixture, JwtApp, run_background_tasks, seconds};
use crate::support::fake_network::with_cache_control;

#[tokio::test(start_paused = true)]
async fn request_with_known_key_never_waits_for_the_network() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.network.hold_responses();
    for age in [0.0, 700.0, 3600.0, 80_000.0] {
        fixture.advance(age);
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK, "{age} s later");
        run_background_tasks().await;
    }
    assert_eq!(
        fixture.network.request_count(),
        4,
        "the first fetch, and one refresh per stale request: a fetch that hangs counts as failed"
    );
}

#[tokio::test]
async fn keys_are_refreshed_in_the_background_after_ten_minutes() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.advance(539.0);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    run_background_tasks().await;
    assert_eq!(fixture.network.request_count(), 1, "no refresh before ten minutes minus 10 % jitter");
    fixture.advance(122.0);
    for _ in 0..3 {
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
        run_background_tasks().await;
    }
    assert_eq!(fixture.network.request_count(), 2, "one refresh by ten minutes plus 10 % jitter");
}

#[tokio::test]
async fn refreshes_of_many_apps_are_spread_by_jitter() {
    let fixture = Fixture::new().await;
    let mut apps = Vec::new();
    for _ in 0..40 {
        apps.push(fixture.app_with_keys().await);
    }
    let calls_before = fixture.network.request_count();
    fixture.advance(600.0);
    for app in &apps {
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    }
    run_background_tasks().await;
    let refreshed = fixture.network.request_count() - calls_before;
    assert!((1..40).contains(&refreshed), "{refreshed} of 40 apps refresh at exactly ten minutes");
}

#[tokio::test]
async fn max_age_sets_the_refresh_age_between_one_minute_and_one_day() {
    for (cache_control, age) in [
        ("max-age=0", 60.0),
        ("no-store", 60.0),
        ("max-age=300", 300.0),
        ("public, max-age=3600, must-revalidate", 3600.0),
        ("max-age=315360000", 86_400.0),
        ("max-age=soon", 600.0),
    ] {
        let fixture = Fixture::new().await;
        let key_set = fixture.issuer.jwks();
        fixture.network.respond_with(move |_| with_cache_control(&key_set, cache_control));
        let app = fixture.app_with_keys().await;
        fixture.advance(age * 0.9 - 1.0);
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
        run_background_tasks().await;
        assert_eq!(fixture.network.request_count(), 1, "{cache_control}: too early");
        fixture.advance(age * 0.2 + 2.0);
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
        run_background_tasks().await;
        assert_eq!(fixture.network.request_count(), 2, "{cache_control}: too late");
    }
}

#[tokio::test]
async fn stale_keys_are_used_for_24_hours_of_outage_and_then_requests_are_503() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.network.go_down();
    fixture.advance(86_400.0 + 539.0);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert!(app.auth.is_ready());
    fixture.advance(122.0);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!app.auth.is_ready());
}

#[tokio::test]
async fn max_stale_keys_sets_how_long_stale_keys_are_used() {
    let fixture = Fixture::new().await;
    let app = JwtApp::new(fixture.builder(fixture.jwks_issuer()).max_stale_keys(seconds(3600.0)));
    assert!(app.auth.prefetch_keys().await);
    fixture.network.go_down();
    fixture.advance(3600.0 + 539.0);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    fixture.advance(122.0);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn request_waits_for_new_keys_once_stale_keys_are_too_old() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.advance(10.0 * 86_400.0);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert_eq!(fixture.network.request_count(), 2);
}
