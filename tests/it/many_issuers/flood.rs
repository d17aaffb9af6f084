//! Floods of tokens with invented issuers: a bounded number of lookups, and known tenants are not affected.

use axum::http::StatusCode;

use super::{Function, Server, realm, seconds, tenant, tenant_token};
use crate::support::log_capture::LogCapture;

#[tokio::test]
async fn ten_thousand_invented_realms_in_ten_seconds_cause_at_most_sixty_fetches() {
    let server = Server::with_realms(&["acme"]).await;
    assert_eq!(server.app.status_for(&server.token("acme")).await, StatusCode::OK);
    let fetches_before = server.network.request_count();
    for n in 0..10_000 {
        let token = server.token_with_iss(&realm(&format!("invented-{n}")));
        assert_eq!(server.app.status_for(&token).await, StatusCode::UNAUTHORIZED);
        server.clock.advance(seconds(10) / 10_000);
        if n % 1_000 == 0 {
            let known = server.token_builder("acme").claim("jti", n.to_string()).sign();
            assert_eq!(server.app.status_for(&known).await, StatusCode::OK);
        }
    }
    let fetches = server.network.request_count() - fetches_before;
    assert!((20..=60).contains(&fetches), "{fetches}");
    server.clock.advance(seconds(60));
    assert_eq!(server.app.status_for(&server.token("acme")).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn invented_realms_at_the_same_time_are_all_401_and_cause_at_most_sixty_fetches() {
    let server = Server::with_realms(&["acme"]).await;
    server.network.delay_responses_by(seconds(1) / 20);
    let tokens = (0..2_000).map(|n| server.token_with_iss(&realm(&format!("invented-{n}"))));
    let requests: Vec<_> = tokens.map(|token| server.app.spawn_request(token)).collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::UNAUTHORIZED);
    }
    let fetches = server.network.request_count();
    assert!((24..=60).contains(&fetches), "{fetches}");
}

#[tokio::test]
async fn ten_thousand_invented_tenants_in_ten_seconds_cause_at_most_sixty_calls() {
    let function = Function::new(|iss: String| async move { iss.ends_with("/acme").then(|| tenant(iss)) });
    let app = function.app();
    assert_eq!(app.status_for(&tenant_token("https://a.example/acme")).await, StatusCode::OK);
    for n in 0..10_000 {
        let token = tenant_token(&format!("https://invented-{n}.example"));
        assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
        function.clock.advance(seconds(10) / 10_000);
    }
    let calls = function.calls();
    assert!((30..=60).contains(&calls), "{calls}");
    assert_eq!(app.status_for(&tenant_token("https://a.example/acme")).await, StatusCode::OK);
    function.clock.advance(seconds(60));
    assert_eq!(app.status_for(&tenant_token("https://b.example/acme")).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn two_thousand_real_tenants_at_the_same_time_are_all_found() {
    let function = Function::new(|iss: String| async move { Some(tenant(iss)) });
    let app = function.app();
    let tokens = (0..2_000).map(|n| tenant_token(&format!("https://tenant-{n}.example")));
    let requests: Vec<_> = tokens.map(|token| app.spawn_request(token)).collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(function.calls(), 2_000);
}

#[tokio::test]
async fn a_flood_that_lasts_longer_than_the_max_age_locks_out_no_known_tenant() {
    let function = Function::new(|iss: String| async move { iss.ends_with("/acme").then(|| tenant(iss)) });
    let app = function.app();
    let [busy, idle] = ["https://busy.example/acme", "https://idle.example/acme"].map(tenant_token);
    for token in [&busy, &idle] {
        assert_eq!(app.status_for(token).await, StatusCode::OK);
    }
    for n in 0..1_500 {
        let token = tenant_token(&format!("https://invented-{n}.example"));
        assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
        function.clock.advance(seconds(1) / 4);
        assert_eq!(app.status_for(&busy).await, StatusCode::OK, "{n}");
    }
    assert_eq!(app.status_for(&idle).await, StatusCode::OK, "looked up again after it has expired");
}

#[tokio::test]
async fn the_log_has_one_hint_without_the_name_of_an_invented_issuer() {
    let server = Server::with_realms(&["acme"]).await;
    let log = LogCapture::start();
    for n in 0..20 {
        let token = server.token_with_iss(&realm(&format!("invented-{n}")));
        assert_eq!(server.app.status_for(&token).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(log.count(" WARN "), 1, "{}", log.text());
    assert_eq!(log.count("realms/{realm}"), 1, "{}", log.text());
    assert_eq!(log.count("invented"), 0, "{}", log.text());
}
