//! Gates on real servers: axum's `layer` and `route_layer`, and hyper around a plain tower service.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use portcullis::testing::TestIssuer;
use portcullis::{Issuer, JwtAuth, RequireScope};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};

use crate::support::response::TestResponse;
use crate::support::scripted_gate::{DECISIONS, ScriptedGate};

/// A handler, and the number of its calls.
fn counted_handler() -> (Arc<AtomicUsize>, axum::routing::MethodRouter) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let handler = get(move || async move {
        count.fetch_add(1, SeqCst);
        "handled"
    });
    (calls, handler)
}

#[tokio::test]
async fn every_decision_works_on_a_router_with_layer_and_with_route_layer() {
    for is_route_layer in [false, true] {
        for (decision, status) in DECISIONS {
            let gate = ScriptedGate::default();
            let (calls, handler) = counted_handler();
            let app = Router::new().route("/", handler);
            let app = if is_route_layer { app.route_layer(gate.clone()) } else { app.layer(gate.clone()) };
            gate.record.proceed.notify_one();
            let response = TestResponse::get(&app, "/", &[("x-decision", decision)]).await;
            assert_eq!(response.status, status, "{decision}");
            assert_eq!(response.body, if status == 200 { "handled" } else { "rejected" }, "{decision}");
            assert_eq!(calls.load(SeqCst), usize::from(status == 200), "{decision}");
        }
    }
}

#[tokio::test]
async fn route_layer_does_not_run_the_gate_for_unknown_routes() {
    let reject = [("x-decision", "reject")];
    let (_, handler) = counted_handler();
    let app = Router::new().route("/", handler.clone()).route_layer(ScriptedGate::default());
    assert_eq!(TestResponse::get(&app, "/nowhere", &reject).await.status, 404);
    let app = Router::new().route("/", handler).layer(ScriptedGate::default());
    assert_eq!(TestResponse::get(&app, "/nowhere", &reject).await.status, 403);
}

#[tokio::test]
async fn a_gate_on_one_route_does_not_affect_other_routes() {
    let app = Router::new()
        .route("/protected", get(|| async {}).layer(ScriptedGate::default()))
        .route("/open", get(|| async {}))
        .fallback_service(tower::Layer::layer(&ScriptedGate::default(), Router::new()));
    let reject = [("x-decision", "reject")];
    assert_eq!(TestResponse::get(&app, "/protected", &reject).await.status, 403);
    assert_eq!(TestResponse::get(&app, "/open", &reject).await.status, 200);
    assert_eq!(TestResponse::get(&app, "/other", &reject).await.status, 403);
}

#[tokio::test]
async fn hyper_serves_a_plain_tower_service_behind_jwt_auth() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api").build().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let service = ServiceBuilder::new().layer(auth).layer(RequireScope::new("read").unwrap()).service(service_fn(
        move |_: Request<Incoming>| {
            count.fetch_add(1, SeqCst);
            async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"handled")))) }
        },
    ));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });

    let client = reqwest::Client::new();
    let token = issuer.token("ann").audience("api");
    for (credential, status, body) in [
        (Some(token.clone().scope("read").sign()), 200, "handled"),
        (Some(token.clone().sign()), 403, "insufficient_scope"),
        (Some(token.scope("read").expired().sign()), 401, "invalid_token"),
        (None, 401, "about:blank"),
    ] {
        let mut request = client.get(&url);
        if let Some(token) = credential {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        assert!(response.text().await.unwrap().contains(body), "{status}");
    }
    assert_eq!(calls.load(SeqCst), 1);
    let head = client.head(&url).send().await.unwrap();
    assert_eq!(head.status(), 401);
    assert_eq!(head.headers()["content-type"], "application/problem+json");
    assert!(head.headers().contains_key("www-authenticate"));
    assert_eq!(head.text().await.unwrap(), "");
    server.abort();
}
