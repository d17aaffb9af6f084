//! The routes of requests, with axum's router as the reference.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, OriginalUri};
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use http::{Request, Response, Uri};
use proptest::prelude::*;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

use super::*;

/// Whether axum's router matches the path with the pattern.
fn axum_matches(route: &str, path: &str) -> bool {
    let app: Router =
        Router::new().route(route, get(|matched: MatchedPath| async move { matched.as_str().to_owned() }));
    let request = Request::get(path).body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(app.oneshot(request)).unwrap().status() == 200
}

/// Whether axum's router accepts the pattern: it panics otherwise.
fn axum_accepts(route: &str) -> bool {
    let route = route.to_owned();
    std::panic::catch_unwind(|| Router::<()>::new().route(&route, get(|| async {}))).is_ok()
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "", "%61", "{x}", "a{x}", "{{a}}", "{y}"])
}

fn route() -> impl Strategy<Value = String> {
    let end = prop::sample::select(vec!["", "", "", "/", "/{*rest}", "/a{*rest}"]);
    (prop::collection::vec(segment(), 1..4), end).prop_map(|(segments, end)| format!("/{}{end}", segments.join("/")))
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "", "%61", "ab", "{a}", "{x}", ".."]);
    prop::collection::vec(segment, 1..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

proptest! {
    #[test]
    fn a_path_matches_a_pattern_if_axum_says_so(route in route(), path in path()) {
        prop_assert_eq!(matches(&route, &path), axum_matches(&route, &path));
        if matches(&route, &path) {
            prop_assert!(may_match(&route, &path));
        }
    }

    #[test]
    fn a_cleaned_path_is_stable_and_has_no_segment_to_remove(path in path()) {
        if let Some(path) = cleaned(&path) {
            let is_stable = path.is_empty() || cleaned(&path).is_none();
            prop_assert!(is_stable, "{path}");
        }
    }
}

#[test]
fn the_routes_that_axum_accepts_are_accepted() {
    for route in [
        "/", "/a", "/a/", "/{a}", "/a{b}", "/{a}/b", "/{a}/{b}", "/{*a}", "/a{*b}", "/{{a}}", "/{{a}", "/a}}",
        "/{a-b}", "//", "", "a", "/:a", "/*a", "/{a", "/a}", "/{}", "/{*}", "/{a}b", "/{a}{b}", "/{*a}/b", "/{*a}/",
        "/{a*b}", "/{a/b}", "/{a}/:b",
    ] {
        assert_eq!(RoutePattern::new(route).mistake().is_none(), axum_accepts(route), "{route}");
    }
}

#[test]
fn the_names_of_parameters_do_not_distinguish_routes() {
    for (route, matched, expected) in [
        ("/a/{id}", "/a/{id}", true),
        ("/a/{id}", "/a/{name}", true),
        ("/a/{id}/b", "/a/{name}/b", true),
        ("/a/{*id}", "/a/{*name}", true),
        ("/a/{id}", "/a/{*id}", false),
        ("/a/{id}", "/a/id", false),
        ("/a/id", "/a/{id}", false),
        ("/a/{{id}}", "/a/{id}", false),
        ("/a/x{id}", "/a/{id}", false),
        ("/a/{id}", "/a/{id}/", false),
    ] {
        assert_eq!(RoutePattern::new(route).is_route(matched), expected, "{route} {matched}");
    }
}

#[test]
fn a_path_may_match_once_it_is_cleaned() {
    for path in [
        "/reports/7",
        "/reports//7",
        "/reports/7/",
        "/reports/%37",
        "/x/../reports/7",
        "/%72eports/./7",
        "/reports%2f7",
    ] {
        assert!(may_match("/reports/{id}", path), "{path}");
    }
    for path in ["/reports", "/reports/", "/reports/7/8", "/7", ""] {
        assert!(!may_match("/reports/{id}", path), "{path}");
    }
    assert!(may_match("/", "//") && may_match("/a/", "/a") && may_match("/", "/a/.."));
}

/// The place of a layer in an app with the routes `/health`, `/reports/{id}` and `/files/{*path}`.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the router, whose routes and fallback it surrounds.
    Router,
    /// The same, in a router that is nested at `/api`.
    NestedRouter,
    /// Around a service at `/api` that is not a router.
    NestedService,
    /// Around the router.
    Outside,
}

