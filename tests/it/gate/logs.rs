//! The log lines of rejections: their level and fields.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use portcullis::context::Realm;
use portcullis::gate::{Denial, DenialKind};
use portcullis::rate_limit::{Key, Limit, Subject};
use portcullis::testing::{FakeClock, as_anonymous, as_user};
use portcullis::{Issuer, JwtAuth, Quota, RateLimit, RequireRole, RequireUser, Roles, UserContext};

use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const PATH: &str = "/users/secret-42";

fn app(handler: axum::routing::MethodRouter) -> Router {
    Router::new().route("/users/{id}", handler)
}

/// The lines that a request of `PATH` logs, without the time and the module.
async fn lines(app: &Router) -> Vec<String> {
    let log = LogCapture::start();
    TestResponse::get(app, PATH, &[]).await;
    assert!(!log.text().contains("secret-42"), "{}", log.text());
    log.text().lines().map(without_origin).collect()
}

/// `DEBUG request rejected ...` for a line that begins with its time and has its module behind the level.
fn without_origin(line: &str) -> String {
    let (head, message) = line.split_once(": ").unwrap();
    let level = head.split_whitespace().nth(1).unwrap();
    format!("{level} {message}")
}

#[tokio::test]
async fn a_rejection_by_a_layer_is_one_line_with_kind_status_method_and_route() {
    let auth = JwtAuth::builder().issuer(Issuer::hs256("https://auth.example.com", [7; 32])).audience("api");
    let jwt = app(get(|| async {})).layer(auth.build().unwrap());
    assert_eq!(
        lines(&jwt).await,
        ["DEBUG request rejected kind=\"credentials_missing\" status=401 method=\"GET\" route=\"/users/{id}\" \
          reason=\"a bearer token is required\""]
    );
    let roles = Roles::from_names(["editor"]).unwrap();
    let role = RequireRole::new(&roles, "editor").unwrap();
    let role = app(get(|| async {})).layer(role).layer(as_user(UserContext::new("ann")));
    assert_eq!(
        lines(&role).await,
        ["INFO request rejected event=\"access_denied\" reason=\"insufficient_role\" status=403 method=\"GET\" \
          route=\"/users/{id}\" user=\"ann\" detail=\"required role: editor\""]
    );
}

#[tokio::test]
async fn the_route_of_a_nested_router_is_the_whole_pattern() {
    let inner = Router::new().route("/{id}", get(|| async {})).layer(RequireUser::new());
    let nested = Router::new().nest("/users", inner).layer(as_anonymous());
    let [line] = lines(&nested).await.try_into().unwrap();
    assert!(line.contains("route=\"/users/{id}\""), "{line}");
}

#[tokio::test]
async fn a_rejection_by_an_extractor_has_method_and_route_too() {
    let anonymous = app(get(|_: UserContext| async {})).layer(as_anonymous());
    assert_eq!(
        lines(&anonymous).await,
        ["DEBUG request rejected kind=\"credentials_missing\" status=401 method=\"GET\" route=\"/users/{id}\" \
          reason=\"a bearer token is required\""]
    );
}

#[tokio::test]
async fn a_mistake_of_the_app_is_an_error_that_names_it() {
    let forgotten = app(get(|_: UserContext| async {}));
    assert_eq!(
        lines(&forgotten).await,
        [
            "ERROR UserContext requires an authenticating layer; add JwtAuth or AnyOf around it kind=\"server_misconfigured\" \
          status=500 method=\"GET\" route=\"/users/{id}\""
        ]
    );
}

#[tokio::test]
async fn a_denial_that_a_handler_returns_has_no_method_and_no_route() {
    let denial = || async { Err::<(), _>(Denial::new(DenialKind::RateLimitKeyMissing, Realm::default())) };
    assert_eq!(
        lines(&app(get(denial))).await,
        ["INFO request rejected event=\"access_denied\" reason=\"rate_limit_key_missing\" status=403 \
          detail=\"the request carries no rate-limit key\""]
    );
}

#[tokio::test]
async fn a_name_that_the_caller_chose_cannot_add_a_line() {
    let handler = || async { UserContext::new("ann").require_role("a\nERROR forged") };
    let [line] = lines(&app(get(handler))).await.try_into().unwrap();
    assert!(line.contains("reason=\"insufficient_role\"") && line.contains("ERROR forged"), "{line}");
}

