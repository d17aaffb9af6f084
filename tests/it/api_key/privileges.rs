//! A caller gives no key what it lacks, and a key creates no keys.

use portcullis::Tiers;
use portcullis::api_key::{ApiKeyChange, ApiKeyError};
use portcullis::context::Credential;
use portcullis::gate::DenialKind;

use super::*;

/// The status and the code of an error.
fn refused(error: &ApiKeyError) -> (u16, &'static str) {
    (error.status().as_u16(), error.denial().code())
}

#[tokio::test]
async fn caller_gives_no_privilege_that_it_lacks() {
    let fixture = Fixture::new();
    let new = || NewApiKey::for_user(&ann());
    for (new, code) in [
        (new().scopes(["read", "admin"]), "insufficient_scope"),
        (new().roles(["admin"]), "insufficient_role"),
        (new().permissions(["read:page"]), "insufficient_permission"),
        (new().tier("enterprise"), "insufficient_tier"),
    ] {
        assert_eq!(refused(&fixture.keys.create(new).await.unwrap_err()), (403, code));
    }
    let key = fixture.create().await;
    let change = || ApiKeyChange::for_user(&ann());
    for (change, code) in [
        (change().scopes(["admin"]), "insufficient_scope"),
        (change().roles(["admin"]), "insufficient_role"),
        (change().permissions(["read:page"]), "insufficient_permission"),
        (change().tier("enterprise"), "insufficient_tier"),
    ] {
        assert_eq!(refused(&fixture.keys.update(key.id(), change).await.unwrap_err()), (403, code));
    }
    assert_eq!(fixture.keys.list(&ann()).await.unwrap().len(), 1);
    assert_eq!(fixture.keys.find(key.id()).await.unwrap().unwrap().version(), 1);
}

#[tokio::test]
async fn new_key_has_the_tier_of_its_owner_and_no_other_privileges() {
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let fixture = Fixture::new();
    let owner = ann().with_roles(["editor"]).with_tier(tiers.get("pro").unwrap());
    let record = fixture.keys.create(NewApiKey::for_user(&owner)).await.unwrap().record().clone();
    assert!(record.scopes().is_empty() && record.roles().next().is_none() && record.permissions().next().is_none());
    assert_eq!((record.tier(), record.name(), record.expires_at()), (Some("pro"), "", None));
    let lower = fixture.keys.create(NewApiKey::for_user(&owner).tier("basic")).await.unwrap();
    assert_eq!(lower.record().tier(), Some("basic"));
}

#[tokio::test]
async fn key_creates_and_changes_no_keys() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let by_key = ann().with_credential(Credential::ApiKey);
    let owner = UserContext::new("robot");
    for new in [NewApiKey::for_user(&by_key), NewApiKey::by_administrator(&by_key, &owner)] {
        let error = fixture.keys.create(new).await.unwrap_err();
        assert_eq!(refused(&error), (403, "credential_not_accepted"));
        let denial = error.denial();
        assert!(matches!(denial.kind(), DenialKind::CredentialNotAccepted { credential: Credential::ApiKey, .. }));
    }
    for change in [ApiKeyChange::for_user(&by_key), ApiKeyChange::by_administrator(&by_key)] {
        let error = fixture.keys.update(key.id(), change.scopes(["read"])).await.unwrap_err();
        assert_eq!(refused(&error), (403, "credential_not_accepted"));
    }
}

#[tokio::test]
async fn administrator_creates_keys_for_others_with_any_privileges() {
    let fixture = Fixture::new();
    let robot = UserContext::new("build-server").with_issuer("services");
    let new = NewApiKey::by_administrator(&ann(), &robot).scopes(["deploy"]).permissions(["deploy:app"]);
    let key = fixture.keys.create(new).await.unwrap();
    assert_eq!((key.record().owner_id(), key.record().owner_issuer()), ("build-server", Some("services")));
    assert_eq!(fixture.send_key(key.secret()).await.body, "build-server");
    let change = || ApiKeyChange::for_user(&ann()).scopes(["read"]);
    assert!(fixture.keys.update(key.id(), change()).await.unwrap().is_none(), "ann does not own it");
    let change = ApiKeyChange::by_administrator(&ann()).scopes(["deploy", "roll-back"]).name("new");
    let record = fixture.keys.update(key.id(), change).await.unwrap().unwrap();
    assert_eq!((record.scopes().to_string(), record.name(), record.version()), ("deploy roll-back".into(), "new", 2));
}

#[tokio::test]
async fn changed_scopes_take_effect_at_once() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let write = portcullis::RequireScope::new("write").unwrap();
    let app = Router::new().route("/", any(|| async {}).layer(write)).layer(fixture.keys.clone());
    let status = async || TestResponse::send(&app, request(key.secret())).await.status.as_u16();
    assert_eq!(status().await, 403);
    fixture.keys.update(key.id(), ApiKeyChange::for_user(&ann()).scopes(["write"])).await.unwrap().unwrap();
    assert_eq!(status().await, 200);
    fixture.keys.update(key.id(), ApiKeyChange::for_user(&ann()).scopes([""; 0])).await.unwrap().unwrap();
    assert_eq!(status().await, 403);
}
