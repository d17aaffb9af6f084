//! Interoperability with identity providers that run as processes on loopback.

mod glewlwyd;
mod lemonldap_ng;
mod loopback_server;
mod oidc_provider;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::clock::{Clock, TimeSource};
use portcullis::{Extractor, Issuer, JwtAuth, Principal, RequireScope, UserContext};
use serde_json::{Value, json};
use tower::ServiceExt;

const AUDIENCE: &str = "https://api.example.com";

/// An app that requires the scope `read:valuations` and returns what it knows about the user.
#[derive(Clone)]
struct TestApp {
    router: Router,
    auth: JwtAuth,
    clock: AgingClock,
}

impl TestApp {
    fn trusting(issuer: Issuer) -> Self {
        let clock = AgingClock::default();
        let builder = JwtAuth::builder().issuer(issuer).audience(AUDIENCE);
        let builder = builder.clock(Clock::from_source(clock.clone()));
        let auth = builder.build().unwrap();
        let handler = async |Extractor(user): Extractor<UserContext>| {
            let is_client = user.principal() == Principal::Client;
            let scopes: Vec<_> = ["read:valuations", "write:valuations"].map(|scope| user.has_scope(scope)).into();
            let user_ids = json!({ "id": user.id(), "issuer": user.issuer(), "client_id": user.client_id() });
            json!({ "user": user_ids, "is_client": is_client, "scopes": scopes }).to_string()
        };
        let scope = RequireScope::new("read:valuations").unwrap();
        let router = Router::new().route("/", get(handler)).layer(scope).layer(auth.clone());
        Self { router, auth, clock }
    }

    async fn send_token(&self, token: &str) -> (StatusCode, String) {
        let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        (status, crate::support::jwt_app::body_text(response).await)
    }

    async fn status_for(&self, token: &str) -> StatusCode {
        self.send_token(token).await.0
    }

    /// Makes the keys older, but no token.
    fn age_keys(&self, seconds: u64) {
        *self.clock.0.lock().unwrap() += Duration::from_secs(seconds);
    }
}

/// The system's clocks, with the monotonic one ahead by this time: keys age, and tokens do not.
#[derive(Clone, Default)]
struct AgingClock(Arc<Mutex<Duration>>);

impl TimeSource for AgingClock {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        Instant::now() + *self.0.lock().unwrap()
    }
}

/// Checks that the app accepts the token, and returns what it knows about the user.
async fn accepted_user(app: &TestApp, token: &str) -> Value {
    let (status, body) = app.send_token(token).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// This token with a `kid` that no key has.
fn with_unknown_kid(token: &str) -> String {
    let (header, rest) = token.split_once('.').unwrap();
    let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["kid"] = "unknown".into();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}
