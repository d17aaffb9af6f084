//! Revocation: at once, for ever, and also while the record is being read.

use portcullis::Revocations;
use portcullis::context::Credential;
use portcullis::testing::as_user;
use portcullis::{RequireCredential, api_key::ApiKeyError};
use tower::ServiceExt;

use super::*;

fn revocations(clock: &FakeClock) -> Revocations {
    Revocations::builder().clock(clock.clock()).build().unwrap()
}

#[tokio::test]
async fn revoked_key_is_401_at_once_even_if_it_is_cached() {
    for with_revocations in [false, true] {
        let clock = fake_clock();
        let handle = revocations(&clock);
        let fixture = Fixture::of(TestStore::default(), clock, |builder| {
            if with_revocations { builder.revocations(&handle) } else { builder }
        });
        let key = fixture.create().await;
        let other = fixture.create().await;
        assert_eq!([fixture.status(key.secret()).await, fixture.status(other.secret()).await], [200, 200]);
        assert!(fixture.keys.revoke(key.id()).await.unwrap());
        assert_eq!([fixture.status(key.secret()).await, fixture.status(other.secret()).await], [401, 200]);
        assert!(!fixture.keys.revoke(key.id()).await.unwrap(), "it is revoked already");
        assert!(!fixture.keys.revoke(&"unknown00000".parse().unwrap()).await.unwrap());
        assert_eq!(fixture.handled(), 3);
    }
}

#[tokio::test]
async fn read_that_began_before_a_revocation_and_ends_after_it_fills_no_cache() {
    for with_revocations in [false, true] {
        let clock = fake_clock();
        let handle = revocations(&clock);
        let fixture = Fixture::of(TestStore::default(), clock, |builder| {
            if with_revocations { builder.revocations(&handle) } else { builder }
        });
        let key = fixture.create().await;
        let permits = fixture.store.hold();
        let request = tokio::spawn(fixture.app.clone().oneshot(request(key.secret())));
        // The record was read as valid, and the store has not responded yet.
        fixture.store.wait_for_finds(1).await;
        fixture.store.release();
        assert!(fixture.keys.revoke(key.id()).await.unwrap());
        permits.add_permits(1);
        assert_eq!(request.await.unwrap().unwrap().status(), 401);
        assert_eq!((fixture.status(key.secret()).await, fixture.handled()), (401, 0));
    }
}

#[tokio::test]
async fn other_process_rejects_a_revoked_key_within_the_cache_ttl() {
    let first = Fixture::new();
    let second = Fixture::of(first.store.clone(), first.clock.clone(), |builder| builder);
    let key = first.create().await;
    assert_eq!([first.status(key.secret()).await, second.status(key.secret()).await], [200, 200]);
    first.keys.revoke(key.id()).await.unwrap();
    // The default without a stream is ten seconds.
    second.clock.advance(10 * SECOND - Duration::from_millis(1));
    assert_eq!([first.status(key.secret()).await, second.status(key.secret()).await], [401, 200]);
    second.clock.advance(Duration::from_millis(1));
    assert_eq!(second.status(key.secret()).await, 401);
}

#[tokio::test]
async fn key_whose_record_was_deleted_is_401_here_from_the_revocation_on() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    assert_eq!(fixture.status(key.secret()).await, 200);
    fixture.store.set_empty(true);
    assert!(!fixture.keys.revoke(key.id()).await.unwrap());
    assert_eq!(fixture.status(key.secret()).await, 401);
}

#[tokio::test]
async fn older_version_of_a_revoked_record_is_a_conflict() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    fixture.keys.revoke(key.id()).await.unwrap();
    for record in [key.record().clone(), key.record().clone().into_revoked(fixture.now())] {
        assert!(matches!(fixture.store.save(&record).await, Err(StoreError::Conflict)));
    }
    assert_eq!(fixture.status(key.secret()).await, 401);
    let change = portcullis::api_key::ApiKeyChange::for_user(&ann()).scopes(["write"]);
    assert!(fixture.keys.update(key.id(), change).await.unwrap().is_none());
    assert!(fixture.keys.rotate(key.id(), portcullis::api_key::Grace::none()).await.unwrap().is_none());
    assert!(fixture.keys.find(key.id()).await.unwrap().unwrap().revoked_at().is_some());
}

