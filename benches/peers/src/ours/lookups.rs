//! Credentials that are looked up in a store or at a server, and cached.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::get;
use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::http_client::HttpClient;
use portcullis::session::{MemorySessions, Session};
use portcullis::{ApiKeyAuth, IntrospectionAuth, Revocations, SessionAuth, UserContext};

use super::{AUDIENCE, ISSUER, bare, extracting_user};

/// An opaque token with 256 random bits, as most servers issue them.
pub(crate) const OPAQUE: &str = "Bearer nCzXWQ1Hh2bqgPGNDrMnSbMmRvTRx6EgmKMUJ3dZk5w";

/// An authorization server that reports every token as active.
struct AuthServer;

impl HttpClient for AuthServer {
    async fn send(
        &self,
        _: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let body = serde_json::json!({
            "active": true,
            "sub": "ann",
            "iss": ISSUER,
            "aud": AUDIENCE,
            "client_id": "web",
            "scope": "read:valuations write:valuations",
            "token_type": "Bearer",
            "iat": now,
            "exp": now + 3_600,
            "jti": "t-1",
        });
        let response = http::Response::builder().header("content-type", "application/json");
        Ok(response.body(body.to_string().into_bytes())?)
    }
}

/// An app whose token is cached for a whole run.
pub(crate) fn opaque(revocable: bool) -> Router {
    static LAYERS: OnceLock<[IntrospectionAuth; 2]> = OnceLock::new();
    let new_layer = |revocable| {
        let builder = IntrospectionAuth::builder()
            .endpoint("https://auth.example.com/introspect")
            .client("api", "secret")
            .audience(AUDIENCE)
            .http_client(AuthServer)
            .cache_ttl(Duration::from_secs(3_600));
        let revocations = Revocations::builder().build().expect("valid settings");
        let builder = if revocable { builder.revocations(&revocations) } else { builder };
        let layer = builder.build().expect("valid settings");
        // The first request asks the server, which needs a runtime.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let request = http::Request::get("/").header("authorization", OPAQUE);
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let response = runtime.block_on(tower::ServiceExt::oneshot(bare().layer(layer.clone()), request));
        assert_eq!(response.expect("a response").status(), 200);
        layer
    };
    let layers = LAYERS.get_or_init(|| [false, true].map(new_layer));
    extracting_user().layer(layers[usize::from(revocable)].clone())
}

/// A layer whose keys stay cached for a whole run, and one key.
fn api_key_layer() -> &'static (ApiKeyAuth, String) {
    static KEYS: OnceLock<(ApiKeyAuth, String)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let keys = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new());
        let keys = keys.cache_ttl(Duration::from_secs(3_600)).build().expect("valid settings");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let new = NewApiKey::by_administrator(&UserContext::new("admin"), &UserContext::new("ann"));
        let new = new.scopes(["read:valuations", "write:valuations"]);
        let key = runtime.block_on(async {
            let key = keys.create(new).await.expect("a key");
            // The first request looks the key up, which needs a runtime.
            let request = http::Request::get("/").header("authorization", format!("ApiKey {}", key.secret()));
            let request = request.body(axum::body::Body::empty()).expect("a request");
            let response = tower::ServiceExt::oneshot(bare().layer(keys.clone()), request).await.expect("a response");
            assert_eq!(response.status(), 200);
            key.secret().to_owned()
        });
        (keys, key)
    })
}

/// A layer whose session stays cached for a whole run, and the cookie of the session.
fn session_layer() -> &'static (SessionAuth, String) {
    static SESSIONS: OnceLock<(SessionAuth, String)> = OnceLock::new();
    SESSIONS.get_or_init(|| {
        let revocations = Revocations::builder().build().expect("valid settings");
        let sessions = SessionAuth::builder().store(MemorySessions::new()).cache_ttl(Duration::from_secs(60));
        let sessions = sessions.revocations(&revocations).build().expect("valid settings");
        let log_in = async |session: Session| session.log_in(UserContext::new("ann")).await.map(drop);
        let login = Router::new().route("/", get(log_in)).layer(sessions.to_optional());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let request = http::Request::get("/").body(axum::body::Body::empty()).expect("a request");
        let response = runtime.block_on(tower::ServiceExt::oneshot(login, request)).expect("a response");
        let cookie = response.headers()["set-cookie"].to_str().expect("ASCII");
        (sessions, cookie.split(';').next().unwrap_or_default().to_owned())
    })
}

pub(crate) fn session_cookie() -> &'static str {
    &session_layer().1
}

pub(crate) fn sessions() -> Router {
    extracting_user().layer(session_layer().0.clone())
}

pub(crate) fn api_key() -> &'static str {
    &api_key_layer().1
}

pub(crate) fn api_keys() -> Router {
    extracting_user().layer(api_key_layer().0.clone())
}
