//! Hits, misses, eviction and sweeping.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

mod threads;

/// A cache of tokens, which are hashed by their last 32 bytes.
struct Cache(CredentialCache<Vec<u8>, Cached>);

/// A user whose credential is outdated too if there is one of the issuer with a newer generation.
#[derive(Clone, Debug)]
struct Cached {
    user: UserContext,
    issuer: usize,
    generation: u64,
    verified_at: Duration,
    expires_at: Duration,
}

impl CachedCredential for Cached {
    type Time = Duration;

    fn user(&self) -> &UserContext {
        &self.user
    }

    fn verified_at(&self) -> Duration {
        self.verified_at
    }

    fn expires_at(&self) -> Duration {
        self.expires_at
    }

    fn is_outdated(&self, newest: &Self) -> bool {
        let is_older = self.issuer == newest.issuer && self.generation < newest.generation;
        self.expires_at <= newest.verified_at || is_older
    }
}

impl Cache {
    fn with_shards(capacity: usize, shards: usize) -> Self {
        Self(CredentialCache::with_shards(NonZeroUsize::new(capacity).unwrap(), shards))
    }

    fn get(&self, token: &[u8], now: Duration) -> Option<Cached> {
        self.0.get(hash(token), token, now)
    }

    fn insert(&self, token: &str, cached: Cached) {
        self.0.insert(hash(token.as_bytes()), token.as_bytes(), <[u8]>::to_vec, cached);
    }

    fn sets(&self) -> impl Iterator<Item = &Mutex<Set>> {
        self.0.shards.iter().flat_map(|shard| &shard.0)
    }
}

type Set = CacheSet<Vec<u8>, Cached>;

fn hash(token: &[u8]) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(token.last_chunk::<HASHED_BYTES>().map_or(token, |end| end))
}

const HASHED_BYTES: usize = 32;

fn cached(user: &str, expires_at: u64) -> Cached {
    let (verified_at, expires_at) = (Duration::from_secs(100), Duration::from_secs(expires_at));
    Cached { user: UserContext::new(user), issuer: 0, generation: 0, verified_at, expires_at }
}

fn of_issuer(issuer: usize, cached: Cached) -> Cached {
    let user = cached.user.with_issuer(issuer.to_string());
    Cached { user, issuer, ..cached }
}

