//! A flood of unique subjects: it lets no limited one go, and refuses no honest one.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use http::{Request, request};
use portcullis::gate::{Entry, Gate};
use portcullis::rate_limit::{Key, MemoryStore};
use portcullis::{RateLimit, TrustedProxies};

use super::{hands, per};

const LIMIT: u32 = 100;
const KNOWN: u64 = 1_000;

/// A limit by address, asked without a service behind it, by one head that serves again and again.
struct Door {
    limit: RateLimit,
    head: request::Parts,
}

impl Door {
    /// Whether a request from the network of this number is let through.
    fn admits(&mut self, network: u64) -> bool {
        let ip = Ipv6Addr::from_bits(u128::from(network) << 64);
        self.head.extensions.clear();
        self.head.extensions.insert(SocketAddr::from((ip, 4711)));
        matches!(self.limit.enter(&mut self.head), Entry::Admit(_))
    }
}

/// How much of the limit the known user of this number has used before the flood.
fn used(known: u64) -> u32 {
    [LIMIT, LIMIT, LIMIT / 2, 10, 0][(known % 5) as usize]
}

/// The networks of the flood are those of high numbers, in no order.
fn stranger(n: u64) -> u64 {
    (n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1 << 63
}

fn flood(strangers: u64) {
    let hands = hands();
    let builder = RateLimit::builder().quota(per(LIMIT, 3600)).key(Key::ip(TrustedProxies::none()));
    let limit = builder.store(MemoryStore::new()).without_legacy_headers().clock(hands.clock()).build().unwrap();
    let mut door = Door { limit, head: Request::new(()).into_parts().0 };
    for known in 0..KNOWN {
        for _ in 0..used(known) {
            assert!(door.admits(known));
        }
    }
    let mut refused = 0;
    for n in 0..strangers {
        refused += u64::from(!door.admits(stranger(n)));
        if n % (strangers / 20) == 0 {
            // A flood of twenty minutes, in which nobody's hour passes.
            hands.advance(Duration::from_secs(60));
            let (limited, honest): (Vec<_>, Vec<_>) = (0..KNOWN).partition(|known| used(*known) == LIMIT);
            assert!(limited.iter().all(|known| !door.admits(*known)), "a limited user was let go after {n}");
            assert!(honest.iter().all(|known| door.admits(*known)), "an honest user was refused after {n}");
        }
    }
    assert_eq!(refused, 0, "strangers are honest too");
    // Twenty more units were used by each of the others.
    for known in 0..KNOWN {
        let left = (0..LIMIT).take_while(|_| door.admits(known)).count();
        let least = LIMIT.saturating_sub(used(known) + 20) as usize;
        assert!(left >= least, "{known} had {least} left and got {left}");
        if used(known) >= LIMIT / 2 {
            assert_eq!(left, least, "{known} was driven out");
        }
    }
}

#[test]
fn a_million_unique_subjects_let_no_limited_one_go_and_refuse_no_honest_one() {
    flood(1_000_000);
}

#[test]
#[ignore = "takes a minute"]
fn ten_million_unique_subjects_do_not_either() {
    flood(10_000_000);
}
