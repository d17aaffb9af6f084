//! What the documentation of `SessionStore` says, checked against any store.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use portcullis::StoreError;
use portcullis::session::{
    Created, MemorySessions, SessionDigest, SessionId, SessionLimit, SessionRecord, SessionStore, SessionUse,
};
use portcullis::testing::FakeClock;

/// Checks every sentence of the documentation. The store must be empty, and have this clock.
pub(crate) async fn check(store: &impl SessionStore, clock: &FakeClock) {
    clock.set_wall(UNIX_EPOCH + Duration::from_secs(now(clock)));
    records_are_found_by_digest(store, clock).await;
    a_renewed_record_is_replaced(store, clock).await;
    only_a_current_record_is_renewed(store, clock).await;
    of_concurrent_renewals_one_wins(store, clock).await;
    a_use_is_stored_if_it_is_later_and_creates_nothing(store, clock).await;
    the_least_recently_used_sessions_above_a_limit_are_removed(store, clock).await;
    a_session_above_a_limit_is_rejected(store, clock).await;
    of_concurrent_logins_as_many_as_allowed_remain(store, clock).await;
    sessions_are_found_by_owner(store, clock).await;
    a_session_is_removed_with_its_replaced_records(store, clock).await;
    all_sessions_of_an_owner_are_removed(store, clock).await;
    expired_sessions_do_not_count(store, clock).await;
}

const ISSUER: &str = "https://id.example.com";

type Owner = (Option<&'static str>, &'static str);

async fn records_are_found_by_digest(store: &impl SessionStore, clock: &FakeClock) {
    let created = full_record(clock);
    assert!(store.find(created.digest()).await.unwrap().is_none());
    create(store, &created).await;
    let found = store.find(created.digest()).await.unwrap().unwrap();
    assert_eq!(found.to_json(), created.to_json());
    assert_eq!(found.last_used_at(), created.last_used_at());
    assert!(store.find(&digest("other")).await.unwrap().is_none());
    // A digest is found as a whole.
    let mut bytes = *created.digest().as_bytes();
    bytes[31] ^= 1;
    assert!(store.find(&SessionDigest::from_bytes(bytes)).await.unwrap().is_none());
}

async fn a_renewed_record_is_replaced(store: &impl SessionStore, clock: &FakeClock) {
    let first = record("renew", (None, "rob"), clock);
    create(store, &first).await;
    let (old, second) = renewal(&first, "renew2", clock);
    store.renew(&old, &second).await.unwrap();
    let replaced = store.find(first.digest()).await.unwrap().unwrap();
    assert_eq!((replaced.replaced_until(), replaced.to_json()), (Some(later(clock, 10)), old.to_json()));
    assert_eq!(store.find(second.digest()).await.unwrap().unwrap().to_json(), second.to_json());
    assert_eq!(listed(store, (None, "rob")).await, [second.to_json()]);

    // The renewed record is renewed again, with a later end.
    let (old, third) = renewal(&second, "renew3", clock);
    let mut json: serde_json::Value = serde_json::from_str(&third.to_json()).unwrap();
    json["expires_at"] = (now(clock) + 2 * HOUR).into();
    let third = SessionRecord::from_json(&json.to_string()).unwrap().with_last_used_at(later(clock, 5));
    store.renew(&old, &third).await.unwrap();
    let found = store.find(third.digest()).await.unwrap().unwrap();
    assert_eq!((found.to_json(), found.last_used_at()), (third.to_json(), later(clock, 5)));
    assert_eq!(listed(store, (None, "rob")).await, [third.to_json()]);
    assert!(store.find(first.digest()).await.unwrap().is_some());
}

