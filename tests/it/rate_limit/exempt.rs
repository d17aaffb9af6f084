//! Exempt routes: what they are matched by, and what only resembles them.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::RateLimit;
use portcullis::rate_limit::Key;
use tower::{Layer, ServiceExt, service_fn};

use super::{per, routes};
use crate::support::response::TestResponse;

fn exempting(paths: &[&'static str]) -> RateLimit {
    let builder = RateLimit::builder().quota(per(1_000, 60)).key(Key::global());
    builder.exempt(paths.iter().copied()).build().unwrap()
}

/// Whether a request for this path is counted; it is let through in any case.
async fn counted(app: &Router, path: &str) -> bool {
    TestResponse::get(app, path, &[]).await.headers.contains_key("x-ratelimit-remaining")
}

const RESEMBLING: [&str; 14] = [
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
async fn an_exempt_route_is_not_counted_whatever_its_query_and_method() {
    let app = routes(&Arc::default()).layer(exempting(&["/health"]));
    for path in ["/health", "/health?", "/health?a=/admin", "/health?/../admin"] {
        assert!(!counted(&app, path).await, "{path}");
    }
    let request = Request::post("/health").body(Default::default()).unwrap();
    assert!(!TestResponse::send(&app, request).await.headers.contains_key("x-ratelimit-remaining"));
    assert!(counted(&app, "/").await);
}

#[tokio::test]
async fn a_path_that_only_resembles_an_exempt_route_is_counted() {
    let app = routes(&Arc::default()).fallback(|| async {}).layer(exempting(&["/health"]));
    for path in RESEMBLING {
        assert!(counted(&app, path).await, "{path}");
    }
}

#[tokio::test]
async fn on_a_plain_service_an_exempt_path_is_the_one_that_was_sent() {
    let handler = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let service = exempting(&["/health"]).layer(handler);
    let counted = async |path: &str| {
        let request = Request::get(path).body(Full::default()).unwrap();
        service.clone().oneshot(request).await.unwrap().headers().contains_key("x-ratelimit-remaining")
    };
    assert!(!counted("/health").await && !counted("/health?a").await);
    for path in RESEMBLING {
        assert!(counted(path).await, "{path}");
    }
}

#[tokio::test]
async fn a_route_with_parameters_is_exempt_as_the_router_spells_it() {
    let app = routes(&Arc::default()).layer(exempting(&["/reports/{id}", "/files/{*path}"]));
    for path in ["/reports/7", "/reports/%7Bid%7D", "/files/a/../b"] {
        assert!(!counted(&app, path).await, "{path}");
    }
    assert!(counted(&app, "/reports/7/8").await);
    let app = routes(&Arc::default()).layer(exempting(&["/reports/7"]));
    assert!(counted(&app, "/reports/7").await, "a path is not a route");
}

#[tokio::test]
async fn what_a_parameter_is_given_exempts_nothing() {
    let app = Router::new().route("/{name}", get(|| async {})).layer(exempting(&["/health"]));
    assert!(counted(&app, "/health").await, "the route is /{{name}}");
}

#[tokio::test]
async fn on_one_route_the_layer_of_a_method_router_knows_the_route() {
    for (exempt, expected) in [(&["/health"][..], false), (&["/other"], true)] {
        let health = get(|| async {}).layer(exempting(exempt));
        let app = Router::new().route("/health", health).route("/other", get(|| async {}));
        assert_eq!(counted(&app, "/health").await, expected);
    }
}

#[tokio::test]
async fn a_nested_route_is_spelt_with_the_path_that_it_is_nested_at() {
    let nested = |limit: RateLimit| {
        let inner = Router::new().route("/health", get(|| async {})).layer(limit);
        Router::new().nest("/admin", inner)
    };
    assert!(counted(&nested(exempting(&["/health"])), "/admin/health").await);
    assert!(!counted(&nested(exempting(&["/admin/health"])), "/admin/health").await);
    let outer = |limit| Router::new().nest("/admin", Router::new().route("/health", get(|| async {}))).layer(limit);
    assert!(counted(&outer(exempting(&["/health"])), "/admin/health").await);
    assert!(!counted(&outer(exempting(&["/admin/health"])), "/admin/health").await);
}

#[tokio::test]
async fn a_method_that_is_not_allowed_is_counted_as_its_route() {
    let app = Router::new().route("/health", post(|| async {})).layer(exempting(&["/health"]));
    assert_eq!(TestResponse::get(&app, "/health", &[]).await.status, 405);
    assert!(!counted(&app, "/health").await);
}

#[tokio::test]
async fn a_fallback_below_a_nested_path_is_not_exempt_by_what_is_left_of_the_path() {
    let inner = || Router::new().fallback(|| async {}).layer(exempting(&["/health"]));
    for app in [Router::new().nest("/admin", inner()), Router::new().nest_service("/admin", inner())] {
        assert!(counted(&app, "/admin/health").await);
    }
}

#[tokio::test]
async fn an_exempt_request_uses_nothing_and_is_never_refused() {
    let builder = RateLimit::builder().quota(per(1, 60)).key(Key::user()).exempt(["/health"]);
    // Nobody authenticated: the key is not even asked for.
    let app = routes(&Arc::default()).layer(builder.build().unwrap());
    for _ in 0..5 {
        assert_eq!(TestResponse::get(&app, "/health", &[]).await.status, 200);
    }
    assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 500);
}
