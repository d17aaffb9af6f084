//! `JwtApp`: an app behind `JwtAuth` that counts its handler calls and exposes its `JwtAuth`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::{Extractor, JwtAuth, UserContext};
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// An app whose handler returns the user's id. Clones share the layer and the count.
#[derive(Clone)]
pub(crate) struct JwtApp {
    pub(crate) auth: JwtAuth,
    router: Router,
    handler_calls: Arc<AtomicUsize>,
}

impl JwtApp {
    pub(crate) fn new(builder: JwtAuthBuilder) -> Self {
        let auth = builder.build().unwrap();
        let handler_calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&handler_calls);
        let handler = async move |Extractor(user): Extractor<UserContext>| {
            counter.fetch_add(1, Ordering::SeqCst);
            user.id().to_owned()
        };
        let router = Router::new().route("/", get(handler)).layer(auth.clone());
        Self { auth, router, handler_calls }
    }

    /// Sends `GET /` with this bearer token.
    pub(crate) async fn send_token(&self, token: &str) -> Response<Body> {
        let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends this token and returns the status, after checking the headers that every response of this status has.
    pub(crate) async fn status_for(&self, token: &str) -> StatusCode {
        let calls_before = self.handler_calls();
        let response = self.send_token(token).await;
        let headers = response.headers();
        match response.status() {
            StatusCode::UNAUTHORIZED => {
                let challenge = headers["www-authenticate"].to_str().unwrap();
                assert!(challenge.contains(r#"error="invalid_token""#), "{challenge}");
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(!headers.contains_key("www-authenticate"));
                let retry_after: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=66).contains(&retry_after), "{retry_after}");
            }
            _ => return response.status(),
        }
        assert_eq!(self.handler_calls(), calls_before, "a rejected request does not reach the handler");
        response.status()
    }

    /// Sends this token from a new task, which returns the status.
    pub(crate) fn spawn_request(&self, token: String) -> JoinHandle<StatusCode> {
        let app = self.clone();
        tokio::spawn(async move { app.send_token(&token).await.status() })
    }

    pub(crate) fn handler_calls(&self) -> usize {
        self.handler_calls.load(Ordering::SeqCst)
    }
}

pub(crate) async fn body_text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 64 * 1024).await.unwrap().to_vec()).unwrap()
}
