//! "Log out everywhere" ends the keys of a user too, and they stay revoked after the entry has expired.

use portcullis::Revocations;
use portcullis::api_key::ApiKeyError;
use portcullis::context::Credential;
use portcullis::revocation::{Revocation, RevokeError};

use super::*;

const ISSUER: &str = "https://id.example.com";
/// The default `max_token_lifetime` is 24 hours, and an entry is kept for some minutes more.
const LONGER_THAN_AN_ENTRY_IS_KEPT: Duration = Duration::from_secs(25 * 3_600);

fn fixture() -> (Fixture, Revocations) {
    let clock = fake_clock();
    let revocations = Revocations::builder().clock(clock.clock()).build().unwrap();
    let handle = revocations.clone();
    (Fixture::of(TestStore::default(), clock, move |builder| builder.revocations(&handle)), revocations)
}

async fn key_of(fixture: &Fixture, id: &str) -> ApiKey {
    fixture.keys.create(NewApiKey::for_user(&UserContext::new(id).with_issuer(ISSUER))).await.unwrap()
}

#[tokio::test]
async fn keys_of_a_revoked_user_are_401_at_once_and_after_the_entry_has_expired() {
    for way in ["revoke_all", "revoke_others", "revoke_by"] {
        let (fixture, revocations) = fixture();
        let (key, unused) = (fixture.create().await, fixture.create().await);
        let of_bob = key_of(&fixture, "bob").await;
        assert_eq!([fixture.status(key.secret()).await, fixture.status(of_bob.secret()).await], [200, 200]);
        let login = ann().with_credential(Credential::Token).with_token_id("token-1");
        match way {
            "revoke_all" => revocations.revoke_all(&login).await.unwrap(),
            "revoke_others" => revocations.revoke_others(&login).await.unwrap(),
            _ => revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap(),
        }
        assert_eq!(fixture.status(key.secret()).await, 401, "{way}");
        fixture.clock.advance(LONGER_THAN_AN_ENTRY_IS_KEPT);
        // A key that was created later is valid.
        let later = fixture.create().await;
        let statuses = [&key, &unused, &of_bob, &later].map(|key| fixture.status(key.secret()));
        assert_eq!(futures_util::future::join_all(statuses).await, [401, 401, 200, 200], "{way}");
        assert!(fixture.keys.find(unused.id()).await.unwrap().unwrap().revoked_at().is_some());
    }
}

#[tokio::test]
async fn revocation_of_other_logins_keeps_the_key_that_requests_it() {
    let (fixture, revocations) = fixture();
    let (own, other) = (fixture.create().await, fixture.create().await);
    let login = ann().with_credential(Credential::ApiKey).with_token_id(own.id().as_str());
    revocations.revoke_others(&login).await.unwrap();
    for _ in 0..2 {
        assert_eq!([fixture.status(own.secret()).await, fixture.status(other.secret()).await], [200, 401]);
        fixture.clock.advance(LONGER_THAN_AN_ENTRY_IS_KEPT);
    }
}

#[tokio::test]
async fn key_whose_login_is_revoked_is_401_at_once_and_after_the_entry_has_expired() {
    let (fixture, revocations) = fixture();
    // A second gate, whose store does not have the key.
    let second = Fixture::of(TestStore::default(), fixture.clock.clone(), |builder| builder.revocations(&revocations));
    let (own, other) = (fixture.create().await, fixture.create().await);
    let user = ann().with_credential(Credential::ApiKey).with_token_id(own.id().as_str());
    // The id of a key is no id of a token.
    revocations.revoke(&user.clone().with_credential(Credential::Token)).await.unwrap();
    assert_eq!(fixture.status(own.secret()).await, 200);
    revocations.revoke(&user).await.unwrap();
    for _ in 0..2 {
        assert_eq!([fixture.status(own.secret()).await, fixture.status(other.secret()).await], [401, 200]);
        fixture.clock.advance(LONGER_THAN_AN_ENTRY_IS_KEPT);
    }
    drop(second);
}

#[tokio::test]
async fn every_gate_with_the_handle_revokes_the_keys_in_its_store() {
    let (fixture, revocations) = fixture();
    let second = Fixture::of(TestStore::default(), fixture.clock.clone(), |builder| {
        builder.prefix("acme_admin").revocations(&revocations)
    });
    let keys = [fixture.create().await, second.create().await];
    revocations.revoke_all(&ann()).await.unwrap();
    fixture.clock.advance(LONGER_THAN_AN_ENTRY_IS_KEPT);
    let statuses = [fixture.status(keys[0].secret()).await, second.status(keys[1].secret()).await];
    assert_eq!(statuses, [401, 401]);
    // A gate that does not exist any more is no error.
    drop(second);
    revocations.revoke_all(&ann()).await.unwrap();
}

#[tokio::test]
async fn unavailable_store_is_an_error_and_the_keys_are_rejected_meanwhile() {
    let (fixture, revocations) = fixture();
    let key = fixture.create().await;
    assert_eq!(fixture.status(key.secret()).await, 200);
    fixture.store.set_down(true);
    let error = revocations.revoke_all(&ann()).await.unwrap_err();
    assert!(matches!(&error, RevokeError::RecordsUnavailable { .. }), "{error:?}");
    assert_eq!(portcullis::gate::Denial::from(error).status(), 503);
    fixture.store.set_down(false);
    assert_eq!(fixture.status(key.secret()).await, 401);
    revocations.revoke_all(&ann()).await.unwrap();
    fixture.clock.advance(LONGER_THAN_AN_ENTRY_IS_KEPT);
    assert_eq!(fixture.status(key.secret()).await, 401);
}

#[tokio::test]
async fn key_that_is_created_while_its_owner_is_revoked_is_revoked_too() {
    let (fixture, revocations) = fixture();
    revocations.revoke_all(&ann()).await.unwrap();
    // The store has revoked the keys that it knew. This one was not saved yet.
    let error = fixture.keys.create(NewApiKey::for_user(&ann())).await.unwrap_err();
    assert!(matches!(error, ApiKeyError::OwnerRevoked), "{error:?}");
    assert_eq!((error.status().as_u16(), error.denial().retry_after()), (503, Some(SECOND)));
    let records = fixture.keys.list(&ann()).await.unwrap();
    assert!(records.len() == 1 && records[0].revoked_at().is_some());
    // A key of another user is not affected, nor one that is created later.
    key_of(&fixture, "bob").await;
    fixture.clock.advance(SECOND);
    assert_eq!(fixture.status(fixture.create().await.secret()).await, 200);
}

#[tokio::test]
async fn revocation_of_one_login_or_token_keeps_the_keys() {
    let (fixture, revocations) = fixture();
    let key = fixture.create().await;
    let login = ann().with_credential(Credential::Token).with_session_id("s1").with_token_id("token-1");
    revocations.revoke(&login).await.unwrap();
    revocations.revoke_by(Revocation::token(ISSUER, "token-1")).await.unwrap();
    let without_issuer = UserContext::new("ann");
    assert!(matches!(revocations.revoke_all(&without_issuer).await, Err(RevokeError::IssuerMissing)));
    assert!(matches!(revocations.revoke_others(&ann()).await, Err(RevokeError::IdMissing)));
    assert_eq!(fixture.status(key.secret()).await, 200);
    assert!(fixture.keys.find(key.id()).await.unwrap().unwrap().revoked_at().is_none());
}
