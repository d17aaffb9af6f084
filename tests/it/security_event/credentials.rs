//! The events of sessions, API keys and revocations.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::post;
use portcullis::api_key::{ApiKeyChange, Grace, MemoryKeys, NewApiKey};
use portcullis::gate::Denial;
use portcullis::revocation::Revocation;
use portcullis::security_event::{EventKind, Reason, SecurityEvent};
use portcullis::session::{ChangeDecision, MemorySessions, Session, SessionAuthBuilder};
use portcullis::{ApiKeyAuth, Revocations, SessionAuth, TrustedProxies, UserContext};

use crate::support::event_capture::EventCapture;
use crate::support::response::TestResponse;

const ISSUER: &str = "https://auth.example.com";

fn ann() -> UserContext {
    UserContext::new("ann").with_issuer(ISSUER)
}

struct Site {
    app: Router,
    sessions: SessionAuth,
    cookie: Option<String>,
}

impl Site {
    fn new(change: impl FnOnce(SessionAuthBuilder) -> SessionAuthBuilder) -> Self {
        let sessions = change(SessionAuth::builder().store(MemorySessions::new())).build().unwrap();
        let log_in =
            async |session: Session| session.log_in(ann()).await.map(|id| id.to_string()).map_err(Denial::from);
        let log_out = async |session: Session| session.log_out().await.map_err(Denial::from);
        let others = async |session: Session| session.revoke_others().await.map_err(Denial::from);
        let app = Router::new().route("/login", post(log_in)).route("/logout", post(log_out));
        let app = app.route("/others", post(others)).layer(sessions.to_optional()).layer(TrustedProxies::none());
        Self { app, sessions, cookie: None }
    }

