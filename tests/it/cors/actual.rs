//! Actual requests: whose page may read the answer, and what a handler said of it.

use std::convert::Infallible;

use axum::Router;
use axum::http::HeaderName;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::Cors;
use tower::{Layer, ServiceExt, service_fn};

use super::{App, FOREIGN, PAGE, is_unreadable, leave, line, of, page, varies};
use crate::support::response::TestResponse;

const EXPOSED: &str = "grpc-message,grpc-status,ratelimit,ratelimit-policy,retry-after,www-authenticate,x-ratelimit-limit,x-ratelimit-remaining,x-ratelimit-reset";

#[tokio::test]
async fn the_page_of_an_allowed_origin_may_read_the_handlers_answer() {
    let app = App::of(page());
    let answer = app.get(PAGE).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str(), app.calls()), (200, "handled", 1));
    let exposed = format!("access-control-expose-headers: {EXPOSED}");
    assert_eq!(leave(&answer.headers), ["access-control-allow-origin: https://app.example.com", exposed.as_str()]);
    assert_eq!(varies(&answer.headers), ["origin"]);
}

#[tokio::test]
async fn a_disallowed_origin_is_served_without_a_field_of_cors() {
    let app = App::of(page().allow_credentials().expose_headers(["etag"]));
    for (before, origin) in [FOREIGN, "null", "", "*", "http://app.example.com"].into_iter().enumerate() {
        is_unreadable(&app.get(origin).await);
        assert_eq!(app.calls(), before + 1);
    }
}

#[tokio::test]
async fn a_request_without_origin_varies_by_it_too() {
    is_unreadable(&TestResponse::get(&App::of(page()).router, "/", &[]).await);
}

#[tokio::test]
async fn credentials_are_told_of_to_an_allowed_origin_alone() {
    let app = App::of(Cors::builder().origins(of([PAGE, "https://*.example.org"])).allow_credentials());
    for origin in [PAGE, "https://a.example.org"] {
        let answer = app.get(origin).await;
        assert_eq!(line(&answer.headers, "access-control-allow-credentials"), Some("true"));
        assert_eq!(line(&answer.headers, "access-control-allow-origin"), Some(origin), "as it came, never a star");
    }
    is_unreadable(&app.get(FOREIGN).await);
    let answer = App::of(page()).get(PAGE).await;
    assert_eq!(line(&answer.headers, "access-control-allow-credentials"), None);
}

#[tokio::test]
async fn with_any_origin_a_star_is_told_and_nothing_varies() {
    let app = App::of(Cors::builder().any_origin());
    for origin in [PAGE, FOREIGN, "null"] {
        let answer = app.get(origin).await;
        assert_eq!(line(&answer.headers, "access-control-allow-origin"), Some("*"));
        assert_eq!(line(&answer.headers, "access-control-allow-credentials"), None);
        assert!(varies(&answer.headers).is_empty());
    }
}

#[tokio::test]
async fn what_is_exposed_is_told_once_each_beside_what_tells_of_refusals() {
    let answer = App::of(page().expose_headers(["ETag", "Retry-After", "etag"])).get(PAGE).await;
    assert_eq!(line(&answer.headers, "access-control-expose-headers"), Some(&*format!("etag,{EXPOSED}")));
}

/// What a handler that sets these fields is answered with, to `PAGE` and with credentials.
async fn said(fields: &'static [(&'static str, &'static str)], origin: &str) -> TestResponse {
    let handler = move || async move {
        let mut response = axum::response::Response::new(axum::body::Body::empty());
        for (name, value) in fields {
            response.headers_mut().append(HeaderName::from_static(name), value.parse().unwrap());
        }
        response
    };
    let app = Router::new().route("/", get(handler)).layer(page().allow_credentials().build().unwrap());
    TestResponse::get(&app, "/", &[("origin", origin)]).await
}

#[tokio::test]
async fn vary_is_added_to_what_the_handler_set() {
    let answer = said(&[("vary", "accept"), ("vary", "Accept-Encoding, cookie")], PAGE).await;
    assert_eq!(varies(&answer.headers), ["accept", "accept-encoding", "cookie", "origin"]);
    let answer = said(&[("vary", "accept")], FOREIGN).await;
    assert_eq!(varies(&answer.headers), ["accept", "origin"]);
}

#[tokio::test]
async fn vary_is_not_said_twice() {
    assert_eq!(varies(&said(&[("vary", "accept, ORIGIN")], PAGE).await.headers), ["accept", "origin"]);
    assert_eq!(varies(&said(&[("vary", "*")], PAGE).await.headers), ["*"]);
    assert_eq!(varies(&said(&[("vary", "x-origin")], PAGE).await.headers), ["x-origin", "origin"]);
}

#[tokio::test]
async fn fields_that_a_handler_set_are_not_overwritten() {
    let answer = said(&[("access-control-allow-origin", "https://other.example")], PAGE).await;
    assert_eq!(line(&answer.headers, "access-control-allow-origin"), Some("https://other.example"));
    assert_eq!(line(&answer.headers, "access-control-allow-credentials"), None, "nor given what it did not say");
    let answer = said(&[("access-control-allow-origin", "*"), ("access-control-expose-headers", "x-a")], PAGE).await;
    assert_eq!(leave(&answer.headers), ["access-control-allow-origin: *", "access-control-expose-headers: x-a"]);
    let answer = said(&[("access-control-allow-credentials", "false")], PAGE).await;
    assert_eq!(line(&answer.headers, "access-control-allow-credentials"), Some("false"));
    assert_eq!(line(&answer.headers, "access-control-allow-origin"), Some(PAGE));
    let answer = said(&[("access-control-allow-origin", "*")], FOREIGN).await;
    assert_eq!(leave(&answer.headers), ["access-control-allow-origin: *"]);
}

#[tokio::test]
async fn a_plain_tower_service_with_full_bodies_is_answered_alike() {
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("handled")))
    });
    let service = page().build().unwrap().layer(inner);
    for (method, origin, asked, status, told) in [
        ("GET", PAGE, None, 200, Some(PAGE)),
        ("GET", FOREIGN, None, 200, None),
        ("OPTIONS", PAGE, None, 200, Some(PAGE)),
        ("OPTIONS", PAGE, Some("GET"), 204, Some(PAGE)),
        ("OPTIONS", FOREIGN, Some("GET"), 403, None),
    ] {
        let mut request = Request::builder().method(method).header("origin", origin);
        if let Some(asked) = asked {
            request = request.header("access-control-request-method", asked);
        }
        let answer = service.clone().oneshot(request.body(Full::default()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        assert_eq!((head.status.as_u16(), line(&head.headers, "access-control-allow-origin")), (status, told));
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(body, if status == 200 { "handled" } else { "" }, "{method} {origin}");
    }
}
