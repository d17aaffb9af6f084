//! A flood of unique subjects: users over their limit stay limited, and the others stay admitted.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use http::{Request, request};
use portcullis::gate::{Entry, Gate};
use portcullis::rate_limit::{Key, MemoryStore};
use portcullis::{RateLimit, TrustedProxies};

use super::{fake_clock, per_seconds};

const LIMIT: u32 = 100;
/// The number of users that were active before the flood.
const USERS: u64 = 50;
/// The size of the store: some 1,700 subjects.
const MAX_BYTES: usize = 1 << 20;
/// The number of flooding subjects: a hundred and fifty times as many as fit.
const FLOOD: u64 = 250_000;

/// A limit by address without a service behind it, and a request head that all requests reuse.
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
        let _ = TrustedProxies::none().enter(&mut self.head);
        matches!(self.limit.enter(&mut self.head), Entry::Admit(_))
    }
}

/// The number of units that this user has used before the flood.
fn used_before(user: u64) -> u32 {
    [LIMIT, LIMIT, LIMIT / 2, 10, 0][(user % 5) as usize]
}

/// The number of the network of a flooding subject. It is above those of the users, and the numbers look random.
fn flooding_network(n: u64) -> u64 {
    (n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1 << 63
}

#[test]
fn a_flood_of_subjects_neither_resets_a_limited_user_nor_rejects_another() {
    let clock = fake_clock();
    let builder = RateLimit::builder().quota(per_seconds(LIMIT, 3600)).key(Key::ip());
    let limit = builder
        .store(MemoryStore::with_max_bytes(MAX_BYTES))
        .without_legacy_headers()
        .clock(clock.clock())
        .build()
        .unwrap();
    let mut limit = LimitAndHead { limit, head: Request::new(()).into_parts().0 };
    for user in 0..USERS {
        for _ in 0..used_before(user) {
            assert!(limit.admits(user));
        }
    }
    let mut rejected = 0;
    for n in 0..FLOOD {
        rejected += u64::from(!limit.admits(flooding_network(n)));
        if n % (FLOOD / 20) == 0 {
            // The flood lasts twenty minutes, so that no window of an hour ends.
            clock.advance(Duration::from_secs(60));
            let (limited, others): (Vec<_>, Vec<_>) = (0..USERS).partition(|user| used_before(*user) == LIMIT);
            assert!(limited.iter().all(|user| !limit.admits(*user)), "a limited user was admitted after {n} subjects");
            assert!(
                others.iter().all(|user| limit.admits(*user)),
                "a user below the limit was rejected after {n} subjects"
            );
        }
    }
    assert_eq!(rejected, 0, "each subject of the flood is within its limit");
    // Each user below the limit has used twenty more units.
    for user in 0..USERS {
        let remaining = (0..LIMIT).take_while(|_| limit.admits(user)).count();
        let expected = LIMIT.saturating_sub(used_before(user) + 20) as usize;
        assert!(remaining >= expected, "user {user} had {expected} units remaining, but {remaining} were admitted");
        if used_before(user) >= LIMIT / 2 {
            assert_eq!(remaining, expected, "the counter of user {user} was evicted");
        }
    }
}
