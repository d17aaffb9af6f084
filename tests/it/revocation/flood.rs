//! Many threads, and many revocations.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use axum::http::StatusCode;
use portcullis::revocation::Revocation;
use portcullis::testing::TestIssuer;
use portcullis::{Issuer, JwtAuth, Revocations};

use crate::support::jwt_app::JwtApp;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::AUDIENCE;

async fn issuer_and_auth(revocations: &Revocations) -> (TestIssuer, portcullis::jwt::JwtAuthBuilder) {
    let issuer = TestIssuer::start().await.unwrap();
    let trusted = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let auth = JwtAuth::builder().issuer(trusted).audience(AUDIENCE).revocations(revocations);
    (issuer, auth)
}

#[tokio::test]
async fn token_that_is_cached_by_many_threads_is_401_on_each_after_its_revocation() {
    const THREADS: usize = 16;
    let revocations = Revocations::builder().build().unwrap();
    let (issuer, auth) = issuer_and_auth(&revocations).await;
    let token = issuer.token("ann").audience(AUDIENCE).sign();
    let app = JwtApp::new(auth);
    let user = ProtectedApp::behind(app.auth.clone()).send_token(&token).await.user().clone();
    // All threads have cached the token; then it is revoked; then all threads send it.
    let (is_cached, is_revoked) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    for _ in 0..2 {
                        assert_eq!(app.send_token(&token).await.status(), StatusCode::OK);
                    }
                    is_cached.wait();
                    is_revoked.wait();
                    for _ in 0..10 {
                        assert_eq!(app.send_token(&token).await.status(), StatusCode::UNAUTHORIZED);
                    }
                });
            });
        }
        is_cached.wait();
        drop(revocations.revoke(&user));
        is_revoked.wait();
    });
    assert_eq!(app.handler_calls(), THREADS * 2);
}

#[tokio::test]
async fn revocations_during_requests_reject_exactly_what_is_revoked() {
    revoke_during_requests(40_000).await;
}

#[tokio::test]
#[ignore = "takes half a minute in a debug build: run tests/run"]
async fn a_million_revocations_during_requests_reject_exactly_what_is_revoked() {
    revoke_during_requests(1_000_000 - TOKENS / 2).await;
}

const TOKENS: usize = 40;

/// Revokes so many invented tokens, and among them every second token of those that two threads send meanwhile.
async fn revoke_during_requests(flood: usize) {
    let revocations = Revocations::builder().build().unwrap();
    let (issuer, auth) = issuer_and_auth(&revocations).await;
    let app = JwtApp::new(auth);
    let tokens: Vec<String> =
        (0..TOKENS).map(|n| issuer.token("ann").audience(AUDIENCE).claim("jti", format!("{n}")).sign()).collect();
    let is_finished = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..flood {
                let name = format!("flood-{number}");
                drop(revocations.revoke_by(Revocation::token(issuer.url(), &name)));
                if number % (flood / TOKENS * 2) == 0 {
                    let id = (number / (flood / TOKENS)).to_string();
                    drop(revocations.revoke_by(Revocation::token(issuer.url(), &id)));
                }
            }
            is_finished.store(true, Ordering::Release);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let mut is_revoked = vec![false; tokens.len()];
                runtime.block_on(async {
                    while !is_finished.load(Ordering::Acquire) {
                        for (number, token) in tokens.iter().enumerate() {
                            match app.send_token(token).await.status() {
                                StatusCode::OK => assert!(!is_revoked[number], "{number} is valid again"),
                                StatusCode::UNAUTHORIZED if number % 2 == 0 => is_revoked[number] = true,
                                status => panic!("{number} is not revoked: {status}"),
                            }
                        }
                    }
                });
            });
        }
    });
    for (number, token) in tokens.iter().enumerate() {
        let expected = if number % 2 == 0 { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        assert_eq!(app.status_for(token).await, expected, "{number}");
    }
}
