//! Exempt routes: how they are matched, and paths that only resemble them.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::RateLimit;
use portcullis::rate_limit::Key;
use tower::{Layer, ServiceExt, service_fn};

use super::{per_seconds, routes};
use crate::support::response::TestResponse;

fn limit_exempting(paths: &[&'static str]) -> RateLimit {
    let builder = RateLimit::builder().quota(per_seconds(1_000, 60)).key(Key::global());
    builder.exempt(paths.iter().copied()).build().unwrap()
}

/// Whether a request for this path is counted. It is admitted in any case.
async fn is_counted(app: &Router, path: &str) -> bool {
    TestResponse::get(app, path, &[]).await.headers.contains_key("x-ratelimit-remaining")
}

const SIMILAR_PATHS: [&str; 14] = [
    "//health",
    "/health/",
    "/./health",
    "/health/../admin",
    "/health/..",
    "/health/%2e%2e/admin",
    "/%2e/health",
    "/%68ealth",
    "/health%2f",
    "/health%00",
    "/Health",
    "/health;a=b",
    "/healthy",
    "/x/health",
];

#[tokio::test]
async fn an_exempt_route_is_not_counted_whatever_the_query_and_method() {
    let app = routes(&Arc::default()).layer(limit_exempting(&["/health"]));
    for path in ["/health", "/health?", "/health?a=/admin", "/health?/../admin"] {
        assert!(!is_counted(&app, path).await, "{path}");
    }
    let request = Request::post("/health").body(Default::default()).unwrap();
    assert!(!TestResponse::send(&app, request).await.headers.contains_key("x-ratelimit-remaining"));
    assert!(is_counted(&app, "/").await);
}

#[tokio::test]
async fn a_method_of_a_route_is_exempt_alone() {
    let app = routes(&Arc::default()).layer(limit_exempting(&["GET /health"]));
    for (method, is_exempt) in [("GET", true), ("HEAD", true), ("POST", false), ("DELETE", false)] {
        let request = Request::builder().method(method).uri("/health").body(Default::default()).unwrap();
        let response = TestResponse::send(&app, request).await;
        assert_eq!(response.headers.contains_key("x-ratelimit-remaining"), !is_exempt, "{method}");
    }
}

#[tokio::test]
async fn a_path_that_resembles_an_exempt_route_is_counted() {
    let app = routes(&Arc::default()).fallback(|| async {}).layer(limit_exempting(&["/health"]));
    for path in SIMILAR_PATHS {
        assert!(is_counted(&app, path).await, "{path}");
    }
}

#[tokio::test]
async fn without_a_router_an_exempt_path_is_compared_exactly() {
    let handler = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let service = limit_exempting(&["/health"]).layer(handler);
    let is_counted = async |path: &str| {
        let request = Request::get(path).body(Full::default()).unwrap();
        service.clone().oneshot(request).await.unwrap().headers().contains_key("x-ratelimit-remaining")
    };
    assert!(!is_counted("/health").await && !is_counted("/health?a").await);
    for path in SIMILAR_PATHS {
        assert!(is_counted(path).await, "{path}");
    }
}

#[tokio::test]
async fn a_route_with_parameters_is_exempt_by_its_pattern() {
    let app = routes(&Arc::default()).layer(limit_exempting(&["/reports/{id}", "/files/{*path}"]));
    for path in ["/reports/7", "/reports/%7Bid%7D", "/files/a/../b"] {
        assert!(!is_counted(&app, path).await, "{path}");
    }
    assert!(is_counted(&app, "/reports/7/8").await);
    let app = routes(&Arc::default()).layer(limit_exempting(&["/reports/7"]));
    assert!(is_counted(&app, "/reports/7").await, "the path of a request is not the pattern of its route");
}

#[tokio::test]
async fn the_value_of_a_path_parameter_exempts_nothing() {
    let app = Router::new().route("/{name}", get(|| async {})).layer(limit_exempting(&["/health"]));
    assert!(is_counted(&app, "/health").await, "the route is /{{name}}");
}

#[tokio::test]
async fn the_layer_of_a_method_router_knows_the_route() {
    for (exempt, expected) in [(&["/health"][..], false), (&["/other"], true)] {
        let health = get(|| async {}).layer(limit_exempting(exempt));
        let app = Router::new().route("/health", health).route("/other", get(|| async {}));
        assert_eq!(is_counted(&app, "/health").await, expected);
    }
}

#[tokio::test]
async fn a_nested_route_is_exempt_by_its_full_path() {
    let nested = |limit: RateLimit| {
        let inner = Router::new().route("/health", get(|| async {})).layer(limit);
        Router::new().nest("/admin", inner)
    };
    assert!(is_counted(&nested(limit_exempting(&["/health"])), "/admin/health").await);
    assert!(!is_counted(&nested(limit_exempting(&["/admin/health"])), "/admin/health").await);
    let outer = |limit| Router::new().nest("/admin", Router::new().route("/health", get(|| async {}))).layer(limit);
    assert!(is_counted(&outer(limit_exempting(&["/health"])), "/admin/health").await);
    assert!(!is_counted(&outer(limit_exempting(&["/admin/health"])), "/admin/health").await);
}

#[tokio::test]
async fn a_405_is_exempt_if_its_route_is() {
    let app = Router::new().route("/health", post(|| async {})).layer(limit_exempting(&["/health"]));
    assert_eq!(TestResponse::get(&app, "/health", &[]).await.status, 405);
    assert!(!is_counted(&app, "/health").await);
}

#[tokio::test]
async fn a_nested_fallback_is_not_exempt_by_the_rest_of_the_path() {
    let inner = || Router::new().fallback(|| async {}).layer(limit_exempting(&["/health"]));
    for app in [Router::new().nest("/admin", inner()), Router::new().nest_service("/admin", inner())] {
        assert!(is_counted(&app, "/admin/health").await);
    }
}

#[tokio::test]
async fn an_exempt_request_needs_no_subject_and_is_never_rejected() {
    let builder = RateLimit::builder().quota(per_seconds(1, 60)).key(Key::user()).exempt(["/health"]);
    // Without an authenticating layer, reading the key would be a 500.
    let app = routes(&Arc::default()).layer(builder.build().unwrap());
    for _ in 0..5 {
        assert_eq!(TestResponse::get(&app, "/health", &[]).await.status, 200);
    }
    assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 500);
}
