//! Actual requests: which pages may read the response, and the headers that a handler sets.

use std::convert::Infallible;

use axum::Router;
use axum::http::HeaderName;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::Cors;
use tower::{Layer, ServiceExt, service_fn};

use super::{App, FOREIGN, PAGE, assert_unreadable, cors_headers, for_page, header, origins, vary};
use crate::support::response::TestResponse;

const EXPOSED: &str = "error-code,grpc-message,grpc-status,ratelimit,ratelimit-policy,retry-after,www-authenticate,x-ratelimit-limit,x-ratelimit-remaining,x-ratelimit-reset";

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_read_the_response() {
    let app = App::of(for_page());
    let response = app.get(PAGE).await;
    assert_eq!((response.status.as_u16(), response.body.as_str(), app.calls()), (200, "handled", 1));
    let exposed = format!("access-control-expose-headers: {EXPOSED}");
    assert_eq!(
        cors_headers(&response.headers),
        ["access-control-allow-origin: https://app.example.com", exposed.as_str()]
    );
    assert_eq!(vary(&response.headers), ["origin"]);
}

#[tokio::test]
async fn a_disallowed_origin_gets_the_response_without_cors_headers() {
    let app = App::of(for_page().allow_credentials().expose_headers(["etag"]));
    for (before, origin) in [FOREIGN, "null", "", "*", "http://app.example.com"].into_iter().enumerate() {
        assert_unreadable(&app.get(origin).await);
        assert_eq!(app.calls(), before + 1);
    }
}

#[tokio::test]
async fn a_response_without_an_origin_has_vary_too() {
    assert_unreadable(&TestResponse::get(&App::of(for_page()).router, "/", &[]).await);
}

#[tokio::test]
async fn credentials_are_allowed_only_to_an_allowed_origin() {
    let app = App::of(Cors::builder().origins(origins([PAGE, "https://*.example.org"])).allow_credentials());
    for origin in [PAGE, "https://a.example.org"] {
        let response = app.get(origin).await;
        assert_eq!(header(&response.headers, "access-control-allow-credentials"), Some("true"));
        assert_eq!(header(&response.headers, "access-control-allow-origin"), Some(origin), "never a star");
    }
    assert_unreadable(&app.get(FOREIGN).await);
    let response = App::of(for_page()).get(PAGE).await;
    assert_eq!(header(&response.headers, "access-control-allow-credentials"), None);
}

#[tokio::test]
async fn with_any_origin_every_response_has_a_star_and_no_vary() {
    let app = App::of(Cors::builder().any_origin());
    for origin in [PAGE, FOREIGN, "null"] {
        let response = app.get(origin).await;
        assert_eq!(header(&response.headers, "access-control-allow-origin"), Some("*"));
        assert_eq!(header(&response.headers, "access-control-allow-credentials"), None);
        assert!(vary(&response.headers).is_empty());
    }
}

#[tokio::test]
async fn exposed_headers_are_listed_once_with_those_of_rejections() {
    let response = App::of(for_page().expose_headers(["ETag", "Retry-After", "etag"])).get(PAGE).await;
    let expected = EXPOSED.replace("grpc-message", "etag,grpc-message");
    assert_eq!(header(&response.headers, "access-control-expose-headers"), Some(&*expected));
}

/// Sends a request to a handler that sets these headers, behind a `Cors` for `PAGE` with credentials.
async fn get_with(headers: &'static [(&'static str, &'static str)], origin: &str) -> TestResponse {
    let handler = move || async move {
        let mut response = axum::response::Response::new(axum::body::Body::empty());
        for (name, value) in headers {
            response.headers_mut().append(HeaderName::from_static(name), value.parse().unwrap());
        }
        response
    };
    let app = Router::new().route("/", get(handler)).layer(for_page().allow_credentials().build().unwrap());
    TestResponse::get(&app, "/", &[("origin", origin)]).await
}

#[tokio::test]
async fn vary_is_added_to_the_handlers_vary() {
    let response = get_with(&[("vary", "accept"), ("vary", "Accept-Encoding, cookie")], PAGE).await;
    assert_eq!(vary(&response.headers), ["accept", "accept-encoding", "cookie", "origin"]);
    let response = get_with(&[("vary", "accept")], FOREIGN).await;
    assert_eq!(vary(&response.headers), ["accept", "origin"]);
}

#[tokio::test]
async fn vary_is_not_repeated() {
    assert_eq!(vary(&get_with(&[("vary", "accept, ORIGIN")], PAGE).await.headers), ["accept", "origin"]);
    assert_eq!(vary(&get_with(&[("vary", "*")], PAGE).await.headers), ["*"]);
    assert_eq!(vary(&get_with(&[("vary", "x-origin")], PAGE).await.headers), ["x-origin", "origin"]);
}

#[tokio::test]
async fn headers_of_the_handler_are_not_overwritten() {
    let response = get_with(&[("access-control-allow-origin", "https://other.example")], PAGE).await;
    assert_eq!(header(&response.headers, "access-control-allow-origin"), Some("https://other.example"));
    assert_eq!(
        header(&response.headers, "access-control-allow-credentials"),
        None,
        "the origin is the handler's choice, so credentials are too"
    );
    let response =
        get_with(&[("access-control-allow-origin", "*"), ("access-control-expose-headers", "x-a")], PAGE).await;
    assert_eq!(
        cors_headers(&response.headers),
        ["access-control-allow-origin: *", "access-control-expose-headers: x-a"]
    );
    let response = get_with(&[("access-control-allow-credentials", "false")], PAGE).await;
    assert_eq!(header(&response.headers, "access-control-allow-credentials"), Some("false"));
    assert_eq!(header(&response.headers, "access-control-allow-origin"), Some(PAGE));
    let response = get_with(&[("access-control-allow-origin", "*")], FOREIGN).await;
    assert_eq!(cors_headers(&response.headers), ["access-control-allow-origin: *"]);
}

#[tokio::test]
async fn a_service_with_full_bodies_gets_the_same_headers() {
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("handled")))
    });
    let service = for_page().build().unwrap().layer(inner);
    for (method, origin, requested_method, status, allowed) in [
        ("GET", PAGE, None, 200, Some(PAGE)),
        ("GET", FOREIGN, None, 200, None),
        ("OPTIONS", PAGE, None, 200, Some(PAGE)),
        ("OPTIONS", PAGE, Some("GET"), 204, Some(PAGE)),
        ("OPTIONS", FOREIGN, Some("GET"), 403, None),
    ] {
        let mut request = Request::builder().method(method).header("origin", origin);
        if let Some(requested) = requested_method {
            request = request.header("access-control-request-method", requested);
        }
        let response = service.clone().oneshot(request.body(Full::default()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        assert_eq!((head.status.as_u16(), header(&head.headers, "access-control-allow-origin")), (status, allowed));
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(body, if status == 200 { "handled" } else { "" }, "{method} {origin}");
    }
}
