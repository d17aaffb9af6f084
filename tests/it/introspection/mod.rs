//! `IntrospectionAuth` with an authorization server that counts its calls, fails, and waits as a test says.

mod any_of;
mod caching;
mod calls;
mod checking;
mod config;
mod oidc_provider;
mod outage;
mod presenting;
mod revoking;
mod secrets;
mod users;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Form, Json, Router};
use http::StatusCode;
use portcullis::introspection::IntrospectionAuthBuilder;
use portcullis::testing::FakeClock;
use portcullis::{IntrospectionAuth, RequireScope, UserContext};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::support::response::TestResponse;

const ISSUER: &str = "https://auth.example.com";
const API: &str = "https://api.example.com";
const SECRET: &str = "marker-client-secret-93be";
const NOW: u64 = 1_800_000_000;
const SECOND: Duration = Duration::from_secs(1);

/// An app whose routes need a token, its authorization server and its clock.
struct Fixture {
    clock: FakeClock,
    server: AuthServer,
    auth: IntrospectionAuth,
    app: Router,
    handled: Arc<AtomicUsize>,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(change: impl FnOnce(IntrospectionAuthBuilder) -> IntrospectionAuthBuilder) -> Self {
        let server = AuthServer::start().await;
        let clock = FakeClock::new();
        clock.set_wall(UNIX_EPOCH + Duration::from_secs(NOW));
        let auth = change(server.builder().clock(clock.clock())).build().unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&handled);
        let handler = move |user: Option<UserContext>| {
            count.fetch_add(1, SeqCst);
            async move { user.map_or("anonymous".to_owned(), |user| user.id().to_owned()) }
        };
        let write = RequireScope::new("write").unwrap();
        let app = Router::new()
            .route("/", any(handler.clone()))
            .route("/write", any(handler).layer(write))
            .layer(auth.clone());
        Self { clock, server, auth, app, handled }
    }

    /// Sends a bearer token.
    async fn send(&self, token: &str) -> TestResponse {
        self.send_to("/", token).await
    }

    async fn send_to(&self, path: &str, token: &str) -> TestResponse {
        TestResponse::get(&self.app, path, &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// The status of a request with this token.
    async fn status(&self, token: &str) -> u16 {
        self.send(token).await.status.as_u16()
    }

    /// The code of the rejection of this token, without a call of the handler.
    async fn code(&self, token: &str) -> &'static str {
        let before = self.handled.load(SeqCst);
        let response = self.send(token).await;
        assert_eq!(self.handled.load(SeqCst), before, "the handler was called");
        assert_eq!(response.headers["cache-control"], "no-store");
        response.denial.unwrap().code()
    }
}

/// An authorization server on loopback.
#[derive(Clone)]
struct AuthServer {
    url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// By token. All others are not active.
    responses: Mutex<HashMap<String, Value>>,
    calls: AtomicUsize,
    running: AtomicUsize,
    most_running: AtomicUsize,
    /// Sent in place of all responses.
    failure: Mutex<Option<StatusCode>>,
    /// If set, each call waits for a permit after the token was looked up.
    permits: Mutex<Option<Arc<Semaphore>>>,
}

impl AuthServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/introspect", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let app = Router::new().route("/introspect", post(introspect)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, shared }
    }

    fn builder(&self) -> IntrospectionAuthBuilder {
        IntrospectionAuth::builder().endpoint(&self.url).client("api", SECRET).audience(API)
    }

    /// Makes a token active, with these members besides those of [`active`].
    fn add(&self, token: &str, members: &Value) {
        let mut response = active();
        for (name, value) in members.as_object().unwrap() {
            response[name] = value.clone();
        }
        self.respond(token, response);
    }

    fn respond(&self, token: &str, response: Value) {
        self.shared.responses.lock().unwrap().insert(token.to_owned(), response);
    }

    /// Revokes a token at the server (RFC 7009).
    fn revoke(&self, token: &str) {
        self.shared.responses.lock().unwrap().remove(token);
    }

    fn calls(&self) -> usize {
        self.shared.calls.load(SeqCst)
    }

    fn fail_with(&self, status: Option<StatusCode>) {
        *self.shared.failure.lock().unwrap() = status;
    }

    /// Lets each call wait until the test adds a permit.
    fn hold(&self) -> Arc<Semaphore> {
        let permits = Arc::new(Semaphore::new(0));
        *self.shared.permits.lock().unwrap() = Some(Arc::clone(&permits));
        permits
    }

    /// Waits until this number of calls have started.
    async fn wait_for_calls(&self, calls: usize) {
        while self.calls() < calls {
            tokio::task::yield_now().await;
        }
    }
}

async fn introspect(State(shared): State<Arc<Shared>>, Form(form): Form<HashMap<String, String>>) -> Response {
    let running = shared.running.fetch_add(1, SeqCst) + 1;
    shared.most_running.fetch_max(running, SeqCst);
    let response = shared.responses.lock().unwrap().get(&form["token"]).cloned();
    shared.calls.fetch_add(1, SeqCst);
    let permits = shared.permits.lock().unwrap().clone();
    if let Some(permits) = permits {
        permits.acquire().await.unwrap().forget();
    }
    shared.running.fetch_sub(1, SeqCst);
    let failure = *shared.failure.lock().unwrap();
    match failure {
        Some(status) => status.into_response(),
        None => Json(response.unwrap_or_else(|| json!({ "active": false }))).into_response(),
    }
}

/// The response about an active token of `ann`.
fn active() -> Value {
    json!({
        "active": true,
        "sub": "ann",
        "iss": ISSUER,
        "aud": API,
        "client_id": "web",
        "scope": "read",
        "token_type": "Bearer",
        "iat": NOW,
        "exp": NOW + 3_600,
        "jti": "t-1",
    })
}
