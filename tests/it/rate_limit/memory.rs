//! The memory of a store: allocated as subjects arrive, up to a bound, and freed with the last layer.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use http::Request;
use portcullis::gate::{Entry, Gate};
use portcullis::rate_limit::{Algorithm, Key, Limit, MemoryStore};
use portcullis::{ConfigError, Quota, RateLimit, TrustedProxies};

/// A limit with each type of counter. One request brings a subject to its limit.
fn limits() -> [Limit; 9] {
    let limit = |algorithm, units| Limit::new("a", Quota::per_hour(units).unwrap().algorithm(algorithm)).cost(units);
    [
        limit(Algorithm::SlidingLog, 8),
        limit(Algorithm::SlidingLog, 16),
        limit(Algorithm::SlidingLog, 32),
        limit(Algorithm::SlidingLog, 64),
        limit(Algorithm::SlidingLog, 128),
        limit(Algorithm::SlidingWindow, 65_535),
        limit(Algorithm::SlidingWindow, 65_536),
        limit(Algorithm::TokenBucket, 100),
        limit(Algorithm::FixedWindow, 100),
    ]
}

/// Each of them, with and without blocks.
fn all_limits() -> impl Iterator<Item = Limit> {
    limits().into_iter().chain(limits().map(|limit| limit.block_for(Duration::from_secs(60))))
}

fn build(limit: Limit, store: &MemoryStore) -> Result<RateLimit, ConfigError> {
    RateLimit::builder().limit(limit).key(Key::ip()).store(store.clone()).build()
}

/// Sends a request from each of these addresses, and returns how many are rejected.
fn flood(limit: &RateLimit, addresses: std::ops::Range<u32>) -> u32 {
    let mut rejected = 0;
    for n in addresses {
        let mut head = Request::new(()).into_parts().0;
        head.extensions.insert(SocketAddr::from((Ipv4Addr::from_bits(n.wrapping_mul(0x9e37_79b1)), 443)));
        let _ = TrustedProxies::none().enter(&mut head);
        rejected += u32::from(matches!(limit.enter(&mut head), Entry::Refuse(_)));
    }
    rejected
}

/// Returns what the function allocated and did not free. Its result is dropped outside.
fn kept<T>(create: impl FnOnce() -> T) -> (AllocationInfo, T) {
    let mut result = None;
    let counted = measure(|| result = Some(create()));
    (counted, result.unwrap())
}

#[test]
fn a_layer_without_requests_takes_a_few_kilobytes() {
    for max_bytes in [32 << 20, 64 << 30] {
        let store = MemoryStore::with_max_bytes(max_bytes);
        for limit in all_limits() {
            let name = format!("{limit:?} in {max_bytes} bytes");
            let (counted, layer) = kept(|| build(limit, &store).unwrap());
            assert!(counted.bytes_max < 4_096, "{name}: {}", counted.bytes_max);
            drop(layer);
        }
    }
}

#[test]
fn a_few_subjects_take_little_memory_however_large_the_store_is() {
    for (max_bytes, expected) in [(32 << 20, 256 << 10), (1 << 30, 1 << 20), (64 << 30, 32 << 20)] {
        for limit in all_limits() {
            let name = format!("{limit:?} in {max_bytes} bytes");
            let layer = build(limit, &MemoryStore::with_max_bytes(max_bytes)).unwrap();
            let (counted, _) = kept(|| flood(&layer, 0..10));
            assert!(counted.bytes_max < expected, "{name}: {}", counted.bytes_max);
        }
    }
}

#[test]
fn a_flood_of_unique_subjects_takes_most_of_the_bound_and_no_more() {
    for limit in all_limits() {
        for max_bytes in [16 << 10, 128 << 10] {
            let name = format!("{limit:?} in {max_bytes} bytes");
            let store = MemoryStore::with_max_bytes(max_bytes as usize);
            let layer = build(limit.clone(), &store).unwrap();
            let (counted, _) = kept(|| {
                // More subjects than fit, so that all sets are used, and again, so that subjects are blocked.
                flood(&layer, 0..max_bytes / 20);
                flood(&layer, 0..max_bytes / 20);
            });
            let used = counted.bytes_current as f64 / f64::from(max_bytes);
            assert!((0.6..=1.0).contains(&used), "{name}: {used}");
            let (counted, _) = kept(|| flood(&layer, max_bytes..max_bytes + 500));
            assert_eq!((counted.count_current, counted.bytes_current), (0, 0), "{name}");
        }
    }
}

#[test]
fn the_last_layer_that_has_a_limit_frees_its_memory() {
    let store = MemoryStore::new();
    for limit in all_limits() {
        let name = format!("{limit:?}");
        let (counted, ()) = kept(|| {
            let layer = build(limit.clone(), &store).unwrap();
            let other = build(limit.clone(), &store).unwrap();
            flood(&layer, 0..500);
            drop(layer);
            flood(&other, 0..500);
        });
        assert!(counted.bytes_max > 150_000, "{name}: {}", counted.bytes_max);
        assert!(counted.bytes_current < 2_048, "{name}: {}", counted.bytes_current);
    }
}

#[test]
fn reloads_of_a_configuration_keep_no_memory() {
    let store = MemoryStore::new();
    let reload = |units| {
        let limit = Limit::new("a", Quota::per_hour(units).unwrap());
        flood(&build(limit, &store).unwrap(), 0..100);
    };
    (1..10).for_each(reload);
    let (counted, ()) = kept(|| (10..100).for_each(reload));
    assert!(counted.bytes_current < 1_024, "{}", counted.bytes_current);
}

#[test]
fn a_failed_build_keeps_no_memory_and_adds_no_limit() {
    let store = MemoryStore::new();
    let quota = Quota::per_hour(100).unwrap();
    let (counted, ()) = kept(|| {
        let builder = RateLimit::builder().limit(Limit::new("a", quota)).add_limit(Limit::new("b", quota).cost(101));
        let error = builder.key(Key::global()).store(store.clone()).build().unwrap_err();
        assert_eq!(error.issues().len(), 1, "{error}");
    });
    assert!(counted.bytes_max < 4_096, "{}", counted.bytes_max);
    assert_eq!((counted.count_current, counted.bytes_current), (0, 0));
    assert!(build(Limit::new("a", Quota::per_hour(200).unwrap()), &store).is_ok());
}

#[test]
fn a_flood_is_rejected_by_shared_counters_once_the_memory_is_full_of_subjects_at_their_limit() {
    let limit = Limit::new("a", Quota::per_hour(1).unwrap()).block_for(Duration::from_secs(60));
    let layer = build(limit, &MemoryStore::with_max_bytes(64 << 10)).unwrap();
    let rejected = flood(&layer, 0..10_000);
    assert!(rejected > 8_000, "{rejected}");
}
