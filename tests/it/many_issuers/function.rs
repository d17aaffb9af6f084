//! Issuers that a function finds: when it is called, and what its results mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer};

use super::{Function, run_background_tasks, seconds, tenant, tenant_token};
use crate::support::fake_network::FakeNetwork;
use crate::support::log_capture::LogCapture;

const ACME: &str = "https://acme.example";

#[tokio::test]
async fn the_function_is_called_once_for_an_issuer_with_the_prefix_and_for_no_other() {
    let function = Function::new(|iss: String| async move { Some(tenant(iss)) });
    let app = function.app();
    for iss in ["http://acme.example", "acme", "", "HTTPS://acme.example", " https://acme.example"] {
        assert_eq!(app.status_for(&tenant_token(iss)).await, StatusCode::UNAUTHORIZED, "{iss}");
    }
    for iss in ["https://a b", "https://a\n", "https://\u{e9}", &format!("https://{}", "a".repeat(512))] {
        assert_eq!(app.status_for(&tenant_token(iss)).await, StatusCode::UNAUTHORIZED, "{iss}");
    }
    assert_eq!(function.calls(), 0);
    for _ in 0..3 {
        assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK);
    }
    assert_eq!(function.calls(), 1);
}

#[tokio::test]
async fn a_hundred_requests_of_one_issuer_share_a_call() {
    let function = Function::new(|iss: String| async move {
        tokio::task::yield_now().await;
        Some(tenant(iss))
    });
    let app = function.app();
    let requests: Vec<_> = (0..100).map(|_| app.spawn_request(tenant_token(ACME))).collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(function.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_does_not_return_is_503_after_the_timeout_and_delays_no_known_tenant() {
    let function = Function::new(|iss: String| async move {
        if iss != ACME {
            std::future::pending::<()>().await;
        }
        Some(tenant(iss))
    });
    let app = function.app();
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK);
    let strangers: Vec<_> =
        (0..100).map(|n| app.spawn_request(tenant_token(&format!("https://stranger-{n}.example")))).collect();
    run_background_tasks().await;
    assert_eq!(function.calls(), 1 + 16, "the number of calls at the same time is limited");
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK);
    for stranger in strangers {
        assert_eq!(stranger.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
    }
}

#[tokio::test]
async fn an_absent_issuer_is_remembered_for_a_minute() {
    let exists = Arc::new(AtomicBool::new(false));
    let database = Arc::clone(&exists);
    let function = Function::new(move |iss: String| {
        let exists = database.load(Ordering::SeqCst);
        async move { exists.then(|| tenant(iss)) }
    });
    let app = function.app();
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::UNAUTHORIZED);
    exists.store(true, Ordering::SeqCst);
    function.clock.advance(seconds(59));
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(function.calls(), 1);
    function.clock.advance(seconds(1));
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK);
    assert_eq!(function.calls(), 2);
}

#[tokio::test]
async fn an_issuer_is_looked_up_again_in_the_background_and_keeps_its_keys() {
    let signer = TestIssuer::start_with(Algorithm::Es256, portcullis::clock::Clock::system()).await.unwrap();
    let network = FakeNetwork::serving_keys_of(&signer);
    let function = Function::new(|iss: String| async move { Some(Issuer::jwks(iss, "https://acme.example/keys")) });
    let builder = function.builder.clone().http_client(network.clone());
    let app = crate::support::jwt_app::JwtApp::new(builder);
    let token = signer.token("ann").audience("api").claim("iss", ACME).expires_in(seconds(86_400)).sign();
    assert_eq!(app.status_for(&token).await, StatusCode::OK);
    for round in 1..=3 {
        function.clock.advance(seconds(250));
        let log = LogCapture::start();
        assert_eq!(app.status_for(&token).await, StatusCode::OK);
        run_background_tasks().await;
        assert_eq!(log.count(" WARN "), 0, "{}", log.text());
        assert_eq!(function.calls(), 1 + round);
    }
    // After 750 seconds, the keys have been refreshed once.
    assert_eq!(network.request_count(), 2);
}

#[tokio::test]
async fn an_invalid_issuer_is_503_and_one_of_another_name_401_and_both_are_in_the_log() {
    let (other, unavailable) = ("an issuer whose name is not the `iss`", StatusCode::SERVICE_UNAVAILABLE);
    for (issuer, reason, status) in [
        (Issuer::hs256(ACME, *b"short"), "the function returned an invalid issuer", unavailable),
        (Issuer::hs256("https://other.example", [7; 32]), other, StatusCode::UNAUTHORIZED),
        (Issuer::discover("http://acme.example"), other, StatusCode::UNAUTHORIZED),
    ] {
        let function = Function::new(move |_| std::future::ready(Some(issuer.clone())));
        let log = LogCapture::start();
        assert_eq!(function.app().status_for(&tenant_token(ACME)).await, status);
        assert_eq!(log.count(reason), 1, "{}", log.text());
        assert_eq!(log.count("acme"), 0, "{}", log.text());
    }
}

#[tokio::test]
async fn a_panic_in_the_function_is_503_and_it_is_called_again_after_a_second() {
    let function = Function::new(|_: String| async { panic!("a bug in the function") });
    let app = function.app();
    for calls in 1..=2 {
        for _ in 0..2 {
            assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(function.calls(), calls);
        }
        function.clock.advance(seconds(1));
    }
}

#[tokio::test]
async fn a_tenant_whose_lookup_fails_locks_out_no_other() {
    let function = Function::new(|iss: String| async move {
        assert!(!iss.contains("broken"), "a bug in the function");
        Some(tenant(iss))
    });
    let app = function.app();
    for n in 0..400 {
        let broken = tenant_token("https://broken.example");
        assert_eq!(app.status_for(&broken).await, StatusCode::SERVICE_UNAVAILABLE);
        let new = tenant_token(&format!("https://tenant-{n}.example"));
        assert_eq!(app.status_for(&new).await, StatusCode::OK, "{n}");
        function.clock.advance(seconds(1) / 10);
    }
}

/// The function fails for each name that an attacker invents, or finds a tenant whose name has another spelling.
#[tokio::test]
async fn names_for_which_the_function_fails_lock_out_no_known_tenant() {
    let function = Function::new(|iss: String| async move {
        assert!(!iss.contains("invented"), "a bug in the function");
        Some(tenant(iss.to_ascii_lowercase()))
    });
    let app = function.app();
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK);
    for n in 0..1_500 {
        let invented = tenant_token(&format!("https://invented-{n}.example"));
        assert_ne!(app.status_for(&invented).await, StatusCode::OK);
        let spelling = tenant_token(&format!("https://ACME.example/{n}"));
        assert_ne!(app.status_for(&spelling).await, StatusCode::OK);
        function.clock.advance(seconds(1) / 4);
    }
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK, "looked up again after it has expired");
}

#[tokio::test]
async fn a_canceled_request_does_not_cancel_the_lookup() {
    let function = Function::new(|iss: String| async move {
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        Some(tenant(iss))
    });
    let app = function.app();
    let request = app.spawn_request(tenant_token(ACME));
    tokio::task::yield_now().await;
    request.abort();
    run_background_tasks().await;
    assert_eq!((function.calls(), app.handler_calls()), (1, 0));
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK);
    assert_eq!(function.calls(), 1);
}

#[test]
fn without_a_runtime_an_unknown_issuer_is_503() {
    let function = Function::new(|iss: String| async move { Some(tenant(iss)) });
    let app = function.app();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let status = runtime.block_on(app.status_for(&tenant_token(ACME)));
    assert_eq!((status, function.calls()), (StatusCode::SERVICE_UNAVAILABLE, 0));
}
