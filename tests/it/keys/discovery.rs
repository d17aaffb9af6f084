//! Discovery: the metadata URLs of an issuer, and which metadata is usable (RFC 8414).

use axum::http::{Response, StatusCode};
use portcullis::Issuer;
use serde_json::json;

use super::{Fixture, JwtApp, run_background_tasks, seconds};
use crate::support::fake_network::{Fault, empty_response};
use crate::support::log_capture::LogCapture;

const TENANT: &str = "https://login.example/tenant1";
const KEYS_URL: &str = "https://keys.example/tenant1";
const METADATA_URLS: [&str; 3] = [
    "https://login.example/.well-known/oauth-authorization-server/tenant1",
    "https://login.example/.well-known/openid-configuration/tenant1",
    "https://login.example/tenant1/.well-known/openid-configuration",
];

fn app(fixture: &Fixture) -> JwtApp {
    JwtApp::new(fixture.builder(Issuer::discover(TENANT)))
}

fn token(fixture: &Fixture) -> String {
    fixture.issuer.token("ann").audience("api").claim("iss", TENANT).sign()
}

/// Serves this metadata at this URL, the issuer's keys at `KEYS_URL`, and 404 elsewhere.
fn publish(fixture: &Fixture, at: &'static str, metadata: &serde_json::Value) {
    let (metadata, issuer) = (metadata.to_string(), fixture.issuer.clone());
    fixture.network.respond_with(move |url| match url {
        _ if url == at => Response::new(metadata.clone().into_bytes()),
        KEYS_URL => Response::new(issuer.jwks().into_bytes()),
        _ => empty_response(404),
    });
}

#[tokio::test]
async fn metadata_urls_are_tried_in_order_oauth_insertion_openid_insertion_openid_append() {
    for (index, url) in METADATA_URLS.into_iter().enumerate() {
        let fixture = Fixture::new().await;
        publish(&fixture, url, &json!({ "issuer": TENANT, "jwks_uri": KEYS_URL }));
        let app = app(&fixture);
        assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::OK, "{url}");
        let mut expected = METADATA_URLS[..=index].to_vec();
        expected.push(KEYS_URL);
        assert_eq!(fixture.network.requested_urls(), expected);
    }
}

#[tokio::test]
async fn missing_metadata_is_503() {
    let fixture = Fixture::new().await;
    fixture.network.respond_with(|_| empty_response(404));
    assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fixture.network.requested_urls(), METADATA_URLS);
}

#[tokio::test]
async fn metadata_with_a_similar_issuer_is_not_used() {
    for similar in [
        "https://login.example/tenant1/",
        "https://login.example/tenant2",
        "https://login.example",
        "https://LOGIN.example/tenant1",
        "https://login.example:443/tenant1",
        "http://login.example/tenant1",
        "https://login.example/%74enant1",
        "",
    ] {
        let fixture = Fixture::new().await;
        let metadata = json!({ "issuer": similar, "jwks_uri": KEYS_URL }).to_string();
        fixture.network.respond_with(move |_| Response::new(metadata.clone().into_bytes()));
        assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::SERVICE_UNAVAILABLE, "{similar}");
        assert_eq!(fixture.network.requested_urls(), METADATA_URLS, "{similar}: no keys are fetched");
    }
}

#[tokio::test]
async fn log_gives_the_failure_that_explains_the_most_whatever_the_order_of_the_urls() {
    const OTHER: &str = "the metadata is of another issuer";
    const HTML: &str = "the document is HTML or XML";
    for (responses, reason) in [
        ([OTHER, "404", "404"], OTHER),
        (["404", "404", OTHER], OTHER),
        ([OTHER, HTML, "500"], OTHER),
        (["500", HTML, OTHER], OTHER),
        (["404", HTML, "404"], HTML),
        ([HTML, "500", "404"], HTML),
        (["500", HTML, "404"], "the response status is 500"),
        (["403", "500", "404"], "the response status is 500"),
        (["404", "403", "404"], "the response status is 403"),
        (["404", "404", "404"], "the response status is 404"),
    ] {
        let fixture = Fixture::new().await;
        let other = json!({ "issuer": "https://other.example", "jwks_uri": KEYS_URL }).to_string();
        fixture.network.respond_with(move |url| {
            let position = METADATA_URLS.iter().position(|own| *own == url);
            match responses[position.unwrap()] {
                OTHER => Response::new(other.clone().into_bytes()),
                HTML => Response::new(b"<html>".to_vec()),
                status => empty_response(status.parse().unwrap()),
            }
        });
        let log = LogCapture::start();
        assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(log.count(reason), 1, "{responses:?}: {}", log.text());
    }
}

