//! Tokens with an unknown `kid`: which of them cause a fetch, and how often.

use axum::http::StatusCode;

use super::{Fixture, run_background_tasks};
use crate::support::fake_network::with_cache_control;
use crate::support::log_capture::LogCapture;

#[tokio::test]
async fn unknown_kid_causes_one_fetch_and_is_401_if_the_set_lacks_the_key() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    assert_eq!(app.status_for(&fixture.token_with_kid("unknown")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.network.request_count(), 2);
}

#[tokio::test]
async fn unknown_kids_cause_at_most_one_fetch_per_30_seconds() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    for (time, calls) in [(0.0, 2), (10.0, 2), (19.9, 2), (0.2, 3), (29.8, 3), (0.3, 4)] {
        fixture.advance(time);
        for n in 0..3 {
            let token = fixture.token_with_kid(&format!("{calls}-{time}-{n}"));
            assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
        }
        assert_eq!(fixture.network.request_count(), calls, "{time} s later");
    }
}

#[tokio::test]
async fn fetch_for_an_unknown_kid_is_counted_on_the_attempt() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.network.go_down();
    for (time, calls) in [(0.0, 2), (2.0, 2), (27.0, 2), (1.5, 3)] {
        fixture.advance(time);
        assert_eq!(app.status_for(&fixture.token_with_kid("new")).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(fixture.network.request_count(), calls, "{time} s later");
    }
}

#[tokio::test]
async fn fetch_prevented_by_back_off_does_not_count_towards_the_30_seconds() {
    let fixture = Fixture::new().await;
    let key_set = fixture.issuer.jwks();
    fixture.network.respond_with(move |_| with_cache_control(&key_set, "max-age=86400"));
    let app = fixture.app_with_keys().await;
    fixture.network.go_down();
    for _ in 0..7 {
        fixture.advance(70.0);
        assert_eq!(app.status_for(&fixture.token_with_kid("new")).await, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(fixture.network.request_count(), 8);
    fixture.advance(53.0);
    let response = app.send_token(&fixture.token_with_kid("new")).await;
    assert_eq!(fixture.network.request_count(), 8, "the back-off of one minute prevents a fetch");
    let wait: f64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    fixture.issuer.rotate();
    fixture.network.serve_keys_of(&fixture.issuer);
    fixture.advance(wait);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK, "the earlier request made no fetch");
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_share_the_fetch_for_a_new_key() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.issuer.rotate();
    fixture.network.hold_responses();
    let requests: Vec<_> = (0..50).map(|_| app.spawn_request(fixture.valid_token())).collect();
    run_background_tasks().await;
    assert_eq!(fixture.network.request_count(), 2);
    fixture.network.release_responses();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(fixture.network.request_count(), 2);
}

#[tokio::test]
async fn missing_kid_is_cached_for_one_minute() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    assert_eq!(app.status_for(&fixture.token_with_kid("unknown")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.network.request_count(), 2);
    fixture.advance(59.0);
    assert_eq!(app.status_for(&fixture.token_with_kid("unknown")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.network.request_count(), 2);
    fixture.advance(2.0);
    assert_eq!(app.status_for(&fixture.token_with_kid("unknown")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.network.request_count(), 3);
}

#[tokio::test]
async fn missing_kid_is_accepted_once_any_fetch_returns_its_key() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let calls_before = fixture.network.request_count();
    fixture.network.serve_key_set(fixture.issuer.jwks());
    fixture.issuer.rotate();
    assert_eq!(
        app.status_for(&fixture.long_lived_token()).await,
        StatusCode::UNAUTHORIZED,
        "the key is not published yet"
    );
    fixture.network.serve_keys_of(&fixture.issuer);
    fixture.advance(31.0);
    assert_eq!(app.status_for(&fixture.token_with_kid("unknown")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.network.request_count(), calls_before + 2);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert_eq!(fixture.network.request_count(), calls_before + 2);
}

#[tokio::test]
async fn bad_signature_under_a_known_kid_causes_no_fetch() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let valid_token = fixture.valid_token();
    let (signing_input, signature) = valid_token.rsplit_once('.').unwrap();
    for n in 0..200 {
        let mut forged = signature.as_bytes().to_vec();
        let position = n % 80;
        forged[position] = if forged[position] == b'A' { b'B' } else { b'A' };
        let token = format!("{signing_input}.{}", String::from_utf8(forged).unwrap());
        assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
    }
    run_background_tasks().await;
    assert_eq!(fixture.network.request_count(), 1);
    assert_eq!(app.handler_calls(), 0);
}

#[tokio::test]
async fn token_rejected_for_its_claims_causes_no_fetch() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let token = || fixture.issuer.token("eve").header("kid", "unknown");
    for rejected in
        [token().audience("other"), token().audience("api").expired(), token().audience("api").header("typ", "JWT")]
    {
        assert_eq!(app.status_for(&rejected.sign()).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(fixture.network.request_count(), 1);
}

// RFC 8725 §3.10.
#[tokio::test]
async fn kid_of_a_token_is_never_logged() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    let log = LogCapture::start();
    for kid in ["' OR 1=1--", "../../dev/null", "line\r\nbreak", "kid-without-key", "\u{202e}txt"] {
        let token = fixture.issuer.token("ann").audience("api").header("kid", kid).sign();
        assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED, "{kid}");
    }
    let text = log.text();
    for part in ["OR 1=1", "dev/null", "line", "break", "kid-without-key", "txt"] {
        assert!(!text.contains(part), "{part} in {text}");
    }
    assert!(log.count("request rejected") >= 5, "{text}");
}
