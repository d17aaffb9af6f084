//! Open routes: no credential is needed or read on them, and every other request is closed.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, request};
use axum::routing::{any, get};
use portcullis::context::{Realm, Visitor};
use portcullis::gate::{Entry, Gate};
use portcullis::rate_limit::{Key, Limit};
use portcullis::stack::StackBuilder;
use portcullis::testing::as_anonymous;
use portcullis::{
    Extractor, IssueKind, Issuer, JwtAuth, Quota, RateLimit, RequireUser, Stack, TrustedProxies, UserContext,
};
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
async fn a_requirement_of_an_open_route_rejects_the_anonymous_caller() {
    let app = router().layer(open(&["/guarded"]).build().unwrap());
    let response = TestResponse::get(&app, "/guarded", &[("authorization", &bearer("ann"))]).await;
    assert_eq!(response.status, 401);
    assert_eq!(response.challenge(), "Bearer realm=\"api\"");
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
        RateLimit::builder().limit(on_account).key(Key::user()),
    ] {
        let builder = open(&["/health"]).trusted_proxies(TrustedProxies::none());
        assert!(builder.limit_by_user(limit.build().unwrap()).build().is_ok());
    }
    let exempts_one = by_user().exempt(["/health"]).build().unwrap();
    assert!(open(&["/health", "/login"]).limit_by_user(exempts_one).build().is_err());
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
