//! The stream of revocations in Redis: a 202 means that it has stored the revocation.

use std::sync::atomic::Ordering;

use axum::http::HeaderValue;

use super::*;
use crate::support::redis_server::Server;

const KEY: &str = "portcullis:revocations";

pub(super) async fn app(server: &Server) -> Fixture {
    let clock = fake_clock();
    let revocations = Revocations::builder().redis_stream(&server.url()).clock(clock.clock()).build().unwrap();
    revocations.wait_until_ready().await;
    Fixture::of(clock, revocations, |builder| builder).await
}

pub(super) fn len(server: &Server) -> String {
    server.command(&["XLEN", KEY]).trim().to_owned()
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_202_is_sent_only_after_the_stream_has_stored_the_revocation() {
    let server = Server::start();
    let app = app(&server).await;
    let token = app.session_revoked();
    assert_eq!(app.send(&token).await.status, 202);
    assert_eq!(len(&server), "1");
    // It is applied once.
    assert_eq!(app.send(&token).await.status, 202);
    assert_eq!(len(&server), "1");
    let several = json!({ SESSION_REVOKED: { "event_timestamp": NOW + 60 }, CLAIMS_CHANGE: { "claims": {} } });
    assert_eq!(app.send(&app.event_token(several)).await.status, 202);
    assert_eq!(len(&server), "3");
    let ignored = json!({ VERIFICATION: {}, LEVEL_CHANGE: {} });
    assert_eq!(app.send(&app.event_token(ignored)).await.status, 202);
    assert_eq!(len(&server), "3");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn if_the_stream_is_unavailable_the_response_is_503_and_this_process_rejects_the_token() {
    let server = Server::start();
    let app = app(&server).await;
    let access = app.access_token("ann", "s1");
    assert_eq!(app.api(&access).await, 200);
    drop(server);
    let token = app.session_revoked();
    for _ in 0..2 {
        let response = app.send(&token).await;
        assert_eq!((response.status.as_u16(), &response.headers["retry-after"]), (503, &HeaderValue::from_static("1")));
        assert_eq!(
            response.body,
            r#"{"err":"temporarily_unavailable","description":"the events could not be applied"}"#
        );
    }
    assert_eq!(app.api(&access).await, 401);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn another_process_rejects_the_credentials_of_the_subject_too() {
    let server = Server::start();
    let (first, second) = (app(&server).await, app(&server).await);
    let user = UserContext::new("ann").with_issuer(first.issuer.url());
    let user = user.with_issued_at(UNIX_EPOCH + Duration::from_secs(NOW));
    assert!(second.revocations.check(&user).is_ok());
    let ended = second.revocations.watch(&user);
    assert_eq!(first.send(&first.session_revoked()).await.status, 202);
    ended.await;
    assert!(second.revocations.check(&user).is_err());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn another_process_verifies_a_cached_token_again_after_a_claims_change() {
    let server = Server::start();
    let (first, second) = (app(&server).await, app(&server).await);
    let (api, calls) = changed_claims::opaque(&second, first.issuer.url());
    for _ in 0..2 {
        assert_eq!(changed_claims::scope(&api).await, "call-0");
    }
    // A JWT of the same user, which the other process has cached too.
    let (jwt_api, mut users) = changed_claims::jwt(&second, first.issuer.url());
    let bearer = format!("Bearer {}", first.access_token("ann", "s1"));
    let mut user = async || {
        assert_eq!(TestResponse::get(&jwt_api, "/", &[("authorization", &bearer)]).await.status, 200);
        users.recv().await.unwrap()
    };
    let [verified, cached] = [user().await, user().await];
    assert_eq!(verified.raw_claims().as_ptr(), cached.raw_claims().as_ptr());
    for app in [&first, &second] {
        app.clock.advance(60 * SECOND);
    }
    let change = first.event_token(json!({ CLAIMS_CHANGE: { "claims": {} } }));
    assert_eq!(first.send(&change).await.status, 202);
    // The stream is in order: what the other process learns next, it learns after the change.
    let next = UserContext::new("eve").with_issuer(first.issuer.url()).with_issued_at(UNIX_EPOCH);
    let learned = second.revocations.watch(&next);
    first.revocations.revoke_all(&next).await.unwrap();
    learned.await;
    assert_eq!(changed_claims::scope(&api).await, "call-1");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_ne!(user().await.raw_claims().as_ptr(), verified.raw_claims().as_ptr());
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn garbage_writes_nothing_to_the_stream() {
    let server = Server::start();
    let app = app(&server).await;
    for _ in 0..20 {
        assert_eq!(app.post("a.b.c").await.status, 400);
        assert_eq!(app.send(&app.session_revoked().header("typ", "JWT")).await.status, 400);
        assert_eq!(app.send(&app.session_revoked().claim("exp", NOW + 60)).await.status, 400);
    }
    assert_eq!(len(&server), "0");
}
