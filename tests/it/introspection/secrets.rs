//! No token and no secret appears in a log, a body, or the output of `Debug`.

use super::*;
use crate::support::log_capture::LogCapture;

#[tokio::test]
async fn token_and_client_secret_are_in_no_log_body_or_debug_output() {
    let logs = LogCapture::start();
    let fixture = Fixture::new().await;
    let tokens = ["marker-active-4f0c", "marker-inactive-77aa", "marker-other-audience-1b", "marker-outage-c0de"];
    fixture.server.add(tokens[0], &json!({}));
    fixture.server.add(tokens[2], &json!({ "aud": "marker-audience" }));
    let mut outputs = Vec::new();
    for token in tokens {
        if token.contains("outage") {
            fixture.server.fail_with(Some(StatusCode::UNAUTHORIZED));
        }
        for _ in 0..2 {
            let response = fixture.send(token).await;
            outputs.push(format!("{response:?}"));
        }
    }
    outputs.push(format!("{:?} {:?}", fixture.auth, fixture.server.builder()));
    outputs.push(logs.text());
    assert!(logs.text().contains("cannot introspect tokens"));
    for output in outputs {
        assert!(!output.contains("marker"), "{output}");
    }
}

#[tokio::test]
async fn request_that_reaches_the_handler_has_its_header_marked_as_sensitive() {
    let fixture = Fixture::new().await;
    fixture.server.add("marker-token", &json!({}));
    let handler = |headers: axum::http::HeaderMap| async move { format!("{headers:?}") };
    let app = Router::new().route("/", any(handler)).layer(fixture.auth.clone());
    for _ in 0..2 {
        let response = TestResponse::get(&app, "/", &[("authorization", "Bearer marker-token")]).await;
        assert!(response.body.contains("Sensitive") && !response.body.contains("marker"), "{}", response.body);
    }
}