async fn only_a_current_record_is_renewed(store: &impl SessionStore, clock: &FakeClock) {
    let stored = record("once", (None, "oda"), clock);
    let (old, renewed) = renewal(&stored, "once2", clock);
    let (_, late) = renewal(&stored, "once3", clock);
    // It does not exist yet.
    assert_conflict(&store.renew(&old, &renewed).await);
    create(store, &stored).await;
    store.renew(&old, &renewed).await.unwrap();
    assert_conflict(&store.renew(&old, &late).await);
    assert_conflict(&store.renew(&old, &renewed).await);
    assert!(store.remove(None, "oda", stored.id()).await.unwrap());
    // A slow request does not bring it back.
    let (old, after) = renewal(&renewed, "once4", clock);
    assert_conflict(&store.renew(&old, &after).await);
    for record in [stored, renewed, late, after] {
        assert!(store.find(record.digest()).await.unwrap().is_none());
    }
    assert!(store.find_by_owner(None, "oda").await.unwrap().is_empty());
}

async fn of_concurrent_renewals_one_wins(store: &impl SessionStore, clock: &FakeClock) {
    let stored = record("race", (None, "rae"), clock);
    create(store, &stored).await;
    let renewals: Vec<_> = (0..50).map(|writer| renewal(&stored, &format!("race{writer}"), clock)).collect();
    let results = join_all(renewals.iter().map(|(old, renewed)| store.renew(old, renewed))).await;
    let winners: Vec<_> = renewals.iter().zip(&results).filter(|(_, result)| result.is_ok()).collect();
    let [((_, winner), _)] = winners.as_slice() else { panic!("{} renewals win", winners.len()) };
    assert_eq!(results.iter().filter(|result| matches!(result, Err(StoreError::Conflict))).count(), 49);
    for (_, renewed) in &renewals {
        let is_stored = store.find(renewed.digest()).await.unwrap().is_some();
        assert_eq!(is_stored, renewed.digest() == winner.digest());
    }
    assert_eq!(listed(store, (None, "rae")).await, [winner.to_json()]);
}

async fn a_use_is_stored_if_it_is_later_and_creates_nothing(store: &impl SessionStore, clock: &FakeClock) {
    store.touch(&[]).await.unwrap();
    let names = ["use1", "use2", "use3"];
    for name in names {
        create(store, &record(name, (None, "uma"), clock)).await;
    }
    let used = |name, seconds| SessionUse::new(digest(name), later(clock, seconds));
    store.touch(&[used("use1", 50), used("unknown", 60), used("use2", 10)]).await.unwrap();
    // A late batch of another process.
    store.touch(&[used("unknown", 1), used("use1", 30), used("use2", 0)]).await.unwrap();
    assert!(store.find(&digest("unknown")).await.unwrap().is_none());
    for (name, seconds) in names.into_iter().zip([50, 10, 0]) {
        let found = store.find(&digest(name)).await.unwrap().unwrap();
        assert_eq!(found.last_used_at(), later(clock, seconds), "{name}");
        assert_eq!(found.to_json(), record(name, (None, "uma"), clock).to_json());
    }
    let found = store.find_by_owner(None, "uma").await.unwrap();
    let found: BTreeSet<_> = found.iter().map(|record| (*record.id(), record.last_used_at())).collect();
    let expected = names.into_iter().zip([50, 10, 0]).map(|(name, seconds)| (id(name), later(clock, seconds)));
    assert_eq!(found, expected.collect());

    assert!(store.remove(None, "uma", &id("use1")).await.unwrap());
    store.touch(&[used("use1", 70), used("use3", 20)]).await.unwrap();
    assert!(store.find(&digest("use1")).await.unwrap().is_none(), "a removed record stays removed");
    assert_eq!(store.find(&digest("use3")).await.unwrap().unwrap().last_used_at(), later(clock, 20));
}

