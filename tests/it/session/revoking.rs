//! Revocations of sessions: by their user, by administrators, by an OpenID provider, and in other processes.

use portcullis::Revocations;
use portcullis::revocation::Revocation;

use super::*;

/// Two processes that share revocations, as they do by a stream.
fn nodes() -> (Revocations, Fixture, Fixture) {
    let clock = fake_clock();
    let revocations = Revocations::builder().clock(clock.clock()).build().unwrap();
    let store = TestStore::new(MemorySessions::new().with_clock(clock.clock()));
    let [here, there] = [(); 2].map(|()| {
        Fixture::of(store.clone(), clock.clone(), |builder| builder.revocations(&revocations).cache_ttl(MINUTE))
    });
    (revocations, here, there)
}

#[tokio::test]
async fn a_logout_is_known_to_other_processes_that_have_the_session_cached() {
    let (_, here, there) = nodes();
    let mut browser = here.log_in().await;
    let copy = browser.clone();
    assert_eq!(copy.clone().me(&there.app).await, 200);
    browser.post(&here.app, "/logout").await;
    assert_eq!(copy.clone().me(&there.app).await, 401);
}

#[tokio::test]
async fn without_shared_revocations_another_process_rejects_the_session_after_ten_seconds() {
    let here = Fixture::new();
    let there = Fixture::of(here.store.clone(), here.clock.clone(), |builder| builder);
    let mut browser = here.log_in().await;
    let copy = browser.clone();
    assert_eq!(copy.clone().me(&there.app).await, 200);
    browser.post(&here.app, "/logout").await;
    here.clock.advance(10 * SECOND);
    assert_eq!(copy.clone().me(&there.app).await, 401);
}

#[tokio::test]
async fn revoke_others_keeps_the_current_session_and_ends_the_rest_everywhere() {
    let (_, here, there) = nodes();
    let (mut current, mut phone, mut bob) = (here.log_in().await, there.log_in().await, here.log_in_as("bob").await);
    assert_eq!(phone.me(&here.app).await, 200);
    assert_eq!(current.post(&here.app, "/others").await.status, 200);
    for app in [&here.app, &there.app] {
        assert_eq!((current.me(app).await, phone.clone().me(app).await, bob.me(app).await), (200, 401, 200));
    }
    assert_eq!(here.records().await.len(), 1);
}

#[tokio::test]
async fn revoke_all_ends_all_sessions_including_the_current_one() {
    let (_, here, there) = nodes();
    let (mut current, mut phone, mut bob) = (here.log_in().await, there.log_in().await, here.log_in_as("bob").await);
    assert_eq!(current.post(&here.app, "/all").await.status, 200);
    assert_eq!(current.cookie, None);
    assert_eq!((phone.me(&there.app).await, bob.me(&there.app).await), (401, 200));
    assert!(here.records().await.is_empty());
}

#[tokio::test]
async fn an_administrator_ends_all_sessions_of_a_user_by_issuer_and_id() {
    let (_, here, there) = nodes();
    let mut browser = here.log_in().await;
    let copy = browser.clone();
    assert_eq!(browser.me(&there.app).await, 200);
    there.sessions.revoke_all(Some("https://id.example.com"), "ann").await.unwrap();
    assert_eq!(browser.me(&there.app).await, 200, "the user of another issuer");
    there.sessions.revoke_all(None, "ann").await.unwrap();
    assert_eq!((copy.clone().me(&here.app).await, copy.clone().me(&there.app).await), (401, 401));
    assert!(here.records().await.is_empty());
}

#[tokio::test]
async fn a_login_after_a_revocation_within_the_same_second_is_valid() {
    let (_, here, there) = nodes();
    let mut before = here.log_in().await;
    here.sessions.revoke_all(None, "ann").await.unwrap();
    let mut after = here.log_in().await;
    assert_eq!((before.me(&there.app).await, after.me(&there.app).await, after.me(&here.app).await), (401, 200, 200));
    // A second revocation within the same second ends it.
    there.sessions.revoke_all(None, "ann").await.unwrap();
    assert_eq!(after.clone().me(&here.app).await, 401);
}

#[tokio::test]
async fn an_openid_provider_ends_the_session_of_its_login() {
    let (revocations, here, _) = nodes();
    let issuer = "https://id.example.com";
    let log_in = async move |session: Session| {
        let user = UserContext::new("ann").with_issuer(issuer).with_session_id("sid-7");
        session.log_in(user).await.map(drop)
    };
    let app = Router::new().route("/login", post(log_in)).layer(here.sessions.to_optional());
    for (revocation, status) in [
        (Revocation::session(issuer, "sid-8"), 200),
        (Revocation::session("https://other.example.com", "sid-7"), 200),
        (Revocation::session(issuer, "sid-7"), 401),
    ] {
        let mut browser = Browser::default();
        browser.post(&app, "/login").await;
        revocations.revoke_by(revocation).await.unwrap();
        assert_eq!(browser.me(&here.app).await, status);
    }
    // The record is removed, so that the session does not outlive the revocation.
    here.clock.advance(2 * SECOND);
    while here.store.0.sessions.find_by_owner(Some(issuer), "ann").await.unwrap().len() > 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn revoke_all_of_the_shared_handle_removes_the_records() {
    let (revocations, here, _) = nodes();
    let mut browser = here.log_in().await;
    let user = here.sessions.list(None, "ann").await.unwrap();
    assert_eq!(user.len(), 1);
    let revoke = async move |user: UserContext| revocations.revoke_all(&user).await.map_err(Denial::from);
    let app = Router::new().route("/", post(revoke)).layer(here.sessions.clone());
    assert_eq!(browser.post(&app, "/").await.status, 200);
    assert_eq!(browser.me(&here.app).await, 401);
    assert!(here.records().await.is_empty());
}
