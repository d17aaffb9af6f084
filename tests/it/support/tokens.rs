//! Tokens that are assembled byte by byte, so that tests can make what no issuer and no library would make.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::{Issuer, JwtAuth, Profile};
use serde_json::{Value, json};

use crate::support::protected_app::ProtectedApp;

pub(crate) const ISSUER: &str = "https://issuer.example.com";
pub(crate) const AUDIENCE: &str = "https://api.example.com";
pub(crate) const SECRET: [u8; 32] = *b"a secret of thirty-two bytes....";
pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt"}"#;

/// A layer that trusts `ISSUER` with `SECRET` and requires RFC 9068 access tokens.
pub(crate) fn strict_auth() -> JwtAuthBuilder {
    JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET).profile(Profile::Rfc9068)).audience(AUDIENCE)
}

/// Like `strict_auth`, with the compatible profile.
pub(crate) fn compatible_auth() -> JwtAuthBuilder {
    JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET)).audience(AUDIENCE)
}

pub(crate) fn strict_app() -> ProtectedApp {
    ProtectedApp::behind(strict_auth().build().unwrap())
}

/// Apps with the two profiles for access tokens: strict (RFC 9068) and compatible.
pub(crate) fn apps_of_both_profiles() -> [ProtectedApp; 2] {
    [strict_app(), ProtectedApp::behind(compatible_auth().build().unwrap())]
}

/// An app that trusts only this issuer.
pub(crate) fn app_trusting(issuer: Issuer) -> ProtectedApp {
    ProtectedApp::behind(JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build().unwrap())
}

/// The current time in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The claims of a valid access token.
pub(crate) fn valid_claims() -> Value {
    let now = now();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "client_id": "client-1", "jti": "token-1",
        "iat": now, "exp": now + 300,
    })
}

/// Valid claims as JSON text, with one claim set to this JSON text.
pub(crate) fn claims_with(name: &str, json_text: &str) -> String {
    let other_claims = claims_without(name);
    format!("{},\"{name}\":{json_text}}}", other_claims.strip_suffix('}').unwrap())
}

/// Valid claims as JSON text, without this claim.
pub(crate) fn claims_without(name: &str) -> String {
    let mut claims = valid_claims();
    claims.as_object_mut().unwrap().remove(name);
    claims.to_string()
}

/// A token of these claims with a valid header and signature.
pub(crate) fn token(claims: impl AsRef<[u8]>) -> String {
    token_with_header(HEADER, claims)
}

/// A token of this header and these claims, signed with `SECRET`.
pub(crate) fn token_with_header(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    token_signed_with(&SECRET, header, claims)
}

/// A token of this header and these claims, with an HMAC-SHA-256 of this secret.
pub(crate) fn token_signed_with(secret: &[u8], header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    with_mac(secret, &format!("{}.{}", base64url(header), base64url(claims)))
}

/// A token of this signing input, unchanged, and its HMAC-SHA-256.
pub(crate) fn with_mac(secret: &[u8], signing_input: &str) -> String {
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signing_input.as_bytes());
    format!("{signing_input}.{}", base64url(mac))
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