async fn the_least_recently_used_sessions_above_a_limit_are_removed(store: &impl SessionStore, clock: &FakeClock) {
    const OWNER: Owner = (Some(ISSUER), "lea");
    let limit = |max| Some(SessionLimit::new(max));
    create(store, &record("lim9", (None, "lea"), clock)).await;
    for (name, seconds) in [("lim0", 3), ("lim1", 1), ("lim2", 4), ("lim3", 2)] {
        let record = record(name, OWNER, clock).with_last_used_at(later(clock, seconds));
        assert_eq!(store.create(&record, limit(4)).await.unwrap(), stored(&[]), "{name}");
    }
    store.touch(&[SessionUse::new(digest("lim1"), later(clock, 9))]).await.unwrap();
    // A replaced record does not count, and is removed with its session.
    let (old, renewed) = renewal(&record("lim0", OWNER, clock), "lim0new", clock);
    store.renew(&old, &renewed.with_last_used_at(later(clock, 3))).await.unwrap();
    let used_at = |name, seconds| record(name, OWNER, clock).with_last_used_at(later(clock, seconds));
    assert_eq!(store.create(&used_at("lim4", 10), limit(5)).await.unwrap(), stored(&[]));
    assert_eq!(store.create(&used_at("lim5", 10), limit(5)).await.unwrap(), stored(&["lim3"]));
    assert_eq!(store.create(&used_at("lim6", 10), limit(5)).await.unwrap(), stored(&["lim0"]));
    for name in ["lim3", "lim0", "lim0new"] {
        assert!(store.find(&digest(name)).await.unwrap().is_none(), "{name}");
    }
    // The limit is lower than before.
    let created = store.create(&used_at("lim7", 11), limit(2)).await.unwrap();
    let Created::Stored { removed } = created else { panic!("{created:?}") };
    assert_eq!(removed.len(), 4);
    assert!(removed.contains(&id("lim2")) && removed.contains(&id("lim1")), "{removed:?}");
    let found = store.find_by_owner(OWNER.0, OWNER.1).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().any(|record| *record.id() == id("lim7")));
    assert_eq!(listed(store, (None, "lea")).await.len(), 1, "those of others remain");
}

async fn a_session_above_a_limit_is_rejected(store: &impl SessionStore, clock: &FakeClock) {
    let limit = Some(SessionLimit::new(2).rejecting());
    for (name, created) in [("rej0", stored(&[])), ("rej1", stored(&[])), ("rej2", Created::OverLimit)] {
        assert_eq!(store.create(&record(name, (None, "rex"), clock), limit).await.unwrap(), created, "{name}");
    }
    assert!(store.find(&digest("rej2")).await.unwrap().is_none());
    assert_eq!(listed(store, (None, "rex")).await.len(), 2);
    assert!(store.remove(None, "rex", &id("rej0")).await.unwrap());
    assert_eq!(store.create(&record("rej2", (None, "rex"), clock), limit).await.unwrap(), stored(&[]));
    create(store, &record("rej3", (None, "rex"), clock)).await;
    assert_eq!(listed(store, (None, "rex")).await.len(), 3, "without a limit");
}

async fn of_concurrent_logins_as_many_as_allowed_remain(store: &impl SessionStore, clock: &FakeClock) {
    for (owner, limit) in [("mia", SessionLimit::new(5)), ("moe", SessionLimit::new(5).rejecting())] {
        let records: Vec<_> = (0..50).map(|login| record(&format!("{owner}{login}"), (None, owner), clock)).collect();
        let results = join_all(records.iter().map(|record| store.create(record, Some(limit)))).await;
        let mut remaining = BTreeSet::new();
        for (record, created) in records.iter().zip(&results) {
            if created.as_ref().unwrap() != &Created::OverLimit {
                remaining.insert(*record.id());
            }
        }
        for created in results {
            let Created::Stored { removed } = created.unwrap() else { continue };
            assert!(removed.iter().all(|id| remaining.remove(id)), "each is removed once");
        }
        assert_eq!(remaining.len(), 5, "{owner}");
        let found = store.find_by_owner(None, owner).await.unwrap();
        assert_eq!(found.iter().map(|record| *record.id()).collect::<BTreeSet<_>>(), remaining);
        for record in &records {
            assert_eq!(store.find(record.digest()).await.unwrap().is_some(), remaining.contains(record.id()));
        }
    }
}

/// Owners whose issuer and id could be confused.
const OWNERS: [Owner; 5] =
    [(None, "ann"), (Some(ISSUER), "ann"), (Some(""), "ann"), (Some("a"), "nn"), (Some(ISSUER), "ANN")];

