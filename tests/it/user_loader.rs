//! The user loader: its results and the responses to them.

use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use portcullis::gate::{AccountRefusal, LoadError};
use portcullis::jwt::JwtAuthBuilder;
use portcullis::revocation::Revocation;
use portcullis::testing::TestIssuer;
use portcullis::{Extractor, Issuer, JwtAuth, Revocations, UserContext};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::support::jwt_app::{JwtApp, body_text};
use crate::support::log_capture::LogCapture;

fn builder(issuer: &TestIssuer) -> JwtAuthBuilder {
    let issuer = Issuer::jwks_document(issuer.url(), issuer.jwks());
    JwtAuth::builder().issuer(issuer).audience("api")
}

fn valid_token(issuer: &TestIssuer) -> String {
    issuer.token("ann").audience("api").sign()
}

/// The response to a valid token if the user loader returns this result.
async fn response_with_loader(
    load: impl Fn() -> Result<UserContext, LoadError> + Send + Sync + 'static,
) -> Response<Body> {
    let issuer = TestIssuer::start().await.unwrap();
    let app = JwtApp::new(builder(&issuer).load_user(move |_| {
        let loaded = load();
        async { loaded }
    }));
    let response = app.send_token(&valid_token(&issuer)).await;
    assert_eq!(app.handler_calls(), usize::from(response.status() == StatusCode::OK));
    response
}

