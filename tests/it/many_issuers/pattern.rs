//! Issuers of a pattern: which names match, where keys come from, and what an outage means.

use axum::http::{Response, StatusCode};
use portcullis::{Issuer, Issuers, JwtAuth};
use serde_json::json;

use super::{PATTERN, Server, realm, run_background_tasks};
use crate::support::fake_network::empty_response;
use crate::support::jwt_app::JwtApp;
use crate::support::protected_app::ProtectedApp;

#[tokio::test]
async fn each_realm_under_the_pattern_is_found_by_its_metadata() {
    let server = Server::with_realms(&["acme", "globex"]).await;
    let app = ProtectedApp::behind(server.app.auth.clone());
    for name in ["acme", "globex", "acme"] {
        let response = app.send_token(&server.token(name)).await;
        assert_eq!((response.user().id(), response.user().issuer()), ("ann", Some(realm(name).as_str())));
    }
    // The metadata at the third well-known URL, and the keys.
    assert_eq!(server.network.request_count(), 8);
}

#[tokio::test]
async fn an_iss_outside_the_pattern_causes_no_io() {
    let server = Server::with_realms(&["acme"]).await;
    let long = "a".repeat(10_000);
    for rest in [
        "a/../../evil",
        "a/..",
        "..",
        ".",
        "",
        "%2e%2e",
        "a%2fb",
        "a@evil.example",
        "a#b",
        "a?b",
        "a\\b",
        "a\0",
        "a b",
        "acme/",
        "/acme",
        "{realm}",
        &long,
    ] {
        let token = server.token_with_iss(&realm(rest));
        assert_eq!(server.app.status_for(&token).await, StatusCode::UNAUTHORIZED, "{rest:?}");
    }
    for iss in [
        "https://id.example.com.evil.example/realms/acme",
        "https://id.example.com:444/realms/acme",
        "http://id.example.com/realms/acme",
        "https://id.example.com@evil.example/realms/acme",
        "https://ID.example.com/realms/acme",
        "https://id.example.com/realm/acme",
        PATTERN,
    ] {
        assert_eq!(server.app.status_for(&server.token_with_iss(iss)).await, StatusCode::UNAUTHORIZED, "{iss}");
    }
    assert_eq!(server.network.requested_urls(), [""; 0]);
}

