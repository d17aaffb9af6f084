//! The checks of a valid text: times, networks, privileges and the owner.

use std::net::SocketAddr;

use portcullis::context::Credential;
use portcullis::gate::{AccountRefusal, DenialKind, LoadError};
use portcullis::rate_limit::Key;
use portcullis::{Quota, RateLimit, RequireScope, Tiers, TrustedProxies};
use tower::ServiceExt;

use super::*;

#[tokio::test]
async fn key_is_401_from_the_instant_it_expires_even_if_it_is_cached() {
    let fixture = Fixture::with(|builder| builder.cache_ttl(60 * MINUTE));
    let new = NewApiKey::for_user(&ann()).expires_in(MINUTE);
    let key = fixture.keys.create(new).await.unwrap();
    assert_eq!(fixture.status(key.secret()).await, 200);
    fixture.clock.advance(MINUTE - Duration::from_millis(1));
    assert_eq!(fixture.status(key.secret()).await, 200);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(fixture.status(key.secret()).await, 401);
    assert_eq!((fixture.store.finds(), fixture.handled()), (1, 2));
}

#[tokio::test]
async fn key_is_401_before_its_not_before() {
    let fixture = Fixture::new();
    let start = fixture.now() + MINUTE;
    let key = fixture.keys.create(NewApiKey::for_user(&ann()).not_before(start)).await.unwrap();
    assert_eq!(fixture.status(key.secret()).await, 401);
    fixture.clock.advance(MINUTE - SECOND);
    assert_eq!(fixture.status(key.secret()).await, 401);
    fixture.clock.advance(SECOND);
    assert_eq!(fixture.status(key.secret()).await, 200);
}

#[tokio::test]
async fn key_is_401_if_the_wall_clock_is_before_1970() {
    let fixture = Fixture::new();
    let key = fixture.keys.create(NewApiKey::for_user(&ann()).expires_in(MINUTE)).await.unwrap();
    assert_eq!(fixture.status(key.secret()).await, 200);
    fixture.clock.set_wall(UNIX_EPOCH - SECOND);
    assert_eq!(fixture.status(key.secret()).await, 401);
}

#[tokio::test]
async fn rejection_of_the_owner_is_returned() {
    for (error, status, code) in [
        (LoadError::refused(AccountRefusal::Locked), 403, "account_locked"),
        (LoadError::Unknown, 401, "credential_invalid"),
        (LoadError::unavailable("database"), 503, "users_unavailable"),
    ] {
        let fixture = Fixture::with(move |builder| {
            builder.load_user(move |user| {
                assert_eq!(user.credential(), Credential::ApiKey);
                let error = error.clone();
                async move { Err(error) }
            })
        });
        let key = fixture.create().await;
        // Looked up, and then cached.
        for _ in 0..2 {
            let response = fixture.send_key(key.secret()).await;
            assert_eq!((response.status.as_u16(), response.denial.unwrap().code()), (status, code));
        }
        assert_eq!(fixture.status(&unknown_key(1)).await, 401);
        assert_eq!(fixture.handled(), 0);
    }
}

/// An app with a trusted proxy at 10.0.0.1, and a key for these networks.
async fn status_from(networks: &[&str], peer: &str, forwarded_for: Option<&str>) -> u16 {
    let fixture = Fixture::new();
    let key = fixture.keys.create(NewApiKey::for_user(&ann()).networks(networks)).await.unwrap();
    let app = fixture.app.clone().layer(TrustedProxies::new(["10.0.0.1"]).unwrap());
    let mut request = request(key.secret());
    request.extensions_mut().insert(SocketAddr::new(peer.parse().unwrap(), 443));
    if let Some(address) = forwarded_for {
        request.headers_mut().insert("x-forwarded-for", address.parse().unwrap());
    }
    let response = app.oneshot(request).await.unwrap();
    if response.status() == 403 {
        let denial = response.extensions().get::<portcullis::gate::Denial>().unwrap();
        assert!(matches!(denial.kind(), DenialKind::AddressRefused { address: Some(_), .. }));
        assert!(!denial.detail().contains(peer));
        assert_eq!(fixture.handled(), 0);
    }
    response.status().as_u16()
}