#[tokio::test]
async fn a_request_without_a_route_logs_no_path() {
    let app = app(get(|| async {})).fallback(|| async {}).layer(RequireUser::new()).layer(as_anonymous());
    let log = LogCapture::start();
    TestResponse::get(&app, "/elsewhere/secret-42", &[]).await;
    assert!(log.text().contains("method=\"GET\" reason="), "{}", log.text());
}

#[tokio::test]
async fn a_long_method_is_not_logged() {
    let app = app(axum::routing::any(|| async {})).layer(RequireUser::new()).layer(as_anonymous());
    for (method, logged) in [("PROPFIND", "PROPFIND"), (&*"X".repeat(18), "another method")] {
        let log = LogCapture::start();
        let request = Request::builder().method(method).uri(PATH).body(Body::empty()).unwrap();
        TestResponse::send(&app, request).await;
        assert!(log.text().contains(&format!("method=\"{logged}\"")), "{}", log.text());
    }
}

#[tokio::test]
async fn an_exceeded_limit_is_named() {
    let quota = Quota::per_minute(1).unwrap();
    let limit = RateLimit::builder().add_limit(Limit::new("one", quota)).add_limit(Limit::new("two", quota));
    let limited = app(get(|| async {})).layer(limit.key(Key::global()).build().unwrap());
    assert!(lines(&limited).await.is_empty());
    assert_eq!(
        lines(&limited).await,
        ["INFO request rejected event=\"rate_limited\" reason=\"quota_exceeded\" status=429 method=\"GET\" \
          route=\"/users/{id}\" limit=\"one, two\" detail=\"rate limit exceeded\""]
    );
}

#[tokio::test]
async fn a_shadow_limit_logs_method_and_route() {
    let shadow = Limit::new("trial", Quota::per_minute(1).unwrap()).shadow();
    let limit = RateLimit::builder().add_limit(shadow).key(Key::global()).build().unwrap();
    let limited = app(get(|| async {})).layer(limit);
    assert!(lines(&limited).await.is_empty());
    assert_eq!(
        lines(&limited).await,
        ["INFO a shadow limit would have rejected this request method=\"GET\" route=\"/users/{id}\" limit=\"trial\""]
    );
}

fn blocking(clock: &FakeClock) -> RateLimit {
    let login = Limit::new("login", Quota::per_minute(1).unwrap()).block_for(Duration::from_secs(300));
    RateLimit::builder().add_limit(login).key(Key::global()).clock(clock.clock()).build().unwrap()
}

#[tokio::test]
async fn the_start_of_a_block_is_logged_at_info_and_once() {
    let clock = FakeClock::new();
    let limited = app(get(|| async {})).layer(blocking(&clock));
    let is_start = |line: &String| line.starts_with("INFO exceeding the limit");
    let info = |lines: Vec<String>| lines.into_iter().filter(is_start).collect::<Vec<_>>();
    assert!(lines(&limited).await.is_empty());
    for _ in 0..2 {
        let [start] = info(lines(&limited).await).try_into().unwrap();
        assert!(start.starts_with("INFO exceeding the limit blocks the subject kind="), "{start}");
        assert!(start.ends_with("status=429 method=\"GET\" route=\"/users/{id}\" limit=\"login\""), "{start}");
        for _ in 0..3 {
            let lines = lines(&limited).await;
            assert!(
                lines[0].starts_with("INFO request rejected event=\"rate_limited\" reason=\"abnormal_usage\""),
                "{lines:?}"
            );
            assert!(info(lines).is_empty());
        }
        // After the block, its window is free again: one request is admitted, and the next starts a longer block.
        clock.advance(Duration::from_secs(300));
        assert!(lines(&limited).await.is_empty());
    }
}

#[tokio::test]
async fn the_start_of_a_block_outside_a_request_is_logged_without_method_and_route() {
    let clock = FakeClock::new();
    let limit = blocking(&clock);
    let log = LogCapture::start();
    for _ in 0..3 {
        let _ = limit.check(&Subject::global(), 1).await;
    }
    assert_eq!(log.count("exceeding the limit blocks the subject"), 1, "{}", log.text());
    assert!(!log.text().contains("method="), "{}", log.text());
}
