//! One-time tokens that are sent as another credential.

use axum::http::HeaderName;
use axum::http::header::{AUTHORIZATION, COOKIE};
use portcullis::api_key::MemoryKeys;
use portcullis::session::MemorySessions;
use portcullis::{ApiKeyAuth, Issuer, JwtAuth, SessionAuth};

use super::*;
use crate::support::protected_app::ProtectedApp;

/// Layers that authenticate, with the header and what precedes the credential in it.
fn layers() -> [(ProtectedApp, HeaderName, &'static str); 4] {
    let issuer = Issuer::hs256("https://auth.example.com", secret(1));
    let tokens = JwtAuth::builder().issuer(issuer).audience("api").build().unwrap();
    let keys = || ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new());
    let key_header = keys().header(HeaderName::from_static("x-api-key")).build().unwrap();
    let sessions = SessionAuth::builder().store(MemorySessions::new()).build().unwrap();
    [
        (ProtectedApp::behind(tokens), AUTHORIZATION, "Bearer "),
        (ProtectedApp::with_layers(|router| router.layer(key_header)), HeaderName::from_static("x-api-key"), ""),
        (ProtectedApp::with_layers(|router| router.layer(keys().build().unwrap())), AUTHORIZATION, "ApiKey "),
        (ProtectedApp::with_layers(|router| router.layer(sessions)), COOKIE, "__Host-session="),
    ]
}

#[tokio::test]
async fn a_token_is_401_as_bearer_token_api_key_and_session() {
    let app = App::new();
    for purpose in [RESET, Purpose::MAGIC_LINK, Purpose::SECOND_FACTOR] {
        let token = app.issue(&purpose);
        for (protected, header, before) in layers() {
            let value = format!("{before}{}", token.as_str());
            let response = protected.send_headers(&[(header.clone(), value.as_bytes())]).await;
            assert_eq!(response.head.status, 401, "{header}: {before}");
            assert!(!response.handler_called && !response.body.contains(token.as_str()));
        }
    }
    assert_eq!(app.store.calls(), 0);
}
