//! Outages of the server are 503, never 401.

use tokio::net::TcpSocket;

use super::*;
use crate::support::log_capture::LogCapture;

#[track_caller]
fn assert_unavailable(response: &TestResponse) {
    assert_eq!(response.status, 503, "{}", response.body);
    assert_eq!(response.headers["retry-after"], "1");
    assert_eq!(response.headers["cache-control"], "no-store");
    assert_eq!(response.headers["content-type"], "application/problem+json");
    assert_eq!(response.challenge(), "");
    assert_eq!(response.denial.as_ref().unwrap().code(), "introspection_unavailable");
}

#[tokio::test]
async fn error_of_the_server_is_503_and_a_cached_token_is_accepted_until_its_ttl() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({}));
    assert_eq!(fixture.status("t").await, 200);
    for status in [401, 403, 404, 429, 500, 503] {
        fixture.server.fail_with(Some(StatusCode::from_u16(status).unwrap()));
        assert_unavailable(&fixture.send("other").await);
    }
    assert_eq!(fixture.status("t").await, 200);
    fixture.clock.advance(30 * SECOND);
    assert_unavailable(&fixture.send("t").await);
    fixture.server.fail_with(None);
    assert_eq!((fixture.status("t").await, fixture.status("other").await), (200, 401));
}

#[tokio::test]
async fn server_that_cannot_be_reached_is_503() {
    // Nothing listens on the port, and no other test can bind it.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/introspect", socket.local_addr().unwrap());
    let fixture = Fixture::with(|builder| builder.endpoint(url)).await;
    assert_unavailable(&fixture.send("t").await);
    assert_eq!(fixture.handled.load(SeqCst), 0);
}

#[tokio::test]
async fn call_that_takes_longer_than_the_timeout_is_503() {
    let fixture = Fixture::with(|builder| builder.timeout(Duration::from_millis(50))).await;
    fixture.server.add("t", &json!({}));
    let _permits = fixture.server.hold();
    assert_unavailable(&fixture.send("t").await);
}

#[tokio::test]
async fn each_change_of_state_is_logged_once() {
    let logs = LogCapture::start();
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({}));
    fixture.server.fail_with(Some(StatusCode::BAD_GATEWAY));
    for _ in 0..3 {
        assert_eq!(fixture.status("t").await, 503);
    }
    assert_eq!(logs.count("cannot introspect tokens"), 1);
    fixture.server.fail_with(None);
    for _ in 0..3 {
        assert_eq!(fixture.status("t").await, 200);
    }
    assert_eq!(logs.count("tokens can be introspected again"), 1);
}

#[tokio::test]
async fn optional_layer_admits_nothing_that_is_not_known() {
    let fixture = Fixture::with(IntrospectionAuthBuilder::optional).await;
    fixture.server.fail_with(Some(StatusCode::BAD_GATEWAY));
    assert_unavailable(&fixture.send("t").await);
    assert_eq!(TestResponse::get(&fixture.app, "/", &[]).await.body, "anonymous");
}
