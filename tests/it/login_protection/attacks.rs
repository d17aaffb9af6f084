//! Attacks on a login: floods, guesses at many routes and spellings, and lockouts on purpose.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::StatusCode;
use axum::routing::post;
use portcullis::gate::Denial;
use portcullis::rate_limit::{Attempt, Key, Limit, Subject};
use portcullis::{Quota, RateLimit, TrustedProxies};
use tokio::sync::Barrier;
use tower::ServiceExt;

use super::{LoginApp, account_limit, keys, request, seconds};
use crate::support::test_store::TestStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_100_wrong_logins_at_once_10_reach_the_hash() {
    let by_account = RateLimit::builder().limit(account_limit()).key(Key::account(&keys())).build().unwrap();
    of_100_at_once_10_are_admitted(by_account).await;
}

pub(crate) async fn of_100_at_once_10_are_admitted(by_account: RateLimit) {
    let all = Limit::new("all", Quota::per_hour(100_000).unwrap()).only_failures();
    let all = RateLimit::builder().limit(all).key(Key::global()).build().unwrap();
    let hashes = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&hashes);
    let handler = post(move |attempt: Attempt| async move {
        attempt.charge(&by_account, Subject::account("ann")).await?;
        counter.fetch_add(1, Ordering::SeqCst);
        Ok::<_, Denial>(StatusCode::UNAUTHORIZED)
    });
    let app = Router::new().route("/login", handler).layer(all);
    let barrier = Arc::new(Barrier::new(100));
    let sent: Vec<_> = (0..100)
        .map(|_| {
            let (app, barrier) = (app.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                app.oneshot(request("/login", "ann", "wrong", &[])).await.unwrap().status().as_u16()
            })
        })
        .collect();
    let mut rejected = 0;
    for response in sent {
        rejected += usize::from(response.await.unwrap() == 429);
    }
    assert_eq!((hashes.load(Ordering::SeqCst), rejected), (10, 90));
}

#[tokio::test]
async fn all_64_spellings_of_a_name_share_one_counter() {
    let app =
        LoginApp::with_limit(&TestStore::memory(), Limit::new("account", Quota::per_hour(64).unwrap()).only_failures());
    for upper in 0..64_u32 {
        let spelling: String = "abcdef"
            .char_indices()
            .map(|(at, char)| if upper >> at & 1 == 1 { char.to_ascii_uppercase() } else { char })
            .collect();
        assert_eq!(app.try_as(&spelling, "wrong").await.0, 401, "{spelling}");
    }
    assert_eq!(app.used("abcdef").await, 64);
    assert_eq!(app.try_as("AbCdEf", "wrong").await.0, 429);
}

#[tokio::test]
async fn after_1_000_failures_of_strangers_a_known_device_logs_in() {
    let app = LoginApp::new(&TestStore::memory());
    let cookie = app.cookie().await;
    for _ in 0..1_000 {
        app.try_as("ann", "wrong").await;
    }
    assert_eq!(app.try_as("ann", "right").await.0, 429);
    assert_eq!(app.try_with("ann", "right", &cookie).await.0, 204);
}

#[tokio::test]
async fn a_login_to_another_account_resets_no_counter() {
    let app = LoginApp::new(&TestStore::memory());
    for failures in 1..=5 {
        app.fail("bob", "", 2).await;
        app.cookie().await;
        assert_eq!(app.used("bob").await, 2 * failures);
    }
    assert_eq!(app.try_as("bob", "wrong").await.0, 429);
}

#[tokio::test]
async fn all_ways_to_authenticate_share_the_limit_of_the_account() {
    let app = LoginApp::new(&TestStore::memory());
    for (path, count) in [("/login", 4), ("/second-factor", 3), ("/reset", 3)] {
        for _ in 0..count {
            assert_eq!(app.send(path, "ann", "wrong", &[]).await.status, 401);
        }
    }
    for path in ["/login", "/second-factor", "/reset"] {
        assert_eq!(app.send(path, "ann", "right", &[]).await.status, 429, "{path}");
    }
}

#[tokio::test]
async fn addresses_of_one_ipv6_network_are_one_client() {
    let limit = Limit::new("login", Quota::per(5, seconds(300)).unwrap()).only_failures();
    let by_address = RateLimit::builder().limit(limit).key(Key::ip()).build().unwrap();
    let handler = post(|| async { StatusCode::UNAUTHORIZED });
    let app = Router::new().route("/login", handler).layer(by_address).layer(TrustedProxies::none());
    let mut admitted = 0;
    for host in 0..10_000_u32 {
        let client = format!("[2001:db8::{:x}:{:x}]:4711", host >> 8, host & 0xff).parse::<SocketAddr>().unwrap();
        let app = app.clone().layer(MockConnectInfo(client));
        let response = app.oneshot(request("/login", "ann", "wrong", &[])).await.unwrap();
        admitted += usize::from(response.status() == 401);
    }
    assert_eq!(admitted, 5);
}

#[tokio::test]
async fn an_attacker_guesses_a_few_passwords_an_hour_over_a_day() {
    let store = TestStore::memory();
    let app = LoginApp::new(&store);
    for _ in 0..24 * 360 {
        app.try_as("ann", "wrong").await;
        store.advance(seconds(10));
    }
    // Ten at once, some more as the waits grow, and ten after each block of an hour.
    assert!((100..=260).contains(&app.hashes()), "{}", app.hashes());
}
