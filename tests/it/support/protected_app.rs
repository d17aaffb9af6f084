//! A handler behind gates that counts its calls, and what came back of a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderName, Request, StatusCode, response};
use axum::response::Response;
use axum::routing::any;
use portcullis::gate::{Denial, DenialKind, TokenError};
use portcullis::{Extractor, JwtAuth, UserContext};
use serde_json::Value;
use tower::ServiceExt;

/// A router whose one handler counts its calls.
pub(crate) struct ProtectedApp {
    app: Router,
    calls: Arc<AtomicUsize>,
}

/// What came back, and whether the handler was called for it.
pub(crate) struct AppResponse {
    pub(crate) head: response::Parts,
    pub(crate) body: String,
    pub(crate) handled: bool,
    sent: Vec<String>,
}

impl ProtectedApp {
    pub(crate) fn behind(auth: JwtAuth) -> Self {
        Self::layered(|router| router.layer(auth))
    }

    pub(crate) fn layered(layers: impl FnOnce(Router) -> Router) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let app = Router::new().route("/", any(handler)).with_state(Arc::clone(&calls));
        Self { app: layers(app), calls }
    }

    /// Sends a GET with this bearer token.
    pub(crate) async fn ask(&self, token: &str) -> AppResponse {
        self.authorize(format!("Bearer {token}").as_bytes()).await
    }

    /// Sends a GET with this `Authorization` field.
    pub(crate) async fn authorize(&self, value: &[u8]) -> AppResponse {
        self.fields(&[(AUTHORIZATION, value)]).await
    }

    pub(crate) async fn fields(&self, fields: &[(HeaderName, &[u8])]) -> AppResponse {
        let request = fields.iter().fold(Request::get("/"), |request, (name, value)| request.header(name, *value));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> AppResponse {
        let before = self.calls.load(Ordering::Relaxed);
        let values = request.headers().values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let sent = values.flat_map(|value| value.split(['.', ' ']).map(String::from).collect::<Vec<_>>()).collect();
        let (head, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(to_bytes(body, 4096).await.unwrap().to_vec()).unwrap();
        AppResponse { head, body, handled: self.calls.load(Ordering::Relaxed) > before, sent }
    }
}

impl AppResponse {
    /// The user that the handler saw.
    #[track_caller]
    pub(crate) fn user(&self) -> &UserContext {
        assert_eq!(self.head.status, StatusCode::OK, "{}", self.body);
        assert!(self.handled);
        self.head.extensions.get().expect("the handler saw a user")
    }

    pub(crate) fn challenge(&self) -> Option<&str> {
        assert!(self.head.headers.get_all(WWW_AUTHENTICATE).iter().count() <= 1);
        self.head.headers.get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn denial(&self) -> &DenialKind {
        self.head.extensions.get::<Denial>().expect("a refusal carries its denial").kind()
    }

    pub(crate) fn problem(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// What holds of every refusal: the handler was not called, nothing is cached, the body is problem details of this
    /// status, and none of what was sent comes back.
    #[track_caller]
    pub(crate) fn refused(&self, status: StatusCode) -> &Self {
        assert_eq!(self.head.status, status, "{}", self.body);
        assert!(!self.handled, "the handler was called");
        assert_eq!(self.head.headers[CACHE_CONTROL], "no-store");
        assert_eq!(self.head.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.problem()["status"], status.as_u16());
        let told = format!("{:?} {}", self.head.headers, self.body);
        for part in self.sent.iter().filter(|part| part.len() > 12) {
            assert!(!told.contains(part.as_str()), "{part} came back: {told}");
        }
        self
    }

    /// 401 `invalid_token` for this reason, with exactly the challenge that tells it.
    #[track_caller]
    pub(crate) fn refused_token(&self, error: TokenError) {
        self.refused(StatusCode::UNAUTHORIZED);
        assert_eq!(*self.denial(), DenialKind::InvalidToken(error));
        let problem = self.problem();
        assert_eq!(problem["error"], "invalid_token");
        let detail = problem["detail"].as_str().unwrap();
        let challenge = format!(r#"Bearer realm="api", error="invalid_token", error_description="{detail}""#);
        assert_eq!(self.challenge(), Some(challenge.as_str()));
    }

    /// As a request without a credential: 401 whose challenge names no error.
    #[track_caller]
    pub(crate) fn asked_for_a_credential(&self) {
        self.refused(StatusCode::UNAUTHORIZED);
        assert_eq!(*self.denial(), DenialKind::CredentialsMissing);
        assert_eq!(self.challenge(), Some(r#"Bearer realm="api""#));
        assert_eq!(self.problem().get("error"), None);
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
