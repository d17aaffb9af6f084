//! Keys: users, API keys, tenants, custom keys, and keys with alternatives.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Request};
use portcullis::context::{Realm, Visitor};
use portcullis::gate::DenialKind;
use portcullis::rate_limit::{Key, MemoryStore, Subject};
use portcullis::testing::{as_anonymous, as_user};
use portcullis::{RateLimit, TrustedProxies, UserContext};

use super::{app_limited_by, fake_clock, header, per_seconds, routes};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

fn ann() -> UserContext {
    UserContext::new("ann").with_issuer("https://a.example")
}

fn by_tenant() -> Key {
    Key::tenant(|user| user.name().map(str::to_owned))
}

/// Inserts the address of the peer, which is the client.
fn peer_address(ip: [u8; 4]) -> (axum::Extension<std::net::SocketAddr>, TrustedProxies) {
    (axum::Extension((ip, 4711).into()), TrustedProxies::none())
}

/// Sends a request. Returns the remaining units, or the status if it is rejected.
async fn remaining_or_status(app: &Router, headers: &[(&str, &str)]) -> u16 {
    let response = TestResponse::get(app, "/", headers).await;
    match response.status.as_u16() {
        200 => response.headers["x-ratelimit-remaining"].to_str().unwrap().parse().unwrap(),
        status => status,
    }
}

#[tokio::test]
async fn a_user_is_counted_by_issuer_and_id() {
    let app = app_limited_by(Key::user());
    for (user, expected) in [
        (ann(), 1),
        (ann(), 0),
        (ann().with_name("Ann").with_client_id("web"), 429),
        (UserContext::new("bob").with_issuer("https://a.example"), 1),
        (UserContext::new("ann").with_issuer("https://b.example"), 1),
        (UserContext::new("ann"), 1),
    ] {
        assert_eq!(remaining_or_status(&app.clone().layer(as_user(user.clone())), &[]).await, expected, "{user:?}");
    }
}

#[tokio::test]
async fn by_user_an_anonymous_request_is_401_with_the_realm_of_the_authenticating_layer() {
    let response = TestResponse::get(&app_limited_by(Key::user()).layer(as_anonymous()), "/", &[]).await;
    assert_eq!((response.status.as_u16(), response.challenge()), (401, "Bearer realm=\"api\""));
    let visitor = Visitor::anonymous(Realm::new("vault"));
    let response = TestResponse::get(&app_limited_by(Key::user()).layer(axum::Extension(visitor)), "/", &[]).await;
    assert_eq!(response.challenge(), "Bearer realm=\"vault\"");
    assert_eq!(response.denial.unwrap().kind(), &DenialKind::CredentialsMissing);
}

#[tokio::test]
async fn by_user_without_an_authenticating_layer_is_500_and_the_remedy_is_logged() {
    for key in [Key::user(), Key::user().or_ip(), by_tenant()] {
        let log = LogCapture::start();
        let app = app_limited_by(key).layer(peer_address([192, 0, 2, 1]));
        let headers = [("authorization", "Bearer a.b.c"), ("x-user", "ann"), ("x-forwarded-for", "203.0.113.9")];
        let response = TestResponse::get(&app, "/", &headers).await;
        assert_eq!((response.status.as_u16(), response.challenge()), (500, ""));
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::auth_layer_missing("a RateLimit by user"));
        assert!(log.count("add JwtAuth or AnyOf around it") == 1, "{}", log.text());
    }
}

#[tokio::test]
async fn user_or_ip_uses_the_user_or_the_address_and_no_header_of_the_caller() {
    let app = app_limited_by(Key::user().or_ip());
    let user = app.clone().layer(as_user(ann()));
    // The address is not needed and not used if there is a user.
    assert_eq!(remaining_or_status(&user, &[]).await, 1);
    assert_eq!(remaining_or_status(&user.clone().layer(peer_address([192, 0, 2, 1])), &[]).await, 0);
    assert_eq!(remaining_or_status(&user.layer(peer_address([192, 0, 2, 2])), &[("x-user", "bob")]).await, 429);
    let anonymous = app.layer(as_anonymous()).layer(peer_address([192, 0, 2, 1]));
    for (n, expected) in [(1, 1), (2, 0), (3, 429), (4, 429)] {
        let (name, ip) = (format!("user-{n}"), format!("203.0.113.{n}"));
        let headers = [("x-user", &*name), ("authorization", &name), ("x-forwarded-for", &ip), ("x-real-ip", &ip)];
        assert_eq!(remaining_or_status(&anonymous, &headers).await, expected);
    }
}

