//! The verified-token cache: a cached token is accepted only as long as its expiry, key and issuer allow.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::SystemTime;

use axum::Router;
use axum::http::{Response, StatusCode};
use axum::routing::get;
use portcullis::gate::LoadError;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::testing::{TestIssuer, TokenBuilder};
use portcullis::{Issuer, JwtAuth, RequireScope, UserContext};

use super::{Fixture, JwtApp, run_background_tasks, seconds};
use crate::support::blocking_clock::BlockingClock;
use crate::support::fake_network::FakeNetwork;
use crate::support::response::TestResponse;

/// An app that reports whether a token came from the cache.
///
/// If it did, its user shares memory with the user of an earlier request.
struct CacheProbe {
    app: JwtApp,
    users: Arc<Mutex<Vec<UserContext>>>,
}

impl CacheProbe {
    async fn new(issuer: Issuer, build: impl FnOnce(Issuer) -> JwtAuthBuilder) -> Self {
        let users: Arc<Mutex<Vec<UserContext>>> = Arc::default();
        let recorded = Arc::clone(&users);
        let issuer = issuer.map_user(move |user| {
            // No user is dropped, so that no memory is reused.
            recorded.lock().unwrap().push(user.clone());
            user
        });
        let app = JwtApp::new(build(issuer));
        assert!(app.auth.prefetch_keys().await);
        Self { app, users }
    }

    /// Sends a valid token and returns whether it came from the cache.
    async fn is_cached(&self, token: &str) -> bool {
        assert_eq!(self.app.status_for(token).await, StatusCode::OK);
        let users = self.users.lock().unwrap();
        let (last, earlier) = users.split_last().unwrap();
        earlier.iter().any(|user| std::ptr::eq(user.raw_claims(), last.raw_claims()))
    }
}

