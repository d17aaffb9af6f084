//! What the documentation of `ApiKeyStore` says, checked against any store.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use portcullis::StoreError;
use portcullis::api_key::{ApiKeyId, ApiKeyRecord, ApiKeyStore, ApiKeyUsage};

/// Checks every sentence of the documentation. The store must be empty.
pub(crate) async fn check(store: &impl ApiKeyStore) {
    records_are_found_by_id(store).await;
    only_the_next_version_is_saved(store).await;
    of_concurrent_saves_one_wins(store).await;
    usage_is_added_and_not_saved(store).await;
    records_are_found_by_owner(store).await;
    all_keys_of_an_owner_are_revoked(store).await;
}

const ISSUER: &str = "https://id.example.com";

async fn records_are_found_by_id(store: &impl ApiKeyStore) {
    assert!(store.find(&id("find")).await.unwrap().is_none());
    let created = full_record("find", 1);
    store.save(&created).await.unwrap();
    let found = find(store, "find").await;
    assert_eq!(found.to_json(), created.to_json());
    assert_eq!((found.usage_count(), found.last_used_at()), (0, None));
    assert!(store.find(&id("other")).await.unwrap().is_none());

    store.save(&found.into_revoked(at(9))).await.unwrap();
    let revoked = find(store, "find").await;
    assert_eq!((revoked.version(), revoked.revoked_at()), (2, Some(at(9))), "a revoked record is returned too");
}

async fn only_the_next_version_is_saved(store: &impl ApiKeyStore) {
    let of = |version| record("save", (None, "sam"), version, &format!("version {version}"));
    for version in [0, 2, 3, u64::MAX] {
        assert_conflict(&store.save(&of(version)).await, version);
        assert!(store.find(&id("save")).await.unwrap().is_none(), "version {version} of no record");
    }
    for version in 1..=3 {
        store.save(&of(version)).await.unwrap();
        for other in [0, version - 1, version, version + 2, u64::MAX] {
            assert_conflict(&store.save(&of(other)).await, other);
        }
        assert_eq!(find(store, "save").await.to_json(), of(version).to_json());
    }
    let revoked = of(3).into_revoked(at(5));
    store.save(&revoked).await.unwrap();
    // A writer that read the record before the revocation.
    assert_conflict(&store.save(&of(4)).await, 4);
    assert_eq!(find(store, "save").await.revoked_at(), Some(at(5)));
}

async fn of_concurrent_saves_one_wins(store: &impl ApiKeyStore) {
    for version in 1..=3 {
        let writers: Vec<_> =
            (0..50).map(|writer| record("race", (None, "rae"), version, &format!("writer {writer}"))).collect();
        let results = join_all(writers.iter().map(|record| store.save(record))).await;
        let winners: Vec<_> = writers.iter().zip(&results).filter(|(_, result)| result.is_ok()).collect();
        let [(winner, _)] = winners.as_slice() else { panic!("{} writers of version {version} win", winners.len()) };
        assert_eq!(find(store, "race").await.name(), winner.name());
        assert_eq!(results.iter().filter(|result| matches!(result, Err(StoreError::Conflict))).count(), 49);
    }
}

async fn usage_is_added_and_not_saved(store: &impl ApiKeyStore) {
    let usage = |name: &str, count, seconds| ApiKeyUsage::new(id(name), count, at(seconds));
    store.record_usage(&[]).await.unwrap();
    for name in ["use1", "use2", "use3"] {
        store.save(&record(name, (None, "uma"), 1, "")).await.unwrap();
    }
    let unknown = usage("unknown", 1, 1);
    store.record_usage(&[usage("use1", 2, 50), unknown, usage("use2", 1, 10)]).await.unwrap();
    // By another process, whose batch was late.
    store.record_usage(&[unknown, usage("use1", 40, 30)]).await.unwrap();
    assert!(store.find(&id("unknown")).await.unwrap().is_none(), "usage creates no record");

    let stored = |name| async move {
        let record = find(store, name).await;
        (record.usage_count(), record.last_used_at())
    };
    assert_eq!(stored("use1").await, (42, Some(at(50))));
    assert_eq!(stored("use2").await, (1, Some(at(10))));
    assert_eq!(stored("use3").await, (0, None));

    let changed = record("use1", (None, "uma"), 2, "new name").with_usage(7, Some(at(99)));
    store.save(&changed).await.unwrap();
    assert_eq!(stored("use1").await, (42, Some(at(50))), "the usage of the saved record is not stored");
    assert_eq!(find(store, "use1").await.name(), "new name");
    let by_owner = store.find_by_owner(None, "uma").await.unwrap();
    let usage: BTreeSet<_> = by_owner.iter().map(|record| (record.id().to_string(), record.usage_count())).collect();
    assert_eq!(
        usage,
        [("use1", 42), ("use2", 1), ("use3", 0)].map(|(name, count)| (id(name).to_string(), count)).into()
    );
}

