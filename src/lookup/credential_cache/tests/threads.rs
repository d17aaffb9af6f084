//! Lookups and insertions of several threads.

use std::thread;

use super::*;

#[test]
fn concurrent_lookups_and_insertions_never_return_the_user_of_another_token() {
    let cache = Cache::with_shards(32, 2);
    let cache = &cache;
    thread::scope(|scope| {
        for start in 0..4_usize {
            scope.spawn(move || {
                for step in 0..5_000 {
                    let token = format!("{}.{}", (start + step * 7) % 97, "x".repeat(HASHED_BYTES));
                    match user_id(cache, &token, 150) {
                        Some(user) => assert_eq!(user, token),
                        None => cache.insert(&token, cached(&token, 200)),
                    }
                }
            });
        }
    });
    assert!((1..=32).contains(&entry_count(cache)), "{}", entry_count(cache));
}

#[test]
fn a_set_with_a_poisoned_lock_is_still_used() {
    let cache = single_set();
    cache.insert("token", cached("ann", 200));
    let panicked = thread::scope(|scope| {
        let holder = scope.spawn(|| {
            let _guard = cache.0.shards[0].0[0].lock().unwrap();
            panic!("while holding the lock");
        });
        holder.join().is_err()
    });
    assert!(panicked && cache.0.shards[0].0[0].is_poisoned());
    assert_eq!(user_id(&cache, "token", 150).as_deref(), Some("ann"));
}

#[test]
fn a_thread_uses_one_shard_and_threads_use_all_shards() {
    let cache = Cache::with_shards(32, 4);
    let shard_address = |cache: &Cache| cache.0.shard().map(|shard| std::ptr::from_ref(shard).addr());
    let mut used: Vec<_> = (0..200)
        .map(|_| {
            let lookup_twice = || (shard_address(&cache), shard_address(&cache));
            let (first, second) = thread::scope(|scope| scope.spawn(lookup_twice).join().unwrap());
            assert!(first.is_some() && first == second);
            first
        })
        .collect();
    used.sort_unstable();
    used.dedup();
    assert_eq!(used.len(), 4);
}
