//! What is known again, what is not, and who must go.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn known(user: &str, until: u64) -> CachedToken {
    let user = UserContext::new(user);
    CachedToken { user, issuer: 0, generation: 0, since: Duration::from_secs(100), until: Duration::from_secs(until) }
}

/// One line of eight places.
fn line() -> TokenCache {
    TokenCache::with_shards(NonZeroUsize::MIN, 1)
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn held(seen: &TokenCache) -> usize {
    let lines = seen.shards.iter().flat_map(|shard| &shard.0);
    lines.map(|line| line.lock().unwrap().0.iter().flatten().count()).sum()
}

fn id(seen: &TokenCache, token: &str, now: u64) -> Option<String> {
    seen.get(token.as_bytes(), at(now)).map(|known| known.user.id().to_owned())
}

#[test]
fn a_token_is_known_again_by_all_its_bytes() {
    let seen = line();
    let tail = "x".repeat(HASHED_BYTES);
    seen.insert(&format!("aa.{tail}"), known("ann", 200));
    assert_eq!(id(&seen, &format!("aa.{tail}"), 150).as_deref(), Some("ann"));
    // The same hash, and other bytes.
    for other in [format!("ab.{tail}"), format!("a.{tail}"), format!("aaa.{tail}"), tail.clone(), String::new()] {
        assert_eq!(id(&seen, &other, 150), None, "{other}");
    }
    seen.insert(&format!("ab.{tail}"), known("bob", 200));
    assert_eq!(id(&seen, &format!("aa.{tail}"), 150).as_deref(), Some("ann"));
    assert_eq!(id(&seen, &format!("ab.{tail}"), 150).as_deref(), Some("bob"));
}

#[test]
fn it_is_known_from_when_it_was_verified_until_it_expires() {
    let seen = line();
    seen.insert("token", known("ann", 200));
    for (now, is_known) in [(99, false), (100, true), (199, true), (200, false), (201, false)] {
        assert_eq!(id(&seen, "token", now).is_some(), is_known, "{now}");
    }
}

#[test]
fn a_token_that_is_seen_anew_takes_its_own_place() {
    let seen = line();
    seen.insert("token", known("ann", 200));
    seen.insert("token", CachedToken { generation: 1, ..known("ann", 200) });
    assert_eq!(seen.get(b"token", at(150)).map(|known| known.generation), Some(1));
    assert_eq!(held(&seen), 1);
}

#[test]
fn what_was_not_used_again_goes_first_and_the_oldest_of_those() {
    let seen = line();
    for number in 0..8_u64 {
        let user = format!("user{number}");
        seen.insert(&user, CachedToken { since: at(100 + number), ..known(&user, 200) });
    }
    for used in ["user0", "user1", "user3"] {
        assert!(id(&seen, used, 150).is_some());
    }
    seen.insert("new", known("new", 200));
    assert_eq!(id(&seen, "user2", 150), None);
    for kept in ["user0", "user1", "user3", "user4", "user5", "user6", "user7", "new"] {
        assert!(id(&seen, kept, 150).is_some(), "{kept}");
    }
}

#[test]
fn newcomers_that_find_no_place_make_the_others_older() {
    let seen = line();
    let users: Vec<_> = (0..8).map(|number| format!("user{number}")).collect();
    for user in &users {
        seen.insert(user, known(user, 200));
    }
    for _ in 0..99 {
        assert!(users.iter().all(|user| id(&seen, user, 150).is_some()));
    }
    for number in 0..MAX_USE_COUNT {
        let newcomer = format!("new{number}");
        seen.insert(&newcomer, known(&newcomer, 200));
        assert_eq!(id(&seen, &newcomer, 150), None, "{newcomer}");
    }
    // Whoever was not seen all this while may go now; who comes in between stays.
    assert!(id(&seen, "user0", 150).is_some());
    seen.insert("last", known("last", 200));
    assert!(id(&seen, "last", 150).is_some() && id(&seen, "user0", 150).is_some());
}

#[test]
fn a_flood_of_one_subjects_tokens_takes_two_places_of_a_line() {
    let seen = line();
    let users: Vec<_> = (0..6).map(|number| format!("user{number}")).collect();
    for user in &users {
        seen.insert(user, known(user, 200));
    }
    for number in 0..1_000 {
        let token = format!("token{number}");
        seen.insert(&token, known("mallory", 200));
        id(&seen, &token, 150);
    }
    for user in &users {
        assert!(id(&seen, user, 150).is_some(), "{user}");
    }
    let line = seen.shards[0].0[0].lock().unwrap();
    assert_eq!(line.0.iter().flatten().filter(|seen| seen.known.user.id() == "mallory").count(), 2);
}

#[test]
fn subjects_of_one_name_at_two_issuers_are_two() {
    let seen = line();
    for issuer in 0..3 {
        for token in 0..2 {
            seen.insert(&format!("{issuer}.{token}"), CachedToken { issuer, ..known("ann", 200) });
        }
    }
    assert_eq!(held(&seen), 6);
}

#[test]
fn what_has_expired_is_let_go_of_by_those_that_come_later() {
    let seen = TokenCache::with_shards(NonZeroUsize::new(64).unwrap(), 1);
    for number in 0..64 {
        let user = format!("user{number}");
        seen.insert(&user, known(&user, 200));
    }
    assert!(held(&seen) > 32, "{}", held(&seen));
    // Each newcomer sweeps its own line and one more, in turn.
    for number in 0..8 {
        let user = format!("late{number}");
        seen.insert(&user, CachedToken { since: at(200), ..known(&user, 300) });
    }
    assert_eq!(held(&seen), 8);
}

#[test]
fn what_has_expired_is_let_go_of_where_its_thread_is_idle_or_gone() {
    let seen = TokenCache::with_shards(NonZeroUsize::new(128).unwrap(), 4);
    for line in seen.shards.iter().flat_map(|shard| &shard.0) {
        let token = Zeroizing::new(Box::from(*b"token"));
        lock(line).0[3] =
            Some(CacheEntry { hash: 0, token, subject: 0, uses: MAX_USE_COUNT, known: known("ann", 200) });
    }
    assert_eq!(held(&seen), 16);
    // All of these come from one thread: to the four lines of its shard, and around all sixteen with the sweep_cursor.
    for number in 0..16 {
        seen.insert(&format!("late{number}"), CachedToken { since: at(200), ..known("bob", 200) });
    }
    let is_anns = |seen: &&CacheEntry| seen.known.user.id() == "ann";
    let left = |line: &Mutex<CacheSet>| lock(line).0.iter().flatten().filter(is_anns).count();
    assert_eq!(seen.shards.iter().flat_map(|shard| &shard.0).map(left).sum::<usize>(), 0);
}

#[test]
fn a_token_that_is_shown_again_after_it_has_expired_is_let_go_of_at_once() {
    let seen = line();
    seen.insert("token", known("ann", 200));
    seen.insert("other", known("bob", 200));
    assert_eq!((id(&seen, "token", 199).is_some(), held(&seen)), (true, 2));
    assert_eq!((id(&seen, "token", 200), held(&seen)), (None, 1));
}

#[test]
fn a_token_from_before_the_clock_was_set_back_is_kept_for_when_it_is_right_again() {
    let seen = line();
    seen.insert("token", known("ann", 200));
    assert_eq!(id(&seen, "token", 99), None);
    assert!(id(&seen, "token", 100).is_some());
}

#[test]
fn tokens_of_an_issuers_earlier_sets_of_keys_make_room_however_often_they_are_shown() {
    let seen = line();
    for (issuer, generation) in [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)] {
        let token = format!("{issuer}.{generation}");
        seen.insert(&token, CachedToken { issuer, generation, ..known(&token, 200) });
    }
    // Each went when one of its issuer's next set came.
    assert_eq!(held(&seen), 2);
    for _ in 0..99 {
        assert!(id(&seen, "0.3", 150).is_some());
    }
    seen.insert("0.4", CachedToken { generation: 4, ..known("ann", 200) });
    for (token, is_known) in [("0.3", false), ("0.4", true), ("1.3", true)] {
        assert_eq!(id(&seen, token, 150).is_some(), is_known, "{token}");
    }
    // One who was judged by an earlier set, a moment too late to tell, sends nobody away.
    seen.insert("0.3", CachedToken { generation: 3, ..known("bob", 200) });
    assert!(id(&seen, "0.4", 150).is_some());
}