#[tokio::test]
async fn key_with_networks_is_valid_only_there() {
    let networks = &["203.0.113.0/24", "2001:db8::/32", "::ffff:198.51.100.0/120"];
    for (peer, forwarded_for, status) in [
        ("203.0.113.9", None, 200),
        ("::ffff:203.0.113.9", None, 200),
        ("2001:db8::7", None, 200),
        ("198.51.100.7", None, 200),
        ("203.0.114.9", None, 403),
        ("2001:db9::7", None, 403),
        ("10.0.0.1", Some("203.0.113.9"), 200),
        ("10.0.0.1", Some("192.0.2.1"), 403),
        // Anyone can send the header, but only the proxy is believed.
        ("192.0.2.1", Some("203.0.113.9"), 403),
        ("10.0.0.1", Some("203.0.113.9, 192.0.2.1"), 403),
    ] {
        assert_eq!(status_from(networks, peer, forwarded_for).await, status, "{peer} {forwarded_for:?}");
    }
    assert_eq!(status_from(&[], "192.0.2.1", None).await, 200);
    // A client behind NAT64 has an address with the IPv4 address in it, as for `IpFilter`.
    assert_eq!(status_from(networks, "64:ff9b::203.0.113.9", None).await, 200);
    assert_eq!(status_from(networks, "64:ff9b::203.0.114.9", None).await, 403);
}

#[tokio::test]
async fn unknown_address_is_403_for_a_key_with_networks() {
    let fixture = Fixture::new();
    let key = fixture.keys.create(NewApiKey::for_user(&ann()).networks(["0.0.0.0/0", "::/0"])).await.unwrap();
    let response = fixture.send_key(key.secret()).await;
    assert_eq!(response.status, 403);
    assert!(matches!(response.denial.unwrap().kind(), DenialKind::AddressRefused { address: None, .. }));
    assert_eq!(fixture.status(&with_wrong_secret(&key)).await, 401, "who has no secret learns nothing of the networks");
}

#[tokio::test]
async fn privileges_of_the_key_are_those_of_the_user() {
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let fixture = Fixture::with(|builder| builder.tiers(tiers.clone()));
    let owner = ann()
        .with_roles(["editor"])
        .with_permissions([portcullis::Permission::new("read:page").unwrap()])
        .with_tier(tiers.get("pro").unwrap());
    let new = NewApiKey::for_user(&owner).scopes(["read"]).roles(["editor"]).permissions(["read:page"]);
    let key = fixture.keys.create(new.expires_in(MINUTE)).await.unwrap();
    let id = key.id().to_string();
    let end = fixture.now() + MINUTE;
    let handler = move |user: UserContext| {
        assert_eq!((user.id(), user.issuer()), ("ann", Some("https://id.example.com")));
        assert!(user.has_scope("read") && !user.has_scope("write"));
        assert!(user.has_role("editor") && user.has_permission("read:page") && user.has_tier("pro"));
        assert_eq!((user.token_id(), user.credential()), (Some(&*id), Credential::ApiKey));
        assert_eq!((user.expires_at(), user.issued_at()), (Some(end), Some(end - MINUTE)));
        async {}
    };
    let write = RequireScope::new("write").unwrap();
    let app = Router::new().route("/", any(handler)).route("/write", any(|| async {}).layer(write));
    let app = app.layer(fixture.keys.clone());
    assert_eq!(app.clone().oneshot(request(key.secret())).await.unwrap().status(), 200);

    let mut request = request(key.secret());
    *request.uri_mut() = "/write".parse().unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 403);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("ApiKey realm=\"api\", error=\"insufficient_scope\""), "{challenge}");
}

#[tokio::test]
async fn keys_of_a_user_share_its_rate_limit() {
    let fixture = Fixture::new();
    let limit = RateLimit::builder().quota(Quota::per_hour(2).unwrap()).key(Key::user()).build().unwrap();
    let app = Router::new().route("/", any(|| async {})).layer(limit).layer(fixture.keys.clone());
    let keys = [fixture.create().await, fixture.create().await, fixture.create().await];
    for (key, status) in keys.iter().zip([200, 200, 429]) {
        assert_eq!(app.clone().oneshot(request(key.secret())).await.unwrap().status(), status);
    }
}
