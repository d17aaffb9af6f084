//! Timeouts, and the last use from which the idle timeout counts.

use portcullis::Revocations;
use portcullis::session::AssuranceLevel;

use super::*;

#[tokio::test]
async fn a_session_ends_30_minutes_after_the_last_use() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    for _ in 0..5 {
        fixture.clock.advance(30 * MINUTE - SECOND);
        assert_eq!(browser.me(&fixture.app).await, 200);
    }
    let copy = browser.clone();
    fixture.clock.advance(30 * MINUTE);
    assert_eq!((browser.me(&fixture.app).await, browser.cookie), (401, None));
    assert_eq!(copy.clone().get(&fixture.app, "/open").await.body, "anonymous");
}

#[tokio::test]
async fn a_session_ends_12_hours_after_the_login_whatever_its_use() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    for _ in 0..(12 * 60 / 20 - 1) {
        fixture.clock.advance(20 * MINUTE);
        assert_eq!(browser.me(&fixture.app).await, 200);
    }
    fixture.clock.advance(20 * MINUTE - SECOND);
    assert_eq!(browser.me(&fixture.app).await, 200);
    fixture.clock.advance(SECOND);
    assert_eq!(browser.clone().me(&fixture.app).await, 401);
    // A renewal does not move the end.
    assert_eq!(browser.post(&fixture.app, "/renew").await.status, 401);
}

#[tokio::test]
async fn a_renewal_does_not_extend_the_absolute_timeout() {
    let fixture = Fixture::with(|builder| builder.absolute_timeout(HOUR));
    let mut browser = fixture.log_in().await;
    fixture.clock.advance(29 * MINUTE);
    browser.post(&fixture.app, "/renew").await;
    fixture.clock.advance(29 * MINUTE);
    assert_eq!(browser.me(&fixture.app).await, 200);
    fixture.clock.advance(2 * MINUTE);
    assert_eq!(browser.me(&fixture.app).await, 401);
}

#[tokio::test]
async fn a_login_sets_auth_time_unless_the_user_has_one() {
    let fixture = Fixture::new();
    fixture.log_in().await;
    let now = UNIX_EPOCH + fixture.clock.clock().since_epoch();
    assert_eq!(fixture.records().await.remove(0).user().auth_time(), Some(now));

    let at_provider = now - MINUTE;
    let log_in = async move |session: Session| {
        session.log_in(UserContext::new("bob").with_authentication(at_provider, "1", ["pwd"])).await.map(drop)
    };
    let app = Router::new().route("/callback", post(log_in)).layer(fixture.sessions.to_optional());
    Browser::default().post(&app, "/callback").await;
    let record = fixture.store.find_by_owner(None, "bob").await.unwrap().remove(0);
    assert_eq!(record.user().auth_time(), Some(at_provider));
}

#[tokio::test]
async fn a_confirmation_starts_both_timeouts_again_and_sets_auth_time() {
    let fixture = Fixture::with(|builder| builder.absolute_timeout(HOUR));
    let mut browser = fixture.log_in().await;
    let id = fixture.records().await[0].id().to_owned();
    fixture.clock.advance(29 * MINUTE);
    let before = browser.value().to_owned();
    assert_eq!(browser.post(&fixture.app, "/confirm").await.status, 200);
    assert_ne!(browser.value(), before);
    let record = fixture.records().await.remove(0);
    let now = UNIX_EPOCH + fixture.clock.clock().since_epoch();
    assert_eq!((record.id(), record.logged_in_at(), record.expires_at()), (&id, now, now + HOUR));
    assert_eq!((record.user().auth_time(), record.user().acr()), (Some(now), Some("2")));
    assert!(record.user().amr().eq(["pwd", "otp"]));
    for _ in 0..2 {
        fixture.clock.advance(29 * MINUTE);
        assert_eq!(browser.me(&fixture.app).await, 200);
    }
    fixture.clock.advance(2 * MINUTE);
    assert_eq!(browser.me(&fixture.app).await, 401);
}

#[tokio::test]
async fn the_server_ends_a_remembered_session_whatever_the_browser_keeps() {
    let fixture = Fixture::with(|builder| builder.remember_for(400 * 24 * HOUR));
    let browser = fixture.log_in().await;
    fixture.clock.advance(30 * MINUTE);
    assert_eq!(browser.clone().me(&fixture.app).await, 401);
}