#[tokio::test]
async fn a_token_that_no_realm_would_accept_causes_no_io() {
    let server = Server::with_realms(&["acme"]).await;
    for token in [
        server.token_builder("acme").audience("other"),
        server.token_builder("acme").expired(),
        server.token_builder("acme").header("typ", "JWT"),
        server.token_builder("acme").header("alg", "HS256"),
    ] {
        assert_eq!(server.app.status_for(&token.sign()).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(server.network.request_count(), 0);
}

#[tokio::test]
async fn keys_are_fetched_from_the_host_of_the_pattern_only() {
    let server = Server::with_realms(&["acme"]).await;
    for jwks_uri in ["https://evil.example/keys", "https://id.example.com:444/keys", "http://127.0.0.1/keys"] {
        server.network.respond_with(move |_| {
            Response::new(json!({ "issuer": realm("acme"), "jwks_uri": jwks_uri }).to_string().into_bytes())
        });
        assert_eq!(server.app.status_for(&server.token("acme")).await, StatusCode::SERVICE_UNAVAILABLE, "{jwks_uri}");
        // The metadata has been requested, and the keys have not.
        assert!(!server.network.requested_urls().iter().any(|url| url == jwks_uri), "{jwks_uri}");
    }
    let urls = server.network.requested_urls();
    assert!(
        urls.iter().all(|url| url.starts_with("https://id.example.com/") && url.contains("/.well-known/")),
        "{urls:?}"
    );
}

#[tokio::test]
async fn metadata_of_another_realm_is_not_used() {
    let server = Server::with_realms(&["acme"]).await;
    server.network.respond_with(|_| {
        let metadata = json!({ "issuer": realm("globex"), "jwks_uri": realm("globex/keys") });
        Response::new(metadata.to_string().into_bytes())
    });
    assert_eq!(server.app.status_for(&server.token("acme")).await, StatusCode::UNAUTHORIZED);
    assert!(!server.network.requested_urls().iter().any(|url| url.ends_with("/keys")));
}

#[tokio::test]
async fn an_outage_of_the_server_is_503_and_ends_with_it() {
    let server = Server::with_realms(&["acme", "globex"]).await;
    assert_eq!(server.app.status_for(&server.token("acme")).await, StatusCode::OK);
    let realms = std::sync::Arc::clone(&server.realms);
    server.network.go_down();
    for _ in 0..30 {
        assert_eq!(server.app.status_for(&server.token("globex")).await, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert!(server.network.request_count() <= 4 + 8 * 3, "the number of failed lookups is limited");
    assert_eq!(server.app.status_for(&server.token("acme")).await, StatusCode::OK);
    server.network.respond_with(move |url| super::respond(&realms.lock().unwrap(), url));
    server.clock.advance(super::seconds(2));
    assert_eq!(server.app.status_for(&server.token("globex")).await, StatusCode::OK);
}

#[tokio::test]
async fn the_status_of_the_metadata_says_whether_the_realm_exists() {
    let (absent, unavailable) = (StatusCode::UNAUTHORIZED, StatusCode::SERVICE_UNAVAILABLE);
    for (first, others, expected) in [
        (404, 404, absent),
        (403, 404, absent),
        (400, 410, absent),
        (401, 401, unavailable),
        (404, 407, unavailable),
        (408, 404, unavailable),
        (403, 425, unavailable),
        (429, 403, unavailable),
        (403, 503, unavailable),
        (500, 404, unavailable),
    ] {
        let server = Server::with_realms(&["acme"]).await;
        server.network.respond_with(move |url| {
            let is_first = url.contains("/.well-known/oauth-authorization-server");
            empty_response(if is_first { first } else { others })
        });
        assert_eq!(server.app.status_for(&server.token("acme")).await, expected, "{first} {others}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_realm_share_a_lookup_and_others_do_not_wait() {
    let server = Server::with_realms(&["acme", "globex"]).await;
    assert_eq!(server.app.status_for(&server.token("acme")).await, StatusCode::OK);
    server.network.hold_responses();
    let waiting: Vec<_> = (0..100).map(|_| server.app.spawn_request(server.token("globex"))).collect();
    run_background_tasks().await;
    assert_eq!(server.network.request_count(), 5, "one request of one lookup");
    assert_eq!(server.app.status_for(&server.token("acme")).await, StatusCode::OK);
    server.network.release_responses();
    for request in waiting {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(server.network.request_count(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_respond_is_503_after_the_timeout() {
    let server = Server::with_realms(&["acme"]).await;
    server.network.hold_responses();
    assert_eq!(server.app.status_for(&server.token("acme")).await, StatusCode::SERVICE_UNAVAILABLE);
    server.network.release_responses();
    run_background_tasks().await;
    server.clock.advance(super::seconds(1));
    assert_eq!(server.app.status_for(&server.token("acme")).await, StatusCode::OK);
}

#[tokio::test]
async fn a_preset_with_a_placeholder_reads_the_keys_and_claims_of_each_realm() {
    let server = Server::with_realms(&["acme"]).await;
    let jwks = server.realms.lock().unwrap()[0].1.jwks();
    let url = realm("acme/protocol/openid-connect/certs");
    server.network.respond_with(move |requested| {
        assert_eq!(requested, url);
        Response::new(jwks.clone().into_bytes())
    });
    let keycloak = Issuer::keycloak("https://id.example.com", "{realm}").audience("api");
    let builder = JwtAuth::builder().add_issuers(Issuers::from_pattern(keycloak));
    let app = JwtApp::new(builder.http_client(server.network.clone()).clock(server.clock.clock()));
    let token = server.token_builder("acme").header("typ", "JWT").claim("realm_access", json!({ "roles": ["admin"] }));
    assert_eq!(app.status_for(&token.clone().sign()).await, StatusCode::UNAUTHORIZED, "no claim typ");
    let response = ProtectedApp::behind(app.auth).send_token(&token.claim("typ", "Bearer").sign()).await;
    assert!(response.user().roles().eq(["admin"]));
}

#[tokio::test]
async fn a_configured_issuer_is_preferred_to_the_pattern() {
    let server = Server::with_realms(&["acme"]).await;
    let own = Issuer::hs256(realm("acme"), [7; 32]);
    let builder = JwtAuth::builder().add_issuer(own).add_issuers(Issuers::from_pattern(PATTERN)).audience("api");
    let app = JwtApp::new(builder.http_client(server.network.clone()).clock(server.clock.clock()));
    assert_eq!(app.status_for(&server.token("acme")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(server.network.request_count(), 0);
}
