//! By what requests are counted: users, API keys, tenants and what an app names itself.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Request};
use portcullis::context::{Realm, Visitor};
use portcullis::gate::DenialKind;
use portcullis::rate_limit::{Key, MemoryStore, Subject};
use portcullis::testing::{as_anonymous, as_user};
use portcullis::{RateLimit, TrustedProxies, UserContext};

use super::{field, per, routes};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Routes behind a limit of two units by this key.
fn by(key: Key) -> Router {
    routes(&Arc::default()).layer(RateLimit::builder().quota(per(2, 60)).key(key).build().unwrap())
}

fn ann() -> UserContext {
    UserContext::new("ann").with_issuer("https://a.example")
}

fn tenant() -> Key {
    Key::tenant(|user| user.name().map(str::to_owned))
}

fn peer(ip: [u8; 4]) -> axum::Extension<std::net::SocketAddr> {
    axum::Extension((ip, 4711).into())
}

/// What is left, or else the status.
async fn left(app: &Router, fields: &[(&str, &str)]) -> u16 {
    let answer = TestResponse::get(app, "/", fields).await;
    match answer.status.as_u16() {
        200 => answer.headers["x-ratelimit-remaining"].to_str().unwrap().parse().unwrap(),
        status => status,
    }
}

#[tokio::test]
async fn a_user_is_counted_by_issuer_and_id() {
    let app = by(Key::user());
    for (user, expected) in [
        (ann(), 1),
        (ann(), 0),
        (ann().with_name("Ann").with_client_id("web"), 429),
        (UserContext::new("bob").with_issuer("https://a.example"), 1),
        (UserContext::new("ann").with_issuer("https://b.example"), 1),
        (UserContext::new("ann"), 1),
    ] {
        assert_eq!(left(&app.clone().layer(as_user(user.clone())), &[]).await, expected, "{user:?}");
    }
}

#[tokio::test]
async fn by_user_an_anonymous_visitor_is_401_with_the_realm_of_who_looked() {
    let answer = TestResponse::get(&by(Key::user()).layer(as_anonymous()), "/", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.challenge()), (401, "Bearer realm=\"api\""));
    let visitor = Visitor::anonymous(Realm::new("vault"));
    let answer = TestResponse::get(&by(Key::user()).layer(axum::Extension(visitor)), "/", &[]).await;
    assert_eq!(answer.challenge(), "Bearer realm=\"vault\"");
    assert_eq!(answer.denial.unwrap().kind(), &DenialKind::CredentialsMissing);
}

#[tokio::test]
async fn by_user_without_an_authenticating_layer_it_is_500_and_the_log_names_the_remedy() {
    for key in [Key::user(), Key::user().or_ip(TrustedProxies::none()), tenant()] {
        let log = LogCapture::start();
        let app = by(key).layer(peer([192, 0, 2, 1]));
        let fields = [("authorization", "Bearer a.b.c"), ("x-user", "ann"), ("x-forwarded-for", "203.0.113.9")];
        let answer = TestResponse::get(&app, "/", &fields).await;
        assert_eq!((answer.status.as_u16(), answer.challenge()), (500, ""));
        assert_eq!(answer.denial.unwrap().kind(), &DenialKind::AuthLayerMissing { required_by: "a RateLimit by user" });
        assert!(log.count("add JwtAuth outside of it") == 1, "{}", log.text());
    }
}

#[tokio::test]
async fn a_user_else_an_address_and_never_a_field_of_the_callers() {
    let app = by(Key::user().or_ip(TrustedProxies::none()));
    let user = app.clone().layer(as_user(ann()));
    // No address is needed where there is a user, nor looked at.
    assert_eq!(left(&user, &[]).await, 1);
    assert_eq!(left(&user.clone().layer(peer([192, 0, 2, 1])), &[]).await, 0);
    assert_eq!(left(&user.layer(peer([192, 0, 2, 2])), &[("x-user", "bob")]).await, 429);
    let anonymous = app.layer(as_anonymous()).layer(peer([192, 0, 2, 1]));
    for (n, expected) in [(1, 1), (2, 0), (3, 429), (4, 429)] {
        let (name, ip) = (format!("user-{n}"), format!("203.0.113.{n}"));
        let fields = [("x-user", &*name), ("authorization", &name), ("x-forwarded-for", &ip), ("x-real-ip", &ip)];
        assert_eq!(left(&anonymous, &fields).await, expected);
    }
}

#[tokio::test]
async fn an_api_key_is_counted_by_the_one_value_of_its_field() {
    let app = by(Key::api_key(API_KEY));
    for (key, expected) in [("k1", 1), ("k2", 1), ("k1", 0), ("k1", 429), ("K1", 1), ("k1, k2", 1)] {
        assert_eq!(left(&app, &[("x-api-key", key)]).await, expected, "{key}");
    }
}

#[tokio::test]
async fn a_missing_an_empty_and_a_repeated_api_key_are_none() {
    for fields in [&[][..], &[("x-api-key", "")], &[("x-api-key", "a"), ("x-api-key", "b")]] {
        assert_eq!(left(&by(Key::api_key(API_KEY)), fields).await, 403, "{fields:?}");
        let or_own = by(Key::api_key(API_KEY).or(Key::custom(|_| Some("else".to_owned()))));
        assert_eq!(left(&or_own, fields).await, 1);
        assert_eq!(left(&or_own, &[("x-api-key", "a")]).await, 1, "counted apart");
        assert_eq!(left(&or_own, fields).await, 0);
    }
}

