//! Open routes: no credential is needed or read on them, and every other request is closed.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, request};
use axum::routing::{any, get};
use portcullis::context::{Realm, Visitor};
use portcullis::gate::{DenialKind, Entry, Gate};
use portcullis::rate_limit::{Key, Limit};
use portcullis::stack::StackBuilder;
use portcullis::testing::as_anonymous;
use portcullis::{
    Extractor, IssueKind, Issuer, JwtAuth, Quota, RateLimit, RequireUser, Stack, TrustedProxies, UserContext,
};
use proptest::prelude::*;
use tower::{Layer, ServiceExt};

use super::{ISSUER, SECRET, auth, bearer, cors, global_limit, headers, per_user_limit};
use crate::support::response::TestResponse;

/// Reports the user; a request that reaches it was admitted.
async fn user_id(user: Option<Extractor<UserContext>>) -> String {
    user.map_or("anonymous".to_owned(), |Extractor(user)| user.id().to_owned())
}

fn router() -> Router {
    let nested = Router::new().route("/health", get(user_id)).route("/users/{id}", get(user_id)).fallback(user_id);
    Router::new()
        .route("/health", get(user_id))
        .route("/login", any(user_id))
        .route("/docs/{*path}", get(user_id))
        .route("/account", get(user_id))
        .route("/guarded", get(user_id).layer(RequireUser::new()))
        .nest("/api", nested)
        .fallback(user_id)
}

fn open(routes: &[&str]) -> StackBuilder<JwtAuth> {
    Stack::builder().authenticate(auth()).open(routes.iter().copied())
}

async fn status(app: &Router, path: &str) -> u16 {
    TestResponse::get(app, path, &[]).await.status.as_u16()
}

const OPEN: [&str; 5] = ["/health", "/login", "/docs/{*path}", "/api/health", "/api/users/{id}"];

#[tokio::test]
async fn only_open_routes_are_admitted_without_a_credential() {
    let app = router().layer(open(&OPEN).build().unwrap());
    for path in ["/health", "/login", "/docs/a", "/docs/a/b%2fc", "/api/health", "/api/users/7", "/health?x=/account"] {
        assert_eq!(status(&app, path).await, 200, "{path}");
    }
    for path in ["/account", "/unknown", "/", "/api", "/api/", "/api/unknown", "/docs", "/docs/"] {
        assert_eq!(status(&app, path).await, 401, "{path}");
    }
}

#[tokio::test]
async fn other_spellings_of_an_open_path_stay_closed() {
    let app = router().layer(open(&OPEN).build().unwrap());
    for path in [
        "//health",
        "/health/",
        "/%68ealth",
        "/HEALTH",
        "/health%2f",
        "/health;a",
        "/./health",
        "/account/../health",
        "/health/../account",
        "/api//health",
        "/api/health/",
        "//api/health",
        "/api/%68ealth",
        "/api/users",
        "/api/users/7/8",
    ] {
        assert_eq!(status(&app, path).await, 401, "{path}");
    }
}

#[tokio::test]
async fn a_stack_inside_a_nested_router_opens_routes_by_their_full_path() {
    let nested = Router::new().route("/health", get(user_id)).route("/account", get(user_id)).fallback(user_id);
    let app = Router::new().nest("/api", nested.layer(open(&["/api/health"]).build().unwrap()));
    assert_eq!(status(&app, "/api/health").await, 200);
    for path in ["/api/account", "/api//health", "/api/health/", "/api/unknown"] {
        assert_eq!(status(&app, path).await, 401, "{path}");
    }
}

