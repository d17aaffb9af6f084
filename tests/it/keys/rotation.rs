//! Keys that come and go while the app runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use axum::http::StatusCode;
use portcullis::clock::{Clock, TimeSource};
use portcullis::testing::TestIssuer;
use portcullis::{Issuer, JwtAuth};

use super::network::Network;
use super::{App, World, settle};

#[tokio::test]
async fn a_new_key_is_accepted_on_its_first_use() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.issuer.rotate();
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    assert_eq!(world.network.calls(), 2);
}

#[tokio::test]
async fn an_old_key_is_accepted_as_long_as_it_is_published() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let old = world.lasting();
    world.issuer.rotate();
    for _ in 0..3 {
        assert_eq!(app.status(&world.good()).await, StatusCode::OK);
        assert_eq!(app.status(&old).await, StatusCode::OK);
        settle().await;
        world.advance(700.0);
    }
    assert!(world.network.calls() > 2);
}

#[tokio::test]
async fn a_withdrawn_key_is_refused_once_the_keys_are_refreshed() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let old = world.lasting();
    world.issuer.rotate();
    world.issuer.withdraw_old_keys();
    assert_eq!(app.status(&old).await, StatusCode::OK, "nobody told yet");
    world.advance(661.0);
    assert_eq!(app.status(&old).await, StatusCode::OK, "the last one, with the refresh behind it");
    settle().await;
    assert_eq!(app.status(&old).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
}

#[tokio::test]
async fn a_withdrawn_key_is_refused_at_once_where_a_new_one_was_used_before() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let old = world.lasting();
    world.issuer.rotate();
    world.issuer.withdraw_old_keys();
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    assert_eq!(app.status(&old).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_accepted_on_its_first_use_though_a_fetch_from_before_it_is_under_way() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.advance(661.0);
    world.network.hold();
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    settle().await;
    assert_eq!(world.network.calls(), 2, "the refresh, whose answer is made but does not arrive");
    world.issuer.rotate();
    let requests: Vec<_> = (0..5)
        .map(|_| {
            let (app, token) = (app.clone(), world.good());
            tokio::spawn(async move { app.status(&token).await })
        })
        .collect();
    settle().await;
    world.network.release();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(world.network.calls(), 3);
}

/// A clock that stops one thread at the second look a request takes, the one before it starts a fetch.
#[derive(Clone)]
struct Stopping(Arc<Stop>);

struct Stop {
    looks: AtomicUsize,
    reached: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl TimeSource for Stopping {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        if self.0.looks.load(Ordering::SeqCst) > 0 && self.0.looks.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.reached.send(()).unwrap();
            self.0.go_on.lock().unwrap().recv().unwrap();
        }
        Instant::now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_that_arrives_between_two_looks_of_a_request_is_found() {
    let issuer = TestIssuer::start().await.unwrap();
    let network = Network::to(&issuer);
    let ((reached, at_look), (go_on, signal)) = (channel(), channel());
    let stop = Arc::new(Stop { looks: AtomicUsize::new(0), reached, go_on: Mutex::new(signal) });
    let clock = Clock::from_source(Stopping(Arc::clone(&stop)));
    let trusted = Issuer::jwks(issuer.url(), issuer.jwks_url());
    let app = App::new(JwtAuth::builder().issuer(trusted).audience("api").fetch(network.clone()).clock(clock));
    assert!(app.auth.prefetch_keys().await);
    issuer.rotate();
    let token = issuer.token("ann").audience("api").sign();
    stop.looks.store(2, Ordering::SeqCst);
    let (late, late_token) = (app.clone(), token.clone());
    let late = tokio::spawn(async move { late.ask(&late_token).await.status() });
    tokio::task::spawn_blocking(move || at_look.recv().unwrap()).await.unwrap();
    assert_eq!(app.ask(&token).await.status(), StatusCode::OK);
    go_on.send(()).unwrap();
    assert_eq!(late.await.unwrap(), StatusCode::OK, "it missed the key at the first look, and is no forger for it");
    assert_eq!(network.calls(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_rotations_under_concurrent_requests_refuse_no_good_token() {
    let world = World::new().await;
    let app = world.warm_app().await;
    for rotation in 0..100 {
        world.issuer.rotate();
        world.issuer.withdraw_old_keys();
        world.advance(31.0);
        let unnamed = world.issuer.token("ann").audience("api").without_header("kid").sign();
        let tokens = [world.good(), unnamed];
        let requests: Vec<_> = (0..32)
            .map(|n| {
                let (app, token) = (app.clone(), tokens[n % 2].clone());
                tokio::spawn(async move { app.ask(&token).await.status() })
            })
            .collect();
        for request in requests {
            assert_eq!(request.await.unwrap(), StatusCode::OK, "rotation {rotation}");
        }
    }
}
