//! What each type of event does.

use std::sync::{Arc, Mutex};

use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::shared_signals::SecurityEvent;
use portcullis::{ApiKeyAuth, UserContext};

use super::*;
use crate::support::log_capture::LogCapture;

/// Sends a token with these events, and returns whether the credentials of ann were revoked.
async fn revokes(events: &Value) -> bool {
    let app = Fixture::new().await;
    let (access, cookie) = (app.access_token("ann", "s1"), app.log_in("ann", "s1").await);
    let of_bob = app.access_token("bob", "s2");
    assert_eq!((app.api(&access).await, app.me(&cookie).await), (200, 200));
    assert_eq!(app.send(&app.event_token(events.clone())).await.status, 202, "{events}");
    assert_eq!(app.api(&of_bob).await, 200, "{events}");
    match (app.api(&access).await, app.me(&cookie).await) {
        (401, 401) => true,
        (200, 200) => false,
        statuses => panic!("{events}: {statuses:?}"),
    }
}

#[tokio::test]
async fn session_revoked_revokes_the_tokens_and_sessions_of_the_subject() {
    assert!(revokes(&json!({ SESSION_REVOKED: {} })).await);
    assert!(revokes(&json!({ SESSION_REVOKED: { "initiating_entity": "policy" } })).await);
}

#[tokio::test]
async fn credential_change_revokes_after_revoke_and_delete_only() {
    for change in ["revoke", "delete"] {
        assert!(revokes(&json!({ CREDENTIAL_CHANGE: { "credential_type": "password", "change_type": change } })).await);
    }
    for change in ["create", "update"] {
        assert!(!revokes(&json!({ CREDENTIAL_CHANGE: { "credential_type": "pin", "change_type": change } })).await);
    }
    let app = Fixture::new().await;
    let response = app.send(&app.event_token(json!({ CREDENTIAL_CHANGE: { "credential_type": "pin" } }))).await;
    assert_rejected(&response, "invalid_request", "the payload of an event is invalid");
}

#[tokio::test]
async fn account_disabled_and_account_purged_revoke() {
    for name in ["account-disabled", "account-purged"] {
        let event = format!("https://schemas.openid.net/secevent/risc/event-type/{name}");
        assert!(revokes(&json!({ event: { "reason": "hijacking" } })).await, "{name}");
    }
}

#[tokio::test]
async fn a_disabled_account_has_no_valid_api_key() {
    let app = Fixture::new().await;
    let builder = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).clock(app.clock.clock());
    let keys = builder.revocations(&app.revocations).build().unwrap();
    let ann = UserContext::new("ann").with_issuer(app.issuer.url());
    let earlier = keys.create(NewApiKey::for_user(&ann)).await.unwrap();
    let token = app.session_revoked();
    app.clock.advance(SECOND);
    let later = keys.create(NewApiKey::for_user(&ann)).await.unwrap();
    assert_eq!(app.send(&token).await.status, 202);
    let is_revoked = async |id| keys.find(id).await.unwrap().unwrap().revoked_at().is_some();
    assert!(is_revoked(earlier.id()).await && !is_revoked(later.id()).await);
}

#[tokio::test]
async fn all_events_of_a_token_are_applied_or_none() {
    let app = Fixture::new().await;
    let access = app.access_token("ann", "s1");
    let malformed = json!({ SESSION_REVOKED: {}, CREDENTIAL_CHANGE: {} });
    assert_eq!(app.send(&app.event_token(malformed)).await.status, 400);
    assert_eq!(app.api(&access).await, 200);
    assert!(revokes(&json!({ LEVEL_CHANGE: {}, SESSION_REVOKED: {}, VERIFICATION: {} })).await);
}

#[tokio::test]
async fn credentials_are_revoked_as_of_event_timestamp_else_toe_else_iat() {
    let event = |timestamp: Option<u64>| match timestamp {
        Some(time) => json!({ SESSION_REVOKED: { "event_timestamp": time } }),
        None => json!({ SESSION_REVOKED: {} }),
    };
    for (timestamp, toe, until) in [
        (Some(NOW - 300), Some(NOW - 200), NOW - 300),
        // In milliseconds.
        (Some((NOW - 300) * 1_000 + 999), Some(NOW - 200), NOW - 300),
        (None, Some(NOW - 200), NOW - 200),
        (None, None, NOW - 100),
    ] {
        let app = Fixture::new().await;
        let access = |iat: u64| app.issuer.token("ann").audience(API).claim("iat", iat).sign();
        let mut token = app.event_token(event(timestamp)).claim("iat", NOW - 100);
        if let Some(toe) = toe {
            token = token.claim("toe", toe);
        }
        assert_eq!(app.send(&token).await.status, 202);
        assert_eq!(
            [app.api(&access(until)).await, app.api(&access(until + 1)).await],
            [401, 200],
            "{timestamp:?} {toe:?}"
        );
        let without_iat = app.issuer.token("ann").audience(API).without_claim("iat").sign();
        assert_eq!(app.api(&without_iat).await, 401);
    }
}

