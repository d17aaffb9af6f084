//! Secrets that are given to layers and handlers, and are in no log line and no event.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::http::Request;
use axum::routing::{any, post};
use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::gate::Denial;
use portcullis::security_event::{EventKind, Reason, SecurityEvent};
use portcullis::session::{MemorySessions, Session};
use portcullis::testing::TokenBuilder;
use portcullis::{
    AnyOf, ApiKeyAuth, BasicAuth, ClientAddr, Issuer, JwtAuth, KeyRing, SessionAuth, TrustedProxies, UserContext,
};
use serde::Deserialize;

use crate::support::canaries::Canaries;
use crate::support::response::TestResponse;

const PASSWORD: &str = "correct horse battery staple";
const RING_SECRET: &[u8] = b"canary-of-the-ring-9876543210-xyz";
const SECRET: [u8; 32] = *b"canary-0123456789-0123456789-abc";

#[derive(Deserialize)]
struct Form {
    name: String,
    password: String,
}

/// A login that fails unless the password is right. The account has no field for the name as the user typed it.
async fn log_in(session: Session, client: ClientAddr, Query(form): Query<Form>) -> Result<(), Denial> {
    let keys = KeyRing::new(RING_SECRET).unwrap();
    if form.name != "ann" || form.password != PASSWORD {
        let event = SecurityEvent::new(EventKind::LoginFailed).with_reason(Reason::PasswordWrong);
        event.with_account(&keys, &form.name).with_address(client.ip()).emit();
        return Err(Denial::new(portcullis::gate::DenialKind::InvalidCredential, Default::default()));
    }
    session.log_in(UserContext::new("ann")).await?;
    Ok(())
}

async fn send(app: &Router, path: &str, header: (&str, &str)) -> TestResponse {
    let request = Request::post(path).extension(SocketAddr::from(([203, 0, 113, 9], 4711)));
    let request = request.header("sec-fetch-site", "same-origin").header(header.0, header.1);
    TestResponse::send(app, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn no_password_name_token_cookie_or_key_is_in_a_log_line_or_an_event() {
    let mut canaries = Canaries::start();
    let keys = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).build().unwrap();
    let sessions = SessionAuth::builder().store(MemorySessions::new()).build().unwrap();
    let issuer = || Issuer::hs256("https://auth.example.com", SECRET).first_party();
    let jwt = JwtAuth::builder().issuer(issuer()).audience("api").build().unwrap();
    let basic = BasicAuth::builder().user("prometheus", "0123456789abcdef").build().unwrap();
    let any_of = AnyOf::new((jwt, keys.clone(), sessions.clone(), basic)).unwrap();
    let login = Router::new().route("/login", post(log_in)).layer(sessions.to_optional());
    let logout = async |session: Session| session.log_out().await.map_err(Denial::from);
    let app = Router::new().route("/logout", post(logout)).layer(sessions);
    let app = app.merge(Router::new().route("/", any(|| async {})).layer(any_of)).merge(login);
    let app = app.layer(TrustedProxies::none());

    // A user who types the password into the field of the name.
    canaries.add("a password", PASSWORD);
    canaries.add("the secret of the ring", String::from_utf8(RING_SECRET.to_vec()).unwrap());
    canaries.add("the name that a user typed", "hunter2-in-the-wrong-field");
    let query = |name: &str, password: &str| format!("/login?name={name}&password={}", password.replace(' ', "%20"));
    assert_eq!(send(&app, &query("hunter2-in-the-wrong-field", "x"), ("x", "y")).await.status, 401);
    assert_eq!(send(&app, &query("ann", "wrong horse battery staple"), ("x", "y")).await.status, 401);
    let response = send(&app, &query("ann", PASSWORD), ("x", "y")).await;
    let cookie = response.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    canaries.add("a session cookie", cookie.split_once('=').unwrap().1);

    let key = keys.create(NewApiKey::for_user(&UserContext::new("ann"))).await.unwrap();
    canaries.add("an API key", &key.secret()[key.secret().len() - 20..]);
    let token = TokenBuilder::first_party("https://auth.example.com", SECRET, "ann").audience("api");
    let token = token.claim("jti", "canary-jti-0815").claim("email", "canary@example.com").expired().sign();
    for (what, part) in ["the header of a token", "the claims of a token", "a signature"].iter().zip(token.split('.')) {
        canaries.add(*what, part);
    }
    canaries.add("a claim", "canary@example.com");
    canaries.add("a signing key", String::from_utf8(SECRET.to_vec()).unwrap());
    canaries.add("a Basic password", "YW5uOndyb25nLXBhc3N3b3Jk");

    let cut = &key.secret()[..key.secret().len() - 1];
    for (header, value, status) in [
        ("authorization", format!("Bearer {token}"), 401),
        ("authorization", format!("ApiKey {}", key.secret()), 200),
        ("authorization", format!("ApiKey {cut}0"), 401),
        ("authorization", "Basic YW5uOndyb25nLXBhc3N3b3Jk".to_owned(), 401),
        ("cookie", cookie.clone(), 200),
        ("cookie", format!("{cookie}0"), 401),
    ] {
        let response = send(&app, "/", (header, &value)).await;
        assert_eq!(response.status, status, "{header}: {value}");
        canaries.check_text("a body", &response.body);
        canaries.check_text("the headers", &format!("{:?}", response.headers));
        canaries.check_text("a denial", &format!("{:?}", response.denial));
    }
    keys.revoke(key.id()).await.unwrap();
    assert_eq!(send(&app, "/logout", ("cookie", &cookie)).await.status, 200);
    assert_eq!(send(&app, "/", ("cookie", &cookie)).await.status, 401);
    let lines = canaries.check();
    assert!(lines >= 8, "{lines} lines");
}
