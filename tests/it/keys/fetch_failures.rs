//! Failed fetches: which keys stay in use, and when the next attempt starts.

use axum::http::{Response, StatusCode};
use portcullis::Issuer;
use serde_json::json;
use tokio::time::Instant;

use super::{Fixture, JwtApp, run_background_tasks, seconds};
use crate::support::fake_network::empty_response;
use crate::support::log_capture::LogCapture;

#[tokio::test]
async fn failed_fetch_keeps_valid_keys() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.network.go_down();
    fixture.advance(661.0);
    for _ in 0..5 {
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
        run_background_tasks().await;
        fixture.advance(70.0);
    }
    assert_eq!(fixture.network.request_count(), 6, "every refresh was attempted and failed");
}

#[tokio::test]
async fn back_off_starts_at_one_second_and_doubles_up_to_one_minute() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    fixture.network.go_down();
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
    for (attempts, wait) in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0].into_iter().enumerate() {
        fixture.advance(wait * 0.9 - 0.001);
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(fixture.network.request_count(), attempts + 1, "no attempt before {wait} s minus 10 % jitter");
        fixture.advance(wait * 0.2 + 0.002);
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(fixture.network.request_count(), attempts + 2, "one attempt by {wait} s plus 10 % jitter");
    }
}

#[tokio::test]
async fn successful_fetch_resets_the_back_off() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    fixture.network.go_down();
    for _ in 0..6 {
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
        fixture.advance(70.0);
    }
    fixture.network.serve_keys_of(&fixture.issuer);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    fixture.network.go_down();
    fixture.advance(661.0);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    run_background_tasks().await;
    let calls = fixture.network.request_count();
    fixture.advance(1.2);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    run_background_tasks().await;
    assert_eq!(
        fixture.network.request_count(),
        calls + 1,
        "the next attempt is one second after the first failure, not one minute"
    );
}

