//! Cached tokens and headers do not change responses: a layer with a warm cache responds like a new one.

use axum::http::HeaderName;
use axum::http::header::{AUTHORIZATION, COOKIE};
use portcullis::jwt::JwtAuthBuilder;
use portcullis::testing::FakeClock;
use portcullis::{Issuer, JwtAuth, Profile};
use proptest::prelude::*;
use serde_json::json;

use crate::support::protected_app::{AppResponse, ProtectedApp};
use crate::support::tokens::{AUDIENCE, ISSUER, SECRET, now, token, token_signed_with, valid_claims};

const OTHER: &str = "https://other.example.com";
const OTHER_SECRET: [u8; 32] = *b"another secret of 32 bytes.....!";
const THIRD: &str = "https://third.example.com";

/// A layer with three issuers, two profiles and two algorithms, so that tokens of several issuers share a header.
///
/// Its clock stands still, so that no token expires however long a test takes.
fn layer(clock: &FakeClock) -> JwtAuthBuilder {
    let third = Issuer::hs512(THIRD, [3; 64]);
    JwtAuth::builder()
        .issuer(Issuer::hs256(ISSUER, SECRET).profile(Profile::Rfc9068))
        .add_issuer(Issuer::hs256(OTHER, OTHER_SECRET))
        .add_issuer(third)
        .audience(AUDIENCE)
        .cookie("session")
        .clock(clock.clock())
}

fn token_of(issuer: &str, secret: &[u8], header: &str, user: &str) -> String {
    let claims = json!({
        "iss": issuer, "aud": AUDIENCE, "sub": user, "client_id": "c", "jti": "j", "iat": now(), "exp": now() + 300,
    });
    token_signed_with(secret, header, claims.to_string())
}

/// The parts of a response that must not depend on the cache: status, handler call, body and challenge.
fn observable(response: &AppResponse) -> (u16, bool, String, Option<String>) {
    (
        response.head.status.as_u16(),
        response.handler_called,
        response.body.clone(),
        response.challenge().map(str::to_owned),
    )
}

/// Checks that an app with a warm cache responds to these headers like a new app.
async fn check_same_response(
    clock: &FakeClock,
    warm: &ProtectedApp,
    headers: &[(HeaderName, &[u8])],
) -> Result<(), TestCaseError> {
    let cold = ProtectedApp::behind(layer(clock).build().unwrap());
    let request = || {
        headers
            .iter()
            .map(|(name, value)| format!("{name}: {:?}", value.escape_ascii().to_string()))
            .collect::<Vec<_>>()
    };
    prop_assert_eq!(
        observable(&warm.send_headers(headers).await),
        observable(&cold.send_headers(headers).await),
        "{:?}",
        request()
    );
    Ok(())
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

const PREFIXES: [&str; 9] = ["", " ", "\t", "  ", "Basic dTpw, ", "x ", "Bearer x, ", "=", ","];
const SCHEMES: [&str; 7] = ["Bearer ", "bearer  ", "Bearer\t", "Bearer", "Basic ", "Bearer \t", "DPoP "];
const SUFFIXES: [&str; 10] = ["", " ", "\t", ",", ", x", "=", "\u{e9}", " x", ".", "A"];
const COOKIE_PREFIXES: [&str; 5] = ["", "session=", "session=x", "session=\"", "session=; session="];

#[tokio::test]
async fn cached_token_in_any_credential_gets_the_response_of_an_uncached_one() {
    let clock = FakeClock::new();
    let token = token(valid_claims().to_string());
    let warm = ProtectedApp::behind(layer(&clock).build().unwrap());
    for _ in 0..2 {
        assert!(warm.send_token(&token).await.handler_called);
    }
    for (scheme, prefix) in SCHEMES.iter().flat_map(|scheme| PREFIXES.map(|prefix| (scheme, prefix))) {
        for suffix in SUFFIXES {
            let authorization = format!("{prefix}{scheme}{token}{suffix}");
            check_same_response(&clock, &warm, &[(AUTHORIZATION, authorization.as_bytes())]).await.unwrap();
        }
    }
    for (scheme, cookie_prefix) in SCHEMES.iter().flat_map(|scheme| COOKIE_PREFIXES.map(|prefix| (scheme, prefix))) {
        for header_count in 0..3 {
            let (authorization, cookie) = (format!("{scheme}{token}"), format!("{cookie_prefix}{token}"));
            let mut headers = vec![(AUTHORIZATION, authorization.as_bytes()); header_count];
            headers.extend((!cookie_prefix.is_empty()).then_some((COOKIE, cookie.as_bytes())));
            check_same_response(&clock, &warm, &headers).await.unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn cached_header_does_not_change_the_response_to_tokens_of_other_issuers(
        tokens in prop::collection::vec((0..3_usize, 0..3_usize, 0..4_usize), 1..8),
    ) {
        let headers = [
            r#"{"alg":"HS256","typ":"at+jwt"}"#,
            r#"{"alg":"HS256","typ":"JWT"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"HS512","typ":"at+jwt"}"#,
        ];
        let secrets: [&[u8]; 3] = [&SECRET, &OTHER_SECRET, &[3; 64]];
        run(async {
            let clock = FakeClock::new();
            let warm = ProtectedApp::behind(layer(&clock).build().unwrap());
            for (issuer, secret) in [(ISSUER, &secrets[0]), (OTHER, &secrets[1])] {
                prop_assert!(warm.send_token(&token_of(issuer, secret, headers[0], "ann")).await.handler_called);
            }
            for (number, (issuer, secret, header)) in tokens.into_iter().enumerate() {
                let issuer = [ISSUER, OTHER, THIRD][issuer];
                let authorization = format!("Bearer {}", token_of(issuer, secrets[secret], headers[header], &format!("u{number}")));
                check_same_response(&clock, &warm, &[(AUTHORIZATION, authorization.as_bytes())]).await?;
            }
            Ok::<_, TestCaseError>(())
        })?;
    }
}