#[tokio::test]
async fn invalid_metadata_falls_back_to_the_next_url() {
    for invalid in
        ["<html>", "[]", "{}", r#"{"issuer":"https://login.example/tenant1"}"#, r#"{"issuer":"https://evil.example"}"#]
    {
        let fixture = Fixture::new().await;
        let issuer = fixture.issuer.clone();
        fixture.network.respond_with(move |url| {
            let text = match url {
                KEYS_URL => issuer.jwks(),
                _ if url == METADATA_URLS[1] => json!({ "issuer": TENANT, "jwks_uri": KEYS_URL }).to_string(),
                _ => invalid.to_owned(),
            };
            Response::new(text.into_bytes())
        });
        assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::OK, "{invalid}");
        assert_eq!(fixture.network.requested_urls(), [METADATA_URLS[0], METADATA_URLS[1], KEYS_URL], "{invalid}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_metadata_url_is_tried_if_one_is_cut_off_or_stalls() {
    for fault in [Fault::Reset, Fault::Stall] {
        for (index, url) in METADATA_URLS.into_iter().enumerate() {
            let fixture = Fixture::new().await;
            publish(&fixture, url, &json!({ "issuer": TENANT, "jwks_uri": KEYS_URL }));
            for broken in &METADATA_URLS[..index] {
                fixture.network.break_url(broken, fault);
            }
            assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::OK, "{fault:?} {index}");
            let mut expected = METADATA_URLS[..=index].to_vec();
            expected.push(KEYS_URL);
            assert_eq!(fixture.network.requested_urls(), expected, "{fault:?} {index}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_metadata_url_that_is_slow_is_still_used() {
    let fixture = Fixture::new().await;
    publish(&fixture, METADATA_URLS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS_URL }));
    fixture.network.delay_responses_by(seconds(1.5));
    assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::OK);
    let expected = [METADATA_URLS[0], METADATA_URLS[1], KEYS_URL];
    assert_eq!(fixture.network.requested_urls(), expected, "the second is tried after a second");
}

#[tokio::test(start_paused = true)]
async fn metadata_urls_that_all_stall_are_503_after_the_timeout() {
    let fixture = Fixture::new().await;
    for url in METADATA_URLS {
        fixture.network.break_url(url, Fault::Stall);
    }
    let (log, started) = (LogCapture::start(), tokio::time::Instant::now());
    assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(started.elapsed(), seconds(5.0));
    assert_eq!(log.count("the request timed out"), 1, "{}", log.text());
}

#[tokio::test]
async fn jwks_uri_that_is_not_https_is_not_fetched() {
    for uri in [
        "http://keys.example/k",
        "http://127.0.0.1/k",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://keys.example/k",
        "https://user:pass@keys.example/k",
        "/k",
        "",
    ] {
        let fixture = Fixture::new().await;
        let metadata = json!({ "issuer": TENANT, "jwks_uri": uri }).to_string();
        fixture.network.respond_with(move |_| Response::new(metadata.clone().into_bytes()));
        assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::SERVICE_UNAVAILABLE, "{uri}");
        assert_eq!(fixture.network.requested_urls(), METADATA_URLS, "{uri}");
    }
}

#[tokio::test]
async fn metadata_is_cached_and_fetched_again_after_a_failed_key_fetch() {
    let fixture = Fixture::new().await;
    publish(&fixture, METADATA_URLS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS_URL }));
    let app = app(&fixture);
    assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::OK);
    fixture.issuer.rotate();
    assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::OK);
    assert_eq!(fixture.network.requested_urls(), [METADATA_URLS[0], KEYS_URL, KEYS_URL]);
    fixture.issuer.rotate();
    fixture.advance(31.0);
    fixture.network.respond_with(|_| empty_response(410));
    assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::SERVICE_UNAVAILABLE);
    publish(&fixture, METADATA_URLS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS_URL }));
    fixture.advance(31.0);
    assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::OK);
    assert_eq!(
        fixture.network.requested_urls()[3..],
        [KEYS_URL, METADATA_URLS[0], KEYS_URL],
        "the keys may have moved"
    );
}

#[tokio::test]
async fn metadata_is_fetched_again_after_24_hours() {
    let fixture = Fixture::new().await;
    publish(&fixture, METADATA_URLS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS_URL }));
    let app = app(&fixture);
    for (hours, urls) in [
        (0.0, &[METADATA_URLS[0], KEYS_URL][..]),
        (12.0, &[KEYS_URL]),
        (11.9, &[KEYS_URL]),
        (0.2, &[METADATA_URLS[0], KEYS_URL]),
    ] {
        let calls_before = fixture.network.request_count();
        fixture.advance(hours * 3600.0);
        assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::OK);
        run_background_tasks().await;
        assert_eq!(fixture.network.requested_urls()[calls_before..], *urls, "{hours} h later");
    }
}

#[tokio::test]
async fn url_in_a_token_header_is_never_fetched() {
    let fixture = Fixture::new().await;
    publish(&fixture, METADATA_URLS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS_URL }));
    let app = app(&fixture);
    for member in ["jku", "x5u"] {
        let token = fixture.issuer.token("eve").audience("api").claim("iss", TENANT).header("kid", "evil");
        let token = token.header(member, "https://evil.example/keys").sign();
        assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED, "{member}");
    }
    let allowed = [METADATA_URLS[0], KEYS_URL];
    assert!(
        fixture.network.requested_urls().iter().all(|url| allowed.contains(&url.as_str())),
        "{:?}",
        fixture.network.requested_urls()
    );
}
