//! The methods for the handlers that create, list and find keys.

use portcullis::api_key::{ApiKeyChange, ApiKeyError, Grace};

use super::*;

#[tokio::test]
async fn user_finds_and_lists_its_own_keys_only() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let second = fixture.create().await;
    let bob = UserContext::new("bob").with_issuer("https://id.example.com");
    let namesake = UserContext::new("ann");
    for user in [&bob, &namesake] {
        assert!(fixture.keys.find_for(user, key.id()).await.unwrap().is_none());
        assert!(fixture.keys.list(user).await.unwrap().is_empty());
        let change = ApiKeyChange::for_user(user).name("mine");
        assert!(fixture.keys.update(key.id(), change).await.unwrap().is_none());
    }
    assert_eq!(fixture.keys.find_for(&ann(), key.id()).await.unwrap().unwrap().name(), "ci");
    fixture.keys.revoke(second.id()).await.unwrap();
    let mut listed: Vec<_> = fixture.keys.list(&ann()).await.unwrap();
    listed.sort_by_key(|record| record.revoked_at());
    assert_eq!(listed.iter().map(|record| *record.id()).collect::<Vec<_>>(), [*key.id(), *second.id()]);
    let unknown: ApiKeyId = "unknown00000".parse().unwrap();
    assert!(fixture.keys.find(&unknown).await.unwrap().is_none());
    assert!(fixture.keys.rotate(&unknown, Grace::none()).await.unwrap().is_none());
    assert!(fixture.keys.update(&unknown, ApiKeyChange::for_user(&ann())).await.unwrap().is_none());
}

#[tokio::test]
async fn all_invalid_values_of_a_new_key_are_reported_at_once() {
    let fixture = Fixture::new();
    let new = NewApiKey::for_user(&ann())
        .name("a\nb")
        .scopes(["two words"])
        .roles([""])
        .permissions(["read"])
        .networks(["203.0.113.0/33"])
        .expires_at(fixture.now());
    let error = fixture.keys.create(new).await.unwrap_err();
    assert_eq!((error.status().as_u16(), error.denial()), (422, None));
    let ApiKeyError::Invalid(error) = error else { panic!("{error}") };
    let settings: Vec<_> = error.issues().iter().map(|issue| issue.setting()).collect();
    assert_eq!(settings, ["name", "scopes", "roles", "permissions", "networks", "expires_at"]);

    let many: Vec<String> = (0..101).map(|number| format!("10.0.0.{number}")).collect();
    for networks in [&many[..], &["unix:".to_owned()]] {
        let new = NewApiKey::for_user(&ann()).networks(networks);
        assert!(matches!(fixture.keys.create(new).await, Err(ApiKeyError::Invalid(_))));
    }
    assert!(fixture.keys.create(NewApiKey::for_user(&ann()).networks(&many[..100])).await.is_ok());
    let start = fixture.now() + MINUTE;
    let new = NewApiKey::for_user(&ann()).not_before(start).expires_in(MINUTE);
    assert!(matches!(fixture.keys.create(new).await, Err(ApiKeyError::Invalid(_))), "never valid");
    let new = NewApiKey::for_user(&UserContext::new(""));
    assert!(matches!(fixture.keys.create(new).await, Err(ApiKeyError::Invalid(_))));
}

#[tokio::test]
async fn ids_and_secrets_of_ten_thousand_keys_differ() {
    let fixture = Fixture::new();
    let (mut ids, mut secrets) = (std::collections::HashSet::new(), std::collections::HashSet::new());
    for _ in 0..10_000 {
        let key = fixture.create().await;
        let text = key.secret();
        assert_eq!(text.len(), "acme_live_".len() + 50);
        ids.insert(*key.id());
        secrets.insert(text[22..54].to_owned());
    }
    assert_eq!((ids.len(), secrets.len()), (10_000, 10_000));
}

#[tokio::test]
async fn store_that_is_down_is_503_for_each_method() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    fixture.store.set_down(true);
    let errors = [
        fixture.keys.create(NewApiKey::for_user(&ann())).await.unwrap_err(),
        fixture.keys.find(key.id()).await.unwrap_err(),
        fixture.keys.list(&ann()).await.unwrap_err(),
        fixture.keys.rotate(key.id(), Grace::none()).await.unwrap_err(),
        fixture.keys.update(key.id(), ApiKeyChange::for_user(&ann())).await.unwrap_err(),
        fixture.keys.revoke(key.id()).await.unwrap_err(),
        fixture.keys.revoke_all(&ann()).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.status().as_u16(), error.denial().unwrap().status().as_u16()), (503, 503));
        assert!(!error.to_string().contains("connection refused"));
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[tokio::test]
async fn concurrent_changes_are_all_applied() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let rename = |number: u32| {
        let (keys, id) = (fixture.keys.clone(), *key.id());
        let change = ApiKeyChange::for_user(&ann()).name(number.to_string());
        tokio::spawn(async move { keys.update(&id, change).await.unwrap().unwrap().version() })
    };
    let renamed: Vec<_> = (0..5).map(rename).collect();
    let mut versions = Vec::new();
    for renamed in renamed {
        versions.push(renamed.await.unwrap());
    }
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4, 5, 6]);
}
