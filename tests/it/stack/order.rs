//! The order of the layers: which one rejects a request first, and which headers each response has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use bytes::Bytes;
use http::header::AGE;
use http::{Response, request};
use http_body_util::Full;
use portcullis::context::{NoStore, Visitor};
use portcullis::gate::{Entry, Gate, ResponseHeaders};
use portcullis::testing::as_user;
use portcullis::{ClientAddr, CspNonce, Extractor, SecurityHeaders, Stack, TrustedProxies, UserContext};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use super::{PAGE, app, assert_complete, auth, bearer, cors, global_limit, headers, per_user_limit, send};
use crate::support::response::TestResponse;

fn preflight() -> Request<Body> {
    let request = Request::builder().method(Method::OPTIONS).uri("/").header("origin", PAGE);
    request.header("access-control-request-method", "GET").body(Body::empty()).unwrap()
}

/// Asserts what every stack of the same layers must do, however it was built.
async fn assert_layer_order(app: &Router, calls: &AtomicUsize) {
    // `Cors` is around the layers that reject and charge: a preflight has no credential and uses no quota.
    for _ in 0..4 {
        let response = TestResponse::send(app, preflight()).await;
        assert_eq!(response.status, 204);
        assert_eq!(response.headers["x-content-type-options"], "nosniff");
        assert!(!response.headers.contains_key("x-ratelimit-limit"));
    }
    let ann = bearer("ann");
    let response = send(app, "/", &ann).await;
    assert_complete(&response, 200);
    assert_eq!(response.body, "ann");
    assert_eq!(response.headers["cache-control"], "no-store", "JwtAuth adds it, because SecurityHeaders requests it");
    assert_complete(&send(app, "/scope", &ann).await, 403);
    assert_complete(&send(app, "/panic", &ann).await, 500);
    // The user's fourth request exceeds the limit by user, and the response has that limit's headers.
    let rejected = send(app, "/", &ann).await;
    assert_complete(&rejected, 429);
    assert_eq!(rejected.headers["x-ratelimit-limit"], "3");
    // Another user has another quota.
    let bob = bearer("bob");
    assert_complete(&send(app, "/unavailable", &bob).await, 503);
    assert_complete(&send(app, "/", "").await, 401);
    assert_complete(&send(app, "/", "Bearer nonsense").await, 401);
    // The global limit of seven is used up, so no token is verified any more.
    let rejected = send(app, "/", "Bearer nonsense").await;
    assert_complete(&rejected, 429);
    assert_eq!(rejected.headers["x-ratelimit-limit"], "7");
    assert_complete(&send(app, "/", &bob).await, 429);
    assert_eq!(calls.load(SeqCst), 1, "no rejected request reached the handler");
}

#[tokio::test]
async fn every_response_has_the_headers_of_cors_and_security_headers() {
    let calls = Arc::new(AtomicUsize::new(0));
    let stack = Stack::builder()
        .security_headers(headers())
        .cors(cors())
        .limit_by_address(global_limit(7))
        .authenticate(auth())
        .limit_by_user(per_user_limit(3));
    assert_layer_order(&app(&calls).layer(stack.build().unwrap()), &calls).await;
}

#[tokio::test]
async fn the_order_of_the_setters_does_not_matter() {
    let calls = Arc::new(AtomicUsize::new(0));
    let stack = Stack::builder()
        .limit_by_user(per_user_limit(3))
        .authenticate(auth())
        .limit_by_address(global_limit(7))
        .cors(cors())
        .security_headers(headers());
    assert_layer_order(&app(&calls).layer(stack.build().unwrap()), &calls).await;
}

#[tokio::test]
async fn the_layers_work_the_same_in_a_service_builder() {
    let calls = Arc::new(AtomicUsize::new(0));
    let layers = ServiceBuilder::new()
        .layer(headers())
        .layer(cors())
        .layer(global_limit(7))
        .layer(auth())
        .layer(per_user_limit(3));
    assert_layer_order(&app(&calls).layer(layers), &calls).await;
}