/// A cache of one set, which has eight ways.
fn single_set() -> Cache {
    Cache::with_shards(1, 1)
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn entry_count(cache: &Cache) -> usize {
    cache.sets().map(|set| set.lock().unwrap().0.iter().flatten().count()).sum()
}

fn user_id(cache: &Cache, token: &str, now: u64) -> Option<String> {
    cache.get(token.as_bytes(), at(now)).map(|cached| cached.user.id().to_owned())
}

#[test]
fn a_hit_needs_all_bytes_of_the_token() {
    let cache = single_set();
    let tail = "x".repeat(HASHED_BYTES);
    cache.insert(&format!("aa.{tail}"), cached("ann", 200));
    assert_eq!(user_id(&cache, &format!("aa.{tail}"), 150).as_deref(), Some("ann"));
    // Other bytes with the same hash.
    for other in [format!("ab.{tail}"), format!("a.{tail}"), format!("aaa.{tail}"), tail.clone(), String::new()] {
        assert_eq!(user_id(&cache, &other, 150), None, "{other}");
    }
    cache.insert(&format!("ab.{tail}"), cached("bob", 200));
    assert_eq!(user_id(&cache, &format!("aa.{tail}"), 150).as_deref(), Some("ann"));
    assert_eq!(user_id(&cache, &format!("ab.{tail}"), 150).as_deref(), Some("bob"));
}

#[test]
fn a_token_is_cached_from_its_verification_until_it_expires() {
    let cache = single_set();
    cache.insert("token", cached("ann", 200));
    for (now, is_cached) in [(99, false), (100, true), (199, true), (200, false), (201, false)] {
        assert_eq!(user_id(&cache, "token", now).is_some(), is_cached, "{now}");
    }
}

#[test]
fn a_token_that_is_inserted_again_replaces_its_own_entry() {
    let cache = single_set();
    cache.insert("token", cached("ann", 200));
    cache.insert("token", Cached { generation: 1, ..cached("ann", 200) });
    assert_eq!(cache.get(b"token", at(150)).map(|cached| cached.generation), Some(1));
    assert_eq!(entry_count(&cache), 1);
}

#[test]
fn the_oldest_entry_that_was_not_used_again_is_evicted_first() {
    let cache = single_set();
    for number in 0..8_u64 {
        let user = format!("user{number}");
        cache.insert(&user, Cached { verified_at: at(100 + number), ..cached(&user, 200) });
    }
    for used in ["user0", "user1", "user3"] {
        assert!(user_id(&cache, used, 150).is_some());
    }
    cache.insert("new", cached("new", 200));
    assert_eq!(user_id(&cache, "user2", 150), None);
    for kept in ["user0", "user1", "user3", "user4", "user5", "user6", "user7", "new"] {
        assert!(user_id(&cache, kept, 150).is_some(), "{kept}");
    }
}

#[test]
fn tokens_that_find_no_way_decrease_the_use_counts_of_the_others() {
    let cache = single_set();
    let users: Vec<_> = (0..8).map(|number| format!("user{number}")).collect();
    for user in &users {
        cache.insert(user, cached(user, 200));
    }
    for _ in 0..99 {
        assert!(users.iter().all(|user| user_id(&cache, user, 150).is_some()));
    }
    for number in 0..MAX_USE_COUNT {
        let new_token = format!("new{number}");
        cache.insert(&new_token, cached(&new_token, 200));
        assert_eq!(user_id(&cache, &new_token, 150), None, "{new_token}");
    }
    // Now an entry that was not used meanwhile can be evicted, and one that is used again stays.
    assert!(user_id(&cache, "user0", 150).is_some());
    cache.insert("last", cached("last", 200));
    assert!(user_id(&cache, "last", 150).is_some() && user_id(&cache, "user0", 150).is_some());
}

#[test]
fn a_flood_of_tokens_of_one_subject_takes_two_ways_of_a_set() {
    let cache = single_set();
    let users: Vec<_> = (0..6).map(|number| format!("user{number}")).collect();
    for user in &users {
        cache.insert(user, cached(user, 200));
    }
    for number in 0..1_000 {
        let token = format!("token{number}");
        cache.insert(&token, cached("mallory", 200));
        user_id(&cache, &token, 150);
    }
    for user in &users {
        assert!(user_id(&cache, user, 150).is_some(), "{user}");
    }
    let set = cache.0.shards[0].0[0].lock().unwrap();
    assert_eq!(set.0.iter().flatten().filter(|entry| entry.cached.user.id() == "mallory").count(), 2);
}

#[test]
fn the_same_subject_at_two_issuers_counts_as_two() {
    let cache = single_set();
    for issuer in 0..3 {
        for token in 0..2 {
            cache.insert(&format!("{issuer}.{token}"), of_issuer(issuer, cached("ann", 200)));
        }
    }
    assert_eq!(entry_count(&cache), 6);
}

#[test]
fn insertions_remove_expired_entries() {
    let cache = Cache::with_shards(64, 1);
    for number in 0..64 {
        let user = format!("user{number}");
        cache.insert(&user, cached(&user, 200));
    }
    assert!(entry_count(&cache) > 32, "{}", entry_count(&cache));
    // Each insertion sweeps its own set and the next one in turn.
    for number in 0..8 {
        let user = format!("late{number}");
        cache.insert(&user, Cached { verified_at: at(200), ..cached(&user, 300) });
    }
    assert_eq!(entry_count(&cache), 8);
}

#[test]
fn insertions_remove_expired_entries_from_the_shards_of_other_threads() {
    let cache = Cache::with_shards(128, 4);
    for set in cache.sets() {
        let key = b"token".to_vec();
        lock(set).0[3] =
            Some(CacheEntry { hash: 0, key, subject_hash: 0, use_count: MAX_USE_COUNT, cached: cached("ann", 200) });
    }
    assert_eq!(entry_count(&cache), 16);
    // One thread inserts these into the four sets of its shard, and sweeps all sixteen sets in turn.
    for number in 0..16 {
        cache.insert(&format!("late{number}"), Cached { verified_at: at(200), ..cached("bob", 200) });
    }
    let is_expired = |entry: &&CacheEntry<Vec<u8>, Cached>| entry.cached.user.id() == "ann";
    let remaining = |set: &Mutex<Set>| lock(set).0.iter().flatten().filter(is_expired).count();
    assert_eq!(cache.sets().map(remaining).sum::<usize>(), 0);
}

#[test]
fn a_lookup_removes_an_expired_entry() {
    let cache = single_set();
    cache.insert("token", cached("ann", 200));
    cache.insert("other", cached("bob", 200));
    assert_eq!((user_id(&cache, "token", 199).is_some(), entry_count(&cache)), (true, 2));
    assert_eq!((user_id(&cache, "token", 200), entry_count(&cache)), (None, 1));
}

#[test]
fn an_entry_from_the_future_is_kept_but_not_used() {
    let cache = single_set();
    cache.insert("token", cached("ann", 200));
    assert_eq!(user_id(&cache, "token", 99), None);
    assert!(user_id(&cache, "token", 100).is_some());
}

#[test]
fn entries_of_earlier_generations_are_removed_however_often_they_are_used() {
    let cache = single_set();
    for (issuer, generation) in [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)] {
        let token = format!("{issuer}.{generation}");
        cache.insert(&token, of_issuer(issuer, Cached { generation, ..cached(&token, 200) }));
    }
    // Each went when one of its issuer's next set came.
    assert_eq!(entry_count(&cache), 2);
    for _ in 0..99 {
        assert!(user_id(&cache, "0.3", 150).is_some());
    }
    cache.insert("0.4", Cached { generation: 4, ..cached("ann", 200) });
    for (token, is_cached) in [("0.3", false), ("0.4", true), ("1.3", true)] {
        assert_eq!(user_id(&cache, token, 150).is_some(), is_cached, "{token}");
    }
    // A token that was verified with an earlier generation, but is inserted late, removes no newer entry.
    cache.insert("0.3", Cached { generation: 3, ..cached("bob", 200) });
    assert!(user_id(&cache, "0.4", 150).is_some());
}

