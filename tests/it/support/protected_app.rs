//! `ProtectedApp`: an app behind layers whose handler counts its calls, and assertions on its responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{Extensions, HeaderName, Request, StatusCode, response};
use axum::response::Response;
use axum::routing::any;
use portcullis::gate::{Denial, DenialKind, TokenError};
use portcullis::{Extractor, JwtAuth, UserContext};
use serde_json::Value;
use tower::ServiceExt;

/// An app with one handler at `/`, which counts its calls.
pub(crate) struct ProtectedApp {
    router: Router,
    handler_calls: Arc<AtomicUsize>,
    /// The only layer, if it verifies tokens.
    auth: Option<JwtAuth>,
}

/// A response, and whether the handler was called for it.
pub(crate) struct AppResponse {
    pub(crate) head: response::Parts,
    pub(crate) body: String,
    pub(crate) handler_called: bool,
    /// The parts of all request header values, which no response may contain.
    sent: Vec<String>,
}

impl ProtectedApp {
    pub(crate) fn behind(auth: JwtAuth) -> Self {
        Self { auth: Some(auth.clone()), ..Self::with_layers(|router| router.layer(auth)) }
    }

    pub(crate) fn with_layers(add_layers: impl FnOnce(Router) -> Router) -> Self {
        let handler_calls = Arc::new(AtomicUsize::new(0));
        let router = Router::new().route("/", any(handler)).with_state(Arc::clone(&handler_calls));
        Self { router: add_layers(router), handler_calls, auth: None }
    }

    /// Sends `GET /` with this bearer token. Asserts that `JwtAuth::verify` returns the same user or denial for it.
    pub(crate) async fn send_token(&self, token: &str) -> AppResponse {
        let response = self.send_authorization(format!("Bearer {token}").as_bytes()).await;
        if let Some(auth) = &self.auth {
            assert_same_decision(&response.head.extensions, auth.verify(token).await);
        }
        response
    }

    /// Sends `GET /` with this `Authorization` header.
    pub(crate) async fn send_authorization(&self, value: &[u8]) -> AppResponse {
        self.send_headers(&[(AUTHORIZATION, value)]).await
    }

    /// Sends `GET /` with these headers.
    pub(crate) async fn send_headers(&self, headers: &[(HeaderName, &[u8])]) -> AppResponse {
        let request = headers.iter().fold(Request::get("/"), |request, (name, value)| request.header(name, *value));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> AppResponse {
        let calls_before = self.handler_calls.load(Ordering::Relaxed);
        let values = request.headers().values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let sent = values.flat_map(|value| value.split(['.', ' ']).map(String::from).collect::<Vec<_>>()).collect();
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(to_bytes(body, 4096).await.unwrap().to_vec()).unwrap();
        let handler_called = self.handler_calls.load(Ordering::Relaxed) > calls_before;
        AppResponse { head, body, handler_called, sent }
    }
}

impl AppResponse {
    /// The user that the handler received.
    #[track_caller]
    pub(crate) fn user(&self) -> &UserContext {
        assert_eq!(self.head.status, StatusCode::OK, "{}", self.body);
        assert!(self.handler_called);
        self.head.extensions.get().expect("the handler received a user")
    }

    pub(crate) fn challenge(&self) -> Option<&str> {
        assert!(self.head.headers.get_all(WWW_AUTHENTICATE).iter().count() <= 1);
        self.head.headers.get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn denial(&self) -> &DenialKind {
        self.head.extensions.get::<Denial>().expect("a rejection has a denial in its extensions").kind()
    }

    /// The problem details in the body.
    pub(crate) fn problem(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Asserts what holds for every rejection: the handler was not called, the response must not be stored, the body
    /// is problem details with this status, and no part of the request headers is echoed.
    #[track_caller]
    pub(crate) fn assert_rejected(&self, status: StatusCode) -> &Self {
        assert_eq!(self.head.status, status, "{}", self.body);
        assert!(!self.handler_called, "the handler was called");
        assert_eq!(self.head.headers[CACHE_CONTROL], "no-store");
        assert_eq!(self.head.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.problem()["status"], status.as_u16());
        let received = format!("{:?} {}", self.head.headers, self.body);
        for part in self.sent.iter().filter(|part| part.len() > 12) {
            assert!(!received.contains(part.as_str()), "the response echoes {part}: {received}");
        }
        self
    }

    /// Asserts 401 `invalid_token` for this reason, with exactly the challenge that describes it.
    #[track_caller]
    pub(crate) fn assert_invalid_token(&self, error: TokenError) {
        self.assert_rejected(StatusCode::UNAUTHORIZED);
        assert_eq!(*self.denial(), DenialKind::InvalidToken(error));
        let problem = self.problem();
        assert_eq!(problem["error"], "invalid_token");
        assert_eq!(problem["code"], self.denial().code());
        let detail = problem["detail"].as_str().unwrap();
        let challenge = format!(r#"Bearer realm="api", error="invalid_token", error_description="{detail}""#);
        assert_eq!(self.challenge(), Some(challenge.as_str()));
    }

    /// Asserts the response to a request without credentials: 401 with a challenge that has no `error`.
    #[track_caller]
    pub(crate) fn assert_credentials_missing(&self) {
        self.assert_rejected(StatusCode::UNAUTHORIZED);
        assert_eq!(*self.denial(), DenialKind::CredentialsMissing);
        assert_eq!(self.challenge(), Some(r#"Bearer realm="api""#));
        assert_eq!(self.problem().get("error"), None);
    }
}

/// Asserts that a token outside a request gets the user or denial that a response has in its extensions.
#[track_caller]
pub(crate) fn assert_same_decision(response: &Extensions, verified: Result<UserContext, Denial>) {
    match verified {
        Ok(user) => {
            assert_eq!(response.get::<Denial>(), None);
            let admitted = response.get::<UserContext>().expect("the handler received a user");
            assert_eq!(format!("{admitted:?}"), format!("{user:?}"));
            assert_eq!(admitted.claims::<Value>().ok(), user.claims::<Value>().ok());
        }
        Err(denial) => {
            let expected = response.get::<Denial>().expect("a rejection has a denial in its extensions");
            assert_eq!((expected.code(), expected.detail()), (denial.code(), denial.detail()));
            // The time until the next fetch depends on the clock.
            assert!(denial.retry_after().is_some() || *expected == denial);
        }
    }
}

async fn handler(State(calls): State<Arc<AtomicUsize>>, user: Option<Extractor<UserContext>>) -> Response {
    calls.fetch_add(1, Ordering::Relaxed);
    let mut response = Response::new(Body::empty());
    if let Some(Extractor(user)) = user {
        response.extensions_mut().insert(user);
    }
    response
}
