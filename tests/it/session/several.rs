//! Several sessions of a user: limits, lists, and ending them.

use axum::Json;
use axum::routing::get;
use futures_util::future::join_all;
use portcullis::TrustedProxies;
use portcullis::gate::{AccountRefusal, LoadError};
use portcullis::session::{ChangeDecision, SessionError, SessionInfo};
use std::net::SocketAddr;

use super::*;

#[tokio::test]
async fn a_sixth_login_ends_the_least_recently_used_session() {
    let fixture = Fixture::with(|builder| builder.max_sessions(5));
    let mut browsers = Vec::new();
    for _ in 0..5 {
        browsers.push(fixture.log_in().await);
        fixture.clock.advance(MINUTE);
    }
    // The first one is used, so the second one is the least recently used.
    assert_eq!(browsers[0].me(&fixture.app).await, 200);
    fixture.sessions.flush().await.unwrap();
    browsers.push(fixture.log_in().await);
    let mut statuses = Vec::new();
    for browser in &mut browsers {
        statuses.push(browser.me(&fixture.app).await);
    }
    assert_eq!(statuses, [200, 401, 200, 200, 200, 200]);
    assert_eq!(fixture.records().await.len(), 5);
}

#[tokio::test]
async fn fifty_concurrent_logins_leave_five_sessions() {
    let fixture = Fixture::with(|builder| builder.max_sessions(5));
    let log_ins = (0..50).map(|_| {
        let app = fixture.app.clone();
        tokio::spawn(async move {
            let mut browser = Browser::default();
            browser.post(&app, "/login?user=ann").await;
            browser
        })
    });
    let mut valid = 0;
    for browser in join_all(log_ins).await {
        valid += usize::from(browser.unwrap().me(&fixture.app).await == 200);
    }
    assert_eq!((valid, fixture.records().await.len()), (5, 5));
}

#[tokio::test]
async fn with_reject_over_limit_a_login_over_the_limit_is_403() {
    let fixture = Fixture::with(|builder| builder.max_sessions(1).reject_over_limit());
    let mut browser = fixture.log_in().await;
    let mut other = Browser::default();
    let response = other.post(&fixture.app, "/login?user=ann").await;
    assert_eq!((response.status.as_u16(), other.cookie), (403, None));
    assert_eq!(response.denial.unwrap().code(), "too_many_sessions");
    assert_eq!(browser.me(&fixture.app).await, 200);
    fixture.log_in_as("bob").await;
    // Sessions that have ended by either timeout do not count.
    for end in [31 * MINUTE, 12 * HOUR] {
        fixture.clock.advance(end);
        fixture.log_in().await;
        assert_eq!(Browser::default().post(&fixture.app, "/login?user=ann").await.status, 403);
    }
}

fn texts(sessions: &[SessionInfo]) -> Vec<String> {
    let address = |session: &SessionInfo| session.address().map(|address| address.to_string());
    let text =
        |session: &SessionInfo| format!("{} {:?} {:?}", session.is_current(), address(session), session.user_agent());
    sessions.iter().map(text).collect()
}

#[tokio::test]
async fn a_list_describes_devices_and_has_no_secret() {
    let fixture = Fixture::new();
    let log_in = async |session: Session| session.log_in(UserContext::new("ann")).await.map(drop);
    let list = async |session: Session| Ok::<_, SessionError>(Json(texts(&session.list().await?)));
    let app = Router::new()
        .route("/login", post(log_in))
        .layer(fixture.sessions.to_optional())
        .merge(Router::new().route("/", get(list)).layer(fixture.sessions.clone()))
        .layer(TrustedProxies::none())
        .layer(axum::Extension(SocketAddr::from(([192, 0, 2, 7], 4711))));
    let mut phone = Browser::default();
    let long = "a".repeat(300);
    phone.send(&app, Method::POST, "/login", &[("user-agent", &long)]).await;
    fixture.clock.advance(MINUTE);
    let mut desktop = Browser::default();
    desktop.send(&app, Method::POST, "/login", &[("user-agent", "Firefox")]).await;
    let listed: Vec<String> = serde_json::from_str(&desktop.get(&app, "/").await.body).unwrap();
    assert_eq!(
        listed,
        [
            format!("false Some(\"192.0.2.7\") Some(\"{}\")", &long[..256]),
            "true Some(\"192.0.2.7\") Some(\"Firefox\")".to_owned(),
        ]
    );
    let infos = fixture.sessions.list(None, "ann").await.unwrap();
    assert!(infos.iter().all(|info| !info.is_current()) && infos[0].created_at() < infos[1].created_at());
    assert_eq!(
        (infos[0].last_used_at(), infos[0].expires_at()),
        (infos[0].created_at(), infos[0].created_at() + 12 * HOUR)
    );
    for secret in [phone.value(), desktop.value()] {
        assert!(!format!("{infos:?}").contains(secret));
    }
}

