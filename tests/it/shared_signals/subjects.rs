//! Which credentials a subject identifies.

use std::sync::{Arc, Mutex};

use portcullis::revocation::Revocation;
use portcullis::shared_signals::EventSubject;

use super::*;
use crate::support::log_capture::LogCapture;

/// The statuses of two sessions of ann and one of bob, after an event about this subject.
async fn statuses(app: &Fixture, subject: Value) -> [u16; 3] {
    let tokens = [app.access_token("ann", "s1"), app.access_token("ann", "s2"), app.access_token("bob", "s3")];
    let token = app.session_revoked().claim("sub_id", &subject);
    assert_eq!(app.send(&token).await.status, 202, "{subject}");
    [app.api(&tokens[0]).await, app.api(&tokens[1]).await, app.api(&tokens[2]).await]
}

fn opaque(id: &str) -> Value {
    json!({ "format": "opaque", "id": id })
}

#[tokio::test]
async fn iss_sub_is_the_user_of_that_issuer() {
    let app = Fixture::new().await;
    let other = json!({ "format": "iss_sub", "iss": "https://other.example.com", "sub": "ann" });
    assert_eq!(statuses(&app, other).await, [200, 200, 200]);
    assert_eq!(statuses(&app, app.user("ann")).await, [401, 401, 200]);
}

#[tokio::test]
async fn jwt_id_is_the_token() {
    let app = Fixture::new().await;
    let access = |id: &str| app.issuer.token("ann").audience(API).claim("jti", id).sign();
    let subject = json!({ "format": "jwt_id", "iss": app.issuer.url(), "jti": "t1" });
    assert_eq!(app.send(&app.session_revoked().claim("sub_id", subject)).await.status, 202);
    assert_eq!([app.api(&access("t1")).await, app.api(&access("t2")).await], [401, 200]);
    // Also if the clock of the transmitter is behind.
    let earlier = app.event_token(json!({ SESSION_REVOKED: { "event_timestamp": NOW - 60 } }));
    let subject = json!({ "format": "jwt_id", "iss": app.issuer.url(), "jti": "t3" });
    assert_eq!(app.send(&earlier.claim("sub_id", subject)).await.status, 202);
    assert_eq!([app.api(&access("t3")).await, app.api(&access("t2")).await], [401, 200]);
}

#[tokio::test]
async fn a_complex_subject_with_user_and_session_is_the_session() {
    for tenant in [None, Some(opaque("acme"))] {
        let app = Fixture::new().await;
        let cookies = [app.log_in("ann", "s1").await, app.log_in("ann", "s2").await];
        let mut subject = json!({ "format": "complex", "user": app.user("ann"), "session": opaque("s1") });
        if let Some(tenant) = tenant {
            subject["tenant"] = tenant;
        }
        assert_eq!(statuses(&app, subject).await, [401, 200, 200]);
        assert_eq!([app.me(&cookies[0]).await, app.me(&cookies[1]).await], [401, 200]);
    }
}

#[tokio::test]
async fn a_session_is_revoked_as_of_the_time_of_the_event() {
    let app = Fixture::new().await;
    let subject = json!({ "format": "complex", "user": app.user("ann"), "session": opaque("s1") });
    let token = app.session_revoked().claim("sub_id", subject);
    let earlier = app.access_token("ann", "s1");
    app.clock.advance(SECOND);
    // The provider logs the user in again, in the same session.
    let later = app.access_token("ann", "s1");
    assert_eq!(app.send(&token).await.status, 202);
    assert_eq!([app.api(&earlier).await, app.api(&later).await], [401, 200]);
}

#[tokio::test]
async fn opaque_and_email_are_ignored_with_a_log_line_without_a_mapping() {
    let app = Fixture::new().await;
    let log = LogCapture::start();
    for subject in [
        opaque("marker-s1"),
        json!({ "format": "email", "email": "marker-ann@example.com" }),
        json!({ "format": "marker-new" }),
        json!({ "format": "complex", "session": opaque("marker-s1") }),
    ] {
        assert_eq!(statuses(&app, subject).await, [200, 200, 200]);
    }
    assert_eq!(log.count("call .map_subject(..)"), 1, "{}", log.text());
    app.clock.advance(Duration::from_secs(60));
    statuses(&app, opaque("marker-s1")).await;
    assert_eq!(log.count("call .map_subject(..)"), 2, "{}", log.text());
    assert!(!log.text().contains("marker-"), "{}", log.text());
}

#[tokio::test]
async fn opaque_and_email_are_mapped_by_the_app() {
    let clock = fake_clock();
    let revocations = Revocations::builder().clock(clock.clock()).build().unwrap();
    // The issuer is known only after the start.
    let issuer = Arc::new(Mutex::new(String::new()));
    let known = Arc::clone(&issuer);
    let map = move |subject: EventSubject| {
        let issuer = known.lock().unwrap().clone();
        async move {
            let session = subject.get("/id").map(|id| Revocation::session(&issuer, id));
            Ok(match (subject.format(), subject.get("/email").or(subject.get("/user/email"))) {
                ("opaque", _) => session,
                (_, Some("ann@example.com")) => Some(Revocation::subject(&issuer, "ann")),
                _ => None,
            })
        }
    };
    let app = Fixture::of(clock, revocations, |builder| builder.map_subject(map)).await;
    app.issuer.url().clone_into(&mut issuer.lock().unwrap());
    let email = |address: &str| json!({ "format": "email", "email": address });
    assert_eq!(statuses(&app, opaque("s2")).await, [200, 401, 200]);
    app.clock.advance(SECOND);
    assert_eq!(statuses(&app, email("eve@example.com")).await, [200, 200, 200]);
    let earlier = app.session_revoked().claim("sub_id", email("ann@example.com"));
    app.clock.advance(SECOND);
    let later = app.access_token("ann", "s1");
    assert_eq!(app.send(&earlier).await.status, 202);
    assert_eq!(app.api(&later).await, 200, "as of the time of the event");
    let complex = json!({ "format": "complex", "user": email("ann@example.com"), "session": opaque("s1") });
    assert_eq!(statuses(&app, complex).await, [401, 401, 200]);
}

#[tokio::test]
async fn an_error_of_the_mapping_is_503() {
    let app = Fixture::with(|builder| builder.map_subject(async |_| Err("the database is down".into()))).await;
    let response = app.send(&app.session_revoked().claim("sub_id", opaque("s1"))).await;
    assert_eq!((response.status.as_u16(), &response.headers["retry-after"]), (503, &"1".parse().unwrap()));
    // Others need no mapping.
    assert_eq!(app.send(&app.session_revoked()).await.status, 202);
}

#[tokio::test]
async fn a_missing_or_malformed_subject_is_invalid_request() {
    let app = Fixture::new().await;
    for subject in [
        json!(null),
        json!("ann"),
        json!({ "format": "iss_sub", "sub": "ann" }),
        json!({ "format": "complex", "user": 1 }),
    ] {
        let response = app.send(&app.session_revoked().claim("sub_id", subject)).await;
        assert_rejected(&response, "invalid_request", "the subject is missing or invalid");
    }
    let response = app.send(&app.session_revoked().without_claim("sub_id")).await;
    assert_rejected(&response, "invalid_request", "the subject is missing or invalid");
}
