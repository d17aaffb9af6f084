//! Which requests a limit applies to, and counting by route.

use std::sync::Arc;

use axum::Router;
use axum::http::Request;
use axum::routing::{any, get};
use portcullis::rate_limit::{Key, Limit};
use portcullis::testing::as_user;
use portcullis::{RateLimit, Scopes, UserContext};

use super::{TestApp, by_user_header, fake_clock, header, per_seconds, routes};
use crate::support::response::TestResponse;

fn app_with(limit: Limit) -> TestApp {
    TestApp::new(RateLimit::builder().limit(limit).key(by_user_header()))
}

async fn remaining(app: &TestApp, path: &str) -> Option<u64> {
    app.get(path, &[("x-user", "ann")]).await.remaining()
}

#[tokio::test]
async fn on_routes_counts_these_routes_together_and_no_other() {
    let app = app_with(Limit::new("a", per_seconds(9, 60)).on_routes(["/reports/{id}", "/health"]));
    for (path, expected) in [
        ("/reports/1", Some(8)),
        ("/", None),
        ("/reports/2?a", Some(7)),
        ("/health", Some(6)),
        // No route has matched, so similar paths count too.
        ("/health/", Some(5)),
        ("/files/reports/1", None),
    ] {
        assert_eq!(remaining(&app, path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn on_routes_counts_one_method_of_a_route_in_a_router_and_without_one() {
    let limit = || Limit::new("a", per_seconds(9, 60)).on_routes(["POST /pages/{id}", "GET /search"]);
    let router = Router::new().route("/pages/{id}", any(|| async {})).route("/search", any(|| async {}));
    let layer = || RateLimit::builder().limit(limit()).key(Key::global()).build().unwrap();
    for app in [router.clone().layer(layer()), Router::new().fallback(|| async {}).layer(layer())] {
        for (method, path, is_counted) in [
            ("POST", "/pages/7", true),
            ("GET", "/pages/7", false),
            ("HEAD", "/search", true),
            ("GET", "/search", true),
            ("POST", "/search", false),
        ] {
            let request = Request::builder().method(method).uri(path).body(Default::default()).unwrap();
            let response = TestResponse::send(&app, request).await;
            assert_eq!(response.headers.contains_key("x-ratelimit-remaining"), is_counted, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn only_if_counts_requests_whose_head_meets_the_condition() {
    let app = app_with(Limit::new("a", per_seconds(9, 60)).only_if(|head| header(head, "x-heavy").is_some()));
    assert_eq!(remaining(&app, "/").await, None);
    for remaining in [8, 7] {
        let response = app.get("/", &[("x-user", "ann"), ("x-heavy", "yes")]).await;
        assert_eq!(response.remaining(), Some(remaining));
    }
    assert_eq!(remaining(&app, "/").await, None);
}

#[tokio::test]
async fn only_if_can_check_the_scopes_of_the_user() {
    let limit = Limit::new("exports", per_seconds(1, 60))
        .only_if(|head| UserContext::from_extensions(&head.extensions).is_some_and(|user| user.has_scope("export")));
    let limit = RateLimit::builder().limit(limit).key(Key::user()).clock(fake_clock().clock()).build().unwrap();
    let app = routes(&Arc::default()).layer(limit);
    for (scope, statuses) in [("export", [200, 429]), ("read", [200, 200])] {
        let user = UserContext::new("ann").with_scopes(Scopes::new([scope]).unwrap());
        let app = app.clone().layer(as_user(user));
        for status in statuses {
            assert_eq!(TestResponse::get(&app, "/", &[]).await.status, status, "{scope}");
        }
    }
}

#[tokio::test]
async fn on_routes_and_only_if_must_both_match() {
    let limit = Limit::new("a", per_seconds(9, 60)).on_routes(["/"]);
    let app = app_with(limit.only_if(|head| header(head, "x-heavy").is_some()));
    for (path, is_heavy, expected) in [("/", true, Some(8)), ("/", false, None), ("/health", true, None)] {
        let headers = [("x-user", "ann"), ("x-heavy", "yes")];
        let response = app.get(path, if is_heavy { &headers } else { &headers[..1] }).await;
        assert_eq!(response.remaining(), expected, "{path} {is_heavy}");
    }
}

#[tokio::test]
async fn a_limit_that_does_not_apply_needs_no_subject() {
    let limit = Limit::new("a", per_seconds(1, 60)).on_routes(["/health"]).key(Key::user());
    let app = TestApp::new(RateLimit::builder().limit(limit));
    assert_eq!(app.get("/", &[]).await.status(), 200);
    assert_eq!(app.get("/health", &[]).await.status(), 500);
}

#[tokio::test]
async fn by_route_counts_each_route_separately_whatever_its_parameters() {
    let app = app_with(Limit::new("a", per_seconds(9, 60)).by_route());
    for (path, expected) in [
        ("/", 8),
        ("/reports/1", 8),
        ("/reports/2", 7),
        ("/reports/3?page=4", 6),
        ("/files/a/b", 8),
        ("/files/c", 7),
        ("/", 7),
    ] {
        assert_eq!(remaining(&app, path).await, Some(expected), "{path}");
    }
}

#[tokio::test]
async fn by_route_counts_all_unmatched_paths_together() {
    let app = app_with(Limit::new("a", per_seconds(9, 60)).by_route());
    for (index, path) in ["/a", "/b/c", "//health", "/health/", "/%2e"].into_iter().enumerate() {
        assert_eq!(remaining(&app, path).await, Some(8 - index as u64), "{path}");
    }
    assert_eq!(remaining(&app, "/health").await, Some(8));
}

#[tokio::test]
async fn by_route_counts_all_methods_of_a_route_together() {
    let app = app_with(Limit::new("a", per_seconds(2, 60)).by_route());
    let mut statuses = Vec::new();
    for method in ["GET", "POST", "DELETE"] {
        let request = axum::http::Request::builder().method(method).uri("/").header("x-user", "ann");
        statuses.push(TestResponse::send(&app.router, request.body(Default::default()).unwrap()).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn by_route_counts_nested_routes_by_their_full_path() {
    let inner = || Router::new().route("/list", get(|| async {}));
    let limit = Limit::new("a", per_seconds(9, 60)).by_route();
    let limit = RateLimit::builder().limit(limit).key(Key::global()).clock(fake_clock().clock()).build().unwrap();
    let app = Router::new().nest("/a", inner()).nest("/b", inner()).layer(limit);
    for (path, expected) in [("/a/list", "8"), ("/b/list", "8"), ("/a/list", "7")] {
        assert_eq!(TestResponse::get(&app, path, &[]).await.headers["x-ratelimit-remaining"], expected, "{path}");
    }
}

#[tokio::test]
async fn on_routes_takes_the_full_path_of_a_nested_route() {
    let limit = |route: &'static str| {
        let limit = Limit::new("a", per_seconds(9, 60)).on_routes([route]);
        RateLimit::builder().limit(limit).key(Key::global()).clock(fake_clock().clock()).build().unwrap()
    };
    for (route, is_counted) in [("/a/list", true), ("/list", false)] {
        let with_route = Router::new().route("/list", any(|| async {})).layer(limit(route));
        let with_fallback = Router::new().fallback(|| async {}).layer(limit(route));
        for app in [Router::new().nest("/a", with_route), Router::new().nest("/a", with_fallback)] {
            let response = TestResponse::get(&app, "/a/list", &[]).await;
            assert_eq!(response.headers.contains_key("x-ratelimit-remaining"), is_counted, "{route}");
        }
    }
}

#[tokio::test]
async fn each_limit_may_have_its_own_key() {
    let global = Limit::new("global", per_seconds(3, 60)).key(Key::global());
    let each = Limit::new("each", per_seconds(2, 60));
    let app = TestApp::new(RateLimit::builder().limit(each).add_limit(global).key(by_user_header()));
    for (user, status) in [("ann", 200), ("ann", 200), ("ann", 429), ("bob", 200), ("cid", 429)] {
        assert_eq!(app.send_as(user).await.status(), status, "{user}");
    }
}

#[tokio::test]
async fn a_setter_replaces_the_previous_value() {
    let builder = RateLimit::builder()
        .quota(per_seconds(1, 60))
        .add_limit(Limit::new("b", per_seconds(1, 60)))
        .quota(per_seconds(3, 60));
    let app = TestApp::new(builder.key(Key::user()).key(by_user_header()).exempt(["/"]).exempt(["/health"]));
    assert_eq!(app.count_admitted("ann", 5).await, 3);
}
