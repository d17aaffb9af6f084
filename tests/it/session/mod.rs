//! `SessionAuth` with a store that can count calls, fail and wait.

mod any_of;
mod attacks;
mod config;
mod cookie;
mod cost;
mod cross_site;
mod csrf_token;
mod identity;
mod login_page;
mod login_tokens;
mod nodes;
mod other_libraries;
mod races;
mod redis;
mod revoking;
mod secrets;
mod several;
pub(crate) mod store_contract;
mod time;
mod user_from;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::http::{Method, Request};
use axum::routing::{any, post};
use portcullis::gate::Denial;
use portcullis::session::{
    Created, MemorySessions, Session, SessionAuthBuilder, SessionDigest, SessionId, SessionLimit, SessionRecord,
    SessionStore, SessionUse,
};
use portcullis::testing::FakeClock;
use portcullis::{SessionAuth, StoreError, UserContext};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::support::response::TestResponse;

/// An app with a login, its store and its clock.
struct Fixture {
    clock: FakeClock,
    store: TestStore,
    sessions: SessionAuth,
    app: Router,
    handled: Arc<AtomicUsize>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(change: impl FnOnce(SessionAuthBuilder) -> SessionAuthBuilder) -> Self {
        let clock = fake_clock();
        let store = TestStore::new(MemorySessions::new().with_clock(clock.clock()));
        Self::of(store, clock, change)
    }

    /// Another process with the same store and clock.
    fn of(store: TestStore, clock: FakeClock, change: impl FnOnce(SessionAuthBuilder) -> SessionAuthBuilder) -> Self {
        let builder = SessionAuth::builder().store(store.clone()).clock(clock.clock());
        let sessions = change(builder).build().unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let app = new_app(&sessions, &handled);
        Self { clock, store, sessions, app, handled }
    }

    /// A browser in which `ann` has logged in.
    async fn log_in(&self) -> Browser {
        self.log_in_as("ann").await
    }

    async fn log_in_as(&self, user: &str) -> Browser {
        let mut browser = Browser::default();
        let response = browser.post(&self.app, &format!("/login?user={user}")).await;
        assert_eq!((response.status.as_u16(), browser.cookie.is_some()), (200, true), "{}", response.body);
        browser
    }

    /// The number of calls of the handler of `/me` and `/open`.
    fn handled(&self) -> usize {
        self.handled.load(SeqCst)
    }

    /// The stored records of `ann`.
    async fn records(&self) -> Vec<SessionRecord> {
        self.store.0.sessions.find_by_owner(None, "ann").await.unwrap()
    }
}

/// An app with a login. `handled` counts the calls of the handler of `/me` and `/open`.
fn new_app(sessions: &SessionAuth, handled: &Arc<AtomicUsize>) -> Router {
    let count = Arc::clone(handled);
    let me = move |user: Option<UserContext>| {
        count.fetch_add(1, SeqCst);
        async move { user.map_or("anonymous".to_owned(), |user| user.id().to_owned()) }
    };
    let open =
        Router::new().route("/login", post(log_in)).route("/open", any(me.clone())).layer(sessions.to_optional());
    Router::new()
        .route("/me", any(me))
        .route("/logout", post(async |session: Session| session.log_out().await.map_err(Denial::from)))
        .route("/renew", post(async |session: Session| session.renew().await.map_err(Denial::from)))
        .route(
            "/confirm",
            post(async |session: Session| session.confirm("2", ["pwd", "otp"]).await.map_err(Denial::from)),
        )
        .route("/others", post(async |session: Session| session.revoke_others().await.map_err(Denial::from)))
        .route("/all", post(async |session: Session| session.revoke_all().await.map_err(Denial::from)))
        .layer(sessions.clone())
        .merge(open)
}

#[derive(Deserialize)]
struct Login {
    user: String,
}

async fn log_in(session: Session, Query(login): Query<Login>) -> Result<String, Denial> {
    Ok(session.log_in(UserContext::new(login.user)).await?.to_string())
}

/// A browser with at most one cookie of the app.
#[derive(Clone, Default)]
struct Browser {
    /// The name, a `=` and the value.
    cookie: Option<String>,
}

impl Browser {
    fn with(cookie: impl Into<String>) -> Self {
        Self { cookie: Some(cookie.into()) }
    }

    async fn get(&mut self, app: &Router, path: &str) -> TestResponse {
        self.send(app, Method::GET, path, &[]).await
    }

    async fn post(&mut self, app: &Router, path: &str) -> TestResponse {
        self.send(app, Method::POST, path, &[("sec-fetch-site", "same-origin")]).await
    }

    /// The status of `/me`.
    async fn me(&mut self, app: &Router) -> u16 {
        self.get(app, "/me").await.status.as_u16()
    }

    async fn send(&mut self, app: &Router, method: Method, path: &str, headers: &[(&str, &str)]) -> TestResponse {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let response = TestResponse::send(app, request.body(Body::empty()).unwrap()).await;
        let set: Vec<_> = response.headers.get_all("set-cookie").iter().collect();
        assert!(set.len() <= 1, "{set:?}");
        if let Some(set) = set.first() {
            assert_eq!(response.headers["cache-control"], "no-store");
            let (pair, attributes) = set.to_str().unwrap().split_once(';').unwrap();
            self.cookie = (!attributes.contains("Max-Age=0;")).then(|| pair.to_owned());
        }
        response
    }

