//! A layer that has met tokens and headers before answers every request as one that meets it first.

use axum::http::HeaderName;
use axum::http::header::{AUTHORIZATION, COOKIE};
use portcullis::jwt::JwtAuthBuilder;
use portcullis::{Issuer, JwtAuth, Profile};
use proptest::prelude::*;
use serde_json::json;

use crate::support::protected_app::{AppResponse, ProtectedApp};
use crate::support::tokens::{AUDIENCE, ISSUER, SECRET, now, token, token_signed_with, valid_claims};

const OTHER: &str = "https://other.example.com";
const OTHERS_SECRET: [u8; 32] = *b"another secret of 32 bytes.....!";
const THIRD: &str = "https://third.example.com";

/// Three issuers whose tokens may have the same header, by two profiles; the third takes another algorithm.
fn layer() -> JwtAuthBuilder {
    let third = Issuer::hs512(THIRD, [3; 64]);
    JwtAuth::builder()
        .issuer(Issuer::hs256(ISSUER, SECRET).profile(Profile::Rfc9068))
        .add_issuer(Issuer::hs256(OTHER, OTHERS_SECRET))
        .add_issuer(third)
        .audience(AUDIENCE)
        .cookie("session")
}

fn of(issuer: &str, secret: &[u8], header: &str, user: &str) -> String {
    let claims = json!({
        "iss": issuer, "aud": AUDIENCE, "sub": user, "client_id": "c", "jti": "j", "iat": now(), "exp": now() + 300,
    });
    token_signed_with(secret, header, claims.to_string())
}

/// What a caller and the handler see of it.
fn shown(response: &AppResponse) -> (u16, bool, String, Option<String>) {
    (
        response.head.status.as_u16(),
        response.handler_called,
        response.body.clone(),
        response.challenge().map(str::to_owned),
    )
}

async fn is_alike(warm: &ProtectedApp, fields: &[(HeaderName, &[u8])]) -> Result<(), TestCaseError> {
    let cold = ProtectedApp::behind(layer().build().unwrap());
    let sent = || {
        fields.iter().map(|(name, value)| format!("{name}: {:?}", value.escape_ascii().to_string())).collect::<Vec<_>>()
    };
    prop_assert_eq!(shown(&warm.send_headers(fields).await), shown(&cold.send_headers(fields).await), "{:?}", sent());
    Ok(())
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

const BEFORE: [&str; 9] = ["", " ", "\t", "  ", "Basic dTpw, ", "x ", "Bearer x, ", "=", ","];
const SCHEMES: [&str; 7] = ["Bearer ", "bearer  ", "Bearer\t", "Bearer", "Basic ", "Bearer \t", "DPoP "];
const AFTER: [&str; 10] = ["", " ", "\t", ",", ", x", "=", "\u{e9}", " x", ".", "A"];
const COOKIES: [&str; 5] = ["", "session=", "session=x", "session=\"", "session=; session="];

#[tokio::test]
async fn cached_token_in_any_credential_gets_the_response_of_an_uncached_one() {
    let token = token(valid_claims().to_string());
    let warm = ProtectedApp::behind(layer().build().unwrap());
    for _ in 0..2 {
        assert!(warm.send_token(&token).await.handler_called);
    }
    for (scheme, before) in SCHEMES.iter().flat_map(|scheme| BEFORE.map(|before| (scheme, before))) {
        for after in AFTER {
            let field = format!("{before}{scheme}{token}{after}");
            is_alike(&warm, &[(AUTHORIZATION, field.as_bytes())]).await.unwrap();
        }
    }
    for (scheme, start) in SCHEMES.iter().flat_map(|scheme| COOKIES.map(|start| (scheme, start))) {
        for lines in 0..3 {
            let (field, cookie) = (format!("{scheme}{token}"), format!("{start}{token}"));
            let mut fields = vec![(AUTHORIZATION, field.as_bytes()); lines];
            fields.extend((!start.is_empty()).then_some((COOKIE, cookie.as_bytes())));
            is_alike(&warm, &fields).await.unwrap();
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
        let secrets: [&[u8]; 3] = [&SECRET, &OTHERS_SECRET, &[3; 64]];
        run(async {
            let warm = ProtectedApp::behind(layer().build().unwrap());
            for (issuer, secret) in [(ISSUER, &secrets[0]), (OTHER, &secrets[1])] {
                prop_assert!(warm.send_token(&of(issuer, secret, headers[0], "ann")).await.handler_called);
            }
            for (number, (issuer, secret, header)) in tokens.into_iter().enumerate() {
                let issuer = [ISSUER, OTHER, THIRD][issuer];
                let field = format!("Bearer {}", of(issuer, secrets[secret], headers[header], &format!("u{number}")));
                is_alike(&warm, &[(AUTHORIZATION, field.as_bytes())]).await?;
            }
            Ok::<_, TestCaseError>(())
        })?;
    }
}