#[tokio::test]
async fn an_api_key_of_any_bytes_is_counted() {
    let app = by(Key::api_key(API_KEY));
    for status in [200, 200, 429] {
        let request = Request::get("/").header("x-api-key", HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        assert_eq!(TestResponse::send(&app, request.body(Default::default()).unwrap()).await.status, status);
    }
}

#[tokio::test]
async fn a_tenant_is_counted_whoever_its_users_are() {
    let app = by(tenant());
    let of = |user: &str, tenant: &str| app.clone().layer(as_user(UserContext::new(user).with_name(tenant)));
    for (user, tenant, expected) in [("ann", "acme", 1), ("bob", "acme", 0), ("cid", "acme", 429), ("ann", "zeta", 1)] {
        assert_eq!(left(&of(user, tenant), &[]).await, expected, "{user} {tenant}");
    }
    assert_eq!(left(&app.clone().layer(as_user(UserContext::new("ann"))), &[]).await, 403, "of no tenant");
}

#[tokio::test]
async fn everybody_is_one_subject() {
    let app = by(Key::global());
    for (who, expected) in [("ann", 1), ("bob", 0), ("cid", 429)] {
        assert_eq!(left(&app, &[("x-who", who)]).await, expected);
    }
}

#[tokio::test]
async fn keys_of_two_kinds_never_collide_though_they_are_spelt_alike() {
    let store = MemoryStore::new();
    let text = "192.0.2.1";
    let kinds = [
        Key::user(),
        Key::ip(TrustedProxies::none()),
        Key::api_key(API_KEY),
        tenant(),
        Key::custom(|head| field(head, "x-api-key")),
        Key::global(),
    ];
    for key in kinds {
        let name = format!("{key:?}");
        let limit = RateLimit::builder().quota(per(2, 60)).key(key).store(store.clone()).build().unwrap();
        let user = UserContext::new(text).with_name(text);
        let app = routes(&Arc::default()).layer(limit).layer(as_user(user)).layer(peer([192, 0, 2, 1]));
        assert_eq!(left(&app, &[("x-api-key", text)]).await, 1, "{name}");
    }
}

#[tokio::test]
async fn the_first_part_of_a_key_that_a_request_has_is_the_one() {
    let key = Key::api_key(API_KEY).or(Key::custom(|head| field(head, "x-who"))).or_ip(TrustedProxies::none());
    let app = by(key).layer(peer([192, 0, 2, 1]));
    for (fields, expected) in [
        (&[("x-api-key", "k"), ("x-who", "ann")][..], 1),
        (&[("x-api-key", "k"), ("x-who", "bob")], 0),
        (&[("x-who", "ann")], 1),
        (&[("x-who", "bob")], 1),
        (&[], 1),
        (&[], 0),
    ] {
        assert_eq!(left(&app, fields).await, expected, "{fields:?}");
    }
}

#[test]
fn neither_a_key_nor_a_subject_shows_an_api_key() {
    let shown = format!("{:?} {:?}", Key::api_key(API_KEY), Subject::api_key(b"hunter2"));
    assert_eq!(shown, "[ApiKey] Subject { api_key: \"...\", route: None }");
}

#[tokio::test]
async fn a_refusal_says_nothing_of_the_key_to_the_caller_or_the_log() {
    let log = LogCapture::start();
    let app = by(Key::api_key(API_KEY));
    for _ in 0..3 {
        let answer = TestResponse::get(&app, "/", &[("x-api-key", "hunter2hunter2")]).await;
        assert!(!format!("{answer:?}").contains("hunter2"));
    }
    assert!(!log.text().contains("hunter2"), "{}", log.text());
}

#[tokio::test]
async fn a_key_behind_another_keeps_its_prefix() {
    let by_48 = Key::user().or(Key::ip(TrustedProxies::none()).ipv6_prefix(48));
    let app = by(by_48).layer(as_anonymous());
    for (peer, expected) in [("2001:db8:0:1::1", 1), ("2001:db8:0:2::1", 0), ("2001:db8:1:1::1", 1)] {
        let peer = std::net::SocketAddr::new(peer.parse().unwrap(), 4711);
        let app = app.clone().layer(axum::Extension(axum::extract::ConnectInfo(peer)));
        assert_eq!(left(&app, &[]).await, expected, "{peer}");
    }
}

#[tokio::test]
async fn a_request_without_a_subject_is_403_and_the_log_says_once_how_to_mend_it() {
    let log = LogCapture::start();
    let app = by(Key::custom(|_| None));
    for _ in 0..3 {
        let answer = TestResponse::get(&app, "/", &[]).await;
        assert_eq!(answer.denial.unwrap().kind(), &DenialKind::RateLimitKeyMissing);
    }
    assert_eq!(log.count("end the key of the limit with one that every request has"), 1, "{}", log.text());
}

#[tokio::test]
async fn quotas_by_tier_outside_of_what_authenticates_are_noticed_once() {
    let tiers = portcullis::Tiers::ascending(["basic", "pro"]).unwrap();
    let quotas = [(tiers.get("basic").unwrap(), per(2, 60)), (tiers.get("pro").unwrap(), per(9, 60))];
    let limit = RateLimit::builder().by_tier(quotas).key(Key::global()).build().unwrap();
    let log = LogCapture::start();
    let app = routes(&Arc::default()).layer(limit);
    for expected in [1, 0] {
        assert_eq!(left(&app, &[]).await, expected);
    }
    assert_eq!(log.count("put it inside of JwtAuth"), 1, "{}", log.text());
}