#[test]
fn newcomers_who_come_no_more_often_than_each_of_those_in_use_displace_none() {
    let seen = line();
    let users: Vec<_> = (0..8).map(|number| format!("user{number}")).collect();
    for user in &users {
        seen.insert(user, known(user, 200));
    }
    for number in 0..2_000 {
        assert!(users.iter().all(|user| id(&seen, user, 150).is_some()), "{number}");
        let newcomer = format!("new{number}");
        seen.insert(&newcomer, CachedToken { since: at(150), ..known(&newcomer, 200) });
    }
}

#[test]
fn tokens_that_come_once_displace_each_other_where_one_of_them_has_a_place() {
    let seen = line();
    let users: Vec<_> = (0..7).map(|number| format!("user{number}")).collect();
    for user in &users {
        seen.insert(user, known(user, 200));
        assert!(id(&seen, user, 150).is_some());
    }
    // No user is seen meanwhile.
    for number in 0..2_000 {
        let newcomer = format!("new{number}");
        seen.insert(&newcomer, known(&newcomer, 200));
    }
    assert!(users.iter().all(|user| id(&seen, user, 150).is_some()));
    assert!(id(&seen, "new1999", 150).is_some());
}

#[test]
fn a_subject_that_has_two_places_gives_up_the_one_less_used_and_makes_nobody_older() {
    let seen = line();
    for user in ["ann", "bob", "cyd", "dan", "eve", "fay"] {
        seen.insert(user, known(user, 200));
        assert!(id(&seen, user, 150).is_some());
    }
    seen.insert("often", known("mallory", 200));
    seen.insert("seldom", known("mallory", 200));
    assert!(id(&seen, "often", 150).is_some());
    for number in 0..20 {
        seen.insert(&format!("token{number}"), known("mallory", 200));
    }
    for (token, is_known) in [("often", true), ("seldom", false), ("token18", false), ("token19", true)] {
        assert_eq!(id(&seen, token, 150).is_some(), is_known, "{token}");
    }
    let line = lock(&seen.shards[0].0[0]);
    let of_others = line.0.iter().flatten().filter(|seen| seen.known.user.id() != "mallory");
    assert_eq!(of_others.map(|seen| seen.uses).collect::<Vec<_>>(), [1; 6]);
}