#[tokio::test]
async fn a_use_by_another_process_extends_the_session_here() {
    let here = Fixture::new();
    let there = Fixture::of(here.store.clone(), here.clock.clone(), |builder| builder);
    let mut browser = here.log_in().await;
    for _ in 0..4 {
        here.clock.advance(20 * MINUTE);
        let touches = here.store.touches();
        assert_eq!(browser.me(&there.app).await, 200);
        here.store.wait_for_touches(touches + 1).await;
    }
    // The record that is cached here is 80 minutes old.
    assert_eq!(browser.me(&here.app).await, 200);
    here.clock.advance(30 * MINUTE);
    assert_eq!((browser.clone().me(&here.app).await, browser.me(&there.app).await), (401, 401));
}

#[tokio::test]
async fn a_session_is_touched_at_most_once_a_minute_and_process() {
    let fixture = Fixture::with(|builder| builder.idle_timeout(2 * MINUTE));
    let mut browser = fixture.log_in().await;
    for _ in 0..600 {
        fixture.clock.advance(SECOND);
        assert_eq!(browser.me(&fixture.app).await, 200);
        tokio::task::yield_now().await;
    }
    assert!((8..=10).contains(&fixture.store.touches()), "{}", fixture.store.touches());
    fixture.sessions.flush().await.unwrap();
    let now = UNIX_EPOCH + fixture.clock.clock().since_epoch();
    assert_eq!(fixture.records().await[0].last_used_at(), now);
}

#[tokio::test]
async fn uses_that_cannot_be_stored_are_part_of_the_next_attempt() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    fixture.clock.advance(2 * SECOND);
    fixture.sessions.flush().await.unwrap();
    assert_eq!(browser.me(&fixture.app).await, 200);
    fixture.store.set_down(true);
    assert_eq!(fixture.sessions.flush().await.unwrap_err().status(), 503);
    fixture.store.set_down(false);
    fixture.sessions.flush().await.unwrap();
    assert_eq!(fixture.store.touches(), 1);
    fixture.sessions.flush().await.unwrap();
    assert_eq!(fixture.store.touches(), 1);
}

#[tokio::test]
async fn a_touch_creates_no_record() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    fixture.clock.advance(5 * SECOND);
    assert_eq!(browser.me(&fixture.app).await, 200);
    fixture.store.0.sessions.remove(None, "ann", fixture.records().await[0].id()).await.unwrap();
    fixture.sessions.flush().await.unwrap();
    assert_eq!(fixture.store.touches(), 1);
    assert!(fixture.records().await.is_empty());
}

#[tokio::test]
async fn the_presets_of_nist_limit_both_timeouts() {
    for (level, idle, absolute) in [
        (AssuranceLevel::Aal1, 30 * 24 * HOUR, 30 * 24 * HOUR),
        (AssuranceLevel::Aal2, HOUR, 24 * HOUR),
        (AssuranceLevel::Aal3, 15 * MINUTE, 12 * HOUR),
    ] {
        let fixture = Fixture::with(|builder| builder.assurance(level));
        let mut browser = fixture.log_in().await;
        let record = fixture.records().await.remove(0);
        assert_eq!(record.expires_at(), record.created_at() + absolute);
        fixture.clock.advance(idle);
        assert_eq!(browser.me(&fixture.app).await, 401);
        let builder = || SessionAuth::builder().store(MemorySessions::new()).assurance(level);
        let longer = builder().absolute_timeout(absolute + SECOND).idle_timeout(idle);
        assert_eq!(longer.build().unwrap_err().issues()[0].setting(), "absolute_timeout");
        let shorter = builder().absolute_timeout(absolute).idle_timeout(idle);
        assert!(shorter.build().is_ok());
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_nothing_valid_again() {
    let fixture = Fixture::with(|builder| builder.revocations(&Revocations::builder().build().unwrap()));
    let mut browser = fixture.log_in().await;
    let copy = browser.clone();
    browser.post(&fixture.app, "/logout").await;
    fixture.clock.set_wall(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    assert_eq!(copy.clone().me(&fixture.app).await, 401);
}
