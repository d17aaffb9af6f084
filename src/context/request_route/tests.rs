//! The routes of requests, with axum's router as the reference.

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::routing::get;
use http::Request;
use proptest::prelude::*;
use tower::ServiceExt;

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