/// Sends a valid token often enough that it is certainly cached.
async fn send_until_cached(app: &JwtApp, token: &str) {
    for _ in 0..3 {
        assert_eq!(app.status_for(token).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn cached_token_is_rejected_once_it_expires() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let token = fixture.issuer.token("ann").audience("api").expires_in(seconds(100.0)).sign();
    send_until_cached(&app, &token).await;
    // The leeway is one minute.
    fixture.advance(159.0);
    assert_eq!(app.status_for(&token).await, StatusCode::OK);
    fixture.advance(1.0);
    assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn cached_token_is_rejected_once_its_key_is_withdrawn() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let old_token = fixture.long_lived_token();
    send_until_cached(&app, &old_token).await;
    fixture.issuer.rotate();
    fixture.issuer.withdraw_old_keys();
    // The unknown kid causes a fetch of the key set.
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert_eq!(app.status_for(&old_token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn cached_token_triggers_a_refresh_and_is_503_once_stale_keys_are_too_old() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let token = fixture.long_lived_token();
    send_until_cached(&app, &token).await;
    fixture.advance(700.0);
    assert_eq!(app.status_for(&token).await, StatusCode::OK);
    run_background_tasks().await;
    assert_eq!(fixture.network.request_count(), 2, "a refresh in the background");
    fixture.network.go_down();
    fixture.advance(25.0 * 3_600.0);
    assert_eq!(app.status_for(&token).await, StatusCode::SERVICE_UNAVAILABLE, "no keys to verify it with");
}

#[tokio::test]
async fn token_that_differs_from_a_cached_one_in_one_byte_is_verified() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let token = fixture.valid_token();
    send_until_cached(&app, &token).await;
    for position in [0, token.find('.').unwrap() + 2, token.len() - 40, token.len() - 2] {
        let mut other = token.clone().into_bytes();
        other[position] = if other[position] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert_ne!(app.status_for(&other).await, StatusCode::OK, "byte {position}");
    }
    assert_eq!(app.status_for(&token[..token.len() - 1]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status_for(&token).await, StatusCode::OK);
}

#[tokio::test]
async fn map_user_and_load_user_run_for_every_request() {
    let fixture = Fixture::new().await;
    let map_calls = Arc::new(AtomicUsize::new(0));
    let load_calls = Arc::new(AtomicUsize::new(0));
    let (map_counter, load_counter) = (Arc::clone(&map_calls), Arc::clone(&load_calls));
    let issuer = fixture.jwks_issuer().map_user(move |user| {
        map_counter.fetch_add(1, SeqCst);
        user
    });
    let app = JwtApp::new(fixture.builder(issuer).load_user(move |user: UserContext| {
        load_counter.fetch_add(1, SeqCst);
        async move { Ok(user) }
    }));
    assert!(app.auth.prefetch_keys().await);
    send_until_cached(&app, &fixture.valid_token()).await;
    assert_eq!((map_calls.load(SeqCst), load_calls.load(SeqCst)), (3, 3));
}

#[tokio::test]
async fn required_scopes_are_checked_for_every_request() {
    let fixture = Fixture::new().await;
    let auth = fixture.builder(fixture.jwks_issuer()).build().unwrap();
    assert!(auth.prefetch_keys().await);
    let scoped = get(|| async {}).layer(RequireScope::new("write:all").unwrap());
    let app = Router::new().route("/", get(|| async {})).route("/scoped", scoped).layer(auth);
    let bearer = format!("Bearer {}", fixture.valid_token());
    for _ in 0..3 {
        assert_eq!(TestResponse::get(&app, "/", &[("authorization", &bearer)]).await.status, 200);
        assert_eq!(TestResponse::get(&app, "/scoped", &[("authorization", &bearer)]).await.status, 403);
    }
}

#[tokio::test]
async fn tokens_still_expire_when_the_cache_is_disabled() {
    let fixture = Fixture::new().await;
    let app = JwtApp::new(fixture.builder(fixture.jwks_issuer()).token_cache_capacity(0));
    assert!(app.auth.prefetch_keys().await);
    let token = fixture.valid_token();
    send_until_cached(&app, &token).await;
    fixture.advance(400.0);
    assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn token_is_cached_unless_the_capacity_is_zero() {
    for (capacity, is_cached) in [(4_096, true), (1, true), (0, false)] {
        let fixture = Fixture::new().await;
        let probe =
            CacheProbe::new(fixture.jwks_issuer(), |issuer| fixture.builder(issuer).token_cache_capacity(capacity))
                .await;
        let token = fixture.valid_token();
        assert!(!probe.is_cached(&token).await);
        assert_eq!(
            (probe.is_cached(&token).await, probe.is_cached(&token).await),
            (is_cached, is_cached),
            "{capacity}"
        );
    }
    let fixture = Fixture::new().await;
    let probe = CacheProbe::new(fixture.jwks_issuer(), |issuer| fixture.builder(issuer)).await;
    let token = fixture.valid_token();
    assert!(!probe.is_cached(&token).await && probe.is_cached(&token).await, "the cache is enabled by default");
}

#[tokio::test]
async fn token_stays_cached_until_the_leeway_ends() {
    let fixture = Fixture::new().await;
    let probe = CacheProbe::new(fixture.jwks_issuer(), |issuer| fixture.builder(issuer)).await;
    let token = fixture.issuer.token("ann").audience("api").expires_in(seconds(100.0)).sign();
    assert!(!probe.is_cached(&token).await);
    fixture.advance(159.0);
    assert!(probe.is_cached(&token).await);
}

#[tokio::test]
async fn tokens_verified_with_static_keys_are_cached() {
    let fixture = Fixture::new().await;
    let (issuer_url, secret) = ("https://issuer.example", [7; 32]);
    let probe = CacheProbe::new(Issuer::hs256(issuer_url, secret), |issuer| fixture.builder(issuer)).await;
    let token = TokenBuilder::first_party(issuer_url, secret, "ann").audience("api").sign();
    assert!(!probe.is_cached(&token).await && probe.is_cached(&token).await);
}

#[tokio::test]
async fn cached_token_is_verified_again_after_the_clock_goes_back() {
    let fixture = Fixture::new().await;
    let probe = CacheProbe::new(fixture.jwks_issuer(), |issuer| fixture.builder(issuer)).await;
    let token = fixture.valid_token();
    assert!(!probe.is_cached(&token).await && probe.is_cached(&token).await);
    let start = SystemTime::UNIX_EPOCH + fixture.clock.clock().since_epoch();
    fixture.clock.set_wall(start - seconds(30.0));
    assert!(!probe.is_cached(&token).await);
    // The token was issued later than now plus the leeway.
    fixture.clock.set_wall(start - seconds(90.0));
    assert_eq!(probe.app.status_for(&token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn two_layers_do_not_share_a_cache() {
    let fixture = Fixture::new().await;
    let app = fixture.app_with_keys().await;
    let token = fixture.valid_token();
    send_until_cached(&app, &token).await;
    let other = JwtApp::new(fixture.builder(fixture.jwks_issuer()).audience("other"));
    assert!(other.auth.prefetch_keys().await);
    assert_eq!(other.status_for(&token).await, StatusCode::UNAUTHORIZED);
    let probe = CacheProbe::new(fixture.jwks_issuer(), |issuer| fixture.builder(issuer)).await;
    assert!(!probe.is_cached(&token).await);
}

#[tokio::test]
async fn cached_tokens_of_two_issuers_keep_their_own_keys_and_user_mapping() {
    let fixture = Fixture::new().await;
    let other = Fixture::new().await;
    let (first, second) = (fixture.issuer.clone(), other.issuer.clone());
    let network = FakeNetwork::serving_keys_of(&fixture.issuer);
    let (first_url, second_url) = (first.jwks_url(), second.jwks_url());
    let url_of_second = second_url.clone();
    network.respond_with(move |url| {
        let issuer = if url == url_of_second { &second } else { &first };
        Response::new(issuer.jwks().into_bytes())
    });
    let named = |issuer: Issuer, name: &'static str| issuer.map_user(move |user| user.with_name(name));
    let builder = JwtAuth::builder()
        .issuer(named(Issuer::jwks(fixture.issuer.url(), first_url), "first"))
        .add_issuer(named(Issuer::jwks(other.issuer.url(), second_url), "second"))
        .audience("api")
        .http_client(network)
        .clock(fixture.clock.clock())
        .load_user(|user: UserContext| async move {
            let is_expected = matches!(user.name(), Some("first")) == (user.id() == "ann");
            if is_expected { Ok(user) } else { Err(LoadError::Unknown) }
        });
    let app = JwtApp::new(builder);
    assert!(app.auth.prefetch_keys().await);
    let ann = fixture.long_lived_token();
    let bob = other.issuer.token("bob").audience("api").expires_in(seconds(1e6)).sign();
    for token in [&ann, &bob] {
        send_until_cached(&app, token).await;
    }
    other.issuer.rotate();
    other.issuer.withdraw_old_keys();
    assert_eq!(app.status_for(&other.issuer.token("bob").audience("api").sign()).await, StatusCode::OK);
    assert_eq!(app.status_for(&bob).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status_for(&ann).await, StatusCode::OK);
}

#[tokio::test]
async fn account_locked_after_the_token_was_cached_is_rejected_at_once() {
    let fixture = Fixture::new().await;
    let is_locked = Arc::new(AtomicBool::new(false));
    let locked = Arc::clone(&is_locked);
    let app = JwtApp::new(fixture.builder(fixture.jwks_issuer()).load_user(move |user: UserContext| {
        let is_locked = locked.load(SeqCst) && user.token_id().is_some();
        async move { if is_locked { Err(LoadError::Unknown) } else { Ok(user) } }
    }));
    assert!(app.auth.prefetch_keys().await);
    let token = fixture.issuer.token("ann").audience("api").claim("jti", "one").sign();
    send_until_cached(&app, &token).await;
    is_locked.store(true, SeqCst);
    assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
    is_locked.store(false, SeqCst);
    assert_eq!(app.status_for(&token).await, StatusCode::OK);
}

#[tokio::test]
async fn two_copies_of_a_cached_token_in_one_request_are_400() {
    let fixture = Fixture::new().await;
    let auth = fixture.builder(fixture.jwks_issuer()).cookie("session").build().unwrap();
    assert!(auth.prefetch_keys().await);
    let app = Router::new().route("/", get(|| async {})).layer(auth);
    let token = fixture.valid_token();
    let (bearer, cookie) = (format!("Bearer {token}"), format!("session={token}"));
    for _ in 0..3 {
        for (headers, status) in [
            (&[("authorization", &*bearer)][..], 200),
            (&[("cookie", &*cookie)], 200),
            (&[("authorization", &*bearer), ("cookie", &*cookie)], 400),
            (&[("authorization", &*bearer), ("authorization", &*bearer)], 400),
        ] {
            assert_eq!(TestResponse::get(&app, "/", headers).await.status, status, "{headers:?}");
        }
    }
}

#[tokio::test]
async fn fetching_an_unchanged_key_set_keeps_tokens_cached() {
    let fixture = Fixture::new().await;
    let probe = CacheProbe::new(fixture.jwks_issuer(), |issuer| fixture.builder(issuer)).await;
    let token = fixture.valid_token();
    probe.is_cached(&token).await;
    assert_eq!(probe.app.status_for(&fixture.token_with_kid("invented")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.network.request_count(), 2, "the set was fetched for the unknown kid");
    assert!(probe.is_cached(&token).await);
    fixture.issuer.rotate();
    fixture.advance(31.0);
    assert_eq!(probe.app.status_for(&fixture.valid_token()).await, StatusCode::OK);
    assert!(!probe.is_cached(&token).await, "a changed key set invalidates the cache");
}

#[tokio::test]
async fn tokens_of_a_withdrawn_key_do_not_fill_the_cache() {
    let fixture = Fixture::new().await;
    // The smallest cache: one set of eight entries per thread.
    let probe = CacheProbe::new(fixture.jwks_issuer(), |issuer| fixture.builder(issuer).token_cache_capacity(1)).await;
    let stolen: Vec<_> = (0..8)
        .map(|n| fixture.issuer.token(&format!("user-{n}")).audience("api").expires_in(seconds(1e8)).sign())
        .collect();
    for token in stolen.iter().cycle().take(160) {
        assert_eq!(probe.app.status_for(token).await, StatusCode::OK);
    }
    fixture.issuer.rotate();
    fixture.issuer.withdraw_old_keys();
    let valid_token = fixture.valid_token();
    for n in 0..100 {
        assert_eq!(probe.is_cached(&valid_token).await, n > 0, "{n}");
        for token in &stolen {
            assert_eq!(probe.app.status_for(token).await, StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn token_is_rejected_if_its_key_is_withdrawn_during_verification() {
    let issuer = TestIssuer::start().await.unwrap();
    let clock = BlockingClock::new();
    let trusted = Issuer::jwks(issuer.url(), issuer.jwks_url());
    let builder = JwtAuth::builder().issuer(trusted).audience("api").http_client(FakeNetwork::serving_keys_of(&issuer));
    let app = JwtApp::new(builder.clock(clock.clock()));
    assert!(app.auth.prefetch_keys().await);
    let old_token = issuer.token("ann").audience("api").sign();
    clock.block_at_reading(1);
    // Each thread has its own cache, so one thread sends both requests.
    let slow_requests = thread::spawn({
        let (app, token) = (app.clone(), old_token.clone());
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let first = app.send_token(&token).await.status();
                let second = app.send_token(&token).await.status();
                (first, second)
            })
        }
    });
    // The first request now holds the old key set and has not used it yet.
    clock.wait_until_blocked();
    issuer.rotate();
    issuer.withdraw_old_keys();
    assert_eq!(app.status_for(&issuer.token("ann").audience("api").sign()).await, StatusCode::OK);
    clock.resume();
    assert_eq!(slow_requests.join().unwrap(), (StatusCode::OK, StatusCode::UNAUTHORIZED));
}
