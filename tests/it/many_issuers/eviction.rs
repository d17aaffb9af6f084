//! Issuers that are removed: by the app, by their age, or because others are used more.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use portcullis::testing::TokenBuilder;
use portcullis::{Issuer, Issuers, JwtAuth, UserContext};
use tokio::sync::watch;

use super::{Function, PATTERN, Server, realm, run_background_tasks, seconds, tenant, tenant_token};
use crate::support::jwt_app::JwtApp;

const ACME: &str = "https://acme.example";

/// A function that finds these tenants.
fn database(names: &[&str]) -> (Function, Arc<Mutex<HashSet<String>>>) {
    let names = Arc::new(Mutex::new(names.iter().map(|name| (*name).to_owned()).collect::<HashSet<_>>()));
    let known = Arc::clone(&names);
    let function = Function::new(move |iss: String| {
        let exists = known.lock().unwrap().contains(&iss);
        async move { exists.then(|| tenant(iss)) }
    });
    (function, names)
}

#[tokio::test]
async fn an_evicted_tenant_that_was_removed_is_401_at_once_even_with_a_cached_token() {
    let (function, names) = database(&[ACME]);
    let app = function.app();
    let cached = tenant_token(ACME);
    for _ in 0..3 {
        assert_eq!(app.status_for(&cached).await, StatusCode::OK);
    }
    names.lock().unwrap().remove(ACME);
    assert_eq!(app.status_for(&cached).await, StatusCode::OK, "not known yet");
    assert!(app.auth.evict_issuer(ACME));
    assert_eq!(app.status_for(&cached).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(function.calls(), 2);
    assert!(!app.auth.evict_issuer(ACME));
    assert!(!app.auth.evict_issuer("http://unrelated.example"));
}

#[tokio::test]
async fn a_removed_tenant_is_401_after_the_max_age_even_with_a_cached_token() {
    let (function, names) = database(&[ACME]);
    let app = function.app();
    let cached = tenant_token(ACME);
    assert_eq!(app.status_for(&cached).await, StatusCode::OK);
    names.lock().unwrap().remove(ACME);
    // No request in between, so nothing was looked up in the background.
    function.clock.advance(seconds(300));
    assert_eq!(app.status_for(&cached).await, StatusCode::UNAUTHORIZED);
    assert_eq!(function.calls(), 2);
}

#[tokio::test]
async fn a_removed_tenant_in_use_is_401_before_the_max_age() {
    let (function, names) = database(&[ACME]);
    let app = function.app();
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK);
    names.lock().unwrap().remove(ACME);
    function.clock.advance(seconds(240));
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK, "looked up in the background");
    run_background_tasks().await;
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_added_tenant_is_found_at_once_after_an_eviction() {
    let (function, names) = database(&[]);
    let app = function.app();
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::UNAUTHORIZED);
    names.lock().unwrap().insert(ACME.to_owned());
    assert!(!app.auth.evict_issuer(ACME));
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_started_before_the_eviction_has_no_effect() {
    let is_released = watch::Sender::new(false);
    let released = is_released.subscribe();
    // Reads the database, and then takes long to return.
    let function = Function::new(move |iss: String| {
        let mut released = released.clone();
        async move {
            let _ = released.wait_for(|is_released| *is_released).await;
            Some(tenant(iss))
        }
    });
    let app = function.app();
    let waiting = app.spawn_request(tenant_token(ACME));
    run_background_tasks().await;
    app.auth.evict_issuer(ACME);
    assert_eq!(waiting.await.unwrap(), StatusCode::UNAUTHORIZED, "the request does not wait for the outdated result");
    is_released.send_replace(true);
    run_background_tasks().await;
    assert_eq!(function.calls(), 1);
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK);
    assert_eq!(function.calls(), 2, "the first result was not kept");
}

#[tokio::test]
async fn an_evicted_realm_is_looked_up_again_and_a_removed_one_is_401() {
    let server = Server::with_realms(&["acme", "globex"]).await;
    for name in ["acme", "globex"] {
        assert_eq!(server.app.status_for(&server.token(name)).await, StatusCode::OK);
    }
    let cached = server.token("globex");
    assert_eq!(server.app.status_for(&cached).await, StatusCode::OK);
    server.remove_realm("globex");
    for name in ["acme", "globex"] {
        assert!(server.app.auth.evict_issuer(&realm(name)));
    }
    assert_eq!(server.app.status_for(&cached).await, StatusCode::UNAUTHORIZED);
    assert_eq!(server.app.status_for(&server.token("acme")).await, StatusCode::OK);
}

