//! Tests of the forms of a record.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;
use crate::api_key::key::digest::KeyHasher;
use crate::context::{Permission, Scopes};
use crate::error::ConfigIssues;
use crate::record_store::StoreError;

fn record() -> ApiKeyRecord {
    let hasher = KeyHasher::new(None);
    ApiKeyRecord {
        id: "Zx81kQ0aB2cD".parse().unwrap(),
        name: "build server".to_owned(),
        owner: Owner { issuer: Some("https://id.example.com".to_owned()), id: "ann".to_owned(), is_client: false },
        privileges: Privileges {
            scopes: Scopes::new(["read", "write"]).unwrap(),
            roles: vec!["editor".to_owned()],
            permissions: vec![Permission::new("read:page").unwrap()],
            tier: Some("pro".to_owned()),
        },
        networks: NetworkSet::parse(["203.0.113.0/24", "::ffff:192.0.2.7"], "networks", &mut ConfigIssues::default()),
        quota: Some("1000/h".parse().unwrap()),
        created_at: 1_800_000_000,
        not_before: Some(1_800_000_001),
        expires_at: Some(1_900_000_000),
        revoked_at: None,
        digest: hasher.digest(b"new"),
        previous: Some(PreviousDigest { digest: hasher.digest(b"old"), valid_until: 1_800_003_600 }),
        version: 3,
        last_used_at: None,
        usage_count: 0,
    }
}

#[test]
fn a_stored_record_is_read_back_whole() {
    let record = record();
    let json = record.to_json();
    let read = ApiKeyRecord::from_json(&json).unwrap();
    assert_eq!(read.to_json(), json);
    assert!(read.digest.is_equal(&record.digest));
    assert!(read.previous.unwrap().digest.is_equal(&record.previous.unwrap().digest));
    assert_eq!(read.networks().collect::<Vec<_>>(), ["203.0.113.0/24", "192.0.2.7/32"]);
    assert_eq!(read.quota(), record.quota());
    assert_eq!((read.owner, read.privileges, read.version), (record.owner, record.privileges, 3));
}

#[test]
fn a_record_with_an_invalid_member_is_not_read_in_part() {
    let json = record().to_json();
    for (valid, invalid) in [
        ("Zx81kQ0aB2cD", "Zx81kQ0aB2c-"),
        ("203.0.113.0/24", "203.0.113.0/33"),
        ("read:page", "read"),
        ("1000/h", "0/h"),
        ("1000/h", "1000"),
        ("read write", "read \\\"write"),
        ("\"digest\":\"", "\"digest\":\"0"),
        ("\"version\":3", "\"version\":-3"),
    ] {
        let changed = json.replacen(valid, invalid, 1);
        assert_ne!(changed, json);
        let error = ApiKeyRecord::from_json(&changed).unwrap_err();
        assert!(matches!(&error, StoreError::Unavailable { .. }), "{changed}");
        assert!(!format!("{error} {error:?}").contains("build server"));
    }
    assert!(ApiKeyRecord::from_json(&json.replacen('{', "{\"unknown\":1,", 1)).is_ok(), "a later version wrote it");
}

#[cfg(feature = "serde")]
#[test]
fn the_form_for_clients_has_no_digest() {
    let used = record().with_usage(7, Some(UNIX_EPOCH + Duration::from_secs(1_800_000_100)));
    assert_eq!(
        serde_json::to_value(&used).unwrap(),
        serde_json::json!({
            "id": "Zx81kQ0aB2cD",
            "name": "build server",
            "scopes": ["read", "write"],
            "roles": ["editor"],
            "permissions": ["read:page"],
            "tier": "pro",
            "networks": ["203.0.113.0/24", "192.0.2.7/32"],
            "quota": "1000/h",
            "created_at": 1_800_000_000,
            "not_before": 1_800_000_001,
            "expires_at": 1_900_000_000,
            "last_used_at": 1_800_000_100,
            "usage_count": 7,
        })
    );
    assert!(!format!("{used:?}").contains(&hex::encode(used.digest.as_bytes())));
}

#[test]
fn a_revoked_record_stays_as_it_is() {
    let at = UNIX_EPOCH + Duration::from_secs(1_800_000_200);
    let revoked = record().into_revoked(at);
    assert_eq!((revoked.revoked_at(), revoked.version()), (Some(at), 4));
    let again = revoked.into_revoked(at + Duration::from_secs(1));
    assert_eq!((again.revoked_at(), again.version()), (Some(at), 4));
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,80}") {
        prop_assert!(ApiKeyRecord::from_json(&text).is_err());
    }
}
