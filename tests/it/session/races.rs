//! Requests at the same time: slow ones, renewals, and lookups during a logout.

use axum::extract::State;
use futures_util::future::join_all;
use tower::ServiceExt;

use super::*;

/// An app whose `/slow/..` handlers wait until the test lets them continue.
fn slow(fixture: &Fixture) -> (Router, Arc<Semaphore>, Arc<Semaphore>) {
    let (started, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (Arc::clone(&started), Arc::clone(&go_on));
    let wait = async |(started, go_on): (Arc<Semaphore>, Arc<Semaphore>)| {
        started.add_permits(1);
        go_on.acquire().await.unwrap().forget();
    };
    let renew = async move |State(gates): State<_>, session: Session| {
        wait(gates).await;
        session.renew().await
    };
    let confirm = async move |State(gates): State<_>, session: Session| {
        wait(gates).await;
        session.confirm("2", ["pwd"]).await
    };
    let nothing = async move |State(gates): State<_>| wait(gates).await;
    let app = Router::new()
        .route("/slow/renew", post(renew))
        .route("/slow/confirm", post(confirm))
        .route("/slow/nothing", post(nothing))
        .layer(fixture.sessions.clone())
        .with_state(gates);
    (app, started, go_on)
}

#[tokio::test]
async fn a_slow_request_revives_nothing_after_the_logout_whatever_it_does() {
    for path in ["/slow/renew", "/slow/confirm", "/slow/nothing"] {
        let fixture = Fixture::new();
        let (app, started, go_on) = slow(&fixture);
        let mut browser = fixture.log_in().await;
        let mut slow = browser.clone();
        let request = tokio::spawn(async move {
            let response = slow.post(&app, path).await;
            (response, slow)
        });
        started.acquire().await.unwrap().forget();
        fixture.clock.advance(2 * MINUTE);
        browser.post(&fixture.app, "/logout").await;
        go_on.add_permits(1);
        let (response, mut slow) = request.await.unwrap();
        assert_eq!(response.status, if path == "/slow/nothing" { 200 } else { 401 }, "{path}");
        assert_eq!(slow.me(&fixture.app).await, 401);
        fixture.sessions.flush().await.unwrap();
        assert!(fixture.records().await.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn concurrent_renewals_all_get_the_cookie_of_the_winner() {
    let fixture = Fixture::new();
    let (app, started, go_on) = slow(&fixture);
    let browser = fixture.log_in().await;
    let renewals = (0..8).map(|_| {
        let (app, mut browser) = (app.clone(), browser.clone());
        tokio::spawn(async move {
            let response = browser.post(&app, "/slow/renew").await;
            (response.status.as_u16(), browser)
        })
    });
    let renewals: Vec<_> = renewals.collect();
    started.acquire_many(8).await.unwrap().forget();
    go_on.add_permits(8);
    let mut cookies = std::collections::BTreeSet::new();
    for renewal in join_all(renewals).await {
        let (status, mut browser) = renewal.unwrap();
        assert_eq!((status, browser.me(&fixture.app).await), (200, 200));
        cookies.insert(browser.value().to_owned());
    }
    assert_eq!(cookies.len(), 1);
    assert!(!cookies.contains(browser.value()));
    assert_eq!(fixture.records().await.len(), 1);
}

/// An app whose handler renews the session when `before` has a permit, and responds when `after` has one.
struct SlowRenewals {
    app: Router,
    before: Arc<Semaphore>,
    renewed: Arc<Semaphore>,
    after: Arc<Semaphore>,
}

impl SlowRenewals {
    fn of(fixture: &Fixture) -> Self {
        let [before, renewed, after] = [(); 3].map(|()| Arc::new(Semaphore::new(0)));
        let gates = [&before, &renewed, &after].map(Arc::clone);
        let handler = async move |session: Session| {
            let [before, renewed, after] = gates;
            before.acquire().await.unwrap().forget();
            session.renew().await.unwrap();
            renewed.add_permits(1);
            after.acquire().await.unwrap().forget();
        };
        let app = Router::new().route("/", post(handler)).layer(fixture.sessions.clone());
        Self { app, before, renewed, after }
    }

    /// Sends a request, and lets it continue.
    fn send(&self, browser: &Browser) -> tokio::task::JoinHandle<Browser> {
        let (app, mut browser) = (self.app.clone(), browser.clone());
        tokio::spawn(async move {
            assert_eq!(browser.post(&app, "/").await.status, 200);
            browser
        })
    }

    async fn renew(&self, requests: usize) {
        self.before.add_permits(requests);
        self.renewed.acquire_many(requests as u32).await.unwrap().forget();
    }
}

#[tokio::test]
async fn a_slow_response_does_not_bring_back_a_cookie_that_was_renewed_since() {
    for renews_in_time in [true, false] {
        let fixture = Fixture::new();
        let renewals = SlowRenewals::of(&fixture);
        let browser = fixture.log_in().await;
        // Both have the first cookie.
        let (fast, slow) = (renewals.send(&browser), renewals.send(&browser));
        tokio::task::yield_now().await;
        renewals.renew(if renews_in_time { 2 } else { 1 }).await;
        renewals.after.add_permits(1);
        let mut second = fast.await.unwrap();
        let mut third = second.clone();
        third.post(&fixture.app, "/renew").await;
        assert_ne!(third.value(), second.value());
        if !renews_in_time {
            renewals.renew(1).await;
        }
        renewals.after.add_permits(1);
        // Otherwise the browser would keep the second cookie, and be logged out after ten seconds.
        assert_eq!(slow.await.unwrap().value(), browser.value(), "no cookie is set");
        fixture.clock.advance(11 * SECOND);
        assert_eq!((second.me(&fixture.app).await, third.me(&fixture.app).await), (401, 200));
    }
}

#[tokio::test]
async fn a_lookup_that_began_before_the_logout_and_ends_after_it_caches_nothing() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    let copy = browser.clone();
    // The record must be read again after ten seconds.
    fixture.clock.advance(10 * SECOND);
    let permits = fixture.store.hold();
    let (app, mut slow) = (fixture.app.clone(), copy.clone());
    let request = tokio::spawn(async move { slow.me(&app).await });
    fixture.store.wait_for_finds(1).await;
    fixture.store.release();
    let id = *fixture.records().await[0].id();
    fixture.sessions.revoke(None, "ann", &id).await.unwrap();
    permits.add_permits(1);
    assert_eq!(request.await.unwrap(), 401);
    assert_eq!((copy.clone().me(&fixture.app).await, browser.me(&fixture.app).await), (401, 401));
}

#[tokio::test]
async fn a_lookup_that_began_before_the_renewal_does_not_extend_the_old_cookie() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    let old = browser.clone();
    let (app, started, go_on) = slow(&fixture);
    let mut renewing = browser.clone();
    let request = tokio::spawn(async move {
        renewing.post(&app, "/slow/renew").await;
        renewing
    });
    started.acquire().await.unwrap().forget();
    // Another request reads the record, and gets it after the renewal.
    fixture.clock.advance(10 * SECOND);
    let permits = fixture.store.hold();
    let (app, mut slow) = (fixture.app.clone(), old.clone());
    let lookup = tokio::spawn(async move { slow.me(&app).await });
    fixture.store.wait_for_finds(1).await;
    fixture.store.release();
    go_on.add_permits(1);
    browser = request.await.unwrap();
    permits.add_permits(1);
    assert_eq!(lookup.await.unwrap(), 200, "within the grace period");
    fixture.clock.advance(10 * SECOND);
    assert_eq!((old.clone().me(&fixture.app).await, browser.me(&fixture.app).await), (401, 200));
}

#[tokio::test]
async fn a_login_that_races_with_a_revocation_of_the_user_does_not_last() {
    let fixture = Fixture::new();
    // The user is revoked while the store creates the record.
    let store = RevokingStore(fixture.store.clone(), Arc::new(Mutex::new(None)));
    let sessions = SessionAuth::builder().store(store.clone()).clock(fixture.clock.clock()).build().unwrap();
    *store.1.lock().unwrap() = Some(sessions.clone());
    let app = Router::new().route("/login", post(log_in)).layer(sessions.to_optional());
    let mut browser = Browser::default();
    let response = browser.post(&app, "/login?user=ann").await;
    assert_eq!((response.status.as_u16(), browser.cookie), (503, None));
    assert!(fixture.records().await.is_empty());
}

/// Revokes the user after each `create`.
#[derive(Clone)]
struct RevokingStore(TestStore, Arc<Mutex<Option<SessionAuth>>>);

impl SessionStore for RevokingStore {
    async fn find(&self, digest: &SessionDigest) -> Result<Option<SessionRecord>, StoreError> {
        self.0.find(digest).await
    }

    async fn create(&self, record: &SessionRecord, limit: Option<SessionLimit>) -> Result<Created, StoreError> {
        let sessions = self.1.lock().unwrap().clone().unwrap();
        // Before the record exists, so that the revocation does not find it.
        sessions.revoke_all(None, record.owner_id()).await.unwrap();
        self.0.create(record, limit).await
    }

    async fn renew(&self, old: &SessionRecord, renewed: &SessionRecord) -> Result<(), StoreError> {
        self.0.renew(old, renewed).await
    }

    async fn touch(&self, uses: &[SessionUse]) -> Result<(), StoreError> {
        self.0.touch(uses).await
    }

    async fn remove(&self, issuer: Option<&str>, owner: &str, id: &SessionId) -> Result<bool, StoreError> {
        self.0.remove(issuer, owner, id).await
    }

    async fn find_by_owner(&self, issuer: Option<&str>, owner: &str) -> Result<Vec<SessionRecord>, StoreError> {
        self.0.find_by_owner(issuer, owner).await
    }
}

#[tokio::test]
async fn canceled_request_does_not_cancel_the_lookup_of_others() {
    let fixture = Fixture::new();
    let browser = fixture.log_in().await;
    fixture.clock.advance(10 * SECOND);
    let permits = fixture.store.hold();
    let request =
        || Request::get("/me").header("cookie", browser.cookie.as_ref().unwrap()).body(Body::empty()).unwrap();
    let first = tokio::spawn(fixture.app.clone().oneshot(request()));
    fixture.store.wait_for_finds(1).await;
    let second = tokio::spawn(fixture.app.clone().oneshot(request()));
    tokio::task::yield_now().await;
    first.abort();
    permits.add_permits(1);
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    assert_eq!(fixture.store.finds(), 1);
}