#[tokio::test]
async fn the_least_recently_used_issuer_is_removed_for_a_new_one() {
    let function = Function::configured(|iss: String| async move { Some(tenant(iss)) }, |issuers| issuers.capacity(2));
    let app = function.app();
    let names = ["https://a.example", "https://b.example", "https://c.example"];
    let [a, b, c] = names.map(tenant_token);
    for token in [&a, &b, &a, &c] {
        assert_eq!(app.status_for(token).await, StatusCode::OK);
        function.clock.advance(seconds(1));
    }
    assert_eq!(function.calls(), 3);
    for token in [&a, &c] {
        assert_eq!(app.status_for(token).await, StatusCode::OK);
    }
    assert_eq!(function.calls(), 3, "two issuers are kept");
    assert_eq!(app.status_for(&b).await, StatusCode::OK);
    assert_eq!(function.calls(), 4, "the third is looked up again");
}

/// The function finds an issuer of any name, as a server does that publishes its keys for any.
#[tokio::test]
async fn invented_issuers_that_are_found_do_not_evict_a_tenant() {
    let function = Function::configured(|iss: String| async move { Some(tenant(iss)) }, |issuers| issuers.capacity(20));
    let app = function.app();
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK);
    for n in 0..100 {
        let iss = format!("https://invented-{n}.example");
        let forged = TokenBuilder::first_party(&iss, [9; 32], "eve").audience("api").expires_in(seconds(86_400)).sign();
        assert_eq!(app.status_for(&forged).await, StatusCode::UNAUTHORIZED);
        function.clock.advance(seconds(1));
    }
    assert_eq!(function.calls(), 101);
    assert_eq!(app.status_for(&tenant_token(ACME)).await, StatusCode::OK);
    assert_eq!(function.calls(), 101, "the tenant was not looked up again");
}

#[tokio::test]
async fn cached_tokens_of_an_issuer_removed_for_another_are_401() {
    let names = Arc::new(Mutex::new(HashSet::from(["https://a.example".to_owned(), "https://b.example".to_owned()])));
    let known = Arc::clone(&names);
    let find = move |iss: String| {
        let exists = known.lock().unwrap().contains(&iss);
        async move { exists.then(|| tenant(iss)) }
    };
    let function = Function::configured(find, |issuers| issuers.capacity(1));
    let app = function.app();
    let cached = tenant_token("https://a.example");
    for token in [&cached, &tenant_token("https://b.example")] {
        assert_eq!(app.status_for(token).await, StatusCode::OK);
    }
    // It is not among the found issuers anymore, and its cached token must not outlive its eviction.
    names.lock().unwrap().remove("https://a.example");
    assert!(!app.auth.evict_issuer("https://a.example"));
    assert_eq!(app.status_for(&cached).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens_of_a_withdrawn_key_of_a_realm_do_not_fill_the_cache() {
    let server = Server::with_realms(&["acme"]).await;
    let users: Arc<Mutex<Vec<UserContext>>> = Arc::default();
    let recorded = Arc::clone(&users);
    let realms = Issuer::discover(PATTERN).map_user(move |user| {
        // No user is dropped, so that no memory is reused.
        recorded.lock().unwrap().push(user.clone());
        user
    });
    // The smallest cache: one set of eight entries per thread.
    let builder = JwtAuth::builder().add_issuers(Issuers::from_pattern(realms)).audience("api").token_cache_capacity(1);
    let app = JwtApp::new(builder.http_client(server.network.clone()).clock(server.clock.clock()));
    let token_of = |user: &str| server.token_builder("acme").claim("sub", user).sign();
    let stolen: Vec<_> = (0..8).map(|n| token_of(&format!("user-{n}"))).collect();
    for token in stolen.iter().cycle().take(160) {
        assert_eq!(app.status_for(token).await, StatusCode::OK);
    }
    server.realms.lock().unwrap()[0].1.rotate();
    server.realms.lock().unwrap()[0].1.withdraw_old_keys();
    let valid = token_of("ann");
    for _ in 0..2 {
        assert_eq!(app.status_for(&valid).await, StatusCode::OK);
    }
    let users = users.lock().unwrap();
    let [.., first, second] = &users[..] else { panic!("two requests were admitted") };
    assert!(std::ptr::eq(first.raw_claims(), second.raw_claims()), "the second request found the token in the cache");
}