/// Owners whose issuer and id could be confused.
const OWNERS: [(Option<&str>, &str); 6] =
    [(None, "ann"), (Some(ISSUER), "ann"), (Some(""), "ann"), (Some("ann"), ""), (None, ""), (Some(ISSUER), "ANN")];

async fn records_are_found_by_owner(store: &impl ApiKeyStore) {
    assert!(store.find_by_owner(None, "zoe").await.unwrap().is_empty());
    for (index, owner) in OWNERS.iter().enumerate() {
        for key in 0..3 {
            store.save(&record(&format!("own{index}{key}"), *owner, 1, "")).await.unwrap();
        }
        let revoked = record(&format!("own{index}0"), *owner, 1, "").into_revoked(at(3));
        store.save(&revoked).await.unwrap();
    }
    for (index, (issuer, owner)) in OWNERS.iter().enumerate() {
        let found = store.find_by_owner(*issuer, owner).await.unwrap();
        let found: BTreeSet<_> = found.iter().map(|record| (*record.id(), record.revoked_at())).collect();
        let expected = (0..3).map(|key| (id(&format!("own{index}{key}")), (key == 0).then_some(at(3))));
        assert_eq!(found, expected.collect(), "{issuer:?} {owner:?}");
    }
}

/// After [`records_are_found_by_owner`].
async fn all_keys_of_an_owner_are_revoked(store: &impl ApiKeyStore) {
    assert!(store.revoke_all(None, "zoe", at(7)).await.unwrap().is_empty());
    let [(issuer, owner), ..] = OWNERS;
    store.record_usage(&[ApiKeyUsage::new(id("own01"), 5, at(6))]).await.unwrap();
    let revoked = store.revoke_all(issuer, owner, at(7)).await.unwrap();
    let expected = [id("own01"), id("own02")];
    assert_eq!(revoked.iter().copied().collect::<BTreeSet<_>>(), expected.into(), "only those not revoked yet");
    assert_eq!(revoked.len(), 2);
    for (name, time) in [("own00", 3), ("own01", 7), ("own02", 7)] {
        let record = find(store, name).await;
        assert_eq!((record.revoked_at(), record.version()), (Some(at(time)), 2), "{name}");
    }
    assert_eq!(find(store, "own01").await.usage_count(), 5);
    assert_conflict(&store.save(&record("own01", OWNERS[0], 2, "late")).await, 2);
    assert!(store.revoke_all(issuer, owner, at(8)).await.unwrap().is_empty());
    for (issuer, owner) in &OWNERS[1..] {
        let records = store.find_by_owner(*issuer, owner).await.unwrap();
        assert_eq!(records.iter().filter(|record| record.revoked_at().is_none()).count(), 2, "{issuer:?} {owner:?}");
    }
}

#[track_caller]
fn assert_conflict(result: &Result<(), StoreError>, version: u64) {
    assert!(matches!(result, Err(StoreError::Conflict)), "version {version}: {result:?}");
}

async fn find(store: &impl ApiKeyStore, name: &str) -> ApiKeyRecord {
    store.find(&id(name)).await.unwrap().unwrap_or_else(|| panic!("no record {name}"))
}

pub(crate) fn id(name: &str) -> ApiKeyId {
    format!("{name:0>12}").parse().unwrap()
}

pub(crate) fn record(id: &str, (issuer, owner): (Option<&str>, &str), version: u64, name: &str) -> ApiKeyRecord {
    let json = serde_json::json!({
        "id": self::id(id), "version": version, "name": name, "owner_id": owner, "owner_issuer": issuer,
        "created_at": 1, "digest": "5a".repeat(32),
    });
    ApiKeyRecord::from_json(&json.to_string()).unwrap()
}

/// A record with a value in each member.
fn full_record(id: &str, version: u64) -> ApiKeyRecord {
    let json = serde_json::json!({
        "id": self::id(id), "version": version, "name": "\"n\u{e4}me\"\r\n\0", "owner_id": "fay", "owner_issuer": ISSUER,
        "owner_is_client": true, "scope": "read write", "roles": ["admin"], "permissions": ["read:reports"],
        "tier": "gold", "networks": ["203.0.113.0/24", "2001:db8::/32"], "created_at": 1, "not_before": 2,
        "expires_at": 253_402_300_799_u64, "quota": "1000/h", "digest": "5a".repeat(32),
        "previous": { "digest": "a5".repeat(32), "valid_until": 4 },
    });
    ApiKeyRecord::from_json(&json.to_string()).unwrap()
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[tokio::test]
async fn memory_keys_do_what_the_documentation_says() {
    check(&portcullis::api_key::MemoryKeys::new()).await;
}