#[test]
fn threads_that_look_and_remember_at_once_get_no_one_elses_user() {
    let seen = TokenCache::with_shards(NonZeroUsize::new(32).unwrap(), 2);
    let seen = &seen;
    thread::scope(|scope| {
        for start in 0..4_usize {
            scope.spawn(move || {
                for step in 0..5_000 {
                    let token = format!("{}.{}", (start + step * 7) % 97, "x".repeat(HASHED_BYTES));
                    match id(seen, &token, 150) {
                        Some(user) => assert_eq!(user, token),
                        None => seen.insert(&token, known(&token, 200)),
                    }
                }
            });
        }
    });
    assert!((1..=32).contains(&held(seen)), "{}", held(seen));
}

#[test]
fn a_line_whose_holder_panicked_is_used_on() {
    let seen = line();
    seen.insert("token", known("ann", 200));
    let panicked = thread::scope(|scope| {
        let holder = scope.spawn(|| {
            let _line = seen.shards[0].0[0].lock().unwrap();
            panic!("while it holds the line");
        });
        holder.join().is_err()
    });
    assert!(panicked && seen.shards[0].0[0].is_poisoned());
    assert_eq!(id(&seen, "token", 150).as_deref(), Some("ann"));
}

#[test]
fn a_thread_keeps_to_one_shelf_and_threads_are_spread_over_all() {
    let seen = TokenCache::with_shards(NonZeroUsize::new(32).unwrap(), 4);
    let place = |seen: &TokenCache| seen.shard().map(|shard| std::ptr::from_ref(shard).addr());
    let mut taken: Vec<_> = (0..200)
        .map(|_| {
            let own = || (place(&seen), place(&seen));
            let (first, second) = thread::scope(|scope| scope.spawn(own).join().unwrap());
            assert!(first.is_some() && first == second);
            first
        })
        .collect();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 4);
}