/// Whether a request for the path is certainly for the route, and whether it may be, in a layer at this place.
fn found(place: Place, path: &str, route: &str, change: fn(&mut request::Parts)) -> (bool, bool) {
    let routes = RoutePattern::all(["/unrelated", route]);
    let probe = from_fn(move |request: axum::extract::Request, _: Next| {
        let mut head = request.into_parts().0;
        change(&mut head);
        let found = RequestRoute::of(&head);
        assert_eq!(found.matched(), head.extensions.get::<MatchedPath>().map(MatchedPath::as_str));
        let possible = found.first_possible(&routes);
        assert!(possible.is_none_or(|possible| possible == routes[1].path()));
        let text = format!("{} {}", found.is_any_of(&routes), possible.is_some());
        async move { text }
    });
    let none = || async {};
    let router = Router::new().route("/health", get(none)).route("/reports/{id}", get(none));
    let router = router.route("/files/{*path}", get(none)).fallback(none);
    let service = service_fn(async |_: axum::extract::Request| Ok::<_, Infallible>(Response::new(Body::empty())));
    let app = match place {
        Place::Router => BoxCloneSyncService::new(router.layer(probe)),
        Place::NestedRouter => BoxCloneSyncService::new(Router::new().nest("/api", router.layer(probe))),
        Place::NestedService => BoxCloneSyncService::new(Router::new().nest_service("/api", probe.layer(service))),
        Place::Outside => BoxCloneSyncService::new(probe.layer(router)),
    };
    let request = Request::get(path).body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let text = runtime.block_on(async {
        let body = app.oneshot(request).await.unwrap().into_body();
        String::from_utf8(to_bytes(body, 100).await.unwrap().to_vec()).unwrap()
    });
    let (certain, possible) = text.split_once(' ').unwrap();
    (certain == "true", possible == "true")
}

const CERTAIN: (bool, bool) = (true, true);
const POSSIBLE: (bool, bool) = (false, true);
const OTHER: (bool, bool) = (false, false);

#[test]
fn the_matched_route_decides_which_route_a_request_is_for() {
    for (path, route, expected) in [
        ("/health", "/health", CERTAIN),
        ("/health", "/other", OTHER),
        ("/health", "/{name}", OTHER),
        ("/reports/7", "/reports/{id}", CERTAIN),
        ("/reports/7", "/reports/{name}", CERTAIN),
        ("/reports/7", "/reports/7", POSSIBLE),
        ("/reports/7", "/reports/8", OTHER),
        ("/reports/7", "/{name}/7", OTHER),
        ("/reports/7", "/reports/{*rest}", OTHER),
        // The handler of a catch-all route distinguishes paths on its own.
        ("/files/a/b", "/files/{*path}", CERTAIN),
        ("/files/a/b", "/files/a/{name}", POSSIBLE),
        ("/files/a//b", "/files/a/b", POSSIBLE),
        ("/files/a/b", "/files/a", OTHER),
    ] {
        assert_eq!(found(Place::Router, path, route, |_| ()), expected, "{path} {route}");
        let [path, route] = [path, route].map(|path| format!("/api{path}"));
        assert_eq!(found(Place::NestedRouter, &path, &route, |_| ()), expected, "{path} {route}");
    }
    assert_eq!(found(Place::NestedRouter, "/api/health", "/health", |_| ()), OTHER);
}

