//! The routes of a limit, wherever the layer runs: in routers, nested routers, fallbacks, and without a router.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::{any, get};
use portcullis::RateLimit;
use portcullis::rate_limit::{Key, Limit};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

use super::per_seconds;
use crate::support::log_capture::LogCapture;

type Response = axum::response::Response;
type App = BoxCloneSyncService<Request, Response, std::convert::Infallible>;

fn exempting(routes: &[&'static str]) -> RateLimit {
    let builder = RateLimit::builder().quota(per_seconds(1_000, 60)).key(Key::global());
    builder.exempt(routes.iter().copied()).build().unwrap()
}

fn restricted_to(routes: &[&'static str]) -> RateLimit {
    let limit = Limit::new("a", per_seconds(1_000, 60)).on_routes(routes.iter().copied());
    RateLimit::builder().limit(limit).key(Key::global()).build().unwrap()
}

fn by_route(limit: Limit) -> RateLimit {
    RateLimit::builder().limit(limit.by_route()).key(Key::global()).build().unwrap()
}

async fn remaining(app: &App, path: &str) -> Option<String> {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    response.headers().get("x-ratelimit-remaining").map(|value| value.to_str().unwrap().to_owned())
}

async fn is_counted(app: &App, path: &str) -> bool {
    remaining(app, path).await.is_some()
}

/// A service without a router.
fn plain(limit: &RateLimit) -> App {
    BoxCloneSyncService::new(limit.layer(service_fn(async |_: Request| Ok(Response::default()))))
}

fn boxed(router: Router) -> App {
    BoxCloneSyncService::new(router)
}

fn health() -> Router {
    Router::new().route("/health", get(|| async {})).route("/items/{id}", get(|| async {}))
}

fn fallback() -> Router {
    Router::new().fallback(|| async {})
}

/// Apps in which the layer sees the whole path, and its routes are as written.
fn at_root(limit: &RateLimit) -> Vec<(&'static str, App)> {
    vec![
        ("router", boxed(health().layer(limit.clone()))),
        ("router with a fallback", boxed(health().fallback(|| async {}).layer(limit.clone()))),
        ("fallback", boxed(fallback().layer(limit.clone()))),
        ("fallback_service", boxed(Router::new().fallback_service(health().layer(limit.clone())))),
        ("merged", boxed(Router::new().merge(health().layer(limit.clone())))),
        ("around a router", BoxCloneSyncService::new(limit.layer(health()))),
        ("no router", plain(limit)),
    ]
}

/// Apps in which the layer is in a router below `/api`.
fn nested(limit: &RateLimit) -> Vec<(&'static str, App)> {
    let with_fallback = || health().fallback(|| async {});
    let service = || limit.layer(service_fn(async |_: Request| Ok::<_, std::convert::Infallible>(Response::default())));
    vec![
        ("nest", boxed(Router::new().nest("/api", health().layer(limit.clone())))),
        ("nest, with a slash", boxed(Router::new().nest("/api/", with_fallback().layer(limit.clone())))),
        ("nest with a fallback", boxed(Router::new().nest("/api", with_fallback().layer(limit.clone())))),
        ("nested fallback", boxed(Router::new().nest("/api", fallback().layer(limit.clone())))),
        ("nest_service", boxed(Router::new().nest_service("/api", with_fallback().layer(limit.clone())))),
        ("nest_service, fallback", boxed(Router::new().nest_service("/api", fallback().layer(limit.clone())))),
        ("nest_service, no router", boxed(Router::new().nest_service("/api", service()))),
        ("around a nested router", boxed(Router::new().nest_service("/api", limit.layer(with_fallback())))),
        ("outer layer", boxed(Router::new().nest("/api", with_fallback()).layer(limit.clone()))),
        ("outer layer, service", boxed(Router::new().nest_service("/api", with_fallback()).layer(limit.clone()))),
    ]
}

/// What follows the path of the router for paths that resemble `/health`.
const SIMILAR: [&str; 13] = [
    "//health",
    "///health",
    "/health/",
    "/./health",
    "/x/../health",
    "/../api/health",
    "/health/../x",
    "/%2e/health",
    "/%68ealth",
    "/health%2f",
    "/HEALTH",
    "/health;a",
    "/x/health",
];

#[tokio::test]
async fn an_exempt_path_is_exempt_in_every_place_and_a_similar_path_is_not() {
    for (place, app) in at_root(&exempting(&["/health"])) {
        assert!(!is_counted(&app, "/health").await && !is_counted(&app, "/health?a=//").await, "{place}");
        for path in SIMILAR {
            assert!(is_counted(&app, path).await, "{place}: {path}");
        }
    }
}

#[tokio::test]
async fn an_exempt_path_of_a_nested_router_is_exempt_and_a_similar_path_is_not() {
    for (place, app) in nested(&exempting(&["/api/health"])) {
        assert!(!is_counted(&app, "/api/health").await, "{place}");
        for path in SIMILAR {
            let path = format!("/api{path}");
            // Its handler is really that of the exempt route, because axum removes one slash.
            let is_health = path == "/api//health" && place == "nest_service";
            // Without a fallback, the layer does not run.
            let is_missing = place == "nest";
            assert_eq!(is_counted(&app, &path).await, !is_health && !is_missing, "{place}: {path}");
        }
        for path in ["/API/health", "//api/health", "/%61pi/health", "/health"] {
            let is_layered = place.starts_with("outer");
            assert_eq!(is_counted(&app, path).await, is_layered, "{place}: {path}");
        }
    }
}

#[tokio::test]
async fn a_limit_on_the_path_of_a_nested_service_applies_with_and_without_a_slash_at_the_end() {
    for route in ["/login", "/login/"] {
        let limit = restricted_to(&[route]);
        let service = service_fn(async |_: Request| Ok::<_, std::convert::Infallible>(Response::default()));
        for (place, app) in [
            ("around the service", boxed(Router::new().nest_service("/login", limit.layer(service)))),
            ("outer layer", boxed(Router::new().nest_service("/login", service).layer(limit.clone()))),
        ] {
            for path in ["/login", "/login/", "/login//"] {
                assert!(is_counted(&app, path).await, "{route}, {place}: {path}");
            }
            assert!(!is_counted(&app, "/login/x").await, "{route}, {place}");
        }
    }
}

#[tokio::test]
async fn the_path_below_a_nested_router_exempts_nothing() {
    for (place, app) in nested(&exempting(&["/health"])) {
        assert!(is_counted(&app, "/api/health").await, "{place}");
    }
}

#[tokio::test]
async fn exemptions_hold_in_routers_that_are_nested_twice_or_below_a_parameter() {
    let app = |inner: &str, outer: &str, limit: &RateLimit| {
        let layered = health().fallback(|| async {}).layer(limit.clone());
        // With `nest`, axum would ignore the fallback of the innermost router.
        boxed(Router::new().nest_service(outer, Router::new().nest(inner, layered)))
    };
    let twice = app("/v1", "/api", &exempting(&["/api/v1/health"]));
    assert!(!is_counted(&twice, "/api/v1/health").await);
    for path in ["/api/v1//health", "/api/v1/health/", "/api/v1/items/health"] {
        assert!(is_counted(&twice, path).await, "{path}");
    }
    // The route is known by its pattern only.
    let below = app("/v1", "/{tenant}", &exempting(&["/{tenant}/v1/health"]));
    assert!(!is_counted(&below, "/acme/v1/health").await);
    for path in ["/acme/v1//health", "/acme/v1/health/", "/%7Btenant%7D/v1//health"] {
        assert!(is_counted(&below, path).await, "{path}");
    }
    let by_value = app("/v1", "/{tenant}", &exempting(&["/acme/v1/health"]));
    assert!(is_counted(&by_value, "/acme/v1/health").await);
}

#[tokio::test]
async fn a_path_that_a_middleware_rewrote_exempts_nothing() {
    let rewrite = tower::util::MapRequestLayer::new(|mut request: Request| {
        *request.uri_mut() = "/health".parse().unwrap();
        request
    });
    let limit = exempting(&["/health", "/admin"]);
    let app = boxed(Router::new().fallback_service(rewrite.layer(limit.layer(fallback()))));
    assert!(is_counted(&app, "/admin").await);
    assert!(is_counted(&app, "/other").await);
}

#[tokio::test]
async fn a_pattern_exempts_nothing_unless_a_router_matched_it() {
    for (place, app) in at_root(&exempting(&["/items/{id}"])) {
        let is_matched = matches!(place, "router" | "router with a fallback" | "fallback_service" | "merged");
        assert_eq!(is_counted(&app, "/items/7").await, !is_matched, "{place}");
        assert!(is_counted(&app, "/items/%7Bid%7D/").await, "{place}");
    }
}

#[tokio::test]
async fn a_limit_on_a_pattern_applies_in_every_place() {
    for (place, app) in at_root(&restricted_to(&["/items/{name}"])) {
        assert!(is_counted(&app, "/items/7").await, "{place}");
        for path in ["/", "/items", "/items/7/8", "/health"] {
            assert!(!is_counted(&app, path).await, "{place}: {path}");
        }
    }
    for (place, app) in nested(&restricted_to(&["/api/items/{name}"])) {
        assert!(is_counted(&app, "/api/items/7").await, "{place}");
        for path in ["/api", "/api/items", "/api/items/7/8", "/api/health"] {
            assert!(!is_counted(&app, path).await, "{place}: {path}");
        }
    }
}

#[tokio::test]
async fn a_limit_cannot_be_evaded_by_another_spelling_where_no_router_matched() {
    for path in ["/items//7", "/items/7/", "/items/./7", "/items/x/../7", "/%69tems/7", "/items%2f7"] {
        assert!(is_counted(&plain(&restricted_to(&["/items/{id}"])), path).await, "{path}");
        for (place, app) in nested(&restricted_to(&["/api/items/{id}"])) {
            // Here, nothing serves such a path.
            let is_missing = place == "nest";
            assert!(is_counted(&app, &format!("/api{path}")).await || is_missing, "{place}: {path}");
        }
    }
}

#[tokio::test]
async fn a_limit_on_a_path_counts_requests_that_a_wildcard_route_matches() {
    let app = |route: &str, limit| boxed(Router::new().route(route, any(|| async {})).layer(limit));
    for limited in ["/files/secret", "/files/{name}", "/files/{*path}"] {
        assert!(is_counted(&app("/files/{*rest}", restricted_to(&[limited])), "/files/secret").await, "{limited}");
    }
    // Here, the router has decided that the request is for another route.
    assert!(!is_counted(&app("/files/secret", restricted_to(&["/files/{name}"])), "/files/secret").await);
}

#[tokio::test]
async fn a_limit_on_a_path_counts_requests_for_a_route_with_a_parameter_of_this_value() {
    let app = |route: &str, limit| boxed(Router::new().route(route, any(|| async {})).layer(limit));
    for path in ["/login", "/%6cogin", "/lo%67in", "/login%2f"] {
        assert!(is_counted(&app("/{name}", restricted_to(&["/login"])), path).await, "{path}");
        assert!(!is_counted(&app("/{name}", restricted_to(&["/logout"])), path).await, "{path}");
        assert!(!is_counted(&app("/{name}", exempting(&["/{name}"])), path).await, "{path}");
        assert!(is_counted(&app("/{name}", exempting(&["/login"])), path).await, "{path}");
    }
    // Here, the router has decided that the request is for another route.
    let limit = restricted_to(&["/{user}/{item}", "/{*path}"]);
    assert!(!is_counted(&app("/{user}/items", limit), "/ann/items").await);
}

#[tokio::test]
async fn by_route_counts_by_the_named_route_where_no_router_matched() {
    // Each place has counters of its own.
    let limit = || by_route(Limit::new("a", per_seconds(9, 60)).on_routes(["/items/{id}", "/health"]));
    for index in 0..at_root(&limit()).len() {
        let (place, app) = at_root(&limit()).remove(index);
        for (path, expected) in [("/items/1", "8"), ("/items/2", "7"), ("/health", "8"), ("/items/3", "6")] {
            assert_eq!(remaining(&app, path).await.as_deref(), Some(expected), "{place}: {path}");
        }
    }
}

#[tokio::test]
async fn by_route_without_a_router_counts_one_route() {
    let app = plain(&by_route(Limit::new("a", per_seconds(9, 60))));
    for (path, expected) in [("/a", "8"), ("/b", "7"), ("/a?c", "6")] {
        assert_eq!(remaining(&app, path).await.as_deref(), Some(expected), "{path}");
    }
}

#[tokio::test]
async fn a_setting_that_needs_a_router_is_reported_once_without_one() {
    let count = async |app: App| {
        let log = LogCapture::start();
        for path in ["/items/1", "/missing", "/items/2"] {
            is_counted(&app, path).await;
        }
        log.count("runs outside an axum router")
    };
    let limit = || by_route(Limit::new("a", per_seconds(9, 60)));
    assert_eq!(count(plain(&limit())).await, 1);
    assert_eq!(count(plain(&exempting(&["/items/{id}"]))).await, 1);
    assert_eq!(count(BoxCloneSyncService::new(limit().layer(health()))).await, 1);
    assert_eq!(count(boxed(health().layer(limit()))).await, 0);
    assert_eq!(count(boxed(Router::new().nest("/api", health().fallback(|| async {}).layer(limit())))).await, 0);
    assert_eq!(count(plain(&exempting(&["/health"]))).await, 0);
    assert_eq!(count(plain(&restricted_to(&["/items/{id}"]))).await, 0);
}
