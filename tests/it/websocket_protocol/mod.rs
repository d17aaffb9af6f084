//! `JwtAuthBuilder::websocket_protocol`: the token of a WebSocket among its subprotocols.

mod handshake;
mod other_gates;

use axum::Router;
use axum::body::Body;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use axum::http::{HeaderMap, HeaderValue, Method, Request, request};
use axum::routing::any;
use portcullis::gate::{CredentialError, DenialKind, TokenError};
use portcullis::jwt::JwtAuthBuilder;
use portcullis::testing::TestIssuer;
use portcullis::{Csrf, Issuer, JwtAuth, UserContext};

use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;
use crate::support::tokens::{AUDIENCE, base64url, compatible_auth, token, valid_claims};

fn auth() -> JwtAuthBuilder {
    compatible_auth().websocket_protocol("bearer")
}

fn valid_token() -> String {
    token(valid_claims().to_string())
}

/// The token in the form of the Kubernetes API server.
fn encoded(name: &str, token: &str) -> String {
    format!("base64url.bearer.authorization.{name}.{}", base64url(token))
}

/// An app whose handler returns the user and the protocols that it sees.
fn app(auth: JwtAuth) -> Router {
    let handler = async |user: Option<UserContext>, headers: HeaderMap| {
        let user = user.map_or("anonymous".to_owned(), |user| user.id().to_owned());
        let protocols = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().map(|line| line.to_str().unwrap());
        let handled = format!("{user}: {}", protocols.collect::<Vec<_>>().join("|"));
        // The response to a CONNECT has no body.
        ([("x-handled", handled.clone())], handled)
    };
    Router::new().route("/", any(handler)).layer(auth)
}

/// A request that opens a WebSocket.
fn upgrade() -> request::Builder {
    Request::get("/").header("connection", "upgrade").header("upgrade", "websocket")
}

