//! Layers that share a store do not deadlock, even if the store is full.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use portcullis::rate_limit::{Algorithm, Key, Limit, MemoryStore, RateLimitBuilder, Subject};
use portcullis::{Quota, RateLimit};

/// A layer with limits of these names, in this order: `b` is a shadow limit, `c` starts blocks.
fn layer_with(store: &MemoryStore, names: &[&'static str]) -> RateLimit {
    let limits = names.iter().map(|name| {
        let algorithm = if *name == "a" { Algorithm::SlidingLog } else { Algorithm::SlidingWindow };
        let limit = Limit::new(*name, Quota::per_hour(2).unwrap().algorithm(algorithm));
        match *name {
            "b" => limit.shadow(),
            "c" => limit.block_for(Duration::from_secs(60)),
            _ => limit,
        }
    });
    let key = Key::custom(|_| None);
    limits.fold(RateLimit::builder().key(key), RateLimitBuilder::add_limit).store(store.clone()).build().unwrap()
}

#[test]
fn requests_do_not_deadlock_whatever_the_order_of_their_limits() {
    // The smallest store: most of the subjects share the overflow counters.
    let store = MemoryStore::with_max_bytes(16 << 10);
    let layers = [&["a", "b", "c", "d"][..], &["d", "c", "b", "a"], &["c", "a"], &["a", "c"], &["d"], &["a"]];
    let layers: Vec<_> = layers.into_iter().map(|names| layer_with(&store, names)).collect();
    let (sender, receiver) = channel();
    for (number, limit) in layers.iter().cycle().take(12).cloned().enumerate() {
        let sender = sender.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                for n in 0..2_000 {
                    let name = format!("{}", (n * 7 + number) % 1_000);
                    let subject = Subject::custom(&*name);
                    let _ = limit.check(&subject, n as u32 % 3).await;
                    if n % 5 == 0 {
                        limit.refund(&subject, 1).await.unwrap();
                        limit.peek(&subject).await.unwrap();
                    }
                    if n % 101 == 0 {
                        limit.reset(&subject).await.unwrap();
                    }
                }
            });
            sender.send(()).unwrap();
        });
    }
    for _ in 0..12 {
        receiver.recv_timeout(Duration::from_secs(60)).expect("every thread ends");
    }
}