async fn sessions_are_found_by_owner(store: &impl SessionStore, clock: &FakeClock) {
    assert!(store.find_by_owner(None, "zoe").await.unwrap().is_empty());
    for (index, owner) in OWNERS.into_iter().enumerate() {
        for session in 0..3 {
            create(store, &record(&format!("own{index}{session}"), owner, clock)).await;
        }
    }
    for (index, owner) in OWNERS.into_iter().enumerate() {
        let expected: BTreeSet<_> =
            (0..3).map(|session| record(&format!("own{index}{session}"), owner, clock).to_json()).collect();
        assert_eq!(listed(store, owner).await.into_iter().collect::<BTreeSet<_>>(), expected, "{owner:?}");
    }
}

/// After [`sessions_are_found_by_owner`].
async fn a_session_is_removed_with_its_replaced_records(store: &impl SessionStore, clock: &FakeClock) {
    let session = id("own00");
    // The id alone is not enough.
    for (issuer, owner) in &OWNERS[1..] {
        assert!(!store.remove(*issuer, owner, &session).await.unwrap(), "{issuer:?} {owner:?}");
    }
    let (old, renewed) = renewal(&record("own00", OWNERS[0], clock), "own00new", clock);
    store.renew(&old, &renewed).await.unwrap();
    assert_eq!(listed(store, OWNERS[0]).await.len(), 3);
    assert!(store.remove(None, "ann", &session).await.unwrap());
    assert!(!store.remove(None, "ann", &session).await.unwrap());
    for name in ["own00", "own00new"] {
        assert!(store.find(&digest(name)).await.unwrap().is_none(), "{name}");
    }
    assert_eq!(listed(store, OWNERS[0]).await.len(), 2);
    assert_eq!(listed(store, OWNERS[1]).await.len(), 3);
}

/// After [`a_session_is_removed_with_its_replaced_records`].
async fn all_sessions_of_an_owner_are_removed(store: &impl SessionStore, clock: &FakeClock) {
    assert!(store.remove_all(None, "zoe", None).await.unwrap().is_empty());
    let [_, (issuer, owner), others @ ..] = OWNERS;
    let (old, renewed) = renewal(&record("own10", OWNERS[1], clock), "own10new", clock);
    store.renew(&old, &renewed).await.unwrap();
    let (old, kept) = renewal(&record("own11", OWNERS[1], clock), "own11new", clock);
    store.renew(&old, &kept).await.unwrap();
    let removed = store.remove_all(issuer, owner, Some(&id("own11"))).await.unwrap();
    assert_eq!(removed.len(), 2);
    assert_eq!(removed.into_iter().collect::<BTreeSet<_>>(), [id("own10"), id("own12")].into());
    assert_eq!(listed(store, OWNERS[1]).await, [kept.to_json()]);
    assert!(store.find(&digest("own10")).await.unwrap().is_none(), "a replaced record");
    assert!(store.find(&digest("own11")).await.unwrap().is_some());
    assert_eq!(store.remove_all(issuer, owner, None).await.unwrap(), [id("own11")]);
    assert!(store.remove_all(issuer, owner, None).await.unwrap().is_empty());
    for name in ["own11", "own11new"] {
        assert!(store.find(&digest(name)).await.unwrap().is_none(), "{name}");
    }
    for owner in others {
        assert_eq!(listed(store, owner).await.len(), 3, "{owner:?}");
    }
}

async fn expired_sessions_do_not_count(store: &impl SessionStore, clock: &FakeClock) {
    let limit = |max| Some(SessionLimit::new(max).rejecting());
    let short = record("exp0", (None, "eve"), clock);
    let mut json: serde_json::Value = serde_json::from_str(&short.to_json()).unwrap();
    json["expires_at"] = (now(clock) + 60).into();
    let short = SessionRecord::from_json(&json.to_string()).unwrap();
    assert_eq!(store.create(&short, limit(2)).await.unwrap(), stored(&[]));
    assert_eq!(store.create(&record("exp1", (None, "eve"), clock), limit(2)).await.unwrap(), stored(&[]));
    assert_eq!(store.create(&record("exp2", (None, "eve"), clock), limit(2)).await.unwrap(), Created::OverLimit);
    clock.advance(Duration::from_secs(59));
    assert_eq!(store.create(&record("exp3", (None, "eve"), clock), limit(2)).await.unwrap(), Created::OverLimit);
    clock.advance(Duration::from_secs(1));
    assert_eq!(store.create(&record("exp3", (None, "eve"), clock), limit(2)).await.unwrap(), stored(&[]));
    clock.advance(Duration::from_secs(2 * HOUR));
    assert_eq!(store.create(&record("exp4", (None, "eve"), clock), limit(1)).await.unwrap(), stored(&[]));
}

