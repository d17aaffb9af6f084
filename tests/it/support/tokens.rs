//! Tokens byte by byte, for what no issuer and no library would write.

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

/// A layer that trusts `ISSUER` with `SECRET`, by RFC 9068.
pub(crate) fn strict() -> JwtAuthBuilder {
    JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET).profile(Profile::Rfc9068)).audience(AUDIENCE)
}

/// As `strict`, by the compatible profile.
pub(crate) fn compatible() -> JwtAuthBuilder {
    JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET)).audience(AUDIENCE)
}

pub(crate) fn guarded() -> ProtectedApp {
    ProtectedApp::behind(strict().build().unwrap())
}

/// Layers by both profiles that take access tokens.
pub(crate) fn both() -> [ProtectedApp; 2] {
    [guarded(), ProtectedApp::behind(compatible().build().unwrap())]
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The claims of an honest access token.
pub(crate) fn claims() -> Value {
    let now = now();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "client_id": "client-1", "jti": "token-1",
        "iat": now, "exp": now + 300,
    })
}

/// The text of honest claims with one set to this JSON text.
pub(crate) fn claims_with(name: &str, text: &str) -> String {
    let rest = claims_without(name);
    format!("{},\"{name}\":{text}}}", rest.strip_suffix('}').unwrap())
}

pub(crate) fn claims_without(name: &str) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims.to_string()
}

/// An honest token but for its claims.
pub(crate) fn token(claims: impl AsRef<[u8]>) -> String {
    signed(HEADER, claims)
}

/// A token of these bytes, signed with `SECRET`.
pub(crate) fn signed(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    mac(&SECRET, header, claims)
}

/// A token of these bytes, with an HMAC-SHA-256 by this key.
pub(crate) fn mac(secret: &[u8], header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    mac_of(secret, &format!("{}.{}", segment(header), segment(claims)))
}

/// These segments as they are, with an HMAC-SHA-256 after them.
pub(crate) fn mac_of(secret: &[u8], segments: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), segments.as_bytes());
    format!("{segments}.{}", segment(tag))
}

pub(crate) fn segment(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
