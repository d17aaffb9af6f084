//! A token that was verified before: known again, and never longer than its time, its key and its issuer allow.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Instant, SystemTime};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use portcullis::clock::{Clock, TimeSource};
use portcullis::jwt::{JwtAuthBuilder, LoadError};
use portcullis::testing::{TestIssuer, TokenBuilder};
use portcullis::{Issuer, JwtAuth, RequireScope, UserContext};

use super::network::Network;
use super::{App, World, seconds, settle};
use crate::support::response::TestResponse;

/// An app that tells tokens that were known again: a user of theirs lies where that of an earlier request lies.
struct Watch {
    app: App,
    users: Arc<Mutex<Vec<UserContext>>>,
}

impl Watch {
    async fn over(issuer: Issuer, build: impl FnOnce(Issuer) -> JwtAuthBuilder) -> Self {
        let users: Arc<Mutex<Vec<UserContext>>> = Arc::default();
        let kept = Arc::clone(&users);
        let issuer = issuer.map_user(move |user| {
            // None is dropped, so that no memory is used twice.
            kept.lock().unwrap().push(user.clone());
            user
        });
        let app = App::new(build(issuer));
        assert!(app.auth.prefetch_keys().await);
        Self { app, users }
    }

    async fn knows(&self, token: &str) -> bool {
        assert_eq!(self.app.status(token).await, StatusCode::OK);
        let users = self.users.lock().unwrap();
        let (last, earlier) = users.split_last().unwrap();
        earlier.iter().any(|user| std::ptr::eq(user.raw_claims(), last.raw_claims()))
    }
}