/// If several layers write the same header, the inner one wins, whichever writes it first.
#[tokio::test]
async fn a_response_has_the_same_headers_as_from_the_single_layers() {
    for builder in [
        SecurityHeaders::api(),
        SecurityHeaders::api().override_handler(["x-frame-options"]).strip(["x-ratelimit-reset", "server"]),
        SecurityHeaders::api().header("cache-control", "private"),
        SecurityHeaders::api().header("x-ratelimit-limit", "7"),
        SecurityHeaders::api().strip(["x-ratelimit-limit"]),
        SecurityHeaders::html(),
    ] {
        let headers = builder.build().unwrap();
        let stack =
            Stack::builder().security_headers(headers.clone()).authenticate(auth()).limit_by_user(per_user_limit(9));
        let layers = ServiceBuilder::new().layer(headers).layer(auth()).layer(per_user_limit(9));
        let calls = Arc::new(AtomicUsize::new(0));
        let stacked = send(&app(&calls).layer(stack.build().unwrap()), "/", &bearer("ann")).await;
        let layered = send(&app(&calls).layer(layers), "/", &bearer("ann")).await;
        assert_eq!(stacked.headers.len(), layered.headers.len());
        for name in layered.headers.keys().filter(|name| *name != "content-security-policy") {
            let values = |response: &TestResponse| response.headers.get_all(name).iter().cloned().collect::<Vec<_>>();
            assert_eq!(values(&stacked), values(&layered), "{name}");
        }
    }
}

#[tokio::test]
async fn trusted_proxies_finds_the_clients_address_for_the_handler() {
    let handler = axum::routing::get(|Extractor(client): Extractor<ClientAddr>| async move { client.to_string() });
    let stack = Stack::builder().trusted_proxies(TrustedProxies::new(["10.0.0.0/8"]).unwrap()).build().unwrap();
    let app = Router::new().route("/", handler).layer(stack);
    let mut request = Request::get("/").header("x-forwarded-for", "203.0.113.9").body(Body::empty()).unwrap();
    request.extensions_mut().insert(std::net::SocketAddr::from(([10, 0, 0, 1], 4711)));
    assert_eq!(TestResponse::send(&app, request).await.body, "203.0.113.9");
}

#[tokio::test]
async fn a_custom_gate_authenticates() {
    let calls = Arc::new(AtomicUsize::new(0));
    let stack = Stack::builder().authenticate(as_user(UserContext::new("eve"))).limit_by_user(per_user_limit(1));
    let app = app(&calls).layer(stack.build().unwrap());
    assert_eq!(send(&app, "/", "").await.body, "eve");
    assert_eq!(send(&app, "/", "").await.status, 429);
}

#[tokio::test]
async fn a_stack_works_on_a_plain_tower_service() {
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

/// Authenticates every request, and declares a response header other than the one that it writes.
#[derive(Clone)]
struct AuthWithWrongDeclaration;

impl Gate for AuthWithWrongDeclaration {
    type Pass = Option<NoStore>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        head.extensions.insert(Visitor::authenticated(UserContext::new("eve")));
        Entry::Admit(head.extensions.get().copied())
    }

    fn leave<B>(&self, no_store: Self::Pass, response: &mut Response<B>) {
        if let Some(no_store) = no_store {
            no_store.write(response.headers_mut());
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([AGE])
    }
}

#[tokio::test]
async fn no_store_of_a_custom_gate_that_does_not_declare_it_replaces_private() {
    let handler = axum::routing::get(|Extractor(nonce): Extractor<CspNonce>| async move { nonce.as_str().to_owned() });
    let stack = Stack::builder().security_headers(SecurityHeaders::html().build().unwrap());
    let stack = stack.authenticate(AuthWithWrongDeclaration).build().unwrap();
    let app = Router::new().route("/", handler).layer(stack);
    let response = TestResponse::get(&app, "/", &[]).await;
    assert_eq!((response.status.as_u16(), &response.headers["cache-control"]), (200, &"no-store".parse().unwrap()));
}