#[tokio::test]
async fn rejected_account_is_403_with_a_challenge_without_error_code() {
    for (refusal, detail) in [
        (AccountRefusal::Inactive, "the account is inactive"),
        (AccountRefusal::Locked, "the account is locked"),
        (AccountRefusal::Unverified, "the account is not verified"),
        (AccountRefusal::other("the terms were not accepted"), "the terms were not accepted"),
    ] {
        let returned = refusal.clone();
        let response = response_with_loader(move || Err(LoadError::refused(returned.clone()))).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(response.headers()["www-authenticate"], r#"Bearer realm="api""#);
        assert!(body_text(response).await.contains(detail), "{refusal:?}");
    }
}

#[tokio::test]
async fn unknown_user_is_401_invalid_token() {
    let response = response_with_loader(|| Err(LoadError::Unknown)).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains(r#"error="invalid_token""#), "{challenge}");
}

#[tokio::test]
async fn revoked_token_is_401_invalid_token() {
    let response = response_with_loader(|| Err(LoadError::Revoked)).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    let expected = r#"Bearer realm="api", error="invalid_token", error_description="the token has been revoked""#;
    assert_eq!(challenge, expected);
    assert!(body_text(response).await.contains(r#""code":"token_revoked""#));
    assert_eq!(LoadError::Revoked.to_string(), "the token has been revoked");
}

/// Format, expiry, signature, revocation, user, account: a token with several faults is rejected for the first.
#[tokio::test]
async fn the_checks_of_a_token_come_in_the_documented_order() {
    let issuer = TestIssuer::start().await.unwrap();
    let revocations = Revocations::builder().build().unwrap();
    let app = JwtApp::new(builder(&issuer).revocations(&revocations).load_user(async |user: UserContext| {
        Err(match user.id() {
            "locked" => LoadError::refused(AccountRefusal::Locked),
            _ => LoadError::Unknown,
        })
    }));
    let code = async |token: &str| {
        let body = body_text(app.send_token(token).await).await;
        let (_, code) = body.split_once(r#""code":""#).unwrap();
        code.split_once('"').unwrap().0.to_owned()
    };
    let token = |id: &str, user: &str| issuer.token(user).audience("api").claim("jti", id);
    let forged = |token: String| format!("{}{}", token.rsplit_once('.').unwrap().0, ".c2lnbmF0dXJl");

    assert_eq!(code(&token("j1", "locked").sign()).await, "account_locked");
    assert_eq!(code(&token("j1", "ann").sign()).await, "token_user_unknown");
    revocations.revoke_by(Revocation::token(issuer.url(), "j1")).await.unwrap();
    assert_eq!(code(&token("j1", "locked").sign()).await, "token_revoked");
    assert_eq!(code(&token("j1", "ann").sign()).await, "token_revoked");
    assert_eq!(code(&forged(token("j1", "ann").sign())).await, "token_signature_invalid");
    assert_eq!(code(&forged(token("j1", "ann").expired().sign())).await, "token_expired");
    let expired = token("j1", "ann").expired().sign();
    assert_eq!(code(expired.rsplit_once('.').unwrap().0).await, "token_segments_invalid");
    assert_eq!(app.handler_calls(), 0);
}

#[tokio::test]
async fn unavailable_user_store_is_503_with_its_retry_after() {
    let response = response_with_loader(|| Err(LoadError::unavailable_for(Duration::from_secs(7)))).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "7");
    assert!(!response.headers().contains_key("www-authenticate"));
}

#[tokio::test(start_paused = true)]
async fn user_loader_that_hangs_is_503_after_five_seconds() {
    let issuer = TestIssuer::start().await.unwrap();
    let app = JwtApp::new(builder(&issuer).load_user(|_| pending()));
    let start = Instant::now();
    assert_eq!(app.status_for(&valid_token(&issuer)).await, StatusCode::SERVICE_UNAVAILABLE);
    let waited = start.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_millis(5100)).contains(&waited), "{waited:?}");
    assert_eq!(app.handler_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_the_user_loader_is_a_setting() {
    let issuer = TestIssuer::start().await.unwrap();
    let timeout = Duration::from_millis(300);
    let app = JwtApp::new(builder(&issuer).load_user(|_| pending()).load_user_timeout(timeout));
    let (start, log) = (Instant::now(), LogCapture::start());
    assert_eq!(app.status_for(&valid_token(&issuer)).await, StatusCode::SERVICE_UNAVAILABLE);
    let waited = start.elapsed();
    assert!((timeout..timeout * 2).contains(&waited), "{waited:?}");
    assert_eq!(log.count("took longer than 300ms"), 1, "{}", log.text());
}

/// An error with a source.
#[derive(Debug)]
struct QueryFailed(std::io::Error);

impl std::fmt::Display for QueryFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the query failed")
    }
}

impl Error for QueryFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn the_cause_of_an_unavailable_user_store_is_kept_and_logged_once_with_its_sources() {
    let failed = || LoadError::unavailable(QueryFailed(std::io::Error::other("connection reset")));
    let error = failed();
    let source = error.source().unwrap();
    assert!(source.is::<QueryFailed>());
    assert_eq!(source.source().unwrap().to_string(), "connection reset");
    assert!(LoadError::unavailable_for(Duration::from_secs(1)).source().is_none());
    assert!(LoadError::unavailable("a text").source().is_some());

    let log = LogCapture::start();
    assert_eq!(log.text(), "", "nothing is logged before the error is returned");
    let response = response_with_loader(move || Err(failed())).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let (text, cause) = (log.text(), "the query failed: connection reset");
    let warnings: Vec<_> = text.lines().filter(|line| line.contains("users_unavailable")).collect();
    let [of_cause, event] = warnings[..] else { panic!("{text}") };
    assert!(of_cause.contains(cause) && event.contains("event=\"store_unavailable\""), "{text}");
    assert!(!event.contains("query"), "{text}");
    for line in warnings {
        assert!(line.contains("users_unavailable") && line.contains("route=\"/\""), "{text}");
    }
    assert!(!body_text(response).await.contains("query"));
}

#[tokio::test]
async fn user_loader_receives_the_token_user_and_the_handler_the_loaded_user() {
    let issuer = TestIssuer::start().await.unwrap();
    let app = JwtApp::new(
        builder(&issuer).load_user(async |user: UserContext| Ok(UserContext::new(format!("row of {}", user.id())))),
    );
    let response = app.send_token(&valid_token(&issuer)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(body_text(response).await, "row of ann");
}

#[derive(Debug, PartialEq)]
struct Row {
    credits: u32,
}

#[tokio::test]
async fn record_of_the_loaded_user_reaches_the_handler() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth = builder(&issuer).load_user(async |user: UserContext| Ok(user.with_record(Row { credits: 7 })));
    let handler = async |Extractor(user): Extractor<UserContext>| {
        assert_eq!(user.record::<Row>(), Some(&Row { credits: 7 }));
        user.id().to_owned()
    };
    let app = Router::new().route("/", get(handler)).layer(auth.build().unwrap());
    let request =
        Request::get("/").header("authorization", format!("Bearer {}", valid_token(&issuer))).body(Body::empty());
    let response = app.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(body_text(response).await, "ann");
}

#[tokio::test]
async fn user_loader_is_called_once_per_valid_token_and_never_for_an_invalid_one() {
    let issuer = TestIssuer::start().await.unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let app = JwtApp::new(builder(&issuer).optional().load_user(move |user| {
        counter.fetch_add(1, Ordering::SeqCst);
        async { Ok(user) }
    }));
    let token = || issuer.token("ann").audience("api");
    let valid_token = valid_token(&issuer);
    let (signing_input, _) = valid_token.rsplit_once('.').unwrap();
    for invalid in [
        token().expired().sign(),
        token().audience("other").sign(),
        token().header("kid", "unknown").sign(),
        token().claim("iss", "https://evil.example").sign(),
        format!("{signing_input}."),
        "nonsense".to_owned(),
    ] {
        assert_eq!(app.status_for(&invalid).await, StatusCode::UNAUTHORIZED, "{invalid}");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(app.status_for(&valid_token).await, StatusCode::OK);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn user_loader_is_called_after_the_keys_were_fetched() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api");
    let app = JwtApp::new(auth.load_user(async |_| Err(LoadError::refused(AccountRefusal::Locked))));
    for _ in 0..2 {
        assert_eq!(app.status_for(&valid_token(&issuer)).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(app.handler_calls(), 0);
}
