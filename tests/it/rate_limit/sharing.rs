//! One state for all clones, connections, layers of one store, and threads.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::rate_limit::{Key, Limit, MemoryStore};
use portcullis::{RateLimit, TrustedProxies};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt, service_fn};

use super::{ALGORITHMS, App, hands, limited, per, routes, who};
use crate::support::response::TestResponse;

#[tokio::test]
async fn clones_of_a_layer_count_together() {
    let app = App::of(limited(per(3, 60)));
    let other = routes(&Arc::default()).layer(app.limit.clone());
    app.use_up("ann", 2).await;
    assert_eq!(TestResponse::get(&other, "/", &[("x-who", "ann")]).await.headers["x-ratelimit-remaining"], "0");
    assert_eq!(app.ask("ann").await.status(), 429);
    assert_eq!(app.ask("bob").await.status(), 200);
}

#[tokio::test]
async fn connections_of_one_server_count_together() {
    let limit = RateLimit::builder().quota(per(3, 60)).key(Key::ip(TrustedProxies::none())).build().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = routes(&Arc::default()).layer(limit).into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let client = reqwest::Client::new();
        statuses.push(client.get(&url).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
    server.abort();
}

/// Two layers of one clock and store, with these limits.
async fn beside(limits: [Limit; 2]) -> Vec<u16> {
    let (hands, store) = (hands(), MemoryStore::new());
    let apps = limits.map(|limit| {
        let builder = RateLimit::builder().limit(limit).key(who()).store(store.clone());
        routes(&Arc::default()).layer(builder.clock(hands.clock()).build().unwrap())
    });
    let mut statuses = Vec::new();
    for app in [&apps[0], &apps[1], &apps[0], &apps[1]] {
        statuses.push(TestResponse::get(app, "/", &[("x-who", "ann")]).await.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn layers_of_one_store_count_together_where_their_limits_have_one_name() {
    let limit = |name| Limit::new(name, per(2, 60));
    assert_eq!(beside([limit("a"), limit("a")]).await, [200, 200, 429, 429]);
    assert_eq!(beside([limit("a"), limit("b")]).await, [200, 200, 200, 200]);
}

#[tokio::test]
async fn layers_of_two_stores_count_apart() {
    let apps = [App::of(limited(per(1, 60))), App::of(limited(per(1, 60)))];
    for app in &apps {
        assert_eq!(app.admitted("ann", 2).await, 1);
    }
}

/// The real clock is the point: threads read it in an order that is not that of their locks.
#[test]
fn threads_that_ask_at_once_never_exceed_the_quota() {
    const THREADS: usize = 8;
    const EACH: usize = 500;
    for algorithm in ALGORITHMS {
        let limits = [Limit::new("a", per(100, 86_400).algorithm(algorithm)), Limit::new("b", per(1_000, 86_400))];
        let [first, second] = limits;
        let limit = RateLimit::builder().limit(first).add_limit(second).key(Key::global()).build().unwrap();
        let (handled, barrier) = (Arc::new(AtomicUsize::new(0)), Barrier::new(THREADS));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                let (limit, handled, barrier) = (limit.clone(), Arc::clone(&handled), &barrier);
                scope.spawn(move || {
                    let service = limit.layer(service_fn(move |_: Request<()>| {
                        handled.fetch_add(1, SeqCst);
                        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default())))
                    }));
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    barrier.wait();
                    runtime.block_on(async {
                        for _ in 0..EACH {
                            service.clone().oneshot(Request::new(())).await.unwrap();
                        }
                    });
                });
            }
        });
        assert_eq!(handled.load(SeqCst), 100, "{algorithm:?}");
    }
}
