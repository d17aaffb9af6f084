//! `App`: a router behind `JwtAuth` that counts what reaches its handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::{Extractor, JwtAuth, UserContext};
use tower::ServiceExt;

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) auth: JwtAuth,
    router: Router,
    handled: Arc<AtomicUsize>,
}

impl App {
    pub(crate) fn new(builder: JwtAuthBuilder) -> Self {
        let auth = builder.build().unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&handled);
        let handler = async move |Extractor(user): Extractor<UserContext>| {
            counter.fetch_add(1, Ordering::SeqCst);
            user.id().to_owned()
        };
        let router = Router::new().route("/", get(handler)).layer(auth.clone());
        Self { auth, router, handled }
    }

    pub(crate) async fn ask(&self, token: &str) -> Response<Body> {
        let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The status, after a look at what has to be true of any answer with it.
    pub(crate) async fn status(&self, token: &str) -> StatusCode {
        let handled = self.handled();
        let response = self.ask(token).await;
        let headers = response.headers();
        match response.status() {
            StatusCode::UNAUTHORIZED => {
                let challenge = headers["www-authenticate"].to_str().unwrap();
                assert!(challenge.contains(r#"error="invalid_token""#), "{challenge}");
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(!headers.contains_key("www-authenticate"));
                let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=66).contains(&wait), "{wait}");
            }
            _ => return response.status(),
        }
        assert_eq!(self.handled(), handled, "a refused request does not reach the handler");
        response.status()
    }

    pub(crate) fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }
}

pub(crate) async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 64 * 1024).await.unwrap().to_vec()).unwrap()
}