#[test]
fn new_tokens_evict_no_entry_that_is_used_as_often() {
    let cache = single_set();
    let users: Vec<_> = (0..8).map(|number| format!("user{number}")).collect();
    for user in &users {
        cache.insert(user, cached(user, 200));
    }
    for number in 0..2_000 {
        assert!(users.iter().all(|user| user_id(&cache, user, 150).is_some()), "{number}");
        let new_token = format!("new{number}");
        cache.insert(&new_token, Cached { verified_at: at(150), ..cached(&new_token, 200) });
    }
}

#[test]
fn tokens_that_are_sent_once_evict_each_other() {
    let cache = single_set();
    let users: Vec<_> = (0..7).map(|number| format!("user{number}")).collect();
    for user in &users {
        cache.insert(user, cached(user, 200));
        assert!(user_id(&cache, user, 150).is_some());
    }
    // No other token is used meanwhile.
    for number in 0..2_000 {
        let new_token = format!("new{number}");
        cache.insert(&new_token, cached(&new_token, 200));
    }
    assert!(users.iter().all(|user| user_id(&cache, user, 150).is_some()));
    assert!(user_id(&cache, "new1999", 150).is_some());
}

#[test]
fn a_new_token_of_a_subject_with_two_ways_replaces_the_less_used_one_only() {
    let cache = single_set();
    for user in ["ann", "bob", "cyd", "dan", "eve", "fay"] {
        cache.insert(user, cached(user, 200));
        assert!(user_id(&cache, user, 150).is_some());
    }
    cache.insert("often", cached("mallory", 200));
    cache.insert("rarely", cached("mallory", 200));
    assert!(user_id(&cache, "often", 150).is_some());
    for number in 0..20 {
        cache.insert(&format!("token{number}"), cached("mallory", 200));
    }
    for (token, is_cached) in [("often", true), ("rarely", false), ("token18", false), ("token19", true)] {
        assert_eq!(user_id(&cache, token, 150).is_some(), is_cached, "{token}");
    }
    let set = lock(&cache.0.shards[0].0[0]);
    let of_others = set.0.iter().flatten().filter(|entry| entry.cached.user.id() != "mallory");
    assert_eq!(of_others.map(|entry| entry.use_count).collect::<Vec<_>>(), [1; 6]);
}

