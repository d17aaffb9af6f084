//! To which requests a limit applies, and what counting by route means.

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};
use portcullis::rate_limit::{Key, Limit};
use portcullis::testing::as_user;
use portcullis::{RateLimit, Scopes, UserContext};

use super::{App, field, per, routes, who};
use crate::support::response::TestResponse;

fn of(limit: Limit) -> App {
    App::of(RateLimit::builder().limit(limit).key(who()))
}

async fn left(app: &App, path: &str) -> Option<u64> {
    app.get(path, &[("x-who", "ann")]).await.remaining()
}

#[tokio::test]
async fn only_on_counts_these_routes_together_and_no_other() {
    let app = of(Limit::new("a", per(9, 60)).on_routes(["/reports/{id}", "/health"]));
    for (path, expected) in [
        ("/reports/1", Some(8)),
        ("/", None),
        ("/reports/2?a", Some(7)),
        ("/health", Some(6)),
        ("/health/", None),
        ("/files/reports/1", None),
    ] {
        assert_eq!(left(&app, path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn only_if_counts_the_requests_for_whose_head_it_is_true() {
    let app = of(Limit::new("a", per(9, 60)).only_if(|head| field(head, "x-heavy").is_some()));
    assert_eq!(left(&app, "/").await, None);
    for remaining in [8, 7] {
        let told = app.get("/", &[("x-who", "ann"), ("x-heavy", "yes")]).await;
        assert_eq!(told.remaining(), Some(remaining));
    }
    assert_eq!(left(&app, "/").await, None);
}

#[tokio::test]
async fn only_if_may_ask_for_what_the_user_may_do() {
    let limit = Limit::new("exports", per(1, 60))
        .only_if(|head| UserContext::from_extensions(&head.extensions).is_some_and(|user| user.has_scope("export")));
    let limit = RateLimit::builder().limit(limit).key(Key::user()).build().unwrap();
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
async fn both_conditions_must_hold() {
    let app = of(Limit::new("a", per(9, 60)).on_routes(["/"]).only_if(|head| field(head, "x-heavy").is_some()));
    for (path, heavy, expected) in [("/", true, Some(8)), ("/", false, None), ("/health", true, None)] {
        let fields = [("x-who", "ann"), ("x-heavy", "yes")];
        let told = app.get(path, if heavy { &fields } else { &fields[..1] }).await;
        assert_eq!(told.remaining(), expected, "{path} {heavy}");
    }
}

#[tokio::test]
async fn a_request_to_which_a_limit_does_not_apply_needs_no_subject_of_its_key() {
    let limit = Limit::new("a", per(1, 60)).on_routes(["/health"]).key(Key::user());
    let app = App::of(RateLimit::builder().limit(limit));
    assert_eq!(app.get("/", &[]).await.status(), 200);
    assert_eq!(app.get("/health", &[]).await.status(), 500);
}

#[tokio::test]
async fn by_route_counts_each_route_on_its_own_whatever_its_parameters() {
    let app = of(Limit::new("a", per(9, 60)).by_route());
    for (path, expected) in [
        ("/", 8),
        ("/reports/1", 8),
        ("/reports/2", 7),
        ("/reports/3?page=4", 6),
        ("/files/a/b", 8),
        ("/files/c", 7),
        ("/", 7),
    ] {
        assert_eq!(left(&app, path).await, Some(expected), "{path}");
    }
}

#[tokio::test]
async fn by_route_all_paths_that_match_none_are_one_route() {
    let app = of(Limit::new("a", per(9, 60)).by_route());
    for (n, path) in ["/a", "/b/c", "//health", "/health/", "/%2e"].into_iter().enumerate() {
        assert_eq!(left(&app, path).await, Some(8 - n as u64), "{path}");
    }
    assert_eq!(left(&app, "/health").await, Some(8));
}

#[tokio::test]
async fn by_route_counts_the_methods_of_a_route_together() {
    let app = of(Limit::new("a", per(2, 60)).by_route());
    let mut statuses = Vec::new();
    for method in ["GET", "POST", "DELETE"] {
        let request = axum::http::Request::builder().method(method).uri("/").header("x-who", "ann");
        statuses.push(TestResponse::send(&app.router, request.body(Default::default()).unwrap()).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn by_route_nested_routes_are_told_apart_by_their_whole_path() {
    let inner = || Router::new().route("/list", get(|| async {}));
    let limit = Limit::new("a", per(9, 60)).by_route();
    let limit = RateLimit::builder().limit(limit).key(Key::global()).build().unwrap();
    let app = Router::new().nest("/a", inner()).nest("/b", inner()).layer(limit);
    for (path, expected) in [("/a/list", "8"), ("/b/list", "8"), ("/a/list", "7")] {
        assert_eq!(TestResponse::get(&app, path, &[]).await.headers["x-ratelimit-remaining"], expected, "{path}");
    }
}

#[tokio::test]
async fn below_a_nested_path_only_on_is_spelt_with_it() {
    let limit = |route: &'static str| {
        let limit = Limit::new("a", per(9, 60)).on_routes([route]);
        RateLimit::builder().limit(limit).key(Key::global()).build().unwrap()
    };
    for (route, is_counted) in [("/a/list", true), ("/list", false)] {
        let routed = Router::new().route("/list", any(|| async {})).layer(limit(route));
        let fallen = Router::new().fallback(|| async {}).layer(limit(route));
        for app in [Router::new().nest("/a", routed), Router::new().nest("/a", fallen)] {
            let answer = TestResponse::get(&app, "/a/list", &[]).await;
            assert_eq!(answer.headers.contains_key("x-ratelimit-remaining"), is_counted, "{route}");
        }
    }
}

#[tokio::test]
async fn each_limit_may_have_a_key_of_its_own() {
    let everybody = Limit::new("everybody", per(3, 60)).key(Key::global());
    let app = App::of(RateLimit::builder().limit(Limit::new("each", per(2, 60))).add_limit(everybody).key(who()));
    let statuses = ["ann", "ann", "ann", "bob", "cid"];
    for (who, status) in statuses.into_iter().zip([200, 200, 429, 200, 429]) {
        assert_eq!(app.ask(who).await.status(), status, "{who}");
    }
}

#[tokio::test]
async fn a_setter_replaces_what_was_set_before() {
    let builder = RateLimit::builder().quota(per(1, 60)).add_limit(Limit::new("b", per(1, 60))).quota(per(3, 60));
    let app = App::of(builder.key(Key::user()).key(who()).exempt(["/"]).exempt(["/health"]));
    assert_eq!(app.admitted("ann", 5).await, 3);
}
