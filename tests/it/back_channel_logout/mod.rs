//! `BackChannelLogout` with an issuer in the process, an API with tokens, and an app with sessions.

mod requests;
mod revoking;
mod stream;
mod tokens;

use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::http::Request;
use axum::routing::{get, post};
use portcullis::back_channel_logout::BackChannelLogoutBuilder;
use portcullis::gate::Denial;
use portcullis::session::{MemorySessions, Session};
use portcullis::testing::{FakeClock, TestIssuer, TokenBuilder};
use portcullis::{Algorithm, BackChannelLogout, Issuer, JwtAuth, Revocations, SessionAuth, UserContext};
use serde::Deserialize;
use serde_json::json;

use crate::support::response::TestResponse;

const API: &str = "https://api.example.com";
const CLIENT: &str = "web";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const NOW: u64 = 1_800_000_000;
const FORM: &str = "application/x-www-form-urlencoded";
const SECOND: Duration = Duration::from_secs(1);

/// An app with an API, pages and the endpoint, and its OpenID provider.
struct Fixture {
    clock: FakeClock,
    issuer: TestIssuer,
    revocations: Revocations,
    app: Router,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(change: impl FnOnce(BackChannelLogoutBuilder) -> BackChannelLogoutBuilder) -> Self {
        let clock = fake_clock();
        let revocations = Revocations::builder().clock(clock.clock()).build().unwrap();
        Self::of(clock, revocations, change).await
    }

    async fn of(
        clock: FakeClock,
        revocations: Revocations,
        change: impl FnOnce(BackChannelLogoutBuilder) -> BackChannelLogoutBuilder,
    ) -> Self {
        let issuer = TestIssuer::start_with(Algorithm::Es256, clock.clock()).await.unwrap();
        let jwt = JwtAuth::builder()
            .issuer(Issuer::discover(issuer.url()))
            .audience(API)
            .revocations(&revocations)
            .clock(clock.clock())
            .build()
            .unwrap();
        let sessions = SessionAuth::builder()
            .store(MemorySessions::new().with_clock(clock.clock()))
            .revocations(&revocations)
            .clock(clock.clock())
            .build()
            .unwrap();
        let builder = BackChannelLogout::builder().keys_from(&jwt).client_id(CLIENT);
        let logout = change(builder.revocations(&revocations).clock(clock.clock())).build().unwrap();
        let id = async |user: UserContext| user.id().to_owned();
        let login = Router::new().route("/login", post(log_in)).layer(sessions.to_optional());
        let api = Router::new().route("/api", get(id)).layer(jwt);
        let pages = Router::new().route("/me", get(id)).layer(sessions);
        let app = pages.merge(api).merge(login).route_service("/logout", logout);
        Self { clock, issuer, revocations, app }
    }

    /// A logout token without `sub`. Its `iat` is the current time.
    fn logout_token(&self) -> TokenBuilder {
        self.logout_token_of("ann").without_claim("sub")
    }

    fn logout_token_of(&self, user: &str) -> TokenBuilder {
        let token = self.issuer.token(user).header("typ", "logout+jwt").audience(CLIENT).without_claim("client_id");
        token.claim("events", json!({ EVENT: {} }))
    }

    /// An access token of a session at the provider.
    fn access_token(&self, user: &str, session: &str) -> String {
        self.issuer.token(user).audience(API).session_id(session).expires_in(Duration::from_secs(3_600)).sign()
    }

    /// Sends a logout token as the provider does.
    async fn log_out(&self, token: &TokenBuilder) -> TestResponse {
        self.post_token(&token.clone().sign()).await
    }

    async fn post_token(&self, token: &str) -> TestResponse {
        self.post(FORM, format!("logout_token={token}")).await
    }

    async fn post(&self, content_type: &str, body: impl Into<Body>) -> TestResponse {
        let request = Request::post("/logout").header("content-type", content_type).body(body.into()).unwrap();
        TestResponse::send(&self.app, request).await
    }

    /// The status of a request to the API.
    async fn api(&self, token: &str) -> u16 {
        let bearer = format!("Bearer {token}");
        TestResponse::get(&self.app, "/api", &[("authorization", &bearer)]).await.status.as_u16()
    }

    /// Logs a user in at a browser, and returns the cookie.
    async fn log_in(&self, user: &str, session: &str) -> String {
        let uri = format!("/login?issuer={}&user={user}&session={session}", self.issuer.url());
        let request = Request::post(uri).header("sec-fetch-site", "same-origin").body(Body::empty()).unwrap();
        let response = TestResponse::send(&self.app, request).await;
        let cookie = response.headers["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// The status of a page in a browser with this cookie.
    async fn me(&self, cookie: &str) -> u16 {
        TestResponse::get(&self.app, "/me", &[("cookie", cookie)]).await.status.as_u16()
    }
}

#[derive(Deserialize)]
struct Login {
    issuer: String,
    user: String,
    session: String,
}

async fn log_in(session: Session, Query(login): Query<Login>) -> Result<(), Denial> {
    let user = UserContext::new(login.user).with_issuer(login.issuer).with_session_id(login.session);
    session.log_in(user).await?;
    Ok(())
}

fn fake_clock() -> FakeClock {
    let clock = FakeClock::new();
    clock.set_wall(UNIX_EPOCH + Duration::from_secs(NOW));
    clock
}

/// Asserts that a response is a 400 with this description.
#[track_caller]
fn assert_rejected(response: &TestResponse, description: &str) {
    assert_eq!(response.status, 400, "{}", response.body);
    assert_eq!(response.headers["cache-control"], "no-store");
    assert_eq!(response.headers["content-type"], "application/json");
    let body: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(body, json!({ "error": "invalid_request", "error_description": description }));
}