#[tokio::test]
async fn an_api_key_is_counted_by_the_value_of_its_header() {
    let app = app_limited_by(Key::api_key(API_KEY));
    for (key, expected) in [("k1", 1), ("k2", 1), ("k1", 0), ("k1", 429), ("K1", 1), ("k1, k2", 1)] {
        assert_eq!(remaining_or_status(&app, &[("x-api-key", key)]).await, expected, "{key}");
    }
}

#[tokio::test]
async fn a_missing_empty_or_repeated_api_key_is_no_subject() {
    for headers in [&[][..], &[("x-api-key", "")], &[("x-api-key", "a"), ("x-api-key", "b")]] {
        assert_eq!(remaining_or_status(&app_limited_by(Key::api_key(API_KEY)), headers).await, 403, "{headers:?}");
        let or_custom = app_limited_by(Key::api_key(API_KEY).or(Key::custom(|_| Some("else".to_owned()))));
        assert_eq!(remaining_or_status(&or_custom, headers).await, 1);
        assert_eq!(remaining_or_status(&or_custom, &[("x-api-key", "a")]).await, 1, "counted separately");
        assert_eq!(remaining_or_status(&or_custom, headers).await, 0);
    }
}

#[tokio::test]
async fn an_api_key_of_any_bytes_is_counted() {
    let app = app_limited_by(Key::api_key(API_KEY));
    for status in [200, 200, 429] {
        let request = Request::get("/").header("x-api-key", HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        assert_eq!(TestResponse::send(&app, request.body(Default::default()).unwrap()).await.status, status);
    }
}

#[tokio::test]
async fn all_users_of_a_tenant_are_counted_together() {
    let app = app_limited_by(by_tenant());
    let app_for = |user: &str, tenant: &str| app.clone().layer(as_user(UserContext::new(user).with_name(tenant)));
    for (user, tenant, expected) in [("ann", "acme", 1), ("bob", "acme", 0), ("cid", "acme", 429), ("ann", "zeta", 1)] {
        assert_eq!(remaining_or_status(&app_for(user, tenant), &[]).await, expected, "{user} {tenant}");
    }
    assert_eq!(
        remaining_or_status(&app.clone().layer(as_user(UserContext::new("ann"))), &[]).await,
        403,
        "the user has no tenant"
    );
}

#[tokio::test]
async fn the_tenant_of_the_user_is_counted_by_issuer_and_name() {
    let app = app_limited_by(Key::user_tenant());
    let app_for = |user: &str, issuer: Option<&str>, tenant: &str| {
        let user = UserContext::new(user).with_tenant(tenant);
        app.clone().layer(as_user(match issuer {
            Some(issuer) => user.with_issuer(issuer),
            None => user,
        }))
    };
    for (user, issuer, tenant, expected) in [
        ("ann", Some("https://a.example"), "acme", 1),
        ("bob", Some("https://a.example"), "acme", 0),
        ("cid", Some("https://a.example"), "acme", 429),
        ("ann", Some("https://a.example"), "zeta", 1),
        ("ann", Some("https://b.example"), "acme", 1),
        ("ann", None, "acme", 1),
    ] {
        let app = app_for(user, issuer, tenant);
        assert_eq!(remaining_or_status(&app, &[]).await, expected, "{user} {issuer:?} {tenant}");
    }
    let without_tenant = app.clone().layer(as_user(UserContext::new("ann")));
    assert_eq!(remaining_or_status(&without_tenant, &[]).await, 403);
}

#[tokio::test]
async fn the_global_key_counts_all_requests_together() {
    let app = app_limited_by(Key::global());
    for (user, expected) in [("ann", 1), ("bob", 0), ("cid", 429)] {
        assert_eq!(remaining_or_status(&app, &[("x-user", user)]).await, expected);
    }
}

#[tokio::test]
async fn equal_values_of_different_kinds_of_keys_are_counted_separately() {
    let store = MemoryStore::new();
    let clock = fake_clock();
    let text = "192.0.2.1";
    let kinds = [
        Key::user(),
        Key::ip(),
        Key::api_key(API_KEY),
        by_tenant(),
        Key::custom(|head| header(head, "x-api-key")),
        Key::global(),
    ];
    for key in kinds {
        let name = format!("{key:?}");
        let limit = RateLimit::builder().quota(per_seconds(2, 60)).key(key).store(store.clone());
        let limit = limit.clock(clock.clock()).build().unwrap();
        let user = UserContext::new(text).with_name(text);
        let app = routes(&Arc::default()).layer(limit).layer(as_user(user)).layer(peer_address([192, 0, 2, 1]));
        assert_eq!(remaining_or_status(&app, &[("x-api-key", text)]).await, 1, "{name}");
    }
}

#[tokio::test]
async fn a_key_with_alternatives_uses_the_first_that_the_request_has() {
    let key = Key::api_key(API_KEY).or(Key::custom(|head| header(head, "x-user"))).or_ip();
    let app = app_limited_by(key).layer(peer_address([192, 0, 2, 1]));
    for (headers, expected) in [
        (&[("x-api-key", "k"), ("x-user", "ann")][..], 1),
        (&[("x-api-key", "k"), ("x-user", "bob")], 0),
        (&[("x-user", "ann")], 1),
        (&[("x-user", "bob")], 1),
        (&[], 1),
        (&[], 0),
    ] {
        assert_eq!(remaining_or_status(&app, headers).await, expected, "{headers:?}");
    }
}

#[test]
fn debug_of_a_key_and_a_subject_shows_no_api_key() {
    let shown = format!("{:?} {:?}", Key::api_key(API_KEY), Subject::api_key(b"hunter2"));
    assert_eq!(shown, "[ApiKey] Subject { api_key: \"...\", route: None }");
}

#[tokio::test]
async fn a_rejection_shows_no_api_key_to_the_caller_or_in_the_log() {
    let log = LogCapture::start();
    let app = app_limited_by(Key::api_key(API_KEY));
    for _ in 0..3 {
        let response = TestResponse::get(&app, "/", &[("x-api-key", "hunter2hunter2")]).await;
        assert!(!format!("{response:?}").contains("hunter2"));
    }
    assert!(!log.text().contains("hunter2"), "{}", log.text());
}

#[tokio::test]
async fn an_alternative_key_keeps_its_ipv6_prefix() {
    let by_48 = Key::user().or(Key::ip().ipv6_prefix(48));
    let app = app_limited_by(by_48).layer(as_anonymous());
    for (peer, expected) in [("2001:db8:0:1::1", 1), ("2001:db8:0:2::1", 0), ("2001:db8:1:1::1", 1)] {
        let peer = std::net::SocketAddr::new(peer.parse().unwrap(), 4711);
        let app = app.clone().layer((axum::Extension(axum::extract::ConnectInfo(peer)), TrustedProxies::none()));
        assert_eq!(remaining_or_status(&app, &[]).await, expected, "{peer}");
    }
}

#[tokio::test]
async fn a_request_without_a_subject_is_403_and_the_remedy_is_logged_once() {
    let log = LogCapture::start();
    let app = app_limited_by(Key::custom(|_| None));
    for _ in 0..3 {
        let response = TestResponse::get(&app, "/", &[]).await;
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::RateLimitKeyMissing);
    }
    assert_eq!(log.count("let the key fall back to one that every request has"), 1, "{}", log.text());
}

#[tokio::test]
async fn quotas_by_tier_before_authentication_log_one_warning() {
    let tiers = portcullis::Tiers::ascending(["basic", "pro"]).unwrap();
    let quotas = [(tiers.get("basic").unwrap(), per_seconds(2, 60)), (tiers.get("pro").unwrap(), per_seconds(9, 60))];
    let limit = RateLimit::builder().by_tier(quotas).key(Key::global()).clock(fake_clock().clock()).build().unwrap();
    let log = LogCapture::start();
    let app = routes(&Arc::default()).layer(limit);
    for expected in [1, 0] {
        assert_eq!(remaining_or_status(&app, &[]).await, expected);
    }
    assert_eq!(log.count("move it inside JwtAuth"), 1, "{}", log.text());
}
