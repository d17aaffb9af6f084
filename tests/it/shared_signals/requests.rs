//! Requests to the endpoint: the header, the content type and the body, and the responses.

use axum::http::{Method, StatusCode};
use portcullis::{SecurityHeaders, Stack};
use tower::{Layer, ServiceExt};

use super::*;
use crate::support::log_capture::LogCapture;

#[tokio::test]
async fn a_valid_token_gets_an_empty_202_that_is_not_stored() {
    let app = Fixture::new().await;
    let response = app.send(&app.session_revoked()).await;
    assert_eq!((response.status, &*response.body), (StatusCode::ACCEPTED, ""));
    assert_eq!(response.headers["cache-control"], "no-store");
    assert!(!response.headers.contains_key("content-type"));
}

#[tokio::test]
async fn a_body_of_64_kib_is_accepted_and_a_longer_one_is_400() {
    const MAX: usize = 64 * 1024;
    let app = Fixture::new().await;
    let padded = |bytes: usize| app.session_revoked().claim("pad", "x".repeat(bytes)).sign();
    // Three bytes are four characters of base64.
    let bytes = (MAX - padded(0).len()) / 4 * 3;
    let tokens: Vec<_> = (bytes..bytes + 8).map(padded).collect();
    let longest = tokens.iter().rfind(|token| token.len() <= MAX).unwrap();
    assert!(longest.len() > MAX - 4);
    assert_eq!(app.post(longest.clone()).await.status, 202);
    let too_long = tokens.iter().find(|token| token.len() > MAX).unwrap();
    assert_rejected(&app.post(too_long.clone()).await, "invalid_request", "the body is too large");
}

#[tokio::test]
async fn another_method_is_405_with_allow_post() {
    let app = Fixture::new().await;
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let request = Request::builder().method(&method).uri("/events").header("authorization", AUTHORIZATION);
        let request = request.header("content-type", SET).body(Body::from(app.session_revoked().sign())).unwrap();
        let response = TestResponse::send(&app.app, request).await;
        assert_eq!((response.status.as_u16(), &response.headers["allow"]), (405, &"POST".parse().unwrap()), "{method}");
    }
}

#[tokio::test]
async fn another_content_type_is_400() {
    let app = Fixture::new().await;
    for content_type in ["application/jwt", "application/json", "application/x-www-form-urlencoded", "text/plain", ""] {
        let request =
            Request::post("/events").header("authorization", AUTHORIZATION).header("content-type", content_type);
        let request = request.body(Body::from(app.session_revoked().sign())).unwrap();
        let response = TestResponse::send(&app.app, request).await;
        assert_rejected(&response, "invalid_request", "the content type is not application/secevent+jwt");
    }
    let with_parameter = Request::post("/events").header("authorization", AUTHORIZATION);
    let with_parameter = with_parameter.header("content-type", "Application/SecEvent+JWT; charset=utf-8");
    let request = with_parameter.body(Body::from(app.session_revoked().sign())).unwrap();
    assert_eq!(TestResponse::send(&app.app, request).await.status, 202);
}

#[tokio::test]
async fn a_body_that_is_not_a_token_is_400() {
    let app = Fixture::new().await;
    for (body, description) in [
        (b"".to_vec(), "the token does not have three segments"),
        (b"a.b".to_vec(), "the token does not have three segments"),
        (b"{\"sets\":{}}".to_vec(), "the token has an invalid character"),
        (b"\xff".to_vec(), "the body is not UTF-8"),
        (b"a.b.c".to_vec(), "the token is not valid base64url"),
    ] {
        assert_rejected(&app.post(body).await, "invalid_request", description);
    }
}

#[tokio::test]
async fn a_missing_or_different_authorization_is_authentication_failed_before_the_body_is_parsed() {
    let app = Fixture::new().await;
    let description = "the Authorization header is missing or invalid";
    let send = async |values: &[&str], content_type: &str, body: Body| {
        let mut request = Request::post("/events").header("content-type", content_type);
        for value in values {
            request = request.header("authorization", *value);
        }
        TestResponse::send(&app.app, request.body(body).unwrap()).await
    };
    let access = app.access_token("ann", "s1");
    let longer = format!("{AUTHORIZATION}x");
    for values in [
        &[][..],
        &[""],
        &["Bearer"],
        &[&AUTHORIZATION[..AUTHORIZATION.len() - 1]],
        &[&longer],
        &[&AUTHORIZATION.to_lowercase()],
        &[AUTHORIZATION, AUTHORIZATION],
    ] {
        let response = send(values, SET, Body::from(app.session_revoked().sign())).await;
        assert_rejected(&response, "authentication_failed", description);
        // The same for a body that would be rejected otherwise, and for one that never ends.
        let response = send(values, "text/plain", Body::from("a")).await;
        assert_rejected(&response, "authentication_failed", description);
        let endless = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        let response = send(values, SET, Body::from_stream(endless)).await;
        assert_rejected(&response, "authentication_failed", description);
    }
    assert_eq!(app.issuer.fetch_count(), 0);
    assert_eq!(app.api(&access).await, 200);
    assert_eq!(send(&[AUTHORIZATION], SET, Body::from(app.session_revoked().sign())).await.status, 202);
}

#[tokio::test]
async fn the_endpoint_works_inside_a_stack_that_does_not_authenticate() {
    let app = Fixture::new().await;
    let headers = SecurityHeaders::api().build().unwrap();
    let outer = Stack::builder().security_headers(headers).build().unwrap().layer(app.app.clone());
    let request = Request::post("/events").header("authorization", AUTHORIZATION).header("content-type", SET);
    let request = request.body(Body::from(app.session_revoked().sign())).unwrap();
    let response = outer.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 202);
    assert!(response.headers().contains_key("x-content-type-options"));
}

#[tokio::test]
async fn neither_the_authorization_nor_the_token_is_in_a_log_or_in_debug() {
    let builder = SharedSignals::builder().authorization(AUTHORIZATION);
    assert!(!format!("{builder:?}").contains("marker"), "{builder:?}");
    let log = LogCapture::start();
    let app = Fixture::new().await;
    let token = app.session_revoked().claim("jti", "marker-jti").claim("aud", "marker-aud").sign();
    for _ in 0..3 {
        assert_eq!(app.post(token.clone()).await.status, 400);
        let wrong = Request::post("/events").header("authorization", "marker-wrong-7Fjfp0ZBr1KtDRbnfVdmIw");
        assert_eq!(TestResponse::send(&app.app, wrong.body(Body::empty()).unwrap()).await.status, 400);
    }
    let text = log.text();
    assert_eq!(log.count("its `aud` is not a value of .audience(..)"), 1, "{text}");
    assert!(!text.contains("marker-") && !text.contains(&token), "{text}");
}
