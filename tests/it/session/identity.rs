//! Unknown cookies, logins, renewals and logouts.

use axum::routing::get;
use portcullis::context::Credential;

use super::*;

#[tokio::test]
async fn a_request_without_a_session_is_401_with_a_challenge() {
    let fixture = Fixture::with(|builder| builder.realm("shop"));
    for mut browser in [Browser::default(), invented(1)] {
        let response = browser.get(&fixture.app, "/me").await;
        assert_eq!((response.status.as_u16(), response.challenge()), (401, "Session realm=\"shop\""));
        assert_eq!(response.denial.unwrap().code(), "credentials_missing");
        assert_eq!(response.headers["cache-control"], "no-store");
    }
    assert_eq!(fixture.handled(), 0);
}

#[tokio::test]
async fn an_invented_cookie_is_no_credential_and_is_cleared() {
    let fixture = Fixture::new();
    let mut browser = invented(1);
    assert_eq!(browser.get(&fixture.app, "/open").await.body, "anonymous");
    assert_eq!(browser.cookie, None);
    let mut browser = invented(2);
    assert_eq!((browser.me(&fixture.app).await, browser.cookie), (401, None));
}

#[tokio::test]
async fn invented_cookies_store_nothing() {
    let fixture = Fixture::new();
    for number in 0..1_000 {
        assert_eq!(invented(number).me(&fixture.app).await, 401);
    }
    assert_eq!((fixture.store.finds(), fixture.store.writes(), fixture.store.touches()), (1_000, 0, 0));
    assert!(format!("{:?}", fixture.store.0.sessions).contains("sessions: 0"));
}

#[tokio::test]
async fn the_user_of_a_request_is_that_of_the_login() {
    let fixture = Fixture::new();
    let log_in = async |session: Session| {
        let user = UserContext::new("ann")
            .with_issuer("https://id.example.com")
            .with_session_id("sid-7")
            .with_roles(["editor"])
            .with_name("Ann")
            .with_raw_claims("{\"a\":1}")
            .with_record(7_u8);
        session.log_in(user).await.unwrap().to_string()
    };
    let show = async |user: UserContext, session: Session| {
        assert_eq!((user.id(), user.issuer(), user.name()), ("ann", Some("https://id.example.com"), Some("Ann")));
        assert_eq!((user.credential(), user.session_id()), (Credential::Session, Some("sid-7")));
        assert!(user.has_role("editor") && user.raw_claims() == "{}" && user.record::<u8>().is_none());
        assert_eq!(user.token_id().map(str::to_owned), session.id().map(|id| id.to_string()));
        assert_eq!(user.expires_at().unwrap(), user.issued_at().unwrap() + 12 * HOUR);
        user.token_id().unwrap().to_owned()
    };
    let login = Router::new().route("/login", post(log_in)).layer(fixture.sessions.to_optional());
    let app = Router::new().route("/", get(show)).layer(fixture.sessions.clone()).merge(login);
    let mut browser = Browser::default();
    let id = browser.post(&app, "/login").await.body;
    assert_eq!(browser.get(&app, "/").await.body, id);
    // Another process reads it from the store.
    let other = Fixture::of(fixture.store.clone(), fixture.clock.clone(), |builder| builder);
    let app = Router::new().route("/", get(show)).layer(other.sessions);
    assert_eq!(browser.get(&app, "/").await.body, id);
}

#[tokio::test]
async fn the_handler_sees_the_session_that_it_has_started() {
    let fixture = Fixture::new();
    let log_in = async |session: Session| {
        assert_eq!((session.id(), session.user().map(|user| user.id().to_owned())), (None, None));
        let id = session.log_in(UserContext::new("ann")).await.unwrap();
        assert_eq!((session.id(), session.user().unwrap().id()), (Some(id), "ann"));
        session.log_out().await.unwrap();
        assert_eq!(session.id(), None);
    };
    let app = Router::new().route("/", post(log_in)).layer(fixture.sessions.to_optional());
    let mut browser = Browser::default();
    browser.post(&app, "/").await;
    assert_eq!((browser.cookie, fixture.records().await.len()), (None, 0));
}

