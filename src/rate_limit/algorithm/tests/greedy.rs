//! A caller that charges every unit as soon as it is free.

use super::{Caller, Kind, START};

/// Charges all units as soon as they are free, from this offset in an aligned window on. Returns the most units in a
/// window.
fn greedy(kind: Kind, from: u64) -> u32 {
    let mut caller = Caller::of(kind, 100, 60_000_000);
    caller.now = START / 60_000_000 * 60_000_000 + from;
    let until = caller.now + 150_000_000;
    for _ in 0..10_000 {
        if caller.now > until {
            break;
        }
        while caller.charge(1) {
            assert!(caller.log.len() < 1_000, "{kind:?} admits everything");
        }
        let wait = caller.wait(1);
        assert!(wait > 0, "{kind:?} reports no wait");
        caller.now += wait;
    }
    caller.worst()
}

#[test]
fn the_greediest_caller_gets_the_documented_maximum_of_each_algorithm() {
    let offsets = [0, 1, 2_500_000, 4_999_999, 30_000_000, 59_000_000, 59_999_999];
    for (kind, worst) in [
        (Kind::FixedWindow, 200),
        (Kind::TokenBucket, 199),
        (Kind::Window16, 100),
        (Kind::Window32, 100),
        (Kind::Log128, 100),
    ] {
        assert_eq!(offsets.map(|from| greedy(kind, from)).into_iter().max(), Some(worst), "{kind:?}");
    }
}