#[tokio::test]
async fn around_a_router_only_the_exact_path_of_a_route_without_parameters_is_open() {
    let app = open(&OPEN).build().unwrap().layer(router());
    for (path, expected) in [
        ("/health", 200),
        ("/api/health", 200),
        ("/docs/a", 401),
        ("/docs/{*path}", 401),
        ("/api/users/7", 401),
        ("//health", 401),
        ("/health/", 401),
        ("/account", 401),
    ] {
        let request = Request::get(path).body(Body::empty());
        let Ok(request) = request else { continue };
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_credential_is_not_read_on_an_open_route() {
    let app = router().layer(open(&OPEN).build().unwrap());
    for credential in [bearer("ann"), "Bearer garbage".to_owned(), "Bearer".to_owned()] {
        let response = TestResponse::get(&app, "/login", &[("authorization", &credential)]).await;
        assert_eq!((response.status.as_u16(), &*response.body), (200, "anonymous"), "{credential}");
    }
    let ann = bearer("ann");
    let response = TestResponse::get(&app, "/account", &[("authorization", &ann)]).await;
    assert_eq!((response.status.as_u16(), &*response.body), (200, "ann"));
    assert_eq!(TestResponse::get(&app, "/account", &[("authorization", "Bearer garbage")]).await.status, 401);
}

#[tokio::test]
async fn a_method_of_a_route_is_open_alone_and_get_includes_head() {
    let routes = || Router::new().route("/posts/{id}", any(user_id)).route("/posts", any(user_id));
    let stack = || open(&["GET /posts/{post}", "GET /posts", "POST /posts"]).build().unwrap();
    let around = Router::new().fallback_service(stack().layer(routes()));
    for (app, has_parameters) in [(routes().layer(stack()), true), (around, false)] {
        for (method, path, is_open) in [
            ("GET", "/posts/7", has_parameters),
            ("HEAD", "/posts/7", has_parameters),
            ("POST", "/posts/7", false),
            ("DELETE", "/posts/7", false),
            ("get", "/posts/7", false),
            ("GET", "/posts", true),
            ("POST", "/posts", true),
            ("PUT", "/posts", false),
            ("POST", "/posts/", false),
        ] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let status = TestResponse::send(&app, request).await.status.as_u16();
            assert_eq!(status, if is_open { 200 } else { 401 }, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_requires_a_user_on_an_open_route_is_a_mistake_of_the_app() {
    let ann = bearer("ann");
    let routes = router().route("/extracted", get(async |_: Extractor<UserContext>| {}));
    let app = routes.layer(open(&["/guarded", "/extracted"]).build().unwrap());
    for (path, required_by) in [("/guarded", "RequireUser"), ("/extracted", "UserContext")] {
        for headers in [&[("authorization", &*ann)][..], &[]] {
            let response = TestResponse::get(&app, path, headers).await;
            assert_eq!(response.status, 500, "{path}");
            assert_eq!(response.denial.unwrap().kind(), &DenialKind::open_route(required_by));
            assert!(!response.headers.contains_key("www-authenticate"));
        }
    }
}

#[tokio::test]
async fn an_inner_layer_may_authenticate_on_an_open_route() {
    for inner in [auth(), auth().to_optional()] {
        let guarded = Router::new().route("/admin", get(user_id).layer(RequireUser::new())).layer(inner);
        let app = guarded.layer(open(&["/admin"]).build().unwrap());
        let response = TestResponse::get(&app, "/admin", &[("authorization", &bearer("ann"))]).await;
        assert_eq!((response.status.as_u16(), &*response.body), (200, "ann"));
        assert_eq!(status(&app, "/admin").await, 401);
    }
}

#[tokio::test]
async fn a_handler_of_an_open_route_that_logs_its_headers_logs_no_credential() {
    let handler = get(async |headers: HeaderMap| format!("{headers:?}"));
    let app = Router::new().route("/health", handler).layer(open(&["/health"]).build().unwrap());
    let ann = bearer("ann");
    let headers =
        [("authorization", &*ann), ("authorization", "Basic QQ"), ("cookie", "a=QQ"), ("accept", "text/html")];
    let response = TestResponse::get(&app, "/health", &headers).await;
    assert!(!response.body.contains(&ann) && !response.body.contains("QQ"), "{}", response.body);
    assert!(response.body.contains("text/html"), "other headers are shown");
}

#[tokio::test]
async fn other_layers_apply_to_open_routes() {
    let stack = open(&OPEN).security_headers(headers()).cors(cors()).limit_by_address(global_limit(1)).build().unwrap();
    let app = router().layer(stack);
    let response = TestResponse::get(&app, "/health", &[("origin", super::PAGE)]).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.headers["access-control-allow-origin"], super::PAGE);
    assert_eq!(response.headers["x-content-type-options"], "nosniff");
    assert_eq!(status(&app, "/health").await, 429);
}

#[test]
fn invalid_open_routes_are_config_errors() {
    for (routes, kind) in [
        (&["health"][..], IssueKind::Invalid),
        (&["/users/:id"], IssueKind::Invalid),
        (&[""], IssueKind::Invalid),
        (&[], IssueKind::Invalid),
        (&["/a", "/b", "/a"], IssueKind::Duplicate),
        (&["/a", "GET /a"], IssueKind::Duplicate),
        (&["HEAD /a/{id}", "GET /a/{name}"], IssueKind::Duplicate),
        (&["get /a"], IssueKind::Invalid),
        (&["GET a"], IssueKind::Invalid),
    ] {
        let error = open(routes).build().unwrap_err();
        let [issue] = error.issues() else { panic!("{error}") };
        assert_eq!((issue.setting(), issue.kind()), ("open", kind), "{routes:?}");
    }
    let error = Stack::builder().security_headers(headers()).open(["/health"]).build().unwrap_err();
    assert_eq!((error.issues()[0].setting(), error.issues()[0].kind()), ("open", IssueKind::Missing));
}

#[test]
fn a_limit_by_user_alone_on_an_open_route_is_a_config_error() {
    let error = open(&["/health"]).limit_by_user(per_user_limit(9)).build().unwrap_err();
    let [issue] = error.issues() else { panic!("{error}") };
    assert_eq!((issue.setting(), issue.kind()), ("limit_by_user", IssueKind::Prohibited));
    let quota = Quota::per_hour(9).unwrap();
    let by_user = || RateLimit::builder().quota(quota).key(Key::user());
    let on_account = Limit::new("account", quota).on_routes(["/account"]);
    for limit in [
        by_user().key(Key::user().or_ip()),
        by_user().exempt(["/health"]),
        RateLimit::builder().limit(Limit::new("writes", quota).on_routes(["POST /health"])).key(Key::user()),
        RateLimit::builder().limit(on_account).key(Key::user()),
    ] {
        let builder = open(&["GET /health"]).trusted_proxies(TrustedProxies::none());
        assert!(builder.limit_by_user(limit.build().unwrap()).build().is_ok());
    }
    for exempt in ["/health", "GET /login"] {
        let exempts_one = by_user().exempt([exempt]).build().unwrap();
        assert!(open(&["/health", "GET /login", "POST /login"]).limit_by_user(exempts_one).build().is_err());
    }
}

#[tokio::test]
async fn a_gate_that_waits_is_not_asked_on_an_open_route() {
    // The issuer does not exist, so every request that needs its keys gets 503.
    let unavailable = JwtAuth::builder().issuer(Issuer::jwks(ISSUER, "http://127.0.0.1:9/jwks")).audience("api");
    let stack = Stack::builder().authenticate(unavailable.build().unwrap()).open(["/health"]).build().unwrap();
    let app = router().layer(stack);
    let token = portcullis::testing::TokenBuilder::first_party(ISSUER, SECRET, "ann").audience("api").sign();
    let credential = format!("Bearer {token}");
    assert_eq!(TestResponse::get(&app, "/health", &[("authorization", &credential)]).await.status, 200);
    assert_ne!(TestResponse::get(&app, "/account", &[("authorization", &credential)]).await.status, 200);
}

/// Waits, then admits every caller as anonymous.
#[derive(Clone)]
struct AdmitAnonymously;

impl Gate for AdmitAnonymously {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::wait(async |mut head: request::Parts| {
            head.extensions.insert(Visitor::anonymous(Realm::new("vault")));
            Ok((head, ()))
        })
    }
}

#[tokio::test]
async fn an_anonymous_caller_that_the_gate_admits_is_401_on_closed_routes() {
    let optional = router().layer(Stack::builder().authenticate(auth().to_optional()).open(OPEN).build().unwrap());
    let waiting = router().layer(Stack::builder().authenticate(AdmitAnonymously).open(OPEN).build().unwrap());
    let anonymous = router().layer(Stack::builder().authenticate(as_anonymous()).open(OPEN).build().unwrap());
    for (app, challenge) in [
        (&optional, "Bearer realm=\"api\""),
        (&waiting, "Bearer realm=\"vault\""),
        (&anonymous, "Bearer realm=\"api\""),
    ] {
        assert_eq!(status(app, "/health").await, 200);
        for path in ["/account", "/unknown", "//health"] {
            let response = TestResponse::get(app, path, &[]).await;
            assert_eq!((response.status.as_u16(), response.challenge()), (401, challenge), "{path}");
        }
    }
    let ann = bearer("ann");
    assert_eq!(TestResponse::get(&optional, "/account", &[("authorization", &ann)]).await.body, "ann");
}

#[tokio::test]
async fn without_open_routes_an_optional_gate_admits_anonymous_callers_everywhere() {
    let app = router().layer(Stack::builder().authenticate(auth().to_optional()).build().unwrap());
    assert_eq!(TestResponse::get(&app, "/account", &[]).await.body, "anonymous");
}

#[tokio::test]
async fn a_gate_that_sets_no_visitor_is_500_on_closed_routes() {
    let app = router().layer(Stack::builder().authenticate(headers()).open(OPEN).build().unwrap());
    assert_eq!([status(&app, "/health").await, status(&app, "/account").await], [200, 500]);
}

/// Apps in which the stack has different places. A handler of an open route responds 204, all others 418.
fn placed(stack: &Stack<JwtAuth>) -> [Router; 4] {
    let opened = || any(async || StatusCode::NO_CONTENT);
    let closed = async || StatusCode::IM_A_TEAPOT;
    let inner = || Router::new().route("/health", opened()).route("/{item}", any(closed)).fallback(closed);
    let outer = || {
        let docs = Router::new().route("/docs/{*path}", opened()).route("/{page}", any(closed));
        docs.route("/health", opened()).nest("/t/{tenant}", inner()).fallback(closed)
    };
    [
        outer().nest("/api", inner()).layer(stack.clone()),
        outer().nest_service("/api", inner()).layer(stack.clone()),
        Router::new().nest_service("/api", inner().layer(stack.clone())),
        Router::new().fallback_service(stack.layer(outer().nest("/api", inner()))),
    ]
}

proptest! {
    #[test]
    fn no_path_and_method_reach_a_closed_handler_without_a_credential(
        segments in prop::collection::vec(
            prop::sample::select(vec![
                "health", "api", "docs", "t", "x", "", ".", "..", "%2e%2e", "%68ealth", "HEALTH", "health;x",
                "health%2f", "health%00", "%7Btenant%7D", "{tenant}", "%7B*path%7D", "*",
            ]),
            0..5,
        ),
        start in prop::sample::select(vec!["/", "http://health/", "http://api:80//"]),
        end in prop::sample::select(vec!["", "/", "?/health", "//"]),
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "OPTIONS", "TRACE", "CONNECT", "HEALTH"]),
    ) {
        let stack = open(&["/health", "/docs/{*path}", "/api/health", "/t/{tenant}/health"]).build().unwrap();
        let uri = format!("{start}{}{end}", segments.join("/"));
        let request = || {
            let request = Request::builder().method(method).uri(&*uri).header("x-http-method-override", "GET");
            request.header("x-original-url", "/health").body(Body::empty())
        };
        // Not every text is a URI.
        prop_assume!(request().is_ok());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for app in placed(&stack) {
            let status = runtime.block_on(TestResponse::send(&app, request().unwrap())).status;
            prop_assert!([204, 401, 404].contains(&status.as_u16()), "{method} {uri}: {status}");
        }
    }
}