#[test]
fn without_a_matched_route_only_the_exact_path_of_a_route_without_parameters_is_certain() {
    let paths = [
        ("/a", "/a", CERTAIN),
        ("/a", "/b", OTHER),
        ("//a", "/a", POSSIBLE),
        ("/a/", "/a", POSSIBLE),
        ("/a/", "/a/", CERTAIN),
        ("/%61", "/a", POSSIBLE),
        ("/a/../b", "/b", POSSIBLE),
        ("/a/b", "/a/{name}", POSSIBLE),
        ("/a/%7Bname%7D", "/a/{name}", POSSIBLE),
        ("/{b}", "/{{b}}", CERTAIN),
    ];
    for (path, route, expected) in paths {
        assert_eq!(found(Place::Router, path, route, |_| ()), expected, "{path} {route}");
        assert_eq!(found(Place::Outside, path, route, |_| ()), expected, "{path} {route}");
        let [path, route] = [path, route].map(|path| format!("/api{path}"));
        for place in [Place::NestedRouter, Place::NestedService] {
            assert_eq!(found(place, &path, &route, |_| ()), expected, "{place:?} {path} {route}");
        }
    }
}

#[test]
fn a_route_has_the_nested_path_in_front() {
    for (path, route, expected) in [
        ("/api", "/api", CERTAIN),
        ("/api/", "/api/", CERTAIN),
        ("/api/", "/api", POSSIBLE),
        ("/api", "/api/", POSSIBLE),
        ("/api", "/", OTHER),
        ("/api/a", "/a", OTHER),
        ("/api/a", "/apia", OTHER),
    ] {
        assert_eq!(found(Place::NestedService, path, route, |_| ()), expected, "{path} {route}");
    }
}

#[test]
fn without_a_matched_route_a_rewritten_path_may_be_for_both_routes() {
    let rewrite = |head: &mut request::Parts| head.uri = Uri::from_static("/b");
    assert_eq!(found(Place::Router, "/a", "/a", rewrite), POSSIBLE);
    assert_eq!(found(Place::Router, "/a", "/b", rewrite), POSSIBLE);
    assert_eq!(found(Place::Router, "/a", "/c", rewrite), OTHER);
    // The handler of a matched route runs, whatever the path is now.
    assert_eq!(found(Place::Router, "/health", "/health", rewrite), CERTAIN);
    assert_eq!(found(Place::Router, "/health", "/b", rewrite), OTHER);
    assert_eq!(found(Place::NestedRouter, "/api/a", "/api/a", rewrite), POSSIBLE);
    assert_eq!(found(Place::NestedRouter, "/api/a", "/api/b", rewrite), POSSIBLE);
    assert_eq!(found(Place::NestedRouter, "/api/a", "/b", rewrite), OTHER);
}

#[test]
fn without_the_original_path_no_nested_path_is_certain() {
    let forget = |head: &mut request::Parts| drop(head.extensions.remove::<OriginalUri>());
    assert_eq!(found(Place::NestedRouter, "/api/a", "/api/a", forget), POSSIBLE);
    assert_eq!(found(Place::NestedRouter, "/api/a", "/api/b", forget), OTHER);
    assert_eq!(found(Place::Router, "/a", "/a", forget), CERTAIN);
}

#[test]
fn a_request_has_passed_a_router_if_it_has_a_route_or_an_original_path() {
    let mut head = Request::get("/a").body(()).unwrap().into_parts().0;
    assert!(!RequestRoute::of(&head).has_passed_router() && RequestRoute::of(&head).matched().is_none());
    head.extensions.insert(OriginalUri(Uri::from_static("/a")));
    assert!(RequestRoute::of(&head).has_passed_router());
}

#[test]
fn only_routes_with_a_parameter_match_several_paths() {
    assert!(["/{a}", "/a{b}", "/a/{*b}", "/{{a}}/{b}"].into_iter().all(has_parameters));
    assert!(!["/", "/a", "/{{a}}"].into_iter().any(has_parameters));
}