#[derive(Clone, Debug)]
enum Step {
    Remember { token: usize, generation: u64, since: u64, len: u64 },
    Find { token: usize, now: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let remember = (0..24_usize, 0..3_u64, 0..100_u64, 0..60_u64);
    let remember =
        remember.prop_map(|(token, generation, since, len)| Step::Remember { token, generation, since, len });
    prop_oneof![remember, (0..24_usize, 0..160_u64).prop_map(|(token, now)| Step::Find { token, now })]
}

/// Of two subjects at each of two issuers; half of the tokens differ in their first bytes alone.
fn numbered(token: usize) -> (String, CachedToken) {
    let text = format!("{token}.{}", if token < 12 { "x".repeat(HASHED_BYTES) } else { String::new() });
    let user = UserContext::new(["ann", "bob"][token % 2]).with_token_id(&text);
    (text, CachedToken { user, issuer: token / 2 % 2, ..known("", 0) })
}

proptest! {
    #[test]
    fn whatever_came_before_a_hit_is_what_was_remembered_last_of_this_token_and_in_its_time(
        steps in proptest::collection::vec(step(), 1..200)
    ) {
        let seen = TokenCache::with_shards(NonZeroUsize::new(16).unwrap(), 1);
        let mut last = HashMap::new();
        for step in steps {
            match step {
                Step::Remember { token, generation, since, len } => {
                    let (text, known) = numbered(token);
                    let known = CachedToken { generation, since: at(since), until: at(since + len), ..known };
                    seen.insert(&text, known.clone());
                    last.insert(token, known);
                }
                Step::Find { token, now } => if let Some(found) = seen.get(numbered(token).0.as_bytes(), at(now)) {
                    let known = &last[&token];
                    prop_assert_eq!(found.user.token_id(), known.user.token_id());
                    prop_assert_eq!((found.issuer, found.generation), (known.issuer, known.generation));
                    prop_assert!(known.since <= at(now) && at(now) < known.until);
                }
            }
            for line in &seen.shards[0].0 {
                let line = lock(line);
                for seen in line.0.iter().flatten() {
                    let same = line.0.iter().flatten().filter(|other| other.subject == seen.subject);
                    prop_assert!(same.count() <= MAX_WAYS_PER_SUBJECT);
                }
            }
        }
    }
}

#[test]
fn a_token_of_more_than_8192_bytes_is_not_remembered() {
    let seen = line();
    for (len, is_known) in [(MAX_CACHED_LEN, true), (MAX_CACHED_LEN + 1, false)] {
        let token = "a".repeat(len);
        seen.insert(&token, known("ann", 200));
        assert_eq!(id(&seen, &token, 150).is_some(), is_known, "{len}");
    }
}

#[test]
fn there_are_places_for_about_as_many_as_were_asked_for() {
    for (asked, shards, places) in [(1, 1, 8), (8, 1, 8), (9, 1, 16), (4_096, 2, 4_096), (100, 16, 128)] {
        let seen = TokenCache::with_shards(NonZeroUsize::new(asked).unwrap(), shards);
        assert_eq!(seen.shards.iter().map(|shard| shard.0.len() * WAYS).sum::<usize>(), places);
        assert_eq!(format!("{seen:?}"), format!("TokenCache {{ places: {places}, .. }}"));
    }
    assert!((1..=MAX_SHARDS).contains(&TokenCache::new(NonZeroUsize::MIN).shards.len()));
}
