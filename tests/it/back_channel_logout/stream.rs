//! The stream of revocations in Redis: a 200 means that it has stored the logout.

use axum::http::HeaderValue;
use portcullis::revocation::Revocation;

use super::*;
use crate::support::redis_server::Server;

const KEY: &str = "portcullis:revocations";

async fn app(server: &Server) -> Fixture {
    let clock = fake_clock();
    let revocations = Revocations::builder().redis_stream(&server.url()).clock(clock.clock()).build().unwrap();
    revocations.wait_until_ready().await;
    Fixture::of(clock, revocations, |builder| builder).await
}

fn len(server: &Server) -> String {
    server.command(&["XLEN", KEY])
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_200_is_sent_only_after_the_stream_has_stored_the_revocation() {
    let server = Server::start();
    let app = app(&server).await;
    assert_eq!(app.log_out(&app.logout_token().session_id("s1")).await.status, 200);
    assert_eq!(len(&server).trim(), "1");
    assert_eq!(app.log_out(&app.logout_token_of("ann")).await.status, 200);
    assert_eq!(len(&server).trim(), "2");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn if_the_stream_is_unavailable_the_response_is_503_and_this_process_rejects_the_session() {
    let server = Server::start();
    let app = app(&server).await;
    let token = app.access_token("ann", "s1");
    assert_eq!(app.api(&token).await, 200);
    drop(server);
    let response = app.log_out(&app.logout_token().session_id("s1")).await;
    assert_eq!((response.status.as_u16(), &response.headers["retry-after"]), (503, &HeaderValue::from_static("1")));
    assert_eq!(
        response.body,
        r#"{"error":"temporarily_unavailable","error_description":"the logout could not be stored"}"#
    );
    assert_eq!(app.api(&token).await, 401);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn garbage_writes_nothing_to_the_stream() {
    let server = Server::start();
    let app = app(&server).await;
    for _ in 0..20 {
        assert_eq!(app.post_token("a.b.c").await.status, 400);
        assert_eq!(app.log_out(&app.logout_token().session_id("s1").header("typ", "JWT")).await.status, 400);
        assert_eq!(app.log_out(&app.logout_token().session_id("s1").without_claim("events")).await.status, 400);
    }
    assert_eq!(len(&server).trim(), "0");
    app.revocations.revoke_by(Revocation::token("a", "b")).await.unwrap();
    assert_eq!(len(&server).trim(), "1");
}
