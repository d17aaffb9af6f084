//! `SharedSignals` with a transmitter in the process, an API with tokens, and an app with sessions.

mod changed_claims;
mod delivery;
mod events;
mod polling;
mod requests;
mod stream;
mod subjects;
mod tokens;
mod transmitter;

use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::http::Request;
use axum::routing::{get, post};
use portcullis::gate::Denial;
use portcullis::session::{MemorySessions, Session};
use portcullis::shared_signals::SharedSignalsBuilder;
use portcullis::testing::{FakeClock, TestIssuer, TokenBuilder};
use portcullis::{Algorithm, Issuer, JwtAuth, Revocations, SessionAuth, SharedSignals, UserContext};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::response::TestResponse;

const API: &str = "https://api.example.com";
const AUTHORIZATION: &str = "Bearer marker-7Fjfp0ZBr1KtDRbnfVdmIw";
const NOW: u64 = 1_800_000_000;
const SET: &str = "application/secevent+jwt";
const SECOND: Duration = Duration::from_secs(1);

const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const CREDENTIAL_CHANGE: &str = "https://schemas.openid.net/secevent/caep/event-type/credential-change";
const CLAIMS_CHANGE: &str = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change";
const LEVEL_CHANGE: &str = "https://schemas.openid.net/secevent/caep/event-type/assurance-level-change";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// An app with an API, pages and the endpoint, and the identity provider that sends events.
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

    async fn with(change: impl FnOnce(SharedSignalsBuilder) -> SharedSignalsBuilder) -> Self {
        let clock = fake_clock();
        let revocations = Revocations::builder().clock(clock.clock()).build().unwrap();
        Self::of(clock, revocations, change).await
    }

    async fn of(
        clock: FakeClock,
        revocations: Revocations,
        change: impl FnOnce(SharedSignalsBuilder) -> SharedSignalsBuilder,
    ) -> Self {
        let issuer = TestIssuer::start_with(Algorithm::Rs256, clock.clock()).await.unwrap();
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
        let builder = SharedSignals::builder().transmitter(issuer.url()).audience(API).authorization(AUTHORIZATION);
        let events = change(builder.revocations(&revocations).clock(clock.clock())).build().unwrap();
        let id = async |user: UserContext| user.id().to_owned();
        let login = Router::new().route("/login", post(log_in)).layer(sessions.to_optional());
        let api = Router::new().route("/api", get(id)).layer(jwt);
        let pages = Router::new().route("/me", get(id)).layer(sessions);
        let app = pages.merge(api).merge(login).route_service("/events", events);
        Self { clock, issuer, revocations, app }
    }

    /// A token with these events about ann. Its `iat` is the current time.
    fn event_token(&self, events: Value) -> TokenBuilder {
        event_token(&self.issuer, events).claim("sub_id", self.user("ann"))
    }

    /// A token that says that all sessions of ann have ended.
    fn session_revoked(&self) -> TokenBuilder {
        self.event_token(json!({ SESSION_REVOKED: {} }))
    }

    /// The subject identifier of a user.
    fn user(&self, id: &str) -> Value {
        json!({ "format": "iss_sub", "iss": self.issuer.url(), "sub": id })
    }

    /// An access token of a session at the provider.
    fn access_token(&self, user: &str, session: &str) -> String {
        self.issuer.token(user).audience(API).session_id(session).expires_in(Duration::from_secs(3_600)).sign()
    }

    /// Sends a token as the transmitter does.
    async fn send(&self, token: &TokenBuilder) -> TestResponse {
        self.post(token.clone().sign()).await
    }

    async fn post(&self, body: impl Into<Body>) -> TestResponse {
        let request = Request::post("/events").header("authorization", AUTHORIZATION).header("content-type", SET);
        TestResponse::send(&self.app, request.body(body.into()).unwrap()).await
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

/// A token of a transmitter with these events, and without a subject.
fn event_token(issuer: &TestIssuer, events: Value) -> TokenBuilder {
    let token = issuer.token("").without_claim("sub").without_claim("exp").without_claim("client_id");
    token.header("typ", "secevent+jwt").audience(API).claim("events", events)
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

/// Asserts that a response is a 400 with this `err` and description.
#[track_caller]
fn assert_rejected(response: &TestResponse, err: &str, description: &str) {
    assert_eq!(response.status, 400, "{}", response.body);
    assert_eq!(response.headers["cache-control"], "no-store");
    assert_eq!(response.headers["content-type"], "application/json");
    assert_eq!(response.headers["content-language"], "en");
    let body: Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(body, json!({ "err": err, "description": description }));
}