#[tokio::test]
async fn all_keys_of_an_owner_are_revoked_for_ever() {
    let clock = fake_clock();
    let handle = revocations(&clock);
    let fixture = Fixture::of(TestStore::default(), clock, |builder| builder.revocations(&handle));
    let keys = [fixture.create().await, fixture.create().await];
    let same_id = UserContext::new("ann").with_issuer("https://other.example.com");
    let other = fixture.keys.create(NewApiKey::for_user(&same_id)).await.unwrap();
    for key in keys.iter().chain([&other]) {
        assert_eq!(fixture.status(key.secret()).await, 200);
    }
    let mut revoked = fixture.keys.revoke_all(&ann()).await.unwrap();
    revoked.sort();
    let mut expected = keys.each_ref().map(|key| *key.id());
    expected.sort();
    assert_eq!(revoked, expected);
    assert_eq!(fixture.keys.revoke_all(&ann()).await.unwrap(), []);
    // Longer than a revocation is kept.
    fixture.clock.advance(48 * 60 * MINUTE);
    for key in &keys {
        assert_eq!(fixture.status(key.secret()).await, 401);
    }
    assert_eq!(fixture.status(other.secret()).await, 200);
}

#[tokio::test]
async fn all_keys_of_an_owner_are_rejected_here_at_once_without_revocations() {
    let fixture = Fixture::new();
    let keys = [fixture.create().await, fixture.create().await];
    for (status, revoked) in [(200, 2), (401, 0)] {
        for key in &keys {
            assert_eq!(fixture.status(key.secret()).await, status);
        }
        assert_eq!(fixture.keys.revoke_all(&ann()).await.unwrap().len(), revoked);
    }
}

#[tokio::test]
async fn keys_are_revoked_with_others_also_if_a_change_comes_first() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let id = *key.id();
    let revoke = tokio::spawn({
        let keys = fixture.keys.clone();
        async move { keys.revoke_all(&ann()).await.unwrap() }
    });
    let change = portcullis::api_key::ApiKeyChange::for_user(&ann()).name("renamed");
    let _ = fixture.keys.update(&id, change).await.unwrap();
    assert_eq!(revoke.await.unwrap(), [id]);
    assert_eq!(fixture.status(key.secret()).await, 401);
    assert!(fixture.keys.find(&id).await.unwrap().unwrap().revoked_at().is_some());
}

#[tokio::test]
async fn key_is_rejected_here_even_if_the_store_fails_to_revoke_it() {
    let clock = fake_clock();
    let handle = revocations(&clock);
    let fixture = Fixture::of(TestStore::default(), clock, |builder| builder.revocations(&handle));
    let key = fixture.create().await;
    assert_eq!(fixture.status(key.secret()).await, 200);
    fixture.store.set_down(true);
    let error = fixture.keys.revoke(key.id()).await.unwrap_err();
    assert!(matches!(&error, ApiKeyError::Store(StoreError::Unavailable { .. })));
    assert_eq!((error.status().as_u16(), error.denial().retry_after()), (503, Some(SECOND)));
    fixture.store.set_down(false);
    assert_eq!(fixture.status(key.secret()).await, 401);
}

#[tokio::test]
async fn key_is_no_longer_cached_if_the_store_fails_to_revoke_it() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    assert_eq!(fixture.status(key.secret()).await, 200);
    fixture.store.set_down(true);
    assert!(fixture.keys.revoke(key.id()).await.is_err());
    assert_eq!(fixture.status(key.secret()).await, 503);
}

#[tokio::test]
async fn route_that_creates_keys_rejects_keys() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let except = RequireCredential::except([Credential::ApiKey]).unwrap();
    let app = Router::new().route("/", any(|| async {}).layer(except));
    let by_key = app.clone().layer(fixture.keys.clone());
    assert_eq!(by_key.oneshot(request(key.secret())).await.unwrap().status(), 403);
    let by_token = app.layer(as_user(ann().with_credential(Credential::Token)));
    assert_eq!(by_token.oneshot(request(key.secret())).await.unwrap().status(), 200);
}