    /// Sends a POST of a browser from this address, and keeps its cookie.
    async fn post_from(&mut self, path: &str, address: [u8; 4]) -> String {
        let request = Request::post(path).extension(SocketAddr::from((address, 4711)));
        let mut request = request.header("sec-fetch-site", "same-origin");
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let response = TestResponse::send(&self.app, request.body(Body::empty()).unwrap()).await;
        if let Some(cookie) = response.headers.get("set-cookie") {
            self.cookie = Some(cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
        }
        response.body
    }

    async fn post(&mut self, path: &str) -> String {
        self.post_from(path, [203, 0, 113, 9]).await
    }
}

fn facts(event: &SecurityEvent<'_>) -> (EventKind, Option<Reason>, String, String) {
    let text = |text: Option<std::borrow::Cow<'_, str>>| text.unwrap_or_default().into_owned();
    (event.kind(), event.reason(), text(event.user()), text(event.session()))
}

#[tokio::test]
async fn a_login_starts_a_session_and_a_logout_ends_it() {
    let mut site = Site::new(|builder| builder);
    let events = EventCapture::start();
    let id = site.post("/login").await;
    let started = events.one();
    assert_eq!(facts(&started), (EventKind::SessionStarted, None, "ann".to_owned(), id.clone()));
    assert_eq!(started.issuer().as_deref(), Some(ISSUER));
    assert_eq!(started.address(), Some([203, 0, 113, 9].into()));
    site.post("/logout").await;
    let ended = events.one();
    assert_eq!(facts(&ended), (EventKind::SessionEnded, Some(Reason::LoggedOut), "ann".to_owned(), id));
    assert_eq!(ended.address(), Some([203, 0, 113, 9].into()));
    site.post("/logout").await;
    assert!(events.take().is_empty(), "there was no session");
}

#[tokio::test]
async fn a_second_login_in_one_browser_ends_the_first_session() {
    let mut site = Site::new(|builder| builder);
    let first = site.post("/login").await;
    let events = EventCapture::start();
    site.post("/login").await;
    let [ended, started] = <[_; 2]>::try_from(events.take()).unwrap();
    assert_eq!(facts(&ended), (EventKind::SessionEnded, Some(Reason::LoginReplaced), "ann".to_owned(), first));
    assert_eq!(started.kind(), EventKind::SessionStarted);
}

#[tokio::test]
async fn the_session_that_a_limit_ends_is_reported() {
    let mut site = Site::new(|builder| builder.max_sessions(1));
    let first = site.post("/login").await;
    site.cookie = None;
    let events = EventCapture::start();
    site.post("/login").await;
    let [ended, _] = <[_; 2]>::try_from(events.take()).unwrap();
    assert_eq!(facts(&ended), (EventKind::SessionEnded, Some(Reason::SessionLimit), "ann".to_owned(), first));
}

#[tokio::test]
async fn a_session_that_an_administrator_revokes_is_reported() {
    let mut site = Site::new(|builder| builder);
    let id = site.post("/login").await;
    let events = EventCapture::start();
    let parsed = portcullis::session::SessionId::parse(&id).unwrap();
    site.sessions.revoke(Some(ISSUER), "ann", &parsed).await.unwrap();
    assert_eq!(facts(&events.one()), (EventKind::SessionEnded, Some(Reason::RevokedByApp), "ann".to_owned(), id));
    assert!(site.sessions.revoke(Some(ISSUER), "ann", &parsed).await.is_err());
    assert!(events.take().is_empty());
}

#[tokio::test]
async fn a_session_whose_client_changes_is_reported_once() {
    let mut site = Site::new(|builder| builder.on_change(|_| ChangeDecision::Revoke));
    let id = site.post("/login").await;
    let events = EventCapture::start();
    site.post_from("/others", [198, 51, 100, 7]).await;
    let ended = events.one();
    assert_eq!(facts(&ended), (EventKind::SessionEnded, Some(Reason::ClientChanged), "ann".to_owned(), id));
    assert_eq!(ended.address(), Some([198, 51, 100, 7].into()));
    site.post_from("/others", [198, 51, 100, 7]).await;
    assert!(events.take().is_empty());
}

#[tokio::test]
async fn revoked_credentials_of_a_user_are_one_event() {
    let mut site = Site::new(|builder| builder);
    site.post("/login").await;
    let events = EventCapture::start();
    site.post("/others").await;
    let event = events.one();
    assert_eq!((event.kind(), event.user().as_deref()), (EventKind::CredentialsRevoked, Some("ann")));
    site.sessions.revoke_all(Some(ISSUER), "ann").await.unwrap();
    assert_eq!(events.one().user().as_deref(), Some("ann"));
    let revocations = Revocations::builder().build().unwrap();
    revocations.revoke_by(Revocation::subject(ISSUER, "bob")).await.unwrap();
    let event = events.one();
    assert_eq!((event.issuer().as_deref(), event.user().as_deref()), (Some(ISSUER), Some("bob")));
    // Only the hash of its name is known.
    revocations.revoke_by(Revocation::token(ISSUER, "token-1")).await.unwrap();
    assert_eq!(facts(&events.one()).0, EventKind::CredentialsRevoked);
}

#[tokio::test]
async fn each_change_of_an_api_key_is_one_event_with_its_id_and_owner() {
    let keys = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).build().unwrap();
    let events = EventCapture::start();
    let key = keys.create(NewApiKey::for_user(&ann())).await.unwrap();
    let id = *key.id();
    let expect = |kind, reason| {
        let event = events.one();
        assert_eq!((event.kind(), event.reason()), (kind, reason));
        assert_eq!(event.api_key().as_deref(), Some(id.as_str()));
        assert_eq!((event.issuer().as_deref(), event.user().as_deref()), (Some(ISSUER), Some("ann")));
    };
    expect(EventKind::ApiKeyCreated, None);
    let change = ApiKeyChange::by_administrator(&UserContext::new("root")).scopes(["read"]);
    keys.update(&id, change).await.unwrap().unwrap();
    expect(EventKind::ApiKeyUpdated, None);
    keys.rotate(&id, Grace::none()).await.unwrap().unwrap();
    expect(EventKind::ApiKeyRotated, None);
    assert!(keys.revoke(&id).await.unwrap());
    expect(EventKind::ApiKeyRevoked, Some(Reason::RevokedByApp));
    assert!(!keys.revoke(&id).await.unwrap());
    assert!(events.take().is_empty(), "it was revoked before");
    for _ in 0..2 {
        keys.create(NewApiKey::for_user(&ann())).await.unwrap();
    }
    events.take();
    assert_eq!(keys.revoke_all(&ann()).await.unwrap().len(), 2);
    assert_eq!(events.kinds(), [EventKind::ApiKeyRevoked; 2]);
}
