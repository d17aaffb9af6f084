//! `token-claims-change`: what a layer has cached about a token is verified again.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Response;
use portcullis::IntrospectionAuth;
use portcullis::http_client::HttpClient;
use tokio::sync::mpsc;

use super::*;

/// An authorization server that reports each token as an active one of ann, and counts its calls.
#[derive(Clone)]
struct AuthServer {
    issuer: String,
    calls: Arc<AtomicUsize>,
}

impl HttpClient for AuthServer {
    async fn send(&self, _: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let response = json!({
            "active": true, "iss": self.issuer, "sub": "ann", "aud": API, "jti": "t1", "sid": "s1",
            "iat": NOW, "exp": NOW + 3_600, "token_type": "Bearer", "scope": format!("call-{call}"),
        });
        let response = Response::builder().header("content-type", "application/json").body(response.to_string().into());
        Ok(response?)
    }
}

/// An API with opaque tokens, and the number of calls of its authorization server.
pub(super) fn opaque(app: &Fixture, issuer: &str) -> (Router, Arc<AtomicUsize>) {
    let server = AuthServer { issuer: issuer.to_owned(), calls: Arc::default() };
    let calls = Arc::clone(&server.calls);
    let auth = IntrospectionAuth::builder()
        .endpoint("https://auth.example.com/introspect")
        .client("api", "marker-secret")
        .audience(API)
        .http_client(server)
        .cache_ttl(Duration::from_secs(600))
        .revocations(&app.revocations)
        .clock(app.clock.clock())
        .build()
        .unwrap();
    let scope = async |user: UserContext| user.scopes().iter().collect::<Vec<_>>().join(" ");
    (Router::new().route("/", get(scope)).layer(auth), calls)
}

/// An API with JWTs, and the users that its handler receives.
pub(super) fn jwt(app: &Fixture, issuer: &str) -> (Router, mpsc::UnboundedReceiver<UserContext>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let jwt = JwtAuth::builder().issuer(Issuer::discover(issuer)).audience(API);
    let jwt = jwt.revocations(&app.revocations).clock(app.clock.clock()).build().unwrap();
    let handler = get(async move |user: UserContext| sender.send(user).unwrap());
    (Router::new().route("/", handler).layer(jwt), receiver)
}

pub(super) async fn scope(api: &Router) -> String {
    let response = TestResponse::get(api, "/", &[("authorization", "Bearer opaque")]).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response.body
}

#[tokio::test]
async fn token_claims_change_causes_a_cached_token_to_be_introspected_again() {
    let app = Fixture::new().await;
    let change = app.event_token(json!({ CLAIMS_CHANGE: { "claims": { "role": "ro-admin" } } }));
    let session = json!({ "format": "opaque", "id": "s1" });
    for subject in [
        app.user("ann"),
        json!({ "format": "jwt_id", "iss": app.issuer.url(), "jti": "t1" }),
        json!({ "format": "complex", "user": app.user("ann"), "session": session }),
    ] {
        let (api, calls) = opaque(&app, app.issuer.url());
        assert_eq!((scope(&api).await, scope(&api).await), ("call-0".to_owned(), "call-0".to_owned()));
        app.clock.advance(60 * SECOND);
        let token = change.clone().claim("sub_id", &subject).claim("jti", subject.to_string());
        assert_eq!(app.send(&token).await.status, 202);
        assert_eq!(scope(&api).await, "call-1", "{subject}");
        // Ten seconds later, the new response is cached.
        app.clock.advance(11 * SECOND);
        let asked = scope(&api).await;
        assert_eq!(scope(&api).await, asked);
        app.clock.advance(11 * SECOND);
        assert_eq!(scope(&api).await, asked);
        assert!(calls.load(Ordering::SeqCst) <= 3);
    }
}

#[tokio::test]
async fn a_cached_token_of_a_revoked_subject_is_401_invalid_token() {
    let app = Fixture::new().await;
    let ((opaque, _), access) = (opaque(&app, app.issuer.url()), app.access_token("ann", "s1"));
    assert_eq!((scope(&opaque).await.as_str(), app.api(&access).await), ("call-0", 200));
    assert_eq!(app.send(&app.session_revoked()).await.status, 202);
    for (api, path, token) in [(&opaque, "/", "opaque"), (&app.app, "/api", &access)] {
        let response = TestResponse::get(api, path, &[("authorization", &format!("Bearer {token}"))]).await;
        assert_eq!(response.status, 401);
        assert!(response.challenge().contains(r#"error="invalid_token""#), "{}", response.challenge());
    }
}

#[tokio::test]
async fn claims_of_another_subject_that_change_cause_no_call() {
    let app = Fixture::new().await;
    let (api, calls) = opaque(&app, app.issuer.url());
    scope(&api).await;
    app.clock.advance(60 * SECOND);
    let change = app.event_token(json!({ CLAIMS_CHANGE: { "claims": {} } }));
    assert_eq!(app.send(&change.claim("sub_id", app.user("bob"))).await.status, 202);
    for _ in 0..3 {
        assert_eq!(scope(&api).await, "call-0");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_cached_jwt_is_verified_again_and_stays_valid() {
    let app = Fixture::new().await;
    let (api, mut receiver) = jwt(&app, app.issuer.url());
    let bearer = format!("Bearer {}", app.access_token("ann", "s1"));
    let mut user = async || {
        assert_eq!(TestResponse::get(&api, "/", &[("authorization", &bearer)]).await.status, 200);
        receiver.recv().await.unwrap()
    };
    // A cached token has the same text of claims.
    let [first, cached] = [user().await, user().await];
    assert_eq!(first.raw_claims().as_ptr(), cached.raw_claims().as_ptr());
    app.clock.advance(60 * SECOND);
    let change = app.event_token(json!({ CLAIMS_CHANGE: { "claims": {} } }));
    assert_eq!(app.send(&change).await.status, 202);
    let verified = user().await;
    assert_ne!(first.raw_claims().as_ptr(), verified.raw_claims().as_ptr());
    app.clock.advance(11 * SECOND);
    let [second, cached] = [user().await, user().await];
    assert_eq!(second.raw_claims().as_ptr(), cached.raw_claims().as_ptr());
}
