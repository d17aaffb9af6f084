//! `JwtAuth::verify`: tokens outside a request.
//!
//! Each test that calls `ProtectedApp::send_token` asserts that `verify` decides as the layer does.

mod proxy_header;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis::gate::{CredentialError, DenialKind, LoadError, TokenError};
use portcullis::revocation::Revocation;
use portcullis::testing::{FakeClock, TestIssuer};
use portcullis::{Issuer, Issuers, JwtAuth, Revocations, UserContext};

use crate::support::log_capture::LogCapture;
use crate::support::tokens::{AUDIENCE, ISSUER, claims_with, compatible_auth, token, valid_claims};

/// The reason of a rejection.
async fn rejection(auth: &JwtAuth, token: &str) -> DenialKind {
    let denial = auth.verify(token).await.unwrap_err();
    denial.kind().clone()
}

#[tokio::test]
async fn a_token_bound_to_a_key_or_a_certificate_is_an_error() {
    let auth = compatible_auth().build().unwrap();
    for cnf in [r#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#, r#"{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESs"}"#]
    {
        let expected = DenialKind::InvalidToken(TokenError::Confirmation);
        assert_eq!(rejection(&auth, &token(claims_with("cnf", cnf))).await, expected);
    }
}

#[tokio::test]
async fn a_text_that_is_not_only_a_token_is_an_error_even_if_the_token_is_cached() {
    let auth = compatible_auth().build().unwrap();
    let token = token(valid_claims().to_string());
    assert_eq!(auth.verify(&token).await.unwrap().id(), "user-1");
    for text in
        ["".to_owned(), format!(" {token}"), format!("{token} "), format!("{token}\n"), format!("Bearer {token}")]
    {
        let expected = DenialKind::InvalidRequest(CredentialError::Malformed);
        assert_eq!(rejection(&auth, &text).await, expected, "{text:?}");
    }
    let two = format!("{token},{token}");
    assert_eq!(rejection(&auth, &two).await, DenialKind::InvalidRequest(CredentialError::Multiple));
    assert_eq!(rejection(&auth, &format!("\"{token}\"")).await, DenialKind::InvalidToken(TokenError::Charset));
    assert_eq!(rejection(&auth, "opaque").await, DenialKind::InvalidToken(TokenError::Segments));
}

#[tokio::test]
async fn an_expired_and_a_revoked_token_are_rejected_although_they_are_cached() {
    let clock = FakeClock::new();
    let revocations = Revocations::builder().clock(clock.clock()).build().unwrap();
    let auth = compatible_auth().clock(clock.clock()).revocations(&revocations).build().unwrap();
    let token = token(valid_claims().to_string());
    let user = auth.verify(&token).await.unwrap();
    clock.advance(Duration::from_secs(300));
    assert!(auth.verify(&token).await.is_ok(), "within the leeway");
    clock.advance(Duration::from_secs(61));
    assert_eq!(rejection(&auth, &token).await, DenialKind::InvalidToken(TokenError::Expired));

    let clock = FakeClock::new();
    let auth = compatible_auth().clock(clock.clock()).revocations(&revocations).build().unwrap();
    assert!(auth.verify(&token).await.is_ok());
    revocations.revoke(&user).await.unwrap();
    assert_eq!(rejection(&auth, &token).await, DenialKind::InvalidToken(TokenError::Revoked));
}

#[tokio::test(start_paused = true)]
async fn the_user_of_a_message_ends_like_the_user_of_a_request() {
    let revocations = Revocations::builder().build().unwrap();
    let auth = compatible_auth().revocations(&revocations).build().unwrap();
    let user = auth.verify(&token(valid_claims().to_string())).await.unwrap();
    let ended = tokio::spawn(user.ended());
    revocations.revoke_by(Revocation::subject(ISSUER, "user-1")).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(1), ended).await;
    assert_eq!(ended.unwrap().unwrap(), portcullis::revocation::Ended::Revoked);
}

#[tokio::test]
async fn the_user_loader_gets_the_verified_user_on_each_call() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let auth = compatible_auth().load_user(move |user: UserContext| {
        let call = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            match call {
                0 => Ok(UserContext::new("loaded").with_roles(["admin"])),
                1 => Err(LoadError::Unknown),
                _ => {
                    assert_eq!(user.id(), "user-1");
                    Err(LoadError::unavailable("the database is down"))
                }
            }
        }
    });
    let auth = auth.build().unwrap();
    let token = token(valid_claims().to_string());
    let user = auth.verify(&token).await.unwrap();
    assert!(user.id() == "loaded" && user.expires_at().is_some(), "the expiry is that of the token");
    assert_eq!(rejection(&auth, &token).await, DenialKind::InvalidToken(TokenError::User));
    let log = LogCapture::start();
    assert!(matches!(rejection(&auth, &token).await, DenialKind::UsersUnavailable { .. }));
    assert_eq!(log.text().lines().count(), 2, "the cause and the event: {}", log.text());
    assert_eq!(log.count("cause=the database is down"), 1, "{}", log.text());
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_missing_key_is_fetched_and_a_missing_issuer_is_looked_up() {
    let issuer = TestIssuer::start().await.unwrap();
    let token = issuer.token("ann").audience(AUDIENCE);
    let published = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience(AUDIENCE).build().unwrap();
    let url = issuer.url().to_owned();
    let keys = issuer.jwks();
    let found = Issuers::from_fn("http", move |iss: String| {
        let issuer = (iss == url).then(|| Issuer::jwks_document(iss, keys.clone()));
        async move { issuer }
    });
    let found = JwtAuth::builder().add_issuers(found).audience(AUDIENCE).build().unwrap();
    for auth in [published, found] {
        assert_eq!(auth.verify(&token.clone().sign()).await.unwrap().id(), "ann");
        let expired = token.clone().expired().sign();
        assert_eq!(rejection(&auth, &expired).await, DenialKind::InvalidToken(TokenError::Expired));
    }
}

#[tokio::test]
async fn a_rejection_is_logged_once_without_the_token() {
    let auth = compatible_auth().build().unwrap();
    let claims = claims_with("exp", "1");
    let token = token(&claims);
    // The hint about expired tokens is logged with the first one only.
    auth.verify(&token).await.unwrap_err();
    let log = LogCapture::start();
    let denial = auth.verify(&token).await.unwrap_err();
    assert_eq!(denial.code(), "token_expired");
    assert_eq!(log.text().lines().count(), 1, "{}", log.text());
    assert_eq!(log.count("the token has expired"), 1, "{}", log.text());
    assert_eq!(log.count("token_expired"), 1);
    assert!(token.split('.').all(|segment| !log.text().contains(segment)), "{}", log.text());
    assert!(!format!("{denial:?} {denial}").contains(&token[..20]));
    // Like the layer, it does not log what it accepts.
    auth.verify(&crate::support::tokens::token(valid_claims().to_string())).await.unwrap();
    assert_eq!(log.text().lines().count(), 1);
}
