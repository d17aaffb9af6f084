//! Until a node has read the stream, requests with a credential get 503.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use portcullis::Revocations;
use portcullis::gate::DenialKind;
use portcullis::revocation::{Revocation, RevokeError};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use crate::revocation_stream::support::{
    ISSUER, KEY, TIMEOUT, add_entries, builder, in_seconds, len, node, ready, revoke, status, user, wait_until_revoked,
};
use crate::support::jwt_app::JwtApp;
use crate::support::redis_server::{Server, closed_port};
use crate::support::tokens::{compatible_auth, token, valid_claims};

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn requests_get_503_until_the_stream_was_read() {
    let server = Server::start();
    revoke(&node(&server.url()).await, "t").await;
    server.pause();
    let second = builder(&server.url()).build().unwrap();
    assert!(!second.is_ready());
    let denial = second.check(&user("t")).unwrap_err();
    assert!(matches!(denial.kind(), DenialKind::RevocationsUnavailable { retry_after, .. } if !retry_after.is_zero()));
    assert_eq!(denial.status(), 503);
    let waiting = second.wait_until_ready();
    server.resume();
    timeout(TIMEOUT, waiting).await.unwrap();
    assert!(second.is_ready());
    assert_eq!(status(&second, "t"), 401, "a node that is ready knows all entries");
    assert_eq!(status(&second, "another"), 200);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn behind_jwt_auth_only_requests_with_a_credential_get_503_until_the_stream_was_read() {
    let server = Server::start();
    server.pause();
    let node = builder(&server.url()).build().unwrap();
    let required = JwtApp::new(compatible_auth().revocations(&node));
    let optional = compatible_auth().revocations(&node).build().unwrap().to_optional();
    let optional = Router::new().route("/", get(async || "anonymous")).layer(optional);
    let token = token(valid_claims().to_string());
    assert_eq!(required.status_for(&token).await, 503);
    let request = |token: Option<&str>| {
        let request = token
            .into_iter()
            .fold(Request::get("/"), |request, token| request.header("authorization", format!("Bearer {token}")));
        optional.clone().oneshot(request.body(Body::empty()).unwrap())
    };
    assert_eq!(request(Some(&token)).await.unwrap().status(), 503);
    assert_eq!(request(None).await.unwrap().status(), 200);
    server.resume();
    timeout(TIMEOUT, node.wait_until_ready()).await.unwrap();
    assert_eq!(required.status_for(&token).await, 200);
    revoke(&self::node(&server.url()).await, "token-1").await;
    let deadline = Instant::now() + TIMEOUT;
    while required.status_for(&token).await != 401 {
        assert!(Instant::now() < deadline, "the cached token is still accepted");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_large_stream_is_read_to_its_end_before_the_node_is_ready() {
    let server = Server::start();
    add_entries(&server, None, 200_000, in_seconds(86_400));
    revoke(&node(&server.url()).await, "t").await;
    let second = node(&server.url()).await;
    assert_eq!(status(&second, "t"), 401);
    // All entries are in the table: one more than its capacity does not fit.
    let small = builder(&server.url()).max_entries(200_001);
    assert_eq!(status(&ready(small).await, "t"), 401);
    assert_eq!(len(&server), 200_001);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_server_that_is_down_at_the_start_is_used_once_it_is_up() {
    let server = Server::start();
    server.kill();
    let node = builder(&server.url()).fail_open().build().unwrap();
    let error = node.revoke_by(Revocation::token(ISSUER, "t")).await.unwrap_err();
    assert!(matches!(error, RevokeError::NotStored { .. }), "{error:?}");
    assert_eq!(status(&node, "another"), 503, "`fail_open` applies only after the first read");
    server.restart();
    timeout(TIMEOUT, node.wait_until_ready()).await.unwrap();
    assert_eq!([status(&node, "t"), status(&node, "another")], [401, 200]);
    let second = self::node(&server.url()).await;
    wait_until_revoked(&second, "t").await;
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn an_empty_stream_is_ready_at_once_and_is_not_created_by_reading() {
    let server = Server::start();
    let node = node(&server.url()).await;
    assert!(node.is_ready());
    assert_eq!(server.command(&["EXISTS", KEY]), "0");
}

#[test]
fn a_node_without_a_server_is_not_ready_and_its_revocations_are_not_stored() {
    // Without a runtime of Tokio.
    let node = builder(&format!("redis://127.0.0.1:{}/", closed_port())).build().unwrap();
    assert!(!node.is_ready());
    assert_eq!(status(&node, "t"), 503);
}

#[test]
fn each_invalid_setting_is_an_issue() {
    let url = "redis://127.0.0.1:6379";
    let cases = [
        (Revocations::builder().redis_stream("http://127.0.0.1"), vec!["redis_stream"]),
        (builder(url).stream_key(""), vec!["stream_key"]),
        (builder(url).stale_for(Duration::from_millis(4_999)), vec!["stale_for"]),
        (builder(url).stale_for(Duration::from_secs(5)), vec![]),
        (builder(url).stale_for(Duration::MAX).stream_key("{a}:b").fail_open(), vec![]),
        (
            Revocations::builder().stream_key("a").stale_for(Duration::from_secs(60)).fail_open(),
            vec!["stream_key", "stale_for", "fail_open"],
        ),
    ];
    for (builder, expected) in cases {
        let debug = format!("{builder:?}");
        let error = builder.build().err();
        let settings: Vec<_> = error.iter().flat_map(|error| error.issues()).map(|issue| issue.setting()).collect();
        assert_eq!(settings, expected, "{debug}: {error:?}");
    }
}

#[test]
fn the_password_is_in_no_text() {
    let url = "redis://ann:hunter2@127.0.0.1:1/";
    let builder = builder(url);
    let node = builder.clone().build().unwrap();
    let error = Revocations::builder().redis_stream("hunter2://x").build().unwrap_err();
    for text in [format!("{builder:?}"), format!("{node:?}"), format!("{error} {error:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}
