//! How an issuer's metadata is found, and which of it counts (RFC 8414).

use axum::http::{Response, StatusCode};
use portcullis::Issuer;
use serde_json::json;

use super::fake_network::status;
use super::{Fixture, JwtApp, run_background_tasks};
use crate::support::log_capture::LogCapture;

const TENANT: &str = "https://login.example/tenant1";
const KEYS: &str = "https://keys.example/tenant1";
const FORMS: [&str; 3] = [
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

/// Lets the network have this metadata at this URL, the issuer's keys at theirs, and nothing elsewhere.
fn publish(fixture: &Fixture, at: &'static str, metadata: &serde_json::Value) {
    let (metadata, issuer) = (metadata.to_string(), fixture.issuer.clone());
    fixture.network.respond_with(move |url| match url {
        _ if url == at => Response::new(metadata.clone().into_bytes()),
        KEYS => Response::new(issuer.jwks().into_bytes()),
        _ => status(404),
    });
}

#[tokio::test]
async fn metadata_urls_are_tried_in_order_oauth_insertion_openid_insertion_openid_append() {
    for (index, form) in FORMS.into_iter().enumerate() {
        let fixture = Fixture::new().await;
        publish(&fixture, form, &json!({ "issuer": TENANT, "jwks_uri": KEYS }));
        let app = app(&fixture);
        assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::OK, "{form}");
        let mut expected = FORMS[..=index].to_vec();
        expected.push(KEYS);
        assert_eq!(fixture.network.requested_urls(), expected);
    }
}

#[tokio::test]
async fn missing_metadata_is_503() {
    let fixture = Fixture::new().await;
    fixture.network.respond_with(|_| status(404));
    assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fixture.network.requested_urls(), FORMS);
}

#[tokio::test]
async fn metadata_with_a_similar_issuer_is_not_used() {
    for near in [
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
        let metadata = json!({ "issuer": near, "jwks_uri": KEYS }).to_string();
        fixture.network.respond_with(move |_| Response::new(metadata.clone().into_bytes()));
        assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::SERVICE_UNAVAILABLE, "{near}");
        assert_eq!(fixture.network.requested_urls(), FORMS, "{near}: no key is asked for");
    }
}

#[tokio::test]
async fn log_gives_the_issuer_mismatch_although_the_last_url_is_404() {
    let fixture = Fixture::new().await;
    publish(&fixture, FORMS[0], &json!({ "issuer": "https://login.example/tenant1/", "jwks_uri": KEYS }));
    let log = LogCapture::start();
    assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(log.count("the metadata names another issuer"), 1, "{}", log.text());
}

#[tokio::test]
async fn invalid_metadata_falls_back_to_the_next_url() {
    for wrong in
        ["<html>", "[]", "{}", r#"{"issuer":"https://login.example/tenant1"}"#, r#"{"issuer":"https://evil.example"}"#]
    {
        let fixture = Fixture::new().await;
        let issuer = fixture.issuer.clone();
        fixture.network.respond_with(move |url| {
            let text = match url {
                KEYS => issuer.jwks(),
                _ if url == FORMS[1] => json!({ "issuer": TENANT, "jwks_uri": KEYS }).to_string(),
                _ => wrong.to_owned(),
            };
            Response::new(text.into_bytes())
        });
        assert_eq!(app(&fixture).status_for(&token(&fixture)).await, StatusCode::OK, "{wrong}");
        assert_eq!(fixture.network.requested_urls(), [FORMS[0], FORMS[1], KEYS], "{wrong}");
    }
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
        assert_eq!(fixture.network.requested_urls(), FORMS, "{uri}");
    }
}

#[tokio::test]
async fn metadata_is_cached_and_fetched_again_after_a_failed_key_fetch() {
    let fixture = Fixture::new().await;
    publish(&fixture, FORMS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS }));
    let app = app(&fixture);
    assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::OK);
    fixture.issuer.rotate();
    assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::OK);
    assert_eq!(fixture.network.requested_urls(), [FORMS[0], KEYS, KEYS]);
    fixture.issuer.rotate();
    fixture.advance(31.0);
    fixture.network.respond_with(|_| status(410));
    assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::SERVICE_UNAVAILABLE);
    publish(&fixture, FORMS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS }));
    fixture.advance(31.0);
    assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::OK);
    assert_eq!(fixture.network.requested_urls()[3..], [KEYS, FORMS[0], KEYS], "keys may have moved");
}

#[tokio::test]
async fn metadata_is_fetched_again_after_24_hours() {
    let fixture = Fixture::new().await;
    publish(&fixture, FORMS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS }));
    let app = app(&fixture);
    for (hours, urls) in [(0.0, &[FORMS[0], KEYS][..]), (12.0, &[KEYS]), (11.9, &[KEYS]), (0.2, &[FORMS[0], KEYS])] {
        let before = fixture.network.requested_urls().len();
        fixture.advance(hours * 3600.0);
        assert_eq!(app.status_for(&token(&fixture)).await, StatusCode::OK);
        run_background_tasks().await;
        assert_eq!(fixture.network.requested_urls()[before..], *urls, "{hours} h later");
    }
}

#[tokio::test]
async fn url_in_a_token_header_is_never_fetched() {
    let fixture = Fixture::new().await;
    publish(&fixture, FORMS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS }));
    let app = app(&fixture);
    for member in ["jku", "x5u"] {
        let token = fixture.issuer.token("eve").audience("api").claim("iss", TENANT).header("kid", "evil");
        let token = token.header(member, "https://evil.example/keys").sign();
        assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED, "{member}");
    }
    let known = [FORMS[0], KEYS];
    assert!(
        fixture.network.requested_urls().iter().all(|url| known.contains(&url.as_str())),
        "{:?}",
        fixture.network.requested_urls()
    );
}