#[derive(Clone, Debug)]
enum Step {
    Insert { token: usize, generation: u64, verified_at: u64, len: u64 },
    Get { token: usize, now: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let insert = (0..24_usize, 0..3_u64, 0..100_u64, 0..60_u64);
    let insert =
        insert.prop_map(|(token, generation, verified_at, len)| Step::Insert { token, generation, verified_at, len });
    prop_oneof![insert, (0..24_usize, 0..160_u64).prop_map(|(token, now)| Step::Get { token, now })]
}

/// A token of one of two subjects at one of two issuers. Half of the tokens differ only in their first bytes.
fn numbered_token(token: usize) -> (String, Cached) {
    let text = format!("{token}.{}", if token < 12 { "x".repeat(HASHED_BYTES) } else { String::new() });
    let user = UserContext::new(["ann", "bob"][token % 2]).with_token_id(&text);
    (text, of_issuer(token / 2 % 2, Cached { user, ..cached("", 0) }))
}

proptest! {
    #[test]
    fn a_hit_is_the_last_insertion_of_the_token_and_within_its_lifetime(
        steps in proptest::collection::vec(step(), 1..200)
    ) {
        let cache = Cache::with_shards(16, 1);
        let mut last = HashMap::new();
        for step in steps {
            match step {
                Step::Insert { token, generation, verified_at, len } => {
                    let (text, cached) = numbered_token(token);
                    let (verified_at, expires_at) = (at(verified_at), at(verified_at + len));
                    let cached = Cached { generation, verified_at, expires_at, ..cached };
                    cache.insert(&text, cached.clone());
                    last.insert(token, cached);
                }
                Step::Get { token, now } => {
                    let (text, _) = numbered_token(token);
                    if let Some(found) = cache.get(text.as_bytes(), at(now)) {
                        let expected = &last[&token];
                        prop_assert_eq!(found.user.token_id(), expected.user.token_id());
                        prop_assert!(found.issuer == expected.issuer);
                        prop_assert_eq!(found.generation, expected.generation);
                        prop_assert!(expected.verified_at <= at(now) && at(now) < expected.expires_at);
                    }
                }
            }
            for set in cache.sets() {
                let set = lock(set);
                for entry in set.0.iter().flatten() {
                    let same = set.0.iter().flatten().filter(|other| other.subject_hash == entry.subject_hash);
                    prop_assert!(same.count() <= MAX_WAYS_PER_SUBJECT);
                }
            }
        }
    }
}

#[test]
fn the_capacity_is_rounded_up_to_whole_sets() {
    for (capacity, shards, expected) in [(1, 1, 8), (8, 1, 8), (9, 1, 16), (4_096, 2, 4_096), (100, 16, 128)] {
        let cache = Cache::with_shards(capacity, shards);
        assert_eq!(cache.sets().count() * WAYS, expected);
        assert_eq!(format!("{:?}", cache.0), format!("CredentialCache {{ capacity: {expected}, .. }}"));
    }
    assert!((1..=MAX_SHARDS).contains(&CredentialCache::<Vec<u8>, Cached>::per_thread(NonZeroUsize::MIN).shards.len()));
}
