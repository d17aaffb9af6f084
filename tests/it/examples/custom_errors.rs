//! The example `custom_errors`: every error has the app's own JSON, and keeps its status and headers.

use crate::support::running_example::RunningExample;

#[tokio::test]
async fn every_error_has_the_same_form() {
    let mut example = RunningExample::start("custom_errors");
    let commands = example.next_commands();
    let [anonymous, expired, report, no_report, forbidden] = example.curl_all(commands).await;
    assert_eq!((report.status, report.body.as_str()), (200, "a report\n"));
    for (response, status, body) in [
        (&anonymous, 401, r#"{"error":{"code":"credentials_missing","message":"a bearer token is required"}}"#),
        (&expired, 401, r#"{"error":{"code":"token_expired","message":"the token has expired"}}"#),
        (&no_report, 404, r#"{"error":{"code":"not_found","message":"no report 2"}}"#),
        (&forbidden, 403, r#"{"error":{"code":"insufficient_scope","message":"required scope: write"}}"#),
    ] {
        assert_eq!((response.status, response.body.as_str()), (status, body));
        assert_eq!(response.header("content-type"), "application/json");
        assert_eq!(response.header("content-length"), body.len().to_string());
    }
    assert_eq!(anonymous.header("www-authenticate"), r#"Bearer realm="api""#);
    assert!(expired.header("www-authenticate").contains(r#"error="invalid_token""#));
}
