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

use super::porter::{ORDERS, Porter};
use crate::support::response::TestResponse;

/// A route that counts how often its handler is called.
fn counted() -> (Arc<AtomicUsize>, axum::routing::MethodRouter) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let handler = get(move || async move {
        count.fetch_add(1, SeqCst);
        "handled"
    });
    (calls, handler)
}

#[tokio::test]
async fn every_order_is_obeyed_on_a_router_by_layer_and_by_route_layer() {
    for on_routes in [false, true] {
        for (told, status) in ORDERS {
            let (porter, (calls, handler)) = (Porter::default(), counted());
            let app = Router::new().route("/", handler);
            let app = if on_routes { app.route_layer(porter.clone()) } else { app.layer(porter.clone()) };
            porter.book.bell.notify_one();
            let answer = TestResponse::get(&app, "/", &[("x-order", told)]).await;
            assert_eq!(answer.status, status, "{told}");
            assert_eq!(answer.body, if status == 200 { "handled" } else { "refused" }, "{told}");
            assert_eq!(calls.load(SeqCst), usize::from(status == 200), "{told}");
        }
    }
}

#[tokio::test]
async fn a_route_layer_leaves_what_is_no_route_to_the_router() {
    let refuse = [("x-order", "refuse")];
    let (_, handler) = counted();
    let app = Router::new().route("/", handler.clone()).route_layer(Porter::default());
    assert_eq!(TestResponse::get(&app, "/nowhere", &refuse).await.status, 404);
    let app = Router::new().route("/", handler).layer(Porter::default());
    assert_eq!(TestResponse::get(&app, "/nowhere", &refuse).await.status, 403);
}

#[tokio::test]
async fn a_gate_on_one_route_leaves_the_others_alone() {
    let app = Router::new()
        .route("/guarded", get(|| async {}).layer(Porter::default()))
        .route("/open", get(|| async {}))
        .fallback_service(tower::Layer::layer(&Porter::default(), Router::new()));
    let refuse = [("x-order", "refuse")];
    assert_eq!(TestResponse::get(&app, "/guarded", &refuse).await.status, 403);
    assert_eq!(TestResponse::get(&app, "/open", &refuse).await.status, 200);
    assert_eq!(TestResponse::get(&app, "/other", &refuse).await.status, 403);
}

#[tokio::test]
async fn hyper_serves_a_plain_service_of_full_bodies_behind_jwt_auth() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api").build().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let service = ServiceBuilder::new().layer(auth).layer(RequireScope::all(["read"]).unwrap()).service(service_fn(
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