    fn value(&self) -> &str {
        self.cookie.as_deref().unwrap().split_once('=').unwrap().1
    }
}

/// A store that counts its calls, and can fail and wait.
#[derive(Clone)]
struct TestStore(Arc<Shared>);

struct Shared {
    sessions: MemorySessions,
    finds: AtomicUsize,
    writes: AtomicUsize,
    is_down: AtomicBool,
    is_unreadable: AtomicBool,
    is_read_only: AtomicBool,
    /// Whether `remove` fails after it has removed, as by a timeout.
    loses_replies: AtomicBool,
    /// If set, each `find` waits for a permit after it has read the record.
    permits: Mutex<Option<Arc<Semaphore>>>,
    running: AtomicUsize,
    most_running: AtomicUsize,
    touches: Mutex<Vec<Vec<SessionUse>>>,
}

impl TestStore {
    fn new(sessions: MemorySessions) -> Self {
        Self(Arc::new(Shared {
            sessions,
            finds: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
            is_unreadable: AtomicBool::new(false),
            is_read_only: AtomicBool::new(false),
            loses_replies: AtomicBool::new(false),
            permits: Mutex::new(None),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
            touches: Mutex::default(),
        }))
    }

    fn finds(&self) -> usize {
        self.0.finds.load(SeqCst)
    }

    /// The number of calls of `create`, `renew` and `remove`.
    fn writes(&self) -> usize {
        self.0.writes.load(SeqCst)
    }

    /// The number of uses that were stored.
    fn touches(&self) -> usize {
        self.0.touches.lock().unwrap().iter().map(Vec::len).sum()
    }

    fn set_down(&self, is_down: bool) {
        self.0.is_down.store(is_down, SeqCst);
    }

    /// Lets each `find` wait until the test adds a permit.
    fn hold(&self) -> Arc<Semaphore> {
        let permits = Arc::new(Semaphore::new(0));
        *self.0.permits.lock().unwrap() = Some(Arc::clone(&permits));
        permits
    }

    fn release(&self) {
        *self.0.permits.lock().unwrap() = None;
    }

    /// Waits until this number of `find` calls have started.
    async fn wait_for_finds(&self, finds: usize) {
        while self.finds() < finds {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until this number of uses were stored.
    async fn wait_for_touches(&self, touches: usize) {
        while self.touches() < touches {
            tokio::task::yield_now().await;
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        let is_down = self.0.is_down.load(SeqCst);
        if is_down { Err(StoreError::unavailable("connection refused")) } else { Ok(()) }
    }

    fn check_write(&self) -> Result<(), StoreError> {
        self.0.writes.fetch_add(1, SeqCst);
        if self.0.is_read_only.load(SeqCst) {
            return Err(StoreError::unavailable("the database is read-only"));
        }
        self.check()
    }
}

impl SessionStore for TestStore {
    async fn find(&self, digest: &SessionDigest) -> Result<Option<SessionRecord>, StoreError> {
        let running = self.0.running.fetch_add(1, SeqCst) + 1;
        self.0.most_running.fetch_max(running, SeqCst);
        let record = self.0.sessions.find(digest).await;
        self.0.finds.fetch_add(1, SeqCst);
        let permits = self.0.permits.lock().unwrap().clone();
        if let Some(permits) = permits {
            permits.acquire().await.unwrap().forget();
        }
        self.0.running.fetch_sub(1, SeqCst);
        self.check()?;
        if self.0.is_unreadable.load(SeqCst) { Err(StoreError::Unreadable) } else { record }
    }

    async fn create(&self, record: &SessionRecord, limit: Option<SessionLimit>) -> Result<Created, StoreError> {
        self.check_write()?;
        self.0.sessions.create(record, limit).await
    }

    async fn renew(&self, old: &SessionRecord, renewed: &SessionRecord) -> Result<(), StoreError> {
        self.check_write()?;
        self.0.sessions.renew(old, renewed).await
    }

    async fn touch(&self, uses: &[SessionUse]) -> Result<(), StoreError> {
        self.check()?;
        self.0.sessions.touch(uses).await?;
        self.0.touches.lock().unwrap().push(uses.to_vec());
        Ok(())
    }

    async fn remove(&self, issuer: Option<&str>, owner: &str, id: &SessionId) -> Result<bool, StoreError> {
        self.check_write()?;
        // A client that disconnects cancels its request here.
        tokio::task::yield_now().await;
        let removed = self.0.sessions.remove(issuer, owner, id).await;
        if self.0.loses_replies.load(SeqCst) { Err(StoreError::unavailable("timeout")) } else { removed }
    }

    async fn find_by_owner(&self, issuer: Option<&str>, owner: &str) -> Result<Vec<SessionRecord>, StoreError> {
        self.check()?;
        self.0.sessions.find_by_owner(issuer, owner).await
    }
}

/// A clock at a whole second, as times are stored.
fn fake_clock() -> FakeClock {
    let clock = FakeClock::new();
    clock.set_wall(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    clock
}

/// An invented cookie.
fn invented(number: u32) -> Browser {
    Browser::with(format!("__Host-session={number:043}"))
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