/// Responses without a usable key, by name.
fn unusable_responses() -> Vec<(&'static str, Response<Vec<u8>>)> {
    let text = |text: &str| Response::new(text.as_bytes().to_vec());
    let redirect = Response::builder().status(302).header("location", "https://evil.example/jwks").body(Vec::new());
    let padded = json!({ "keys": [], "padding": "x".repeat(300 * 1024) }).to_string();
    vec![
        ("500", empty_response(500)),
        ("404", empty_response(404)),
        ("204", empty_response(204)),
        ("a redirect", redirect.unwrap()),
        ("300 KiB", text(&padded)),
        ("an empty body", text("")),
        ("HTML", text("<!doctype html><title>Sign in</title>")),
        ("an empty key set", text(r#"{"keys":[]}"#)),
        ("no member keys", text("{}")),
        ("an array", text("[]")),
        ("invalid UTF-8", Response::new(vec![0xff, 0xfe])),
        ("an oct key", text(r#"{"keys":[{"kty":"oct","kid":"key-1","alg":"HS256","k":"c2VjcmV0"}]}"#)),
        ("an unsupported key type", text(r#"{"keys":[{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}]}"#)),
    ]
}

#[tokio::test]
async fn response_without_usable_key_is_a_failed_fetch_and_the_old_set_is_kept() {
    for (name, response) in unusable_responses() {
        let fixture = Fixture::new().await;
        let app = fixture.app_with_keys().await;
        fixture.network.respond_with(move |_| response.clone());
        assert_eq!(
            app.status_for(&fixture.token_with_kid("new")).await,
            StatusCode::SERVICE_UNAVAILABLE,
            "{name}: the key may exist"
        );
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK, "{name}");
        assert_eq!(fixture.network.request_count(), 2, "{name}");
        assert!(app.auth.is_ready(), "{name}");
    }
}

#[tokio::test]
async fn keys_in_a_response_with_another_status_than_200_are_not_used() {
    for status in [201, 203, 206, 302, 304, 401, 404, 500, 503] {
        let fixture = Fixture::new().await;
        let key_set = fixture.issuer.jwks();
        fixture.network.respond_with(move |_| Response::builder().status(status).body(key_set.clone().into()).unwrap());
        assert_eq!(fixture.app().status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE, "{status}");
    }
}

#[tokio::test]
async fn response_without_usable_key_leaves_an_app_without_keys_at_503() {
    for (name, response) in unusable_responses() {
        let fixture = Fixture::new().await;
        let app = fixture.app();
        fixture.network.respond_with(move |_| response.clone());
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE, "{name}");
        assert!(!app.auth.is_ready(), "{name}");
    }
}

#[tokio::test]
async fn key_set_of_256_kib_is_read_and_a_larger_one_is_not() {
    for (bytes, expected) in [(256 * 1024, StatusCode::OK), (256 * 1024 + 1, StatusCode::SERVICE_UNAVAILABLE)] {
        let fixture = Fixture::new().await;
        let mut key_set = fixture.issuer.jwks().into_bytes();
        key_set.resize(bytes, b' ');
        fixture.network.serve_key_set(key_set);
        assert_eq!(fixture.app().status_for(&fixture.valid_token()).await, expected, "{bytes}");
    }
}

#[tokio::test(start_paused = true)]
async fn fetch_times_out_after_five_seconds() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    fixture.network.hold_responses();
    let start = Instant::now();
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
    let waited = start.elapsed();
    assert!((seconds(5.0)..seconds(5.1)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_fetch_is_a_setting() {
    for timeout in [0.5, 30.0] {
        let fixture = Fixture::new().await;
        let app = JwtApp::new(fixture.builder(fixture.jwks_issuer()).fetch_timeout(seconds(timeout)));
        fixture.network.hold_responses();
        let start = Instant::now();
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
        let waited = start.elapsed();
        assert!((seconds(timeout)..seconds(timeout + 0.1)).contains(&waited), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_and_keys_share_the_timeout_of_five_seconds() {
    let fixture = Fixture::new().await;
    let app = JwtApp::new(fixture.builder(Issuer::discover(fixture.issuer.url())));
    let (issuer, uri) = (fixture.issuer.clone(), fixture.issuer.jwks_url());
    fixture.network.respond_with(move |url| {
        let metadata = json!({ "issuer": issuer.url(), "jwks_uri": uri }).to_string();
        Response::new(if url == uri { issuer.jwks() } else { metadata }.into_bytes())
    });
    fixture.network.delay_responses_by(seconds(3.0));
    let start = Instant::now();
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
    let waited = start.elapsed();
    assert!((seconds(5.0)..seconds(5.1)).contains(&waited), "{waited:?}");
    fixture.network.delay_responses_by(seconds(2.0));
    fixture.advance(2.0);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn canceled_request_does_not_cancel_the_fetch_of_the_others() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    fixture.network.hold_responses();
    let requests: Vec<_> = (0..2).map(|_| app.spawn_request(fixture.valid_token())).collect();
    run_background_tasks().await;
    let [canceled, waiting] = requests.try_into().unwrap();
    canceled.abort();
    assert!(canceled.await.unwrap_err().is_cancelled());
    fixture.network.release_responses();
    assert_eq!(waiting.await.unwrap(), StatusCode::OK);
    assert_eq!(fixture.network.request_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn fetch_completes_after_its_only_request_is_canceled() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    fixture.network.hold_responses();
    let request = app.spawn_request(fixture.valid_token());
    run_background_tasks().await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    fixture.network.release_responses();
    run_background_tasks().await;
    assert!(app.auth.is_ready());
    assert_eq!(fixture.network.request_count(), 1);
}

#[tokio::test]
async fn app_recovers_after_the_http_client_panics() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    let log = LogCapture::start();
    fixture.network.panic_on_requests();
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(log.count("the client stopped without a response"), 1, "{}", log.text());
    fixture.network.serve_keys_of(&fixture.issuer);
    fixture.advance(1.2);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
}

#[tokio::test]
async fn cached_keys_are_used_after_the_http_client_panics() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    fixture.network.panic_on_requests();
    assert_eq!(app.status_for(&fixture.token_with_kid("new")).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
}

#[tokio::test]
async fn failed_fetch_is_logged_once_with_issuer_and_reason() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    let log = LogCapture::start();
    fixture.network.go_down();
    for _ in 0..3 {
        assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(log.count("cannot fetch the issuer's keys"), 1, "{}", log.text());
    assert!(log.text().contains("connection refused") && log.text().contains(fixture.issuer.url()), "{}", log.text());
}

#[tokio::test]
async fn key_set_with_a_byte_order_mark_is_read() {
    let fixture = Fixture::new().await;
    fixture.network.serve_key_set(format!("\u{feff}{}", fixture.issuer.jwks()));
    assert_eq!(fixture.app().status_for(&fixture.valid_token()).await, StatusCode::OK);
}

#[tokio::test]
async fn key_set_that_is_readable_is_used_whatever_its_content_coding_says() {
    let fixture = Fixture::new().await;
    let keys = fixture.issuer.jwks();
    fixture.network.respond_with(move |_| {
        Response::builder().header("content-encoding", "gzip").body(keys.clone().into_bytes()).unwrap()
    });
    assert_eq!(fixture.app().status_for(&fixture.valid_token()).await, StatusCode::OK);
}

#[tokio::test]
async fn log_says_what_a_document_is_that_is_not_json() {
    const NOT_UTF8: &[u8] = &[0xff, 0xfe, b'{', 0];
    const GZIP: &[u8] = &[0x1f, 0x8b, 8, 0];
    for (coding, body, reason) in [
        ("br", NOT_UTF8, r#"the document is compressed ("br"), and the client did not decompress it"#),
        ("identity", GZIP, r#"the document is compressed ("gzip"), and the client did not decompress it"#),
        ("identity", NOT_UTF8, "the document is not UTF-8"),
        ("identity", b" <!doctype html>", "the document is HTML or XML, not JSON"),
        ("identity", b"{", "the document is malformed"),
    ] {
        let fixture = Fixture::new().await;
        fixture
            .network
            .respond_with(move |_| Response::builder().header("content-encoding", coding).body(body.to_vec()).unwrap());
        let log = LogCapture::start();
        assert_eq!(fixture.app().status_for(&fixture.valid_token()).await, StatusCode::SERVICE_UNAVAILABLE);
        assert!(log.text().contains(reason), "{reason}: {}", log.text());
    }
}