#[track_caller]
fn assert_conflict(result: &Result<(), StoreError>) {
    assert!(matches!(result, Err(StoreError::Conflict)), "{result:?}");
}

async fn create(store: &impl SessionStore, record: &SessionRecord) {
    assert_eq!(store.create(record, None).await.unwrap(), stored(&[]));
}

fn stored(removed: &[&str]) -> Created {
    Created::Stored { removed: removed.iter().map(|name| id(name)).collect() }
}

/// The sessions of an owner as JSON.
async fn listed(store: &impl SessionStore, (issuer, owner): Owner) -> Vec<String> {
    let found = store.find_by_owner(issuer, owner).await.unwrap();
    found.iter().map(SessionRecord::to_json).collect()
}

pub(crate) fn id(name: &str) -> SessionId {
    SessionId::parse(&format!("{name:_>22}")).unwrap()
}

pub(crate) fn digest(name: &str) -> SessionDigest {
    let mut bytes = [0x5a; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    SessionDigest::from_bytes(bytes)
}

/// A session that began now and is valid for an hour.
pub(crate) fn record(name: &str, (issuer, owner): (Option<&str>, &str), clock: &FakeClock) -> SessionRecord {
    let json = serde_json::json!({
        "id": id(name).as_str(), "digest": digest(name).to_hex(), "csrf_key": "c5".repeat(32),
        "user": { "id": owner, "issuer": issuer },
        "created_at": now(clock), "logged_in_at": now(clock), "expires_at": now(clock) + HOUR,
    });
    SessionRecord::from_json(&json.to_string()).unwrap()
}

/// A record with a value in each member.
fn full_record(clock: &FakeClock) -> SessionRecord {
    let json = serde_json::json!({
        "id": id("full").as_str(), "digest": digest("full").to_hex(), "csrf_key": "c5".repeat(32),
        "user": {
            "id": "\"fay\"\r\n\0\u{e4}", "issuer": ISSUER, "tenant": "acme", "client_id": "web",
            "email": "fay@example.com", "email_verified": true, "name": "Fay \u{1f980}", "scope": "read write",
            "roles": ["admin"], "permissions": ["read:reports"], "tier": "gold", "acr": "2", "amr": ["pwd", "otp"],
            "auth_time": 1, "sid": "08a5019c",
        },
        "created_at": now(clock) - 2, "logged_in_at": now(clock) - 1, "expires_at": now(clock) + HOUR,
        "remembered": true, "address": "2001:db8::1", "user_agent": "Mozilla/5.0 (\u{e4})",
    });
    SessionRecord::from_json(&json.to_string()).unwrap().with_last_used_at(later(clock, 3))
}

/// Returns the replaced record and the one that replaces it.
pub(crate) fn renewal(record: &SessionRecord, next: &str, clock: &FakeClock) -> (SessionRecord, SessionRecord) {
    let mut json: serde_json::Value = serde_json::from_str(&record.to_json()).unwrap();
    json["digest"] = digest(next).to_hex().into();
    let renewed = SessionRecord::from_json(&json.to_string()).unwrap();
    json["digest"] = record.digest().to_hex().into();
    json["replacement"] = serde_json::json!({ "nonce": "a5".repeat(16), "valid_until": now(clock) + 10 });
    (SessionRecord::from_json(&json.to_string()).unwrap(), renewed)
}

fn now(clock: &FakeClock) -> u64 {
    clock.clock().since_epoch().as_secs()
}

/// The time some seconds from now.
pub(crate) fn later(clock: &FakeClock, seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(now(clock) + seconds)
}

/// In seconds.
const HOUR: u64 = 3_600;

#[tokio::test]
async fn memory_sessions_do_what_the_documentation_says() {
    let clock = FakeClock::new();
    check(&MemorySessions::new().with_clock(clock.clock()), &clock).await;
}