#[tokio::test]
async fn a_user_can_end_only_own_sessions() {
    let fixture = Fixture::new();
    let (mut ann, mut other, mut bob) =
        (fixture.log_in().await, fixture.log_in().await, fixture.log_in_as("bob").await);
    let end = async |session: Session, body: String| session.revoke(&SessionId::parse(&body).unwrap()).await;
    let app = Router::new().route("/", post(end)).layer(fixture.sessions.clone());
    let end = async |browser: &Browser, id: &SessionId| {
        let request = Request::post("/")
            .header("cookie", browser.cookie.as_ref().unwrap())
            .header("sec-fetch-site", "same-origin");
        TestResponse::send(&app, request.body(Body::from(id.to_string())).unwrap()).await
    };
    let bob_id = *fixture.sessions.list(None, "bob").await.unwrap()[0].id();
    let response = end(&ann, &bob_id).await;
    assert_eq!((response.status.as_u16(), response.denial.unwrap().code()), (404, "session_not_found"));
    assert_eq!(bob.me(&fixture.app).await, 200);
    // Both began within the same second, so the order says nothing.
    let show = async |session: Session| session.id().unwrap().to_string();
    let own = ann.get(&Router::new().route("/", get(show)).layer(fixture.sessions.clone()), "/").await.body;
    let own = SessionId::parse(&own).unwrap();
    let id = fixture.records().await.iter().map(|record| *record.id()).find(|id| *id != own).unwrap();
    assert_eq!(end(&ann, &id).await.status, 200);
    assert_eq!((other.me(&fixture.app).await, ann.me(&fixture.app).await), (401, 200));
    let response = end(&ann, &own).await;
    assert!(response.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0;"));
    assert_eq!(ann.me(&fixture.app).await, 401);

    assert!(matches!(fixture.sessions.revoke(None, "ann", &bob_id).await, Err(SessionError::NotFound)));
    fixture.sessions.revoke(None, "bob", &bob_id).await.unwrap();
    assert_eq!(bob.me(&fixture.app).await, 401);
}

#[tokio::test]
async fn a_change_of_client_does_nothing_unless_the_app_decides() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    for agent in ["Firefox", "curl"] {
        assert_eq!(browser.send(&fixture.app, Method::GET, "/me", &[("user-agent", agent)]).await.status, 200);
    }

    let changes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&changes);
    let fixture = Fixture::with(|builder| {
        builder.on_change(move |change| {
            let agent = change.user_agent().unwrap_or_default().to_owned();
            let decision = if agent == "curl" { ChangeDecision::Revoke } else { ChangeDecision::Keep };
            seen.lock().unwrap().push(format!("{} {:?} {agent}", change.user().id(), change.user_agent_at_login()));
            decision
        })
    });
    let mut browser = fixture.log_in().await;
    let mut send = async |agent: &str| {
        browser.send(&fixture.app, Method::GET, "/me", &[("user-agent", agent)]).await.status.as_u16()
    };
    assert_eq!((send("Firefox").await, send("Firefox").await), (200, 200));
    assert_eq!(*changes.lock().unwrap(), ["ann None Firefox"], "once for each change");
    assert_eq!((send("curl").await, send("Firefox").await), (401, 401));
    while !fixture.records().await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn users_are_loaded_when_the_record_is_read_and_not_on_each_request() {
    let loaded = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&loaded);
    let is_locked = Arc::new(AtomicBool::new(false));
    let locked = Arc::clone(&is_locked);
    let fixture = Fixture::with(|builder| {
        builder.load_user(move |user: UserContext| {
            count.fetch_add(1, SeqCst);
            let result = match locked.load(SeqCst) {
                true => Err(LoadError::refused(AccountRefusal::Locked)),
                false => Ok(UserContext::new(format!("loaded {}", user.id()))),
            };
            async move { result }
        })
    });
    let mut browser = fixture.log_in().await;
    for _ in 0..10 {
        assert_eq!(browser.get(&fixture.app, "/me").await.body, "loaded ann");
    }
    assert_eq!(loaded.load(SeqCst), 1);
    is_locked.store(true, SeqCst);
    fixture.clock.advance(10 * SECOND);
    let response = browser.get(&fixture.app, "/me").await;
    assert_eq!((response.status.as_u16(), response.denial.unwrap().code()), (403, "account_locked"));
    assert_eq!(loaded.load(SeqCst), 2);
    // The loaded user can log out.
    is_locked.store(false, SeqCst);
    assert_eq!(browser.post(&fixture.app, "/logout").await.status, 200);
}

#[tokio::test]
async fn the_memory_store_keeps_its_capacity_and_evicts_from_the_user_with_most_sessions() {
    let clock = fake_clock();
    let memory = MemorySessions::with_capacity(10).with_clock(clock.clock());
    let fixture = Fixture::of(TestStore::new(memory), clock, |builder| builder);
    let mut bob = fixture.log_in_as("bob").await;
    for _ in 0..50 {
        fixture.clock.advance(SECOND);
        fixture.log_in().await;
    }
    let mut last = fixture.log_in().await;
    assert_eq!(fixture.records().await.len(), 9);
    fixture.clock.advance(10 * SECOND);
    assert_eq!((bob.me(&fixture.app).await, last.me(&fixture.app).await), (200, 200));
    fixture.clock.advance(12 * HOUR);
    assert!(format!("{:?}", fixture.store.0.sessions).contains("sessions: 0"), "expired ones are removed");
}