/// Asks until it is known for sure.
async fn seen(app: &App, token: &str) {
    for _ in 0..3 {
        assert_eq!(app.status(token).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn it_is_refused_once_it_has_expired() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let token = world.issuer.token("ann").audience("api").expires_in(seconds(100.0)).sign();
    seen(&app, &token).await;
    // A minute of leeway.
    world.advance(159.0);
    assert_eq!(app.status(&token).await, StatusCode::OK);
    world.advance(1.0);
    assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn it_is_refused_once_its_key_is_withdrawn() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let old = world.lasting();
    seen(&app, &old).await;
    world.issuer.rotate();
    world.issuer.withdraw_old_keys();
    // Somebody's new key has the set fetched anew.
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    assert_eq!(app.status(&old).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn it_has_keys_that_are_past_their_age_refreshed_and_waits_for_them_past_their_use() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let token = world.lasting();
    seen(&app, &token).await;
    world.advance(700.0);
    assert_eq!(app.status(&token).await, StatusCode::OK);
    settle().await;
    assert_eq!(world.network.calls(), 2, "a refresh behind the request");
    world.network.is_down();
    world.advance(25.0 * 3_600.0);
    assert_eq!(app.status(&token).await, StatusCode::SERVICE_UNAVAILABLE, "no keys to judge it by");
}

#[tokio::test]
async fn a_token_that_differs_in_one_byte_is_judged_anew() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let token = world.good();
    seen(&app, &token).await;
    for at in [0, token.find('.').unwrap() + 2, token.len() - 40, token.len() - 2] {
        let mut other = token.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert_ne!(app.status(&other).await, StatusCode::OK, "byte {at}");
    }
    assert_eq!(app.status(&token[..token.len() - 1]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status(&token).await, StatusCode::OK);
}

#[tokio::test]
async fn users_are_mapped_and_loaded_for_every_request() {
    let world = World::new().await;
    let (mapped, loaded) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (maps, loads) = (Arc::clone(&mapped), Arc::clone(&loaded));
    let issuer = world.trusted().map_user(move |user| {
        maps.fetch_add(1, SeqCst);
        user
    });
    let app = App::new(world.builder(issuer).load_user(move |user: UserContext| {
        loads.fetch_add(1, SeqCst);
        async move { Ok(user) }
    }));
    assert!(app.auth.prefetch_keys().await);
    seen(&app, &world.good()).await;
    assert_eq!((mapped.load(SeqCst), loaded.load(SeqCst)), (3, 3));
}

#[tokio::test]
async fn what_a_route_requires_is_asked_for_every_request() {
    let world = World::new().await;
    let auth = world.builder(world.trusted()).build().unwrap();
    assert!(auth.prefetch_keys().await);
    let scoped = get(|| async {}).layer(RequireScope::all(["write:all"]).unwrap());
    let app = Router::new().route("/", get(|| async {})).route("/scoped", scoped).layer(auth);
    let bearer = format!("Bearer {}", world.good());
    for _ in 0..3 {
        assert_eq!(TestResponse::get(&app, "/", &[("authorization", &bearer)]).await.status, 200);
        assert_eq!(TestResponse::get(&app, "/scoped", &[("authorization", &bearer)]).await.status, 403);
    }
}

#[tokio::test]
async fn with_none_to_be_known_again_everything_is_judged_as_before() {
    let world = World::new().await;
    let app = App::new(world.builder(world.trusted()).token_cache_capacity(0));
    assert!(app.auth.prefetch_keys().await);
    let token = world.good();
    seen(&app, &token).await;
    world.advance(400.0);
    assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn it_is_not_verified_again_unless_that_is_switched_off() {
    for (places, is_known) in [(4_096, true), (1, true), (0, false)] {
        let world = World::new().await;
        let watch = Watch::over(world.trusted(), |issuer| world.builder(issuer).token_cache_capacity(places)).await;
        let token = world.good();
        assert!(!watch.knows(&token).await);
        assert_eq!((watch.knows(&token).await, watch.knows(&token).await), (is_known, is_known), "{places}");
    }
    let world = World::new().await;
    let watch = Watch::over(world.trusted(), |issuer| world.builder(issuer)).await;
    let token = world.good();
    assert!(!watch.knows(&token).await && watch.knows(&token).await, "on by default");
}

#[tokio::test]
async fn it_is_known_again_to_the_end_of_the_leeway() {
    let world = World::new().await;
    let watch = Watch::over(world.trusted(), |issuer| world.builder(issuer)).await;
    let token = world.issuer.token("ann").audience("api").expires_in(seconds(100.0)).sign();
    assert!(!watch.knows(&token).await);
    world.advance(159.0);
    assert!(watch.knows(&token).await);
}

#[tokio::test]
async fn keys_that_were_given_by_hand_know_it_again() {
    let world = World::new().await;
    let (name, secret) = ("https://issuer.example", [7; 32]);
    let watch = Watch::over(Issuer::hs256(name, secret), |issuer| world.builder(issuer)).await;
    let token = TokenBuilder::first_party(name, secret, "ann").audience("api").sign();
    assert!(!watch.knows(&token).await && watch.knows(&token).await);
}

#[tokio::test]
async fn the_clock_set_back_has_it_judged_anew() {
    let world = World::new().await;
    let watch = Watch::over(world.trusted(), |issuer| world.builder(issuer)).await;
    let token = world.good();
    assert!(!watch.knows(&token).await && watch.knows(&token).await);
    let start = SystemTime::UNIX_EPOCH + world.clock.clock().since_epoch();
    world.clock.set_wall(start - seconds(30.0));
    assert!(!watch.knows(&token).await);
    // Issued more than the leeway ahead.
    world.clock.set_wall(start - seconds(90.0));
    assert_eq!(watch.app.status(&token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_layer_knows_nothing_of_what_another_has_verified() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let token = world.good();
    seen(&app, &token).await;
    let other = App::new(world.builder(world.trusted()).audience("other"));
    assert!(other.auth.prefetch_keys().await);
    assert_eq!(other.status(&token).await, StatusCode::UNAUTHORIZED);
    let watch = Watch::over(world.trusted(), |issuer| world.builder(issuer)).await;
    assert!(!watch.knows(&token).await);
}

#[tokio::test]
async fn of_two_issuers_each_keeps_its_own_keys_and_its_own_map() {
    let world = World::new().await;
    let other = World::new().await;
    let (first, second) = (world.issuer.clone(), other.issuer.clone());
    let network = Network::to(&world.issuer);
    let (first_url, second_url) = (first.jwks_url(), second.jwks_url());
    let moved = second_url.clone();
    network.answers(move |url| {
        let issuer = if url == moved { &second } else { &first };
        axum::http::Response::new(issuer.jwks().into_bytes())
    });
    let maps = |issuer: Issuer, name: &'static str| issuer.map_user(move |user| user.with_name(name));
    let builder = JwtAuth::builder()
        .issuer(maps(Issuer::jwks(world.issuer.url(), first_url), "first"))
        .add_issuer(maps(Issuer::jwks(other.issuer.url(), second_url), "second"))
        .audience("api")
        .fetch(network)
        .clock(world.clock.clock())
        .load_user(|user: UserContext| async move {
            let is_right = matches!(user.name(), Some("first")) == (user.id() == "ann");
            if is_right { Ok(user) } else { Err(LoadError::Unknown) }
        });
    let app = App::new(builder);
    assert!(app.auth.prefetch_keys().await);
    let ann = world.lasting();
    let bob = other.issuer.token("bob").audience("api").expires_in(seconds(1e6)).sign();
    for token in [&ann, &bob] {
        seen(&app, token).await;
    }
    other.issuer.rotate();
    other.issuer.withdraw_old_keys();
    assert_eq!(app.status(&other.issuer.token("bob").audience("api").sign()).await, StatusCode::OK);
    assert_eq!(app.status(&bob).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status(&ann).await, StatusCode::OK);
}

#[tokio::test]
async fn a_user_who_is_locked_out_meanwhile_is_refused_at_once() {
    let world = World::new().await;
    let is_locked = Arc::new(AtomicBool::new(false));
    let lock = Arc::clone(&is_locked);
    let app = App::new(world.builder(world.trusted()).load_user(move |user: UserContext| {
        let is_locked = lock.load(SeqCst) && user.token_id().is_some();
        async move { if is_locked { Err(LoadError::Unknown) } else { Ok(user) } }
    }));
    assert!(app.auth.prefetch_keys().await);
    let token = world.issuer.token("ann").audience("api").claim("jti", "one").sign();
    seen(&app, &token).await;
    is_locked.store(true, SeqCst);
    assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED);
    is_locked.store(false, SeqCst);
    assert_eq!(app.status(&token).await, StatusCode::OK);
}

#[tokio::test]
async fn two_of_it_in_one_request_are_refused_as_ever() {
    let world = World::new().await;
    let auth = world.builder(world.trusted()).cookie("session").build().unwrap();
    assert!(auth.prefetch_keys().await);
    let app = Router::new().route("/", get(|| async {})).layer(auth);
    let token = world.good();
    let (bearer, cookie) = (format!("Bearer {token}"), format!("session={token}"));
    for _ in 0..3 {
        for (fields, status) in [
            (&[("authorization", &*bearer)][..], 200),
            (&[("cookie", &*cookie)], 200),
            (&[("authorization", &*bearer), ("cookie", &*cookie)], 400),
            (&[("authorization", &*bearer), ("authorization", &*bearer)], 400),
        ] {
            assert_eq!(TestResponse::get(&app, "/", fields).await.status, status, "{fields:?}");
        }
    }
}

#[tokio::test]
async fn a_set_of_keys_that_was_fetched_anew_and_is_the_same_leaves_it_known() {
    let world = World::new().await;
    let watch = Watch::over(world.trusted(), |issuer| world.builder(issuer)).await;
    let token = world.good();
    watch.knows(&token).await;
    assert_eq!(watch.app.status(&world.of_kid("invented")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.network.calls(), 2, "the set was fetched for the key that is not in it");
    assert!(watch.knows(&token).await);
    world.issuer.rotate();
    world.advance(31.0);
    assert_eq!(watch.app.status(&world.good()).await, StatusCode::OK);
    assert!(!watch.knows(&token).await, "another set verifies it anew");
}

#[tokio::test]
async fn tokens_of_a_withdrawn_key_keep_no_place_however_often_they_come() {
    let world = World::new().await;
    // One line of eight places for a thread.
    let watch = Watch::over(world.trusted(), |issuer| world.builder(issuer).token_cache_capacity(1)).await;
    let stolen: Vec<_> = (0..8)
        .map(|n| world.issuer.token(&format!("made up {n}")).audience("api").expires_in(seconds(1e8)).sign())
        .collect();
    for token in stolen.iter().cycle().take(160) {
        assert_eq!(watch.app.status(token).await, StatusCode::OK);
    }
    world.issuer.rotate();
    world.issuer.withdraw_old_keys();
    let good = world.good();
    for n in 0..100 {
        assert_eq!(watch.knows(&good).await, n > 0, "{n}");
        for token in &stolen {
            assert_eq!(watch.app.status(token).await, StatusCode::UNAUTHORIZED);
        }
    }
}

/// A clock that, once it is told to, stops the thread that looks next.
struct Stopping {
    is_armed: AtomicBool,
    reached: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

#[derive(Clone)]
struct Shared(Arc<Stopping>);

impl TimeSource for Shared {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        if self.0.is_armed.swap(false, SeqCst) {
            self.0.reached.send(()).unwrap();
            self.0.go_on.lock().unwrap().recv().unwrap();
        }
        Instant::now()
    }
}

#[tokio::test]
async fn it_is_refused_where_its_key_is_withdrawn_while_it_is_verified() {
    let issuer = TestIssuer::start().await.unwrap();
    let ((reached, at_look), (go_on, signal)) = (channel(), channel());
    let stopping = Arc::new(Stopping { is_armed: AtomicBool::new(false), reached, go_on: Mutex::new(signal) });
    let trusted = Issuer::jwks(issuer.url(), issuer.jwks_url());
    let builder = JwtAuth::builder().issuer(trusted).audience("api").fetch(Network::to(&issuer));
    let app = App::new(builder.clock(Clock::from_source(Shared(Arc::clone(&stopping)))));
    assert!(app.auth.prefetch_keys().await);
    let old = issuer.token("ann").audience("api").sign();
    stopping.is_armed.store(true, SeqCst);
    // A thread has tokens of its own that it knows again: both requests come to the same one.
    let late = thread::spawn({
        let (app, old) = (app.clone(), old.clone());
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { (app.ask(&old).await.status(), app.ask(&old).await.status()) })
        }
    });
    // It holds the old keys, and has not looked at them yet.
    at_look.recv().unwrap();
    issuer.rotate();
    issuer.withdraw_old_keys();
    assert_eq!(app.status(&issuer.token("ann").audience("api").sign()).await, StatusCode::OK);
    go_on.send(()).unwrap();
    assert_eq!(late.join().unwrap(), (StatusCode::OK, StatusCode::UNAUTHORIZED));
}
