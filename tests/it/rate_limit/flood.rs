//! A flood of unique subjects: limited subjects stay limited, and honest ones are not rejected.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use http::{Request, request};
use portcullis::gate::{Entry, Gate};
use portcullis::rate_limit::{Key, MemoryStore};
use portcullis::{RateLimit, TrustedProxies};

use super::{fake_clock, per_seconds};

const LIMIT: u32 = 100;
const KNOWN: u64 = 1_000;

/// A limit by address without a service behind it, and a request head that is used again for each request.
struct LimitAndHead {
    limit: RateLimit,
    head: request::Parts,
}

impl LimitAndHead {
    /// Whether a request from the network with this number is admitted.
    fn admits(&mut self, network: u64) -> bool {
        let ip = Ipv6Addr::from_bits(u128::from(network) << 64);
        self.head.extensions.clear();
        self.head.extensions.insert(SocketAddr::from((ip, 4711)));
        matches!(self.limit.enter(&mut self.head), Entry::Admit(_))
    }
}

/// How many units this known user has used before the flood.
fn used_before(known: u64) -> u32 {
    [LIMIT, LIMIT, LIMIT / 2, 10, 0][(known % 5) as usize]
}

/// The networks of the flood have high numbers, in no order.
fn flooding_network(n: u64) -> u64 {
    (n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1 << 63
}

fn run_flood(size: u64) {
    let clock = fake_clock();
    let builder = RateLimit::builder().quota(per_seconds(LIMIT, 3600)).key(Key::ip(TrustedProxies::none()));
    let limit = builder.store(MemoryStore::new()).without_legacy_headers().clock(clock.clock()).build().unwrap();
    let mut limit = LimitAndHead { limit, head: Request::new(()).into_parts().0 };
    for known in 0..KNOWN {
        for _ in 0..used_before(known) {
            assert!(limit.admits(known));
        }
    }
    let mut rejected = 0;
    for n in 0..size {
        rejected += u64::from(!limit.admits(flooding_network(n)));
        if n % (size / 20) == 0 {
            // The flood lasts twenty minutes, so that no window of an hour ends.
            clock.advance(Duration::from_secs(60));
            let (limited, honest): (Vec<_>, Vec<_>) = (0..KNOWN).partition(|known| used_before(*known) == LIMIT);
            assert!(
                limited.iter().all(|known| !limit.admits(*known)),
                "a limited user was admitted after {n} subjects"
            );
            assert!(honest.iter().all(|known| limit.admits(*known)), "an honest user was rejected after {n} subjects");
        }
    }
    assert_eq!(rejected, 0, "each subject of the flood is within its limit");
    // Each honest user has used twenty more units.
    for known in 0..KNOWN {
        let left = (0..LIMIT).take_while(|_| limit.admits(known)).count();
        let least = LIMIT.saturating_sub(used_before(known) + 20) as usize;
        assert!(left >= least, "user {known} had {least} units remaining and got {left}");
        if used_before(known) >= LIMIT / 2 {
            assert_eq!(left, least, "the counter of user {known} was evicted");
        }
    }
}

#[test]
fn a_flood_of_a_million_subjects_frees_no_limited_one_and_rejects_no_honest_one() {
    run_flood(1_000_000);
}

#[test]
#[ignore = "takes a minute"]
fn a_flood_of_ten_million_subjects_frees_no_limited_one_and_rejects_no_honest_one() {
    run_flood(10_000_000);
}
