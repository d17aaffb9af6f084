//! The methods for the handlers that create, list and find keys.

use axum::response::IntoResponse;
use portcullis::api_key::{ApiKeyChange, ApiKeyError, Grace};
use portcullis::context::Credential;
use portcullis::gate::{Denial, DenialKind};

use super::*;
use crate::support::log_capture::LogCapture;

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
async fn user_rotates_and_revokes_its_own_keys_only() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let bob = UserContext::new("bob").with_issuer("https://id.example.com");
    let namesake = UserContext::new("ann");
    for user in [&bob, &namesake] {
        assert!(fixture.keys.rotate_for(user, key.id(), Grace::none()).await.unwrap().is_none());
        assert!(!fixture.keys.revoke_for(user, key.id()).await.unwrap());
    }
    let record = fixture.keys.find(key.id()).await.unwrap().unwrap();
    assert_eq!((record.version(), record.revoked_at()), (1, None));

    let by_key = ann().with_credential(Credential::ApiKey);
    let rotated = fixture.keys.rotate_for(&by_key, key.id(), Grace::none()).await.unwrap_err();
    let revoked = fixture.keys.revoke_for(&by_key, key.id()).await.unwrap_err();
    assert_eq!([rotated.denial().code(), revoked.denial().code()], ["credential_not_accepted"; 2]);

    let rotated = fixture.keys.rotate_for(&ann(), key.id(), Grace::none()).await.unwrap().unwrap();
    assert_eq!((rotated.id(), rotated.record().version()), (key.id(), 2));
    assert_ne!(rotated.secret(), key.secret());
    for _ in 0..2 {
        assert!(fixture.keys.revoke_for(&ann(), key.id()).await.unwrap(), "a repeated call is no error");
    }
    assert!(fixture.keys.find(key.id()).await.unwrap().unwrap().revoked_at().is_some());
    assert!(fixture.keys.rotate_for(&ann(), key.id(), Grace::none()).await.unwrap().is_none());
    let unknown: ApiKeyId = "unknown00000".parse().unwrap();
    assert!(!fixture.keys.revoke_for(&ann(), &unknown).await.unwrap());
}

#[tokio::test]
async fn key_is_active_from_its_start_until_it_expires_or_is_revoked() {
    let fixture = Fixture::new();
    let start = fixture.now() + MINUTE;
    let new = NewApiKey::for_user(&ann()).not_before(start).expires_at(start + MINUTE);
    let key = fixture.keys.create(new).await.unwrap();
    let second = Duration::from_secs(1);
    for (time, is_active) in
        [(start - second, false), (start, true), (start + MINUTE - second, true), (start + MINUTE, false)]
    {
        assert_eq!(key.record().is_active(time), is_active);
    }
    fixture.keys.revoke(key.id()).await.unwrap();
    let record = fixture.keys.find(key.id()).await.unwrap().unwrap();
    assert!(!record.is_active(start));
    assert_eq!(fixture.keys.redacted(key.id()), key.secret()[..22].to_owned() + "...");
}

#[tokio::test]
async fn values_that_are_absent_are_not_set() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let change = ApiKeyChange::for_user(&ann())
        .when_some(Some("renamed"), ApiKeyChange::name)
        .when_some(None::<Vec<String>>, ApiKeyChange::scopes);
    let changed = fixture.keys.update(key.id(), change).await.unwrap().unwrap();
    assert_eq!((changed.name(), changed.scopes()), ("renamed", key.record().scopes()));
    let new = NewApiKey::for_user(&ann()).when_some(None, NewApiKey::expires_in).when_some(Some("ci"), NewApiKey::name);
    let key = fixture.keys.create(new).await.unwrap();
    assert_eq!((key.record().name(), key.record().expires_at()), ("ci", None));
}

#[tokio::test]
async fn error_is_a_response_with_problem_details() {
    let fixture = Fixture::new();
    let invalid = async || fixture.keys.create(NewApiKey::for_user(&ann()).name("a\nb")).await.unwrap_err();
    let denial = Denial::from(invalid().await);
    assert!(matches!(denial.kind(), DenialKind::InvalidApiKeySettings(_)));
    let response = invalid().await.into_response();
    assert_eq!((response.status().as_u16(), &response.headers()["cache-control"]), (422, &"no-store".parse().unwrap()));
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(response.headers().get("www-authenticate").is_none());
    let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["title"], &body["status"]), (&"Unprocessable Content".into(), &422.into()));
    let detail = "name: longer than 200 bytes, or has a control character; use a short name";
    assert_eq!((&body["code"], &body["detail"]), (&"api_key_settings_invalid".into(), &detail.into()));

    let more = NewApiKey::for_user(&ann()).scopes(["admin"]);
    let response = fixture.keys.create(more).await.unwrap_err().into_response();
    assert_eq!((response.status().as_u16(), response.headers().contains_key("www-authenticate")), (403, true));
    fixture.store.set_down(true);
    let response = fixture.keys.list(&ann()).await.unwrap_err().into_response();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"1".parse().unwrap()));
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
    assert_eq!((error.status().as_u16(), error.denial().code()), (422, "api_key_settings_invalid"));
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
    let logs = LogCapture::start();
    fixture.store.set_down(true);
    let errors = [
        fixture.keys.create(NewApiKey::for_user(&ann())).await.unwrap_err(),
        fixture.keys.find(key.id()).await.unwrap_err(),
        fixture.keys.list(&ann()).await.unwrap_err(),
        fixture.keys.rotate(key.id(), Grace::none()).await.unwrap_err(),
        fixture.keys.update(key.id(), ApiKeyChange::for_user(&ann())).await.unwrap_err(),
        fixture.keys.revoke(key.id()).await.unwrap_err(),
        fixture.keys.revoke_all(&ann()).await.unwrap_err(),
        fixture.keys.find_for(&ann(), key.id()).await.unwrap_err(),
        fixture.keys.rotate_for(&ann(), key.id(), Grace::none()).await.unwrap_err(),
        fixture.keys.revoke_for(&ann(), key.id()).await.unwrap_err(),
    ];
    // Each error is logged once, with the cause that no response has.
    assert_eq!(logs.count("cannot read or change API keys"), errors.len(), "{}", logs.text());
    assert_eq!(logs.count("connection refused"), errors.len(), "{}", logs.text());
    for error in errors {
        assert_eq!((error.status().as_u16(), error.denial().status().as_u16()), (503, 503));
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
