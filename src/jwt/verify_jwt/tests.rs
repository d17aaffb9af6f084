//! JWTs with another type, issuer, audience or key than the expected ones.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{Request, Response};
use serde_json::json;

use super::*;
use crate::http_client::client::HttpClient;
use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::Issuer;
use crate::testing::{TestIssuer, TokenBuilder};

const CLIENT: &str = "api-client";

/// Serves the keys of an issuer, unless it is down.
#[derive(Clone)]
struct Keys(TestIssuer, Arc<AtomicBool>);

impl HttpClient for Keys {
    async fn send(&self, _: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        if self.1.load(Ordering::SeqCst) { Err("down".into()) } else { Ok(Response::new(self.0.jwks().into_bytes())) }
    }
}

fn auth(issuer: &TestIssuer, is_down: bool) -> JwtAuth {
    let trusted = Issuer::jwks(issuer.url(), "https://issuer.example/jwks");
    let client = Keys(issuer.clone(), Arc::new(is_down.into()));
    JwtAuth::builder().issuer(trusted).audience("https://api.example.com").http_client(client).build().unwrap()
}

/// A signed response about a token.
fn response(issuer: &TestIssuer) -> TokenBuilder {
    let token = issuer.token("ann").audience(CLIENT).without_claim("sub").without_claim("exp");
    token.header("typ", "token-introspection+jwt").claim("token_introspection", json!({ "active": true }))
}

async fn verify_for(auth: &JwtAuth, issuer: &str, token: &str) -> Result<Arc<str>, VerifyError> {
    let audiences = [CLIENT.to_owned()];
    let expected = ExpectedJwt {
        issuer: Some(issuer),
        typ: "token-introspection+jwt",
        allows_missing_typ: false,
        audiences: &audiences,
    };
    auth.verify_jwt(token, expected).await
}

async fn error_of(auth: &JwtAuth, issuer: &TestIssuer, token: TokenBuilder) -> TokenError {
    match verify_for(auth, issuer.url(), &token.sign()).await {
        Err(VerifyError::Invalid(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn claims_of_a_valid_jwt_are_returned_without_sub_and_exp() {
    let issuer = TestIssuer::start().await.unwrap();
    let claims = verify_for(&auth(&issuer, false), issuer.url(), &response(&issuer).sign()).await.unwrap();
    assert!(claims.contains(r#""token_introspection":{"active":true}"#), "{claims}");
    // A valid access token, and the same JWT of any other type, are not accepted.
    let auth = auth(&issuer, false);
    for typ in ["at+jwt", "JWT", "logout+jwt", "token-introspection", "x/token-introspection+jwt", ""] {
        let token = response(&issuer).header("typ", typ);
        assert_eq!(error_of(&auth, &issuer, token).await, TokenError::Type, "{typ}");
    }
    assert_eq!(error_of(&auth, &issuer, response(&issuer).without_header("typ")).await, TokenError::Type);
    let named = response(&issuer).header("typ", "application/Token-Introspection+JWT");
    assert!(verify_for(&auth, issuer.url(), &named.sign()).await.is_ok());
}

#[tokio::test]
async fn another_issuer_or_audience_is_rejected() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth = auth(&issuer, false);
    let other = response(&issuer).claim("iss", "https://other.example.com");
    assert_eq!(error_of(&auth, &issuer, other.clone()).await, TokenError::Issuer);
    // Also if the caller expects an issuer that is not configured.
    let unknown = verify_for(&auth, "https://other.example.com", &other.sign()).await;
    assert_eq!(unknown, Err(VerifyError::Invalid(TokenError::Issuer)));
    let for_api = response(&issuer).audience("https://api.example.com");
    assert_eq!(error_of(&auth, &issuer, for_api).await, TokenError::Audience);
    let missing = error_of(&auth, &issuer, response(&issuer).without_claim("aud")).await;
    assert_eq!(missing, TokenError::claim_missing("aud"));
    for malformed in [json!([]), json!(""), json!([CLIENT, 1]), json!({ "a": CLIENT })] {
        let error = error_of(&auth, &issuer, response(&issuer).claim("aud", &malformed)).await;
        assert_eq!(error, TokenError::claim_invalid("aud"), "{malformed}");
    }
    let several = response(&issuer).claim("aud", ["other", CLIENT]);
    assert!(verify_for(&auth, issuer.url(), &several.sign()).await.is_ok());
}

#[tokio::test]
async fn a_forged_signature_and_an_algorithm_that_is_not_allowed_are_rejected() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth = auth(&issuer, false);
    let token = response(&issuer).sign();
    let other = response(&issuer).claim("token_introspection", json!({ "active": false })).sign();
    let (signed, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = token.rsplit_once('.').unwrap();
    for forged in [format!("{signed}.{signature}"), format!("{signed}.")] {
        let outcome = verify_for(&auth, issuer.url(), &forged).await;
        assert_eq!(outcome, Err(VerifyError::Invalid(TokenError::Signature)));
    }
    let none = response(&issuer).header("alg", "none");
    assert_eq!(error_of(&auth, &issuer, none).await, TokenError::Algorithm);
    let trusted = Issuer::jwks(issuer.url(), "https://issuer.example/jwks").algorithms([Algorithm::Ps512]);
    let client = Keys(issuer.clone(), Arc::default());
    let strict = JwtAuth::builder().issuer(trusted).audience("api").http_client(client).build().unwrap();
    assert_eq!(error_of(&strict, &issuer, response(&issuer)).await, TokenError::Algorithm);
}

#[tokio::test]
async fn a_rotated_key_is_fetched_and_an_outage_is_no_rejection() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth_before = auth(&issuer, false);
    assert!(verify_for(&auth_before, issuer.url(), &response(&issuer).sign()).await.is_ok());
    issuer.rotate();
    assert!(verify_for(&auth_before, issuer.url(), &response(&issuer).sign()).await.is_ok());
    let outcome = verify_for(&auth(&issuer, true), issuer.url(), &response(&issuer).sign()).await;
    assert!(matches!(outcome, Err(VerifyError::KeysUnavailable { .. })), "{outcome:?}");
    let another = TestIssuer::start().await.unwrap();
    let token = response(&another).claim("iss", issuer.url()).sign();
    let outcome = verify_for(&auth_before, issuer.url(), &token).await;
    assert!(outcome.is_err(), "{outcome:?}");
}

#[tokio::test]
async fn only_configured_issuers_are_known() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth = auth(&issuer, false);
    assert!(auth.has_issuer(issuer.url()) && !auth.has_issuer("https://other.example.com"));
}