#[tokio::test]
async fn a_login_after_the_event_stays_valid() {
    let app = Fixture::new().await;
    let token = app.session_revoked();
    app.clock.advance(SECOND);
    let (access, cookie) = (app.access_token("ann", "s2"), app.log_in("ann", "s2").await);
    assert_eq!(app.send(&token).await.status, 202);
    assert_eq!((app.api(&access).await, app.me(&cookie).await), (200, 200));
}

#[tokio::test]
async fn other_events_go_to_on_event() {
    let received: Arc<Mutex<Vec<SecurityEvent>>> = Arc::default();
    let handler = Arc::clone(&received);
    let app = Fixture::with(|builder| {
        builder.on_event(move |event| {
            handler.lock().unwrap().push(event);
            async { Ok(()) }
        })
    })
    .await;
    let level = json!({ "current_level": "nist-aal2", "event_timestamp": NOW - 60 });
    let events = json!({
        LEVEL_CHANGE: level,
        "https://example.com/event": { "event_timestamp": "any" },
        SESSION_REVOKED: {},
        VERIFICATION: { "state": "s" },
        CLAIMS_CHANGE: { "claims": {} },
    });
    assert_eq!(app.send(&app.event_token(events).claim("jti", "j1")).await.status, 202);
    let mut received = std::mem::take(&mut *received.lock().unwrap());
    received.sort_by_key(|event| event.event_type().to_owned());
    let types: Vec<_> = received.iter().map(SecurityEvent::event_type).collect();
    assert_eq!(types, ["https://example.com/event", LEVEL_CHANGE]);
    let change = &received[1];
    assert_eq!(change.time(), UNIX_EPOCH + Duration::from_secs(NOW - 60));
    assert_eq!(received[0].time(), UNIX_EPOCH + Duration::from_secs(NOW));
    let subject = change.subject().unwrap();
    assert_eq!((change.token_id(), subject.format(), subject.get("/sub")), ("j1", "iss_sub", Some("ann")));
    assert_eq!(change.payload::<Value>().unwrap()["current_level"], "nist-aal2");
    assert!(change.payload::<Vec<u8>>().is_err());
}

#[tokio::test]
async fn after_an_error_of_on_event_the_response_is_503_and_the_token_is_applied_when_it_is_sent_again() {
    let calls = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&calls);
    let app = Fixture::with(|builder| {
        builder.on_event(move |_| {
            let mut calls = counter.lock().unwrap();
            *calls += 1;
            let result = if *calls == 1 { Err("the database is down".into()) } else { Ok(()) };
            async { result }
        })
    })
    .await;
    let access = app.access_token("ann", "s1");
    let token = app.event_token(json!({ LEVEL_CHANGE: {}, SESSION_REVOKED: {} })).claim("jti", "j1");
    let log = LogCapture::start();
    let response = app.send(&token).await;
    assert_eq!((response.status.as_u16(), &response.headers["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(log.count("the database is down"), 1, "{}", log.text());
    // What the event revokes does not wait for the app.
    assert_eq!(app.api(&access).await, 401);
    assert_eq!(app.send(&token).await.status, 202);
    assert_eq!(app.send(&token).await.status, 202);
    assert_eq!(*calls.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_verification_event_is_accepted_without_effect() {
    assert!(!revokes(&json!({ VERIFICATION: {} })).await);
    assert!(!revokes(&json!({ VERIFICATION: { "state": "any" } })).await);
    let app = Fixture::new().await;
    let stream = json!({ "format": "opaque", "id": "stream-1" });
    assert_eq!(app.send(&app.event_token(json!({ VERIFICATION: {} })).claim("sub_id", stream)).await.status, 202);
}

#[tokio::test]
async fn a_state_other_than_the_requested_one_is_invalid_state() {
    let app = Fixture::with(|builder| builder.verification_state("VGhpcyBpcyBhbiBleGFtcGxl")).await;
    let verification = |payload: Value| app.event_token(json!({ VERIFICATION: payload }));
    for payload in [json!({ "state": "VGhpcyBpcyBhbiBleGFtcGxl" }), json!({})] {
        assert_eq!(app.send(&verification(payload)).await.status, 202);
    }
    let response = app.send(&verification(json!({ "state": "other" }))).await;
    assert_rejected(&response, "invalid_state", "the state is not the requested one");
    let response = app.send(&verification(json!({ "state": 7 }))).await;
    assert_rejected(&response, "invalid_request", "the payload of an event is invalid");
}

#[tokio::test]
async fn a_stream_that_is_paused_or_disabled_is_logged_once() {
    const UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";
    let app = Fixture::new().await;
    for (status, lines) in [("enabled", 0), ("paused", 1), ("disabled", 1)] {
        let log = LogCapture::start();
        let token = app.event_token(json!({ UPDATED: { "status": status, "reason": "marker-reason" } }));
        for _ in 0..3 {
            assert_eq!(app.send(&token).await.status, 202);
        }
        assert_eq!(log.count("has paused or disabled the stream"), lines, "{status}: {}", log.text());
        assert!(!log.text().contains("marker-"));
    }
}