#[tokio::test]
async fn a_cookie_that_was_planted_before_the_login_is_worthless_after_it() {
    let fixture = Fixture::new();
    // The attacker's own session, in the browser of the victim.
    let planted = fixture.log_in_as("mallory").await;
    let mut victim = planted.clone();
    victim.post(&fixture.app, "/login?user=ann").await;
    assert_ne!(victim.value(), planted.value());
    assert_eq!(victim.get(&fixture.app, "/me").await.body, "ann");
    assert_eq!(planted.clone().me(&fixture.app).await, 401);
    // An unknown cookie is not adopted.
    let mut victim = invented(7);
    victim.post(&fixture.app, "/login?user=ann").await;
    assert_ne!(victim.value(), invented(7).value());
    assert_eq!(invented(7).me(&fixture.app).await, 401);
}

#[tokio::test]
async fn a_login_ends_the_session_that_the_request_came_with_without_a_grace_period() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    let before = browser.clone();
    browser.post(&fixture.app, "/login?user=ann").await;
    assert_eq!((before.clone().me(&fixture.app).await, browser.me(&fixture.app).await), (401, 200));
    assert_eq!(fixture.records().await.len(), 1);
}

#[tokio::test]
async fn an_old_cookie_is_accepted_for_ten_seconds_after_a_renewal_and_is_never_renewed() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    let old = browser.clone();
    let id = fixture.records().await[0].id().to_owned();
    assert_eq!(browser.post(&fixture.app, "/renew").await.status, 200);
    assert_ne!(browser.value(), old.value());
    assert_eq!(fixture.records().await[0].id(), &id, "the id stays");
    fixture.clock.advance(9 * SECOND);
    let mut replayed = old.clone();
    assert_eq!(replayed.post(&fixture.app, "/renew").await.status, 200);
    assert_eq!(replayed.value(), old.value(), "it gets no other cookie");
    fixture.clock.advance(SECOND);
    assert_eq!(old.clone().me(&fixture.app).await, 401);
    fixture.clock.advance(SECOND);
    assert_eq!((old.clone().me(&fixture.app).await, browser.me(&fixture.app).await), (401, 200));
}

#[tokio::test]
async fn a_logout_ends_the_session_at_once() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    let copy = browser.clone();
    assert_eq!(browser.post(&fixture.app, "/logout").await.status, 200);
    assert_eq!((browser.cookie, copy.clone().me(&fixture.app).await), (None, 401));
    assert_eq!(copy.clone().get(&fixture.app, "/open").await.body, "anonymous");
    assert!(fixture.records().await.is_empty());
}

#[tokio::test]
async fn a_logout_after_a_renewal_ends_the_old_cookie_too() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    let old = browser.clone();
    browser.post(&fixture.app, "/renew").await;
    browser.post(&fixture.app, "/logout").await;
    assert_eq!(old.clone().me(&fixture.app).await, 401);
}

#[tokio::test]
async fn a_logout_is_effective_here_even_if_the_store_is_down() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    let copy = browser.clone();
    fixture.store.set_down(true);
    let response = browser.post(&fixture.app, "/logout").await;
    assert_eq!((response.status.as_u16(), browser.cookie), (503, None));
    assert_eq!(response.denial.unwrap().code(), "session_store_unavailable");
    fixture.store.set_down(false);
    assert_eq!(copy.clone().me(&fixture.app).await, 401);
}

#[tokio::test]
async fn a_user_without_an_id_or_over_4_kib_is_not_stored() {
    let fixture = Fixture::new();
    let user = |name: &str| UserContext::new("ann").with_name(name);
    for (user, expected) in
        [(user(&"a".repeat(3_000)), 200), (user(&"a".repeat(4_000)), 500), (UserContext::new(""), 500)]
    {
        let log_in = async move |session: Session| session.log_in(user).await.map(drop).map_err(Denial::from);
        let app = Router::new().route("/", post(log_in)).layer(fixture.sessions.to_optional());
        let mut browser = Browser::default();
        assert_eq!(browser.post(&app, "/").await.status, expected);
        assert_eq!(browser.cookie.is_some(), expected == 200);
    }
}
