//! Sessions that have ended, and what could bring them back or burden the store.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::extract::{Path, State};
use portcullis::Revocations;
use portcullis::revocation::Revocation;
use tower::ServiceExt;

use super::*;

/// An app whose `/slow/..` handlers wait until the test lets them go on.
struct Slow {
    app: Router,
    started: Arc<Semaphore>,
    go_on: Arc<Semaphore>,
}

impl Slow {
    fn of(fixture: &Fixture) -> Self {
        let (started, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let wait = async |(started, go_on): (Arc<Semaphore>, Arc<Semaphore>)| {
            started.add_permits(1);
            go_on.acquire().await.unwrap().forget();
        };
        let confirm = async move |State(gates): State<_>, session: Session| {
            wait(gates).await;
            session.confirm("2", ["pwd"]).await
        };
        let app = Router::new()
            .route("/slow/confirm", post(confirm))
            .layer(fixture.sessions.clone())
            .with_state((Arc::clone(&started), Arc::clone(&go_on)));
        Self { app, started, go_on }
    }

    /// Sends a confirmation, changes something while it waits, and returns its status and the browser.
    async fn confirm(&self, browser: &Browser, meanwhile: impl Future<Output = ()>) -> (u16, Browser) {
        let (app, mut slow) = (self.app.clone(), browser.clone());
        let request = tokio::spawn(async move {
            let response = slow.post(&app, "/slow/confirm").await;
            (response.status.as_u16(), slow)
        });
        self.started.acquire().await.unwrap().forget();
        meanwhile.await;
        self.go_on.add_permits(1);
        request.await.unwrap()
    }
}

#[tokio::test]
async fn a_confirmation_does_not_survive_the_revocation_of_its_user_although_it_is_later() {
    let fixture = Fixture::new();
    let browser = fixture.log_in().await;
    let revoke = async {
        fixture.clock.advance(2 * SECOND);
        // The record remains.
        fixture.store.set_down(true);
        fixture.sessions.revoke_all(None, "ann").await.unwrap_err();
        fixture.store.set_down(false);
        fixture.clock.advance(2 * SECOND);
    };
    let (status, mut browser) = Slow::of(&fixture).confirm(&browser, revoke).await;
    assert_eq!((status, browser.me(&fixture.app).await), (401, 401));
    assert!(fixture.records().await.is_empty());
}

#[tokio::test]
async fn a_confirmation_does_not_bring_back_a_session_that_has_reached_its_end() {
    // A store may keep a record for longer.
    let store = TestStore::new(MemorySessions::new());
    let fixture = Fixture::of(store, fake_clock(), |builder| builder.idle_timeout(12 * HOUR));
    let browser = fixture.log_in().await;
    let (status, mut browser) = Slow::of(&fixture).confirm(&browser, async { fixture.clock.advance(12 * HOUR) }).await;
    assert_eq!((status, browser.me(&fixture.app).await), (401, 401));
}

/// An app that ends the session in the path.
fn ending(fixture: &Fixture) -> Router {
    let end = async |session: Session, Path(id): Path<String>| {
        session.revoke(&SessionId::parse(&id).unwrap()).await.map_err(Denial::from)
    };
    Router::new().route("/{id}", post(end)).layer(fixture.sessions.clone())
}

#[tokio::test]
async fn a_session_that_was_removed_is_rejected_at_once_also_if_the_store_does_not_say_so() {
    let fixture = Fixture::new();
    let mut phone = fixture.log_in().await;
    let id = fixture.records().await[0].id().to_string();
    let mut browser = fixture.log_in().await;
    fixture.store.0.loses_replies.store(true, SeqCst);
    assert_eq!(browser.post(&ending(&fixture), &format!("/{id}")).await.status, 503);
    assert_eq!((phone.me(&fixture.app).await, browser.me(&fixture.app).await), (401, 200));
}

#[tokio::test]
async fn requests_with_a_revoked_session_cause_one_removal_however_many_there_are() {
    let revocations = Revocations::builder().build().unwrap();
    let clock = fake_clock();
    let store = TestStore::new(MemorySessions::new().with_clock(clock.clock()));
    let fixture = Fixture::of(store, clock, |builder| builder.revocations(&revocations));
    let log_in = async |session: Session| {
        let user = UserContext::new("ann").with_issuer("https://id.example.com").with_session_id("sid-7");
        session.log_in(user).await.map(drop)
    };
    let app = Router::new().route("/login", post(log_in)).layer(fixture.sessions.to_optional());
    let mut browser = Browser::default();
    browser.post(&app, "/login").await;
    revocations.revoke_by(Revocation::session("https://id.example.com", "sid-7")).await.unwrap();
    fixture.clock.advance(2 * MINUTE);
    fixture.store.0.is_read_only.store(true, SeqCst);
    let (writes, permits) = (fixture.store.writes(), fixture.store.hold());
    let requests = futures_util::future::join_all((0..100).map(|_| {
        let (app, mut browser) = (fixture.app.clone(), browser.clone());
        async move { browser.me(&app).await }
    }));
    let (statuses, ()) = tokio::join!(requests, async {
        fixture.store.wait_for_finds(1).await;
        permits.add_permits(1);
    });
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!((fixture.store.finds(), fixture.store.writes() - writes), (1, 1));
}

#[tokio::test]
async fn a_client_that_disconnects_cancels_no_end_of_a_session() {
    for (path, remaining) in [("/logout", 1), ("/others", 1), ("/all", 0)] {
        let fixture = Fixture::new();
        let (browser, phone) = (fixture.log_in().await, fixture.log_in().await);
        let request = Request::post(path).header("sec-fetch-site", "same-origin");
        let request = request.header("cookie", browser.cookie.as_ref().unwrap()).body(Body::empty()).unwrap();
        {
            let mut response = pin!(fixture.app.clone().oneshot(request));
            let poll = response.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(poll, Poll::Pending), "{path}");
        }
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(fixture.records().await.len(), remaining, "{path}");
        // Another process, which knows nothing of revocations.
        let other = Fixture::of(fixture.store.clone(), fixture.clock.clone(), |builder| builder);
        let ended = if path == "/logout" { browser } else { phone };
        assert_eq!(ended.clone().me(&other.app).await, 401, "{path}");
    }
}
