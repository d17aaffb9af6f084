//! Who sees a request first, and what each answer has passed on its way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use portcullis::testing::as_user;
use portcullis::{ClientAddr, Extractor, SecurityHeaders, Stack, TrustedProxies, UserContext};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use super::{PAGE, app, asked, auth, bearer, cors, each_user, everybody, headers, is_complete};
use crate::support::response::TestResponse;

fn preflight() -> Request<Body> {
    let request = Request::builder().method(Method::OPTIONS).uri("/").header("origin", PAGE);
    request.header("access-control-request-method", "GET").body(Body::empty()).unwrap()
}

/// What all stacks of the same gates must do, however they were put together.
async fn stands_in_order(app: &Router, calls: &AtomicUsize) {
    // Outside of everything that refuses and counts: a preflight has no credential and uses nothing up.
    for _ in 0..4 {
        let answer = TestResponse::send(app, preflight()).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(!answer.headers.contains_key("x-ratelimit-limit"));
    }
    let ann = bearer("ann");
    let answer = asked(app, "/", &ann).await;
    is_complete(&answer, 200);
    assert_eq!(answer.body, "ann");
    assert_eq!(answer.headers["cache-control"], "no-store", "one gate's word for another");
    is_complete(&asked(app, "/scope", &ann).await, 403);
    is_complete(&asked(app, "/fall", &ann).await, 500);
    // A user's fourth request: over the limit by user, whose fields the answer has.
    let refused = asked(app, "/", &ann).await;
    is_complete(&refused, 429);
    assert_eq!(refused.headers["x-ratelimit-limit"], "3");
    // Another user is counted apart.
    let bob = bearer("bob");
    is_complete(&asked(app, "/down", &bob).await, 503);
    is_complete(&asked(app, "/", "").await, 401);
    is_complete(&asked(app, "/", "Bearer nonsense").await, 401);
    // All together are at their limit of seven: nobody's token is looked at any more.
    let refused = asked(app, "/", "Bearer nonsense").await;
    is_complete(&refused, 429);
    assert_eq!(refused.headers["x-ratelimit-limit"], "7");
    is_complete(&asked(app, "/", &bob).await, 429);
    assert_eq!(calls.load(SeqCst), 1, "no refused request reached the handler");
}

#[tokio::test]
async fn every_answer_passes_cors_and_security_headers() {
    let calls = Arc::new(AtomicUsize::new(0));
    let stack = Stack::builder()
        .security_headers(headers())
        .cors(cors())
        .limit_by_address(everybody(7))
        .authenticate(auth())
        .limit_by_user(each_user(3));
    stands_in_order(&app(&calls).layer(stack.build().unwrap()), &calls).await;
}

#[tokio::test]
async fn the_order_in_which_the_builder_is_told_does_not_matter() {
    let calls = Arc::new(AtomicUsize::new(0));
    let stack = Stack::builder()
        .limit_by_user(each_user(3))
        .authenticate(auth())
        .limit_by_address(everybody(7))
        .cors(cors())
        .security_headers(headers());
    stands_in_order(&app(&calls).layer(stack.build().unwrap()), &calls).await;
}

#[tokio::test]
async fn the_layers_stand_on_their_own_as_well() {
    let calls = Arc::new(AtomicUsize::new(0));
    let layers =
        ServiceBuilder::new().layer(headers()).layer(cors()).layer(everybody(7)).layer(auth()).layer(each_user(3));
    stands_in_order(&app(&calls).layer(layers), &calls).await;
}

/// Whichever is written first, and where several write the same field: the inner one counts.
#[tokio::test]
async fn an_answer_has_the_fields_that_the_layers_one_by_one_give_it() {
    for own in [
        SecurityHeaders::api(),
        SecurityHeaders::api().override_handler(["x-frame-options"]).strip(["x-ratelimit-reset", "server"]),
        SecurityHeaders::api().header("cache-control", "private"),
        SecurityHeaders::api().header("x-ratelimit-limit", "7"),
        SecurityHeaders::api().strip(["x-ratelimit-limit"]),
        SecurityHeaders::html(),
    ] {
        let headers = own.build().unwrap();
        let stack = Stack::builder().security_headers(headers.clone()).authenticate(auth()).limit_by_user(each_user(9));
        let layers = ServiceBuilder::new().layer(headers).layer(auth()).layer(each_user(9));
        let calls = Arc::new(AtomicUsize::new(0));
        let (stacked, layered) = (app(&calls).layer(stack.build().unwrap()), app(&calls).layer(layers));
        let (stacked, layered) =
            (asked(&stacked, "/", &bearer("ann")).await, asked(&layered, "/", &bearer("ann")).await);
        assert_eq!(stacked.headers.len(), layered.headers.len());
        for name in layered.headers.keys().filter(|name| *name != "content-security-policy") {
            let of = |answer: &TestResponse| answer.headers.get_all(name).iter().cloned().collect::<Vec<_>>();
            assert_eq!(of(&stacked), of(&layered), "{name}");
        }
    }
}

#[tokio::test]
async fn the_clients_address_is_found_for_all_below() {
    let handler = axum::routing::get(|Extractor(client): Extractor<ClientAddr>| async move { client.to_string() });
    let stack = Stack::builder().trusted_proxies(TrustedProxies::new(["10.0.0.0/8"]).unwrap()).build().unwrap();
    let app = Router::new().route("/", handler).layer(stack);
    let mut request = Request::get("/").header("x-forwarded-for", "203.0.113.9").body(Body::empty()).unwrap();
    request.extensions_mut().insert(std::net::SocketAddr::from(([10, 0, 0, 1], 4711)));
    assert_eq!(TestResponse::send(&app, request).await.body, "203.0.113.9");
}

#[tokio::test]
async fn a_gate_of_ones_own_authenticates() {
    let calls = Arc::new(AtomicUsize::new(0));
    let stack = Stack::builder().authenticate(as_user(UserContext::new("eve"))).limit_by_user(each_user(1));
    let app = app(&calls).layer(stack.build().unwrap());
    assert_eq!(asked(&app, "/", "").await.body, "eve");
    assert_eq!(asked(&app, "/", "").await.status, 429);
}

#[tokio::test]
async fn a_plain_service_stands_behind_it() {
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("handled")))
    });
    let stack = Stack::builder().security_headers(headers()).authenticate(auth()).build().unwrap();
    let service = ServiceBuilder::new().layer(stack).service(inner);
    let response = service.clone().oneshot(Request::new(Full::default())).await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    let request = Request::get("/").header("authorization", bearer("ann")).body(Full::default()).unwrap();
    assert_eq!(service.oneshot(request).await.unwrap().status(), 200);
}
