//! Requests to the endpoint: the form, the responses, and where it is served.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use portcullis::{Csrf, SecurityHeaders, Stack};
use tower::{Layer, ServiceExt};

use super::*;

#[tokio::test]
async fn a_valid_logout_token_gets_an_empty_200_that_is_not_stored() {
    let app = Fixture::new().await;
    let response = app.log_out(&app.logout_token().session_id("s1")).await;
    assert_eq!((response.status, &*response.body), (StatusCode::OK, ""));
    assert_eq!(response.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn other_form_fields_and_parameters_of_the_content_type_are_ignored() {
    let app = Fixture::new().await;
    let token = app.logout_token().session_id("s1").sign();
    for content_type in [FORM, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"] {
        for form in [format!("state=1&logout_token={token}&x=%ff"), format!("&&logout%5Ftoken={token}")] {
            assert_eq!(app.post(content_type, form).await.status, 200);
        }
    }
}

#[tokio::test]
async fn another_method_is_405_with_allow_post() {
    let app = Fixture::new().await;
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        let body = format!("logout_token={}", app.logout_token().session_id("s1").sign());
        let request = Request::builder().method(&method).uri("/logout").header("content-type", FORM);
        let response = TestResponse::send(&app.app, request.body(Body::from(body)).unwrap()).await;
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(
            (&response.headers["allow"], &response.headers["cache-control"]),
            (&"POST".parse().unwrap(), &"no-store".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn another_content_type_is_400() {
    let app = Fixture::new().await;
    let token = app.logout_token().session_id("s1").sign();
    let form = format!("logout_token={token}");
    for content_type in ["application/json", "multipart/form-data; boundary=x", "text/plain", "application/jwt", ""] {
        let response = app.post(content_type, form.clone()).await;
        assert_rejected(&response, "the content type is not application/x-www-form-urlencoded");
    }
    let without = Request::post("/logout").body(Body::from(form.clone())).unwrap();
    let twice = Request::post("/logout").header("content-type", FORM).header("content-type", FORM);
    for request in [without, twice.body(Body::from(form)).unwrap()] {
        let response = TestResponse::send(&app.app, request).await;
        assert_rejected(&response, "the content type is not application/x-www-form-urlencoded");
    }
}

#[tokio::test]
async fn zero_or_two_logout_tokens_are_400() {
    let app = Fixture::new().await;
    let token = app.logout_token().session_id("s1").sign();
    for form in ["", "id_token=a", "LOGOUT_TOKEN=a"] {
        assert_rejected(&app.post(FORM, form).await, "the form has no logout_token");
    }
    let twice = format!("logout_token={token}&logout_token={token}");
    assert_rejected(&app.post(FORM, twice).await, "the form has more than one logout_token");
    // A query is not read.
    let request = Request::post(format!("/logout?logout_token={token}")).header("content-type", FORM);
    let response = TestResponse::send(&app.app, request.body(Body::empty()).unwrap()).await;
    assert_rejected(&response, "the form has no logout_token");
}

#[tokio::test]
async fn a_body_over_16_kib_or_not_in_utf_8_is_400() {
    let app = Fixture::new().await;
    let form = format!("logout_token={}&pad=", app.logout_token().session_id("s1").sign());
    let padded = |len: usize| format!("{form}{}", "x".repeat(len - form.len()));
    assert_eq!(app.post(FORM, padded(16 * 1024)).await.status, 200);
    assert_rejected(&app.post(FORM, padded(16 * 1024 + 1)).await, "the body is too large");
    // Without a `Content-Length`.
    let frames = padded(1_000_000).into_bytes().chunks(1_000).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let frames = frames.into_iter().map(|frame| Ok::<_, Infallible>(Frame::data(Bytes::from(frame))));
    let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    assert_rejected(&app.post(FORM, body).await, "the body is too large");
    let not_utf_8 = [form.as_bytes(), b"\xff"].concat();
    assert_rejected(&app.post(FORM, not_utf_8).await, "the form is not UTF-8");
}

/// A body that never ends, or fails.
struct Broken(Option<io::Error>);

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.take().map_or(Poll::Pending, |error| Poll::Ready(Some(Err(error))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_or_fails_is_400() {
    let app = Fixture::new().await;
    for body in [Broken(None), Broken(Some(io::Error::other("reset")))] {
        assert!(!body.is_end_stream());
        assert_rejected(&app.post(FORM, Body::new(body)).await, "the body could not be read");
    }
}

#[tokio::test]
async fn any_body_type_is_accepted_without_a_router() {
    let app = Fixture::new().await;
    let jwt = JwtAuth::builder().issuer(Issuer::discover(app.issuer.url())).audience(API).build().unwrap();
    let logout = BackChannelLogout::builder().keys_from(&jwt).client_id(CLIENT).revocations(&app.revocations);
    let logout = logout.clock(app.clock.clock()).build().unwrap();
    let form = Bytes::from(format!("logout_token={}", app.logout_token().session_id("s1").sign()));
    let request = Request::post("/").header("content-type", FORM);
    let response = logout.clone().oneshot(request.body(Full::new(form)).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
    let request = Request::post("/").header("content-type", FORM).body(http_body_util::Empty::<Bytes>::new());
    assert_eq!(logout.oneshot(request.unwrap()).await.unwrap().status(), 400);
}

#[tokio::test]
async fn it_works_inside_a_stack_that_does_not_authenticate_and_needs_no_credential() {
    let app = Fixture::new().await;
    let headers = SecurityHeaders::api().build().unwrap();
    let stack = Stack::builder().security_headers(headers).build().unwrap();
    let outer = stack.layer(app.app.clone());
    let request = |site: &str| {
        let form = format!("logout_token={}", app.logout_token().session_id("s1").sign());
        let request = Request::post("/logout").header("content-type", FORM).header("sec-fetch-site", site);
        request.body(Body::from(form)).unwrap()
    };
    let response = outer.oneshot(request("cross-site")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("x-content-type-options"));
    // A `Csrf` layer around it would reject the provider, which sends no `Origin`.
    let form = format!("logout_token={}", app.logout_token().session_id("s1").sign());
    let inner = Csrf::default().layer(app.app.clone());
    let plain = Request::post("/logout").header("content-type", FORM).body(Body::from(form)).unwrap();
    assert_eq!(inner.oneshot(plain).await.unwrap().status(), 403);
}
