//! Whose quota is whose, and what is told of it.

use std::time::Duration;

use super::*;
use crate::context::Tiers;
use crate::rate_limit::decision::Usage;
use crate::rate_limit::{Limit, Quota, RateLimit};

fn tiers() -> Tiers {
    Tiers::ascending(["free", "basic", "professional", "enterprise"]).unwrap()
}

/// Three of four tiers have quotas, given in no order.
fn tiered() -> RateLimit {
    let quota = |tier, units| (tiers().get(tier).unwrap(), Quota::per_hour(units).unwrap());
    let quotas = [quota("enterprise", 2000), quota("basic", 100), quota("professional", 500)];
    RateLimit::builder().by_tier(quotas).key(Key::user()).build().unwrap()
}

#[test]
fn a_user_has_the_quota_of_the_highest_tier_that_they_have() {
    let limit = tiered();
    let of = |tier: Option<&str>| {
        let user = UserContext::new("ann");
        let user = match tier {
            Some(tier) => user.with_tier(tiers().get(tier).unwrap()),
            None => user,
        };
        limit.0.rules[0].grade(|| Some(&user))
    };
    assert_eq!(of(Some("basic")), (0, 100));
    assert_eq!(of(Some("professional")), (1, 500));
    assert_eq!(of(Some("enterprise")), (2, 2000));
    // Who has none of them has the lowest.
    assert_eq!(of(Some("free")), (0, 100));
    assert_eq!(of(None), (0, 100));
    assert_eq!(limit.0.rules[0].grade(|| None), (0, 100));
}

#[test]
fn a_tier_that_the_ladder_does_not_know_is_no_tier() {
    let other = Tiers::ascending(["basic", "professional", "enterprise", "royal"]).unwrap();
    let user = UserContext::new("ann").with_tier(other.get("royal").unwrap());
    assert_eq!(tiered().0.rules[0].grade(|| Some(&user)), (0, 100));
}

#[test]
fn shadows_are_not_told_and_what_is_left_is_never_below_zero() {
    let quota = Quota::per_minute(10).unwrap();
    let limit = RateLimit::builder()
        .key(Key::global())
        .add_limit(Limit::new("a", quota))
        .add_limit(Limit::new("b", quota).shadow())
        .add_limit(Limit::new("c", quota))
        .build()
        .unwrap();
    let (head, ()) = http::Request::new(()).into_parts();
    let charges = limit.0.charges(&head).unwrap();
    let mut decision = Decision::new(3);
    decision.set(0, Usage { used: 4, reset: 1_000_001 });
    decision.set(1, Usage { used: 9, reset: 1 });
    decision.set(2, Usage { used: 11, reset: u64::MAX });
    let allowance = limit.0.allowance(limit.0.snapshots(&charges, &decision));
    let told: Vec<_> = allowance.limits().map(|limit| (limit.name(), limit.remaining(), limit.reset())).collect();
    let most = Duration::from_secs(u64::from(u32::MAX));
    assert_eq!(told, [("a", 6, Duration::from_secs(2)), ("c", 0, most)]);
}

#[test]
fn an_exempt_route_is_spelt_exactly_so() {
    let quota = Quota::per_minute(10).unwrap();
    let limit = RateLimit::builder().quota(quota).key(Key::global()).exempt(["/health"]).build().unwrap();
    let exempts = |path: &str| {
        let (head, ()) = http::Request::get(path).body(()).unwrap().into_parts();
        limit.0.exempts(&head)
    };
    assert!(exempts("/health") && exempts("/health?deep=1"));
    for path in ["//health", "/health/", "/Health", "/%68ealth", "/health/../admin", "/healthy", "/"] {
        assert!(!exempts(path), "{path}");
    }
}