/// Sends a request with these protocols, each in its own line.
async fn send(app: &Router, request: request::Builder, lines: &[&str]) -> TestResponse {
    let request = lines.iter().fold(request, |request, line| request.header(SEC_WEBSOCKET_PROTOCOL, *line));
    TestResponse::send(app, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_protocol_after_the_name_is_the_credential_and_is_removed_before_the_handler() {
    let app = app(auth().build().unwrap());
    let token = valid_token();
    let encoded = encoded("bearer", &token);
    for (lines, left) in [
        (vec![format!("bearer, {token}")], "bearer"),
        (vec![format!("bearer,{token},chat, superchat")], "bearer, chat, superchat"),
        (vec![format!(" ,bearer\t,,\t {token} ,")], "bearer"),
        (vec!["bearer".to_owned(), token.clone(), "chat".to_owned()], "bearer, chat"),
        (vec!["chat, bearer".to_owned(), token.clone()], "chat, bearer"),
        (vec![encoded.clone()], ""),
        (vec![format!("chat, {encoded}")], "chat"),
        (vec![format!("bearer, {encoded}, chat")], "bearer, chat"),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        // The second time, the token is cached.
        for _ in 0..2 {
            let response = send(&app, upgrade(), &lines).await;
            assert_eq!((response.status.as_u16(), &*response.body), (200, &*format!("user-1: {left}")), "{lines:?}");
        }
    }
}

#[tokio::test]
async fn an_extended_connect_for_a_websocket_has_its_token_in_the_protocols_too() {
    let app = app(auth().build().unwrap());
    let protocols = format!("bearer, {}", valid_token());
    let connect = |uri| Request::builder().method(Method::CONNECT).uri(uri);
    let websocket = connect("https://api.example.com/").header("sec-websocket-version", "13");
    let response = send(&app, websocket, &[&protocols]).await;
    assert_eq!((response.status.as_u16(), response.headers["x-handled"].to_str().unwrap()), (200, "user-1: bearer"));
    // Another protocol over an extended CONNECT.
    assert_eq!(send(&app, connect("https://api.example.com/"), &[&protocols]).await.status, 401);
}

#[tokio::test]
async fn on_any_other_request_the_protocols_are_ignored() {
    let app = app(auth().optional().build().unwrap());
    let protocols = format!("bearer, {}", valid_token());
    for request in [
        Request::get("/"),
        Request::get("/").header("upgrade", "h2c"),
        Request::get("/").header("sec-websocket-version", "13"),
        Request::post("/").header("upgrade", "websocket"),
        Request::head("/").header("upgrade", "websocket"),
        Request::options("/").header("upgrade", "websocket"),
    ] {
        let response = send(&app, request, &[&protocols]).await;
        assert!(response.status == 200 && !response.body.contains("user-1"), "{response:?}");
    }
    // Nor without the setting, and nor do the protocols of apps count.
    let without = self::app(compatible_auth().build().unwrap());
    assert_eq!(send(&without, upgrade(), &[&protocols]).await.status, 401);
    assert_eq!(send(&app, upgrade(), &["chat, superchat"]).await.body, "anonymous: chat, superchat");
    assert_eq!(send(&app, upgrade(), &[]).await.body, "anonymous: ");
}

#[tokio::test]
async fn a_second_credential_and_a_list_with_two_readings_are_400() {
    let app = app(auth().cookie("token").optional().build().unwrap());
    let token = valid_token();
    let one = format!("bearer, {token}");
    for headers in [
        &[("authorization", format!("Bearer {token}"))][..],
        &[("authorization", "Basic YTpi".to_owned())],
        &[("cookie", format!("token={token}"))],
    ] {
        let request = headers.iter().fold(upgrade(), |request, (name, value)| request.header(*name, value));
        let response = send(&app, request, &[&one]).await;
        let multiple = DenialKind::InvalidRequest(CredentialError::Multiple);
        assert_eq!((response.status.as_u16(), response.denial.unwrap().kind()), (400, &multiple), "{headers:?}");
    }
    for (protocols, error) in [
        (format!("{one}, bearer, {token}"), CredentialError::Multiple),
        (format!("{one}, {}", encoded("bearer", &token)), CredentialError::Multiple),
        ("bearer".to_owned(), CredentialError::Malformed),
        ("chat, bearer".to_owned(), CredentialError::Malformed),
        (format!("bearer, bearer, {token}"), CredentialError::Malformed),
        ("base64url.bearer.authorization.bearer.*".to_owned(), CredentialError::Malformed),
        (encoded("bearer", "two words"), CredentialError::Malformed),
        (encoded("bearer", "a,b"), CredentialError::Multiple),
        (encoded("bearer", ""), CredentialError::Malformed),
        (format!("bearer, {token} {token}"), CredentialError::Malformed),
    ] {
        let response = send(&app, upgrade(), &[&protocols]).await;
        let expected = DenialKind::InvalidRequest(error);
        assert_eq!((response.status.as_u16(), response.denial.unwrap().kind()), (400, &expected), "{protocols}");
    }
}

#[tokio::test]
async fn an_invalid_token_is_401_even_if_authentication_is_optional() {
    let app = app(auth().optional().build().unwrap());
    for (token, error) in
        [("a.b", TokenError::Segments), ("a!", TokenError::Charset), ("bearer2", TokenError::Segments)]
    {
        for protocols in [format!("bearer, {token}"), encoded("bearer", token)] {
            let response = send(&app, upgrade(), &[&protocols]).await;
            let expected = DenialKind::InvalidToken(error.clone());
            assert_eq!((response.status.as_u16(), response.denial.unwrap().kind()), (401, &expected), "{protocols}");
            assert!(response.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer "));
        }
    }
}

#[tokio::test]
async fn the_name_is_a_setting_as_that_of_kubernetes() {
    let app = app(compatible_auth().websocket_protocol("k8s.io").build().unwrap());
    let token = valid_token();
    for protocols in [format!("{}, v4.channel.k8s.io", encoded("k8s.io", &token)), format!("k8s.io, {token}")] {
        let response = send(&app, upgrade(), &[&protocols]).await;
        assert_eq!(response.status, 200, "{protocols}");
        assert!(!response.body.contains(&token));
    }
    assert_eq!(send(&app, upgrade(), &[&format!("bearer, {token}")]).await.status, 401);
}

#[tokio::test]
async fn a_page_of_another_site_needs_the_token_and_a_csrf_layer_still_checks_its_origin() {
    let page = || upgrade().header("host", "api.example.com").header("origin", "https://evil.example");
    let token = valid_token();
    let plain = app(auth().cookie("token").build().unwrap());
    // Without the token it gets nothing, whatever cookies the browser adds.
    assert_eq!(send(&plain, page(), &[]).await.status, 401);
    assert_eq!(send(&plain, page(), &["bearer, guess"]).await.status, 401);
    assert_eq!(send(&plain, page().header("cookie", format!("token={token}")), &["chat"]).await.status, 403);
    // With the token, the credential needs no check of the origin.
    let protocols = format!("bearer, {token}");
    assert_eq!(send(&plain, page(), &[&protocols]).await.status, 200);
    let checked = plain.layer(Csrf::default());
    assert_eq!(send(&checked, page(), &[&protocols]).await.status, 403);
    let own = || upgrade().header("host", "api.example.com").header("origin", "https://api.example.com");
    assert_eq!(send(&checked, own(), &[&protocols]).await.status, 200);
}

#[tokio::test]
async fn the_token_is_removed_too_if_the_request_waits_for_a_key_or_the_user() {
    let issuer = TestIssuer::start().await.unwrap();
    let token = issuer.token("ann").audience(AUDIENCE).sign();
    let builder = || JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience(AUDIENCE);
    for builder in [builder(), builder().load_user(async |user| Ok(user))] {
        let app = app(builder.websocket_protocol("bearer").build().unwrap());
        let protocols = encoded("bearer", &token);
        assert_eq!(send(&app, upgrade(), &["bearer", &protocols]).await.body, "ann: bearer");
    }
}

#[tokio::test]
async fn the_token_is_in_no_log_and_in_no_debug_of_the_headers() {
    let handler = async |headers: HeaderMap| format!("{headers:?}");
    let app = Router::new().route("/", any(handler)).layer(auth().optional().build().unwrap());
    let log = LogCapture::start();
    let token = valid_token();
    let forged = format!("{token}x");
    for (request, protocols, status) in [
        (upgrade(), format!("bearer, {token}"), 200),
        (upgrade(), format!("bearer, {forged}"), 401),
        (upgrade(), format!("{}, chat", encoded("bearer", &forged)), 401),
        (upgrade(), format!("bearer, {token}, bearer, {token}"), 400),
        // Here it is left to the handler.
        (Request::get("/"), format!("bearer, {token}"), 200),
        (Request::get("/"), encoded("bearer", &token), 200),
    ] {
        let response = send(&app, request, &[&protocols]).await;
        assert_eq!(response.status, status, "{protocols}");
        for text in [&response.body, &log.text()] {
            let encoded = base64url(&token);
            assert!(!text.contains(&token[30..60]) && !text.contains(&encoded[30..60]), "{text}");
        }
    }
    assert!(log.count("request rejected") == 3, "{}", log.text());
}

#[test]
fn a_header_value_of_other_bytes_is_an_error_of_the_token() {
    let app = app(auth().build().unwrap());
    let value = HeaderValue::from_bytes(b"bearer, \xff\xfe").unwrap();
    let request = upgrade().header(SEC_WEBSOCKET_PROTOCOL, value).body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let response = runtime.block_on(TestResponse::send(&app, request));
    let expected = DenialKind::InvalidRequest(CredentialError::Malformed);
    assert_eq!(response.denial.unwrap().kind(), &expected);
}
