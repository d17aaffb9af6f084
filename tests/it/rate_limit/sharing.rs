//! Counts shared by clones, connections, threads, and layers of one store.

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

use super::{ALGORITHMS, TestApp, by_user_header, fake_clock, limit_by_header, per_seconds, routes};
use crate::support::response::TestResponse;

#[tokio::test]
async fn clones_of_a_layer_share_their_counts() {
    let app = TestApp::new(limit_by_header(per_seconds(3, 60)));
    let other = routes(&Arc::default()).layer(app.limit.clone());
    app.expect_admitted("ann", 2).await;
    assert_eq!(TestResponse::get(&other, "/", &[("x-user", "ann")]).await.headers["x-ratelimit-remaining"], "0");
    assert_eq!(app.send_as("ann").await.status(), 429);
    assert_eq!(app.send_as("bob").await.status(), 200);
}

#[tokio::test]
async fn connections_of_one_server_share_their_counts() {
    let limit = RateLimit::builder().quota(per_seconds(3, 60)).key(Key::ip());
    let layers = (TrustedProxies::none(), limit.clock(fake_clock().clock()).build().unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = routes(&Arc::default()).layer(layers).into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let client = reqwest::Client::new();
        statuses.push(client.get(&url).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
    server.abort();
}

/// Sends four requests in turn to two layers with these limits on one store.
async fn statuses_of_two_layers(limits: [Limit; 2]) -> Vec<u16> {
    let clock = fake_clock();
    let store = MemoryStore::new();
    let apps = limits.map(|limit| {
        let builder = RateLimit::builder().limit(limit).key(by_user_header()).store(store.clone());
        routes(&Arc::default()).layer(builder.clock(clock.clock()).build().unwrap())
    });
    let mut statuses = Vec::new();
    for app in [&apps[0], &apps[1], &apps[0], &apps[1]] {
        statuses.push(TestResponse::get(app, "/", &[("x-user", "ann")]).await.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn layers_of_one_store_share_the_counts_of_limits_with_the_same_name() {
    let limit = |name| Limit::new(name, per_seconds(2, 60));
    assert_eq!(statuses_of_two_layers([limit("a"), limit("a")]).await, [200, 200, 429, 429]);
    assert_eq!(statuses_of_two_layers([limit("a"), limit("b")]).await, [200, 200, 200, 200]);
}

#[tokio::test]
async fn a_new_layer_continues_the_counts_of_one_that_is_dropped_later_and_of_no_other() {
    let store = MemoryStore::new();
    let clock = fake_clock();
    let limit = || limit_by_header(per_seconds(3, 60)).store(store.clone()).clock(clock.clock()).build().unwrap();
    let app = |limit: &RateLimit| routes(&Arc::default()).layer(limit.clone());
    let remaining = async |limit: &RateLimit| {
        let response = TestResponse::get(&app(limit), "/", &[("x-user", "ann")]).await;
        response.headers["x-ratelimit-remaining"].to_str().unwrap().to_owned()
    };
    let old = limit();
    assert_eq!(remaining(&old).await, "2");
    let new = limit();
    drop(old);
    assert_eq!(remaining(&new).await, "1");
    drop(new);
    assert_eq!(remaining(&limit()).await, "2");
}

#[tokio::test]
async fn layers_of_two_stores_have_separate_counts() {
    let apps = [TestApp::new(limit_by_header(per_seconds(1, 60))), TestApp::new(limit_by_header(per_seconds(1, 60)))];
    for app in &apps {
        assert_eq!(app.count_admitted("ann", 2).await, 1);
    }
}

/// Uses the real clock, because threads read it in another order than they take their locks. No window of 360 days
/// ends.
#[test]
fn concurrent_threads_never_exceed_the_quota() {
    const THREADS: usize = 8;
    const REQUESTS_PER_THREAD: usize = 500;
    for algorithm in ALGORITHMS {
        let first = Limit::new("a", per_seconds(100, 360 * 86_400).algorithm(algorithm));
        let second = Limit::new("b", per_seconds(1_000, 360 * 86_400));
        let limit = RateLimit::builder().limit(first).add_limit(second).key(Key::global()).build().unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let barrier = Barrier::new(THREADS);
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
                        for _ in 0..REQUESTS_PER_THREAD {
                            service.clone().oneshot(Request::new(())).await.unwrap();
                        }
                    });
                });
            }
        });
        assert_eq!(handled.load(SeqCst), 100, "{algorithm:?}");
    }
}
